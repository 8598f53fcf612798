//! The spikes and samples of a stretch of simulation. [`crate::run::Epoch::append_to`] fills a batch. Recorders and the
//! user's code read it.

/// Spikes of one population in (tick, neuron) order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PopulationSpikes {
    /// Tick of each spike: a spike stamped n is at t = n·dt.
    pub ticks: Vec<u64>,
    /// Neuron of each spike: its index in the population, from 0.
    pub neurons: Vec<u32>,
}

/// The spikes and samples of a stretch of simulation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The last tick of the stretch. This batch and earlier ones hold everything up to and including this tick.
    pub until: u64,
    /// Spikes of each population, in the plan's order.
    pub spikes: Vec<PopulationSpikes>,
    /// Samples of each variable of each trace: traces in the plan's order, variables in the trace's order. An item has
    /// shape rows × neurons, row-major. Row r of the whole recording is the state at tick `from + r·every`, r = 0, 1, …
    pub samples: Vec<Vec<f64>>,
}
