//! The plan of a network: its complete description in the engine's units, before anything is built.
//!
//! A plan comes from a TOML file (`config::load`) or from a [`Network`] written in Rust. [`check`] refuses plans that
//! cannot be built. [`Sampler`] draws values from distributions. Units: ms, mV, pA, nS, pF, Hz, fC. A plan refers to
//! populations by index.

mod builder;
mod check;
mod sampler;

pub use builder::{NamedValues, Network};
pub use check::{LONGEST_DELAY, check};
pub use sampler::Sampler;

use lapicque_models::page::Page;
use std::ops::Range;

/// A parameter: one value for all neurons or synapses, or a value drawn for each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// The same for all.
    Constant(f64),
    /// Drawn independently for each neuron or synapse; a draw outside `min..=max` is repeated.
    Drawn {
        /// The distribution without bounds.
        shape: Shape,
        /// Smallest value accepted (−∞: no bound).
        min: f64,
        /// Largest value accepted (+∞: no bound).
        max: f64,
    },
}

/// A distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Uniform on `low..high`.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Lognormal, given by the mean and standard deviation of the variable itself, not of its logarithm. If the mean is
    /// negative, all values are negative.
    LogNormal {
        /// Mean of the variable.
        mean: f64,
        /// Standard deviation of the variable.
        sd: f64,
    },
}

impl std::fmt::Display for Value {
    /// As a configuration writes it, without unit: `3`, `{ normal = [3, 1], min = 0 }`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (shape, min, max) = match self {
            Value::Constant(value) => return write!(f, "{value}"),
            Value::Drawn { shape, min, max } => (shape, *min, *max),
        };
        match shape {
            Shape::Uniform { low, high } => write!(f, "{{ uniform = [{low}, {high}]")?,
            Shape::Normal { mean, sd } => write!(f, "{{ normal = [{mean}, {sd}]")?,
            Shape::LogNormal { mean, sd } => write!(f, "{{ lognormal = [{mean}, {sd}]")?,
        }
        for (name, bound) in [("min", min), ("max", max)] {
            if bound.is_finite() {
                write!(f, ", {name} = {bound}")?;
            }
        }
        f.write_str(" }")
    }
}

/// A model with the values of its fields.
#[derive(Clone, Debug)]
pub struct Model {
    /// The model's page.
    pub page: &'static Page,
    /// One value per field, in the page's order; `None` for a field that is not given.
    pub values: Vec<Option<Value>>,
}

/// A receptor of a population.
#[derive(Clone, Debug)]
pub struct Receptor {
    /// Name, unique in the population.
    pub name: String,
    /// The model of the receptor.
    pub model: Model,
}

/// A population: `size` neurons of one kind.
#[derive(Clone, Debug)]
pub struct Population {
    /// Unique name.
    pub name: String,
    /// Number of neurons, at least 1.
    pub size: u32,
    /// The model of the membrane.
    pub neuron: Model,
    /// The receptors, in the order in which they were given.
    pub receptors: Vec<Receptor>,
    /// Initial values of state variables, as (variable, value). The name of a receptor's variable is
    /// `receptor.variable`.
    pub initial: Vec<(String, Value)>,
}

/// A contiguous range of neurons of one population.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Index into [`Plan::populations`].
    pub population: usize,
    /// Indices of the neurons in the population, from `start` up to but not including `end`.
    pub neurons: Range<u32>,
}

/// An input onto one selection. An input in the file that names several populations becomes several inputs here.
#[derive(Clone, Debug)]
pub struct Input {
    /// Name of the input in the file; several inputs may share the name.
    pub name: String,
    /// The model of the input.
    pub model: Model,
    /// The neurons that receive the input.
    pub to: Selection,
    /// Index of the receptor that the input acts on; `None` if the input acts on the membrane.
    pub receptor: Option<usize>,
    /// Whether a current is given as the voltage R·I, and a charge as the jump of V that it makes, both in mV. Makes a
    /// difference only for a membrane with a capacitance. For a membrane without one, both are always in mV.
    pub drive_in_mv: bool,
    /// First step in which the input is active. Step n lasts from n·dt to (n+1)·dt. Pulses before t = start·dt are
    /// ignored.
    pub start: u64,
    /// First step in which the input is no longer active. Pulses at or after t = stop·dt are ignored.
    pub stop: u64,
    /// Steps at whose end a pulse acts, ascending: a pulse at t = k·dt belongs to step k − 1. Empty for an input that
    /// is not a pulse.
    pub times: Vec<u64>,
    /// Seed of the input's random numbers; the plan's seed unless the input has its own.
    pub seed: u64,
}

