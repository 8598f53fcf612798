//! Errors of building and running a network. Configuration and recording have their own error types.

use lapicque_models::parameters::ParameterError;

/// Why a network cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A model refuses its parameters.
    #[error("{what}: {source}")]
    Parameter {
        /// Where the model is used, for example "population E" or "input drive".
        what: String,
        /// The error of the model: the value given and the values accepted.
        source: ParameterError,
    },
    /// A name was given that does not exist.
    #[error("{what} \"{name}\" does not exist; there are: {known}")]
    Unknown {
        /// What was named, for example "population".
        what: &'static str,
        /// The name given.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Any other error; the text says what was given and what is needed.
    #[error("{0}")]
    Invalid(String),
    /// The network needs more memory than the machine has.
    #[error(
        "the network needs about {need_mb} MB ({synapses} synapses, {neurons} neurons) and this machine has \
         {have_mb} MB: make the network smaller, or, if weights are drawn from wide distributions, store them in 16 bits \
         (simulation.weights = \"compact\")"
    )]
    Memory {
        /// Estimated memory of the network in MB.
        need_mb: u64,
        /// Memory of the machine in MB.
        have_mb: u64,
        /// Number of synapses.
        synapses: u64,
        /// Number of neurons.
        neurons: u64,
    },
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// Number of threads that were to be started.
        threads: usize,
        /// Reason given by the operating system.
        reason: String,
    },
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A worker thread panicked, which is a bug of Lapicque. The state of the network can no longer be used.
    #[error("a worker thread failed: {0}; this is a bug of lapicque, and the state of the network is lost")]
    Worker(String),
}
