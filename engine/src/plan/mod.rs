//! The plan of a network: everything resolved, checked and in the engine's units, nothing built.
//!
//! A plan comes from a TOML file (`config::load`) or from a [`Network`] written in Rust. [`check`] holds it against what can
//! be built; [`Sampler`] draws its values. Units: ms, mV, pA, nS, pF, Hz, fC. A plan refers to populations by index.

mod builder;
mod check;
mod sampler;

pub use builder::{NamedValues, Network};
pub use check::{LONGEST_DELAY, check};
pub use sampler::Sampler;

use lapicque_models::page::Page;
use std::ops::Range;

/// One value for all, or one drawn for each neuron or synapse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// The same for all.
    Constant(f64),
    /// Drawn independently, and again while outside `min..=max`.
    Drawn {
        /// The distribution before bounding.
        shape: Shape,
        /// Smallest value kept (−∞: unbounded).
        min: f64,
        /// Largest value kept (+∞: unbounded).
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
    /// Lognormal, given by the mean and standard deviation of the variable itself (not of its logarithm).
    LogNormal {
        /// Mean of the variable.
        mean: f64,
        /// Standard deviation of the variable.
        sd: f64,
    },
}

/// A model with the values of its fields.
#[derive(Clone, Debug)]
pub struct Model {
    /// The model's page in the list.
    pub page: &'static Page,
    /// One per field, in the page's order; `None` for a field left absent.
    pub values: Vec<Option<Value>>,
}

/// A receptor of a population.
#[derive(Clone, Debug)]
pub struct Receptor {
    /// Name in the population.
    pub name: String,
    /// Its model.
    pub model: Model,
}

/// A population: `size` neurons of one kind.
#[derive(Clone, Debug)]
pub struct Population {
    /// Unique name.
    pub name: String,
    /// Number of neurons, at least 1.
    pub size: u32,
    /// The membrane.
    pub neuron: Model,
    /// The receptors, in the order of the file.
    pub receptors: Vec<Receptor>,
    /// Initial values of state variables: (variable, value). Receptor variables are written `receptor.variable`.
    pub initial: Vec<(String, Value)>,
}

/// A part of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Index into [`Plan::populations`].
    pub population: usize,
    /// Neurons of it, half-open.
    pub neurons: Range<u32>,
}

/// An input onto one selection. A table of the file that names several populations becomes several inputs.
#[derive(Clone, Debug)]
pub struct Input {
    /// Name of the table in the file; several inputs may share it.
    pub name: String,
    /// The source model.
    pub model: Model,
    /// Its target.
    pub to: Selection,
    /// Index of the receptor it acts on; `None` where it acts on the membrane.
    pub receptor: Option<usize>,
    /// Whether drive values (R·I) and charges (jumps of V) were given as voltages on a membrane that takes currents. On one
    /// without capacitance charges always are.
    pub drive_in_mv: bool,
    /// Active from this step on. Step n is the one from n·dt to (n+1)·dt. Of pulses, those from start·dt on.
    pub start: u64,
    /// Active before this step. Of pulses, those before stop·dt.
    pub stop: u64,
    /// Steps at whose end pulses act, ascending: a pulse at t = k·dt belongs to step k − 1. Empty for other sources.
    pub times: Vec<u64>,
    /// Its random stream; the plan's seed unless set apart.
    pub seed: u64,
}

/// Which pairs are connected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Every source to every target.
    AllToAll,
    /// Every pair with this probability.
    ErdosRenyi(f64),
    /// Every target draws this many sources.
    FixedInDegree(u32),
    /// Every source draws this many targets.
    FixedOutDegree(u32),
    /// This many synapses, source and target drawn uniformly.
    FixedTotalNumber(u64),
    /// The i-th source to the i-th target.
    OneToOne,
}

/// Synapses from one selection to another. A table of the file that names several populations becomes several
/// projections.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Name of the table in the file; several projections may share it.
    pub name: String,
    /// Sources.
    pub from: Selection,
    /// Targets.
    pub to: Selection,
    /// Index of the receptor in the target population.
    pub receptor: usize,
    /// Which pairs.
    pub rule: Rule,
    /// Whether a neuron may connect to itself.
    pub autapses: bool,
    /// Whether a pair may be connected more than once.
    pub multapses: bool,
    /// In the receptor's weight unit. Drawn weights never change sign.
    pub weight: Value,
    /// In ms. Rounded to the nearest step; drawn again below half a step.
    pub delay: Value,
}

/// Traces of state variables of one selection.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Whose.
    pub of: Selection,
    /// Variables: `v`, or `receptor.variable`.
    pub variables: Vec<String>,
    /// Sampling interval in steps.
    pub every: u64,
}

/// What is recorded.
#[derive(Clone, Debug)]
pub struct Record {
    /// Statistics and files start after this step's time (step count from the start).
    pub from: u64,
    /// Record spikes of these selections.
    pub spikes: Vec<Selection>,
    /// Bin of the population activity in steps; `None`: not recorded.
    pub activity_bin: Option<u64>,
    /// Traces.
    pub traces: Vec<Trace>,
    /// Compress the datasets (deflate). SONATA readers without filters then refuse the file.
    pub compress: bool,
    /// Seconds of wall time between flushes of the file.
    pub flush_s: f64,
}

/// How synaptic weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightStorage {
    /// 32-bit whole numbers of quanta.
    #[default]
    Full,
    /// 16-bit whole numbers of a coarser quantum, rounding stated by `check`: less memory where distributions are wide.
    Compact,
}

/// A resolved network.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Grid step in ms.
    pub dt: f64,
    /// Steps to run.
    pub steps: u64,
    /// The seed as given.
    pub seed: u64,
    /// Seed of the wiring (connections, weights, delays).
    pub wiring_seed: u64,
    /// Seed of initial state and of parameters drawn per neuron.
    pub state_seed: u64,
    /// Storage of individual weights.
    pub weights: WeightStorage,
    /// Populations; their order fixes the global neuron ids.
    pub populations: Vec<Population>,
    /// Inputs.
    pub inputs: Vec<Input>,
    /// Projections.
    pub projections: Vec<Projection>,
    /// What is recorded.
    pub record: Record,
}
