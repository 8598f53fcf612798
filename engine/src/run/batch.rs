//! What a stretch of simulation produced: the loop fills it, recorders and the user's own code read it.

/// Spikes of one population in (tick, neuron) order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PopulationSpikes {
    /// Times in steps: a spike stamped n happened at t = n·dt.
    pub ticks: Vec<u64>,
    /// Zero-based index in the population.
    pub neurons: Vec<u32>,
}

/// A stretch of simulation, complete up to and including tick `until`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Everything up to and including this tick is contained in this or earlier batches.
    pub until: u64,
    /// One per population, in the plan's order.
    pub spikes: Vec<PopulationSpikes>,
    /// One per (trace, variable) pair, traces in the plan's order and variables in the trace's order: rows × neurons,
    /// row-major. Row r of the whole recording is the state at tick `from + r·every`, the first row the state at `from`.
    pub samples: Vec<Vec<f64>>,
}
