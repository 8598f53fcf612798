//! The list of the keys of the engine: their values, defaults and meanings. Parsing, suggestions for misspelled keys
//! and the JSON schema use this list.
//!
//! The keys of a model come from the page of the model. Only `[input.NAME]` has both: the keys in [`INPUT`] and the
//! fields of the input model.

use lapicque_models::page::{Dimension, Range};

/// A key of the engine.
#[derive(Debug)]
pub struct Key {
    /// The name of the key.
    pub name: &'static str,
    /// The kind of value that it accepts.
    pub value_kind: ValueKind,
    /// Whether it must be given, and its default.
    pub presence: Presence,
    /// Its meaning in one line. Editors and the message about a missing key show this line.
    pub doc: &'static str,
}

/// Whether a key must be given, and its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The key must be given.
    Required,
    /// The key may be left out; its `doc` says what happens then.
    Optional,
    /// The key may be left out; its value is then this text, written as in a file.
    Default(&'static str),
}

/// The kind of value that a key accepts.
#[derive(Clone, Copy, Debug)]
pub enum ValueKind {
    /// A quantity with this dimension and in this range.
    Quantity(Dimension, Range),
    /// A quantity with this dimension, or a distribution of such quantities.
    QuantityOrDistribution(Dimension),
    /// A whole number.
    WholeNumber,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of a model, population or receptor.
    Name,
    /// A list of names.
    Names,
    /// A half-open range of neurons, "0..100".
    Neurons,
    /// A list of times.
    Times,
    /// A population, a part of one, or a list of these.
    Selections,
    /// "all", "none", or populations as in `Selections`.
    Spikes,
    /// A connection rule.
    Rule,
    /// A membrane model: `kind` and its fields.
    Neuron,
    /// Named receptors.
    Receptors,
    /// Initial values of state variables.
    Initial,
    /// Named lists of quantities, one per population or part in `from` or `to`.
    Vectors,
    /// Named lists of lists of quantities: one inner list per entry of `to`, with one value per entry of `from`.
    Matrices,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of tables with these keys.
    Tables(&'static [Key]),
}

const fn key(name: &'static str, value_kind: ValueKind, presence: Presence, doc: &'static str) -> Key {
    Key { name, value_kind, presence, doc }
}

const TIME_FROM_ZERO: ValueKind = ValueKind::Quantity(Dimension::Time, Range::NonNegative);
const TIME_ABOVE_ZERO: ValueKind = ValueKind::Quantity(Dimension::Time, Range::Positive);

/// The keys and tables at the top level of a file, each with its meaning.
pub const TOP: &[(&str, &str)] = &[
    ("base", "Path of another configuration, relative to this file. Values in this file override those in the other."),
    ("parameters", "Named quantities for \"= …\" expressions."),
    ("simulation", "Duration, time step and seeds."),
    ("population", "Populations of neurons, by name."),
    ("input", "Inputs from outside the network, by name."),
    ("projection", "Synapses between populations, by name."),
    ("record", "What is recorded."),
];

/// `[simulation]`
pub const SIMULATION: &[Key] = &[
    key("duration", TIME_ABOVE_ZERO, Presence::Required, "Model time to simulate, a whole number of steps."),
    key("dt", TIME_ABOVE_ZERO, Presence::Default("0.1 ms"), "Time step."),
    key("seed", ValueKind::WholeNumber, Presence::Default("1"), "Seed of all random numbers."),
    key(
        "wiring_seed",
        ValueKind::WholeNumber,
        Presence::Optional,
        "Seed of connections, weights and delays. Default: the value of `seed`.",
    ),
    key(
        "state_seed",
        ValueKind::WholeNumber,
        Presence::Optional,
        "Seed of drawn parameters and initial values. Default: the value of `seed`.",
    ),
    key(
        "weights",
        ValueKind::Word(&["full", "compact"]),
        Presence::Default("full"),
        "Bits per stored weight where weights differ: full (32 bits) or compact (16 bits, coarser rounding).",
    ),
];

/// `[population.NAME]`
pub const POPULATION: &[Key] = &[
    key("size", ValueKind::WholeNumber, Presence::Required, "Number of neurons."),
    key(
        "like",
        ValueKind::Name,
        Presence::Optional,
        "Name of another population. Keys that are not given here are taken from it.",
    ),
    key("neuron", ValueKind::Neuron, Presence::Required, "Neuron model: `kind` and its parameters."),
    key("receptor", ValueKind::Receptors, Presence::Optional, "Receptors, by name: `kind` and parameters of each."),
    key(
        "init",
        ValueKind::Initial,
        Presence::Optional,
        "Initial values of state variables: `init.v`, `init.RECEPTOR.VARIABLE`.",
    ),
];

/// `[input.NAME]`; the fields of the input model come in addition.
pub const INPUT: &[Key] = &[
    key("kind", ValueKind::Name, Presence::Required, "Input model."),
    key(
        "to",
        ValueKind::Selections,
        Presence::Required,
        "Target neurons: a population, a part of one, or a list of these.",
    ),
    key(
        "receptor",
        ValueKind::Name,
        Presence::Optional,
        "Receptor that the input acts on. May be left out if the target population has only one receptor.",
    ),
    key("start", TIME_FROM_ZERO, Presence::Default("0 ms"), "The input is active from this time on."),
    key(
        "stop",
        TIME_ABOVE_ZERO,
        Presence::Optional,
        "The input is active before this time. Default: to the end of the simulation.",
    ),
    key("times", ValueKind::Times, Presence::Optional, "Times of the pulses, for inputs that give pulses."),
    key(
        "seed",
        ValueKind::WholeNumber,
        Presence::Optional,
        "Seed of the random numbers of this input. Default: the value of `simulation.seed`.",
    ),
    key(
        "per_target",
        ValueKind::Vectors,
        Presence::Optional,
        "Names for the expressions of this table. Each has a list with one value per entry of `to`.",
    ),
];

/// `[projection.NAME]`
pub const PROJECTION: &[Key] = &[
    key(
        "from",
        ValueKind::Selections,
        Presence::Required,
        "Source neurons: a population, a part of one, or a list of these.",
    ),
    key(
        "to",
        ValueKind::Selections,
        Presence::Required,
        "Target neurons: a population, a part of one, or a list of these.",
    ),
    key(
        "receptor",
        ValueKind::Name,
        Presence::Optional,
        "Receptor of the target neurons. May be left out if the target population has only one receptor.",
    ),
    key("rule", ValueKind::Rule, Presence::Required, "Connection rule: which pairs of neurons are connected."),
    key("autapses", ValueKind::Flag, Presence::Default("true"), "Whether a neuron may connect to itself."),
    key(
        "multapses",
        ValueKind::Flag,
        Presence::Default("true"),
        "Whether a pair of neurons may be connected more than once.",
    ),
    key(
        "weight",
        ValueKind::QuantityOrDistribution(Dimension::Weight),
        Presence::Required,
        "Synaptic weight: what one spike adds at the receptor.",
    ),
    key(
        "delay",
        ValueKind::QuantityOrDistribution(Dimension::Time),
        Presence::Required,
        "Time from a spike to its effect on the target; at least one step.",
    ),
    key(
        "per_source",
        ValueKind::Vectors,
        Presence::Optional,
        "Names for the expressions of this table. Each has a list with one value per entry of `from`.",
    ),
    key(
        "per_target",
        ValueKind::Vectors,
        Presence::Optional,
        "Names for the expressions of this table. Each has a list with one value per entry of `to`.",
    ),
    key(
        "per_pair",
        ValueKind::Matrices,
        Presence::Optional,
        "Names for the expressions of this table. Each has a list per entry of `to`, with a value per entry of `from`.",
    ),
];

/// A part of a population. Such a table may stand wherever a population is named.
pub const SELECTION: &[Key] = &[
    key("population", ValueKind::Name, Presence::Required, "Name of the population."),
    key(
        "neurons",
        ValueKind::Neurons,
        Presence::Optional,
        "Range of neurons without its end: \"0..100\" is neurons 0 to 99. Default: all neurons.",
    ),
];

/// `[record]`
pub const RECORD: &[Key] = &[
    key("from", TIME_FROM_ZERO, Presence::Default("0 ms"), "Statistics and recordings start at this time."),
    key(
        "spikes",
        ValueKind::Spikes,
        Presence::Default("all"),
        "Neurons whose spikes are recorded: \"all\", \"none\", a population, a part of one, or a list of these.",
    ),
    key("activity", ValueKind::Table(ACTIVITY), Presence::Optional, "Population activity A(t). Default: not recorded."),
    key("traces", ValueKind::Tables(TRACE), Presence::Optional, "State variables to record over time."),
    key(
        "compress",
        ValueKind::Flag,
        Presence::Default("false"),
        "Whether to compress the datasets. Readers then need HDF5's deflate filter.",
    ),
    key("flush", TIME_ABOVE_ZERO, Presence::Default("5 s"), "Wall time between two updates of the output file."),
];

/// `[record.activity]`
pub const ACTIVITY: &[Key] =
    &[key("bin", TIME_ABOVE_ZERO, Presence::Required, "Width of a bin, a whole number of steps.")];

/// One item of `record.traces`
pub const TRACE: &[Key] = &[
    key("population", ValueKind::Name, Presence::Required, "Name of the population."),
    key("variables", ValueKind::Names, Presence::Required, "Names of state variables: \"v\", \"RECEPTOR.VARIABLE\"."),
    key(
        "neurons",
        ValueKind::Neurons,
        Presence::Optional,
        "Range of neurons without its end: \"0..10\" is neurons 0 to 9. Default: all neurons.",
    ),
    key(
        "every",
        TIME_ABOVE_ZERO,
        Presence::Optional,
        "Sampling interval, a whole number of steps. Default: every step.",
    ),
];

/// Connection rules: the name, whether the rule needs a value (`{ NAME = value }` instead of `"NAME"`), and its
/// meaning.
pub const RULES: &[(&str, bool, &str)] = &[
    ("all_to_all", false, "Every source neuron connects to every target neuron."),
    ("one_to_one", false, "The i-th source neuron connects to the i-th target neuron."),
    ("erdos_renyi", true, "Every pair is connected with this probability."),
    ("fixed_in_degree", true, "Every target neuron draws this many source neurons."),
    ("fixed_out_degree", true, "Every source neuron draws this many target neurons."),
    ("fixed_total_number", true, "Total number of synapses. Source and target of each are drawn uniformly."),
];

/// Distributions: the name, the names of its two parameters, and its meaning.
pub const DISTRIBUTIONS: &[(&str, [&str; 2], &str)] = &[
    ("uniform", ["low", "high"], "Uniform between low and high."),
    ("normal", ["mean", "sd"], "Normal."),
    (
        "lognormal",
        ["mean", "sd"],
        "Lognormal, given by mean and standard deviation of the value itself, not of its logarithm.",
    ),
];

/// The names of these keys.
pub(crate) fn names<'k>(keys: &'static [Key]) -> impl Iterator<Item = &'k str> {
    keys.iter().map(|key| key.name)
}

/// Whether a key names a distribution or a connection rule. A table holds only one such key.
pub(crate) fn is_alternative(name: &str) -> bool {
    DISTRIBUTIONS.iter().any(|(key, ..)| *key == name) || RULES.iter().any(|(key, ..)| *key == name)
}
