//! Summary of a recording: how the run ended, the recorded time, and spike statistics of each population.

use std::path::PathBuf;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The run reached its end.
    Complete,
    /// The run was stopped early. The file is complete up to the time at which the run stopped.
    Interrupted,
}

impl State {
    /// The word for this state in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Complete => "complete",
            State::Interrupted => "interrupted",
        }
    }
}

/// Summary of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Path of the file.
    pub file: PathBuf,
    /// How the run ended.
    pub state: State,
    /// Start of the recorded time, in ms.
    pub t_start_ms: f64,
    /// End of the recorded time, in ms.
    pub t_stop_ms: f64,
    /// One per population, in the order of the plan.
    pub populations: Vec<PopulationSummary>,
}

/// Spike statistics of one population: all its neurons, over the recorded time.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationSummary {
    /// Name of the population.
    pub name: String,
    /// Number of neurons.
    pub size: u64,
    /// Number of spikes.
    pub spikes: u64,
    /// Firing rate in Hz, averaged over the neurons.
    pub rate_hz: f64,
    /// Coefficient of variation (CV) of the interspike intervals: standard deviation divided by mean, for each neuron
    /// with at least ten spikes, then averaged over these neurons. `None` if no neuron has ten spikes.
    pub cv_isi: Option<f64>,
}
