//! The engine's own keys: one list drives what is parsed, the defaults, the suggestions and the JSON schema.
//!
//! Keys of models come from the models' pages and never share a table with keys of the engine, except in `[input.X]`,
//! where the common keys listed here stand beside the fields of the source.

use lapicque_models::page::{Dimension, Range};

/// A key of the engine.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it is worth when left out.
    pub presence: Presence,
    /// What it means, one line.
    pub doc: &'static str,
}

/// Whether a key has to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must be given.
    Required,
    /// It may be left out; the doc line says what that means.
    Optional,
    /// It is this, as it would be written, when left out.
    Default(&'static str),
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// A quantity of a dimension within a range.
    Quantity(Dimension, Range),
    /// A quantity of a dimension, or a distribution of it.
    Value(Dimension),
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of something declared elsewhere.
    Name,
    /// A list of names.
    Names,
    /// A range of neurons, "0..100".
    Neurons,
    /// A list of times.
    Times,
    /// Parts of populations.
    Selections,
    /// Spikes: "all", "none" or parts of populations.
    Spikes,
    /// A connection rule.
    Rule,
    /// A model: `kind` and its fields.
    Neuron,
    /// Named receptors.
    Receptors,
    /// Initial values of state variables.
    Initial,
    /// Named lists of quantities, one value per named part.
    Vectors,
    /// Named lists of lists: one row per target, one value per source in it.
    Matrices,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of tables with these keys.
    Tables(&'static [Key]),
}

const fn key(name: &'static str, takes: Takes, presence: Presence, doc: &'static str) -> Key {
    Key { name, takes, presence, doc }
}

const TIME_FROM_ZERO: Takes = Takes::Quantity(Dimension::Time, Range::NonNegative);
const TIME_ABOVE_ZERO: Takes = Takes::Quantity(Dimension::Time, Range::Positive);

/// The tables at the top of a file.
pub const TOP: &[(&str, &str)] = &[
    ("base", "Another configuration, relative to this file, over which this one is laid."),
    ("parameters", "Named quantities for \"= …\" expressions."),
    ("simulation", "Duration, step and seeds."),
    ("population", "Populations of neurons, by name."),
    ("input", "Inputs from outside, by name."),
    ("projection", "Synapses between populations, by name."),
    ("record", "What is recorded."),
];

/// `[simulation]`
pub const SIMULATION: &[Key] = &[
    key("duration", TIME_ABOVE_ZERO, Presence::Required, "Model time to simulate; a whole number of steps."),
    key("dt", TIME_ABOVE_ZERO, Presence::Default("0.1 ms"), "Step of the time grid."),
    key("seed", Takes::Whole, Presence::Default("1"), "Seed of every random number."),
    key(
        "wiring_seed",
        Takes::Whole,
        Presence::Optional,
        "Seed of connections, weights and delays; `seed` if left out.",
    ),
    key(
        "state_seed",
        Takes::Whole,
        Presence::Optional,
        "Seed of drawn parameters and initial values; `seed` if left out.",
    ),
    key(
        "weights",
        Takes::Word(&["full", "compact"]),
        Presence::Default("full"),
        "Storage of single weights: 32 or 16 bits.",
    ),
];

/// `[population.NAME]`
pub const POPULATION: &[Key] = &[
    key("size", Takes::Whole, Presence::Required, "Number of neurons."),
    key("like", Takes::Name, Presence::Optional, "Another population whose definition this one starts from."),
    key("neuron", Takes::Neuron, Presence::Required, "The membrane: `kind` and its fields."),
    key("receptor", Takes::Receptors, Presence::Optional, "The receptors, by name: `kind` and fields of each."),
    key("init", Takes::Initial, Presence::Optional, "Initial values: `init.v`, `init.RECEPTOR.VARIABLE`."),
];

/// `[input.NAME]`, beside the fields of the source.
pub const INPUT: &[Key] = &[
    key("kind", Takes::Name, Presence::Required, "The source model."),
    key("to", Takes::Selections, Presence::Required, "Its targets."),
    key(
        "receptor",
        Takes::Name,
        Presence::Optional,
        "The receptor it acts on; may be left out where the target has only one.",
    ),
    key("start", TIME_FROM_ZERO, Presence::Default("0 ms"), "Active from this time on."),
    key("stop", TIME_ABOVE_ZERO, Presence::Optional, "Active before this time; to the end if left out."),
    key("times", Takes::Times, Presence::Optional, "Times of pulses, for sources that give pulses."),
    key("seed", Takes::Whole, Presence::Optional, "Seed of its random numbers; that of the simulation if left out."),
    key(
        "per_target",
        Takes::Vectors,
        Presence::Optional,
        "Names for expressions of this table: one value per part in `to`.",
    ),
];

/// `[projection.NAME]`
pub const PROJECTION: &[Key] = &[
    key("from", Takes::Selections, Presence::Required, "The sources."),
    key("to", Takes::Selections, Presence::Required, "The targets."),
    key("receptor", Takes::Name, Presence::Optional, "The target's receptor; may be left out where it has only one."),
    key("rule", Takes::Rule, Presence::Required, "Which pairs are connected."),
    key("autapses", Takes::Flag, Presence::Default("true"), "Whether a neuron may connect to itself."),
    key("multapses", Takes::Flag, Presence::Default("true"), "Whether a pair may be connected more than once."),
    key("weight", Takes::Value(Dimension::Weight), Presence::Required, "What one spike adds at the receptor."),
    key("delay", Takes::Value(Dimension::Time), Presence::Required, "From the spike to its effect; at least one step."),
    key(
        "per_source",
        Takes::Vectors,
        Presence::Optional,
        "Names for expressions of this table: one value per part in `from`.",
    ),
    key(
        "per_target",
        Takes::Vectors,
        Presence::Optional,
        "Names for expressions of this table: one value per part in `to`.",
    ),
    key(
        "per_pair",
        Takes::Matrices,
        Presence::Optional,
        "Names for expressions of this table: a row per part in `to`, in it a value per part in `from`.",
    ),
];

/// A part of a population, wherever one is named.
pub const SELECTION: &[Key] = &[
    key("population", Takes::Name, Presence::Required, "The population."),
    key("neurons", Takes::Neurons, Presence::Optional, "Its neurons, half-open: \"0..100\"; all if left out."),
];

/// `[record]`
pub const RECORD: &[Key] = &[
    key("from", TIME_FROM_ZERO, Presence::Default("0 ms"), "Statistics and files start here."),
    key("spikes", Takes::Spikes, Presence::Default("all"), "Whose spikes: \"all\", \"none\" or parts of populations."),
    key("activity", Takes::Table(ACTIVITY), Presence::Optional, "Population activity; not recorded if left out."),
    key("traces", Takes::Tables(TRACE), Presence::Optional, "State variables over time."),
    key(
        "compress",
        Takes::Flag,
        Presence::Default("false"),
        "Compress the datasets; readers then need HDF5's deflate filter.",
    ),
    key("flush", TIME_ABOVE_ZERO, Presence::Default("5 s"), "Wall time between flushes of the file."),
];

/// `record.activity`
pub const ACTIVITY: &[Key] =
    &[key("bin", TIME_ABOVE_ZERO, Presence::Required, "Width of a bin; a whole number of steps.")];

/// An item of `record.traces`
pub const TRACE: &[Key] = &[
    key("population", Takes::Name, Presence::Required, "The population."),
    key("variables", Takes::Names, Presence::Required, "State variables: \"v\", \"RECEPTOR.VARIABLE\"."),
    key("neurons", Takes::Neurons, Presence::Optional, "Its neurons, half-open: \"0..10\"; all if left out."),
    key(
        "every",
        TIME_ABOVE_ZERO,
        Presence::Optional,
        "Sampling interval, a whole number of steps; each step if left out.",
    ),
];

/// Connection rules: the key, whether it takes a value (a plain word otherwise), and its doc line.
pub const RULES: &[(&str, bool, &str)] = &[
    ("all_to_all", false, "Every source to every target."),
    ("one_to_one", false, "The i-th source to the i-th target."),
    ("erdos_renyi", true, "Every pair with this probability."),
    ("fixed_in_degree", true, "Every target draws this many sources."),
    ("fixed_out_degree", true, "Every source draws this many targets."),
    ("fixed_total_number", true, "This many synapses, source and target drawn uniformly."),
];

/// Distributions: the key, its two numbers, and its doc line.
pub const DISTRIBUTIONS: &[(&str, [&str; 2], &str)] = &[
    ("uniform", ["low", "high"], "Uniform on low..high."),
    ("normal", ["mean", "sd"], "Normal."),
    ("lognormal", ["mean", "sd"], "Lognormal, by the mean and standard deviation of the variable itself."),
];

/// Names of the keys of a table.
pub(crate) fn names<'k>(keys: &'static [Key]) -> impl Iterator<Item = &'k str> {
    keys.iter().map(|key| key.name)
}

/// Whether a key says which of several alternatives its table is.
pub(crate) fn is_alternative(name: &str) -> bool {
    DISTRIBUTIONS.iter().any(|(key, ..)| *key == name) || RULES.iter().any(|(key, ..)| *key == name)
}
