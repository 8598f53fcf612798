//! Errors of building and running a network. (Configuration and recording have their own.)

use lapicque_models::parameters::ParameterError;

/// A network that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A model refused its parameters.
    #[error("{what}: {source}")]
    Parameter {
        /// Where: "population E", "input drive".
        what: String,
        /// Given, bound and remedy.
        source: ParameterError,
    },
    /// A name that does not exist.
    #[error("{what} \"{name}\" does not exist; there are: {known}")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// The name given.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Something that cannot be as asked.
    #[error("{0}")]
    Invalid(String),
    /// More memory than the machine has.
    #[error(
        "the network needs about {need_mb} MB ({synapses} synapses, {neurons} neurons) and this machine has {have_mb} MB: \
         make it smaller, or, where weights differ widely, store them as 16 bits (simulation.weights = \"compact\")"
    )]
    Memory {
        /// Estimate in MB.
        need_mb: u64,
        /// The machine's memory in MB.
        have_mb: u64,
        /// Synapses.
        synapses: u64,
        /// Neurons.
        neurons: u64,
    },
    /// The thread pool could not be made.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The system's reason.
        reason: String,
    },
}

/// A run that failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A worker thread panicked: a bug. The network's state is not usable any more.
    #[error("a worker thread failed: {0}; this is a bug of lapicque, and the state of the network is lost")]
    Worker(String),
}
