//! What a recording came to: its end, its window, the statistics of each population.

use std::path::PathBuf;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It reached its end.
    Complete,
    /// It was stopped; the file is complete up to the time it names.
    Interrupted,
}

impl State {
    /// As in the file.
    pub fn word(self) -> &'static str {
        match self {
            State::Complete => "complete",
            State::Interrupted => "interrupted",
        }
    }
}

/// What a recording came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The file.
    pub file: PathBuf,
    /// How the run ended.
    pub state: State,
    /// Start of the recording window.
    pub t_start_ms: f64,
    /// End of the recording window.
    pub t_stop_ms: f64,
    /// One per population, in the plan's order.
    pub populations: Vec<PopulationSummary>,
}

/// The spikes of one population in a run, of all its neurons, in the recording window.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationSummary {
    /// Name of the population.
    pub name: String,
    /// Its neurons.
    pub size: u64,
    /// Their spikes.
    pub spikes: u64,
    /// Spikes per neuron and second.
    pub rate_hz: f64,
    /// Mean over neurons of the coefficient of variation of the interspike intervals (standard deviation by mean, of
    /// the neurons with at least ten spikes); `None` without such a neuron.
    pub cv_isi: Option<f64>,
}