/// Which pairs of source and target are connected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Every source connects to every target.
    AllToAll,
    /// Every pair is connected with this probability.
    ErdosRenyi(f64),
    /// Every target has this many sources, drawn uniformly.
    FixedInDegree(u32),
    /// Every source has this many targets, drawn uniformly.
    FixedOutDegree(u32),
    /// The projection has this many synapses; source and target of each are drawn uniformly.
    FixedTotalNumber(u64),
    /// The i-th source connects to the i-th target.
    OneToOne,
}

/// Synapses from one selection to another. A projection in the file that names several populations becomes several
/// projections here.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Name of the projection in the file; several projections may share the name.
    pub name: String,
    /// Source neurons.
    pub from: Selection,
    /// Target neurons.
    pub to: Selection,
    /// Index of the receptor in the target population.
    pub receptor: usize,
    /// Which pairs are connected.
    pub rule: Rule,
    /// Whether a neuron may connect to itself.
    pub autapses: bool,
    /// Whether a pair may be connected more than once.
    pub multapses: bool,
    /// Weight in the unit of the receptor. A drawn weight whose sign differs from that of the mean is drawn again.
    pub weight: Value,
    /// Delay in ms. A drawn delay below half a step is drawn again. Delays are rounded to the nearest whole step.
    pub delay: Value,
}

/// State variables of one selection that are recorded over time.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The neurons that are recorded.
    pub of: Selection,
    /// Names of the variables: `v`, or `receptor.variable`.
    pub variables: Vec<String>,
    /// Sampling interval in steps.
    pub every: u64,
}

/// What is recorded.
#[derive(Clone, Debug)]
pub struct Record {
    /// Step at whose start recording begins, at t = from·dt. Spikes at t > from·dt are recorded and enter the
    /// statistics. The first row of a trace is taken at t = from·dt.
    pub from: u64,
    /// Neurons whose spikes are recorded.
    pub spikes: Vec<Selection>,
    /// Width of the bins of the population activity, in steps; `None`: the activity is not recorded.
    pub activity_bin: Option<u64>,
    /// State variables that are recorded over time.
    pub traces: Vec<Trace>,
    /// Whether datasets are compressed (deflate). SONATA readers without this filter cannot open a compressed file.
    pub compress: bool,
    /// Wall time between two flushes of the file, in seconds.
    pub flush_s: f64,
}

/// How synaptic weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightStorage {
    /// As whole numbers of a quantum, with at most 32 bits.
    #[default]
    Full,
    /// As whole numbers of a coarser quantum, with at most 16 bits. Saves memory if weights are drawn from wide
    /// distributions. `lapicque check` prints how much weights are rounded.
    Compact,
}

/// A complete description of a network and of what to record.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Time step in ms.
    pub dt: f64,
    /// Number of steps to run.
    pub steps: u64,
    /// The seed given by the user.
    pub seed: u64,
    /// Seed of connections, weights and delays.
    pub wiring_seed: u64,
    /// Seed of initial values and of parameters drawn for each neuron.
    pub state_seed: u64,
    /// How weights that differ from synapse to synapse are stored.
    pub weights: WeightStorage,
    /// Populations. Global neuron ids count the neurons of all populations in this order.
    pub populations: Vec<Population>,
    /// Inputs.
    pub inputs: Vec<Input>,
    /// Projections.
    pub projections: Vec<Projection>,
    /// What is recorded.
    pub record: Record,
}
