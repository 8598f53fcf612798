//! The page of a model: its name, its documentation, its fields and its variables.
//!
//! One list of pages drives everything a user meets: the TOML keys, the units accepted, the error messages, the JSON
//! schema, `lapicque models NAME`, the recordable variables and the conformance test. A page is data; the equations
//! stand beside it in the same file.

/// The physical dimension of a field. Inside the crates every number is in the engine's unit of its dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// No unit.
    One,
    /// ms
    Time,
    /// mV
    Voltage,
    /// pA
    Current,
    /// nS
    Conductance,
    /// pF
    Capacitance,
    /// Hz
    Frequency,
    /// fC = pA·ms
    Charge,
    /// What drives this membrane: pA where it has a capacitance, mV (R·I) where it is written in voltage. mV is also
    /// accepted, as R·I, on a membrane with capacitance and leak.
    Drive,
    /// What one event adds: mV at a delta receptor; at a current receptor pA where the membrane has a capacitance, mV
    /// (R·I) where it is written in voltage.
    Weight,
}

impl Dimension {
    /// The engine's unit, as printed. `Drive` and `Weight` depend on the membrane.
    pub fn unit(self) -> &'static str {
        match self {
            Dimension::One => "1",
            Dimension::Time => "ms",
            Dimension::Voltage => "mV",
            Dimension::Current => "pA",
            Dimension::Conductance => "nS",
            Dimension::Capacitance => "pF",
            Dimension::Frequency => "Hz",
            Dimension::Charge => "fC",
            Dimension::Drive | Dimension::Weight => "mV or pA",
        }
    }

    /// The word used in messages: "a time", "a voltage".
    pub fn noun(self) -> &'static str {
        match self {
            Dimension::One => "a number without unit",
            Dimension::Time => "a time",
            Dimension::Voltage => "a voltage",
            Dimension::Current => "a current",
            Dimension::Conductance => "a conductance",
            Dimension::Capacitance => "a capacitance",
            Dimension::Frequency => "a rate",
            Dimension::Charge => "a charge",
            Dimension::Drive => "a current or a voltage (R·I)",
            Dimension::Weight => "a weight (a voltage or a current)",
        }
    }
}

/// The values a field accepts, after conversion to the engine's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Any finite number.
    Finite,
    /// Greater than zero.
    Positive,
    /// Zero or greater.
    NonNegative,
}

impl Range {
    /// Whether `value` (engine unit) lies in the range; never for NaN or an infinity.
    pub fn contains(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Range::Finite => true,
                Range::Positive => value > 0.0,
                Range::NonNegative => value >= 0.0,
            }
    }

    /// The range in words.
    pub fn words(self) -> &'static str {
        match self {
            Range::Finite => "a finite value",
            Range::Positive => "a value greater than 0",
            Range::NonNegative => "0 or more",
        }
    }
}

/// What a field is worth when the user leaves it out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// It must be given.
    Required,
    /// This value, in the engine's unit.
    Value(f64),
    /// It may be absent; the constructor decides which combinations make sense.
    Absent,
}

/// One parameter of a model.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key in a configuration, e.g. `tau_m`.
    pub name: &'static str,
    /// The symbol in the equations.
    pub symbol: &'static str,
    /// Its dimension, which fixes the units accepted.
    pub dimension: Dimension,
    /// What it is when left out.
    pub default: DefaultValue,
    /// The values accepted.
    pub range: Range,
    /// What it means, one line.
    pub meaning: &'static str,
}

/// One state variable of a model: it can be initialised, read, changed and recorded.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The key, e.g. `v`.
    pub name: &'static str,
    /// Its dimension.
    pub dimension: Dimension,
    /// What it means, one line.
    pub meaning: &'static str,
    /// The field whose value it starts from unless `init.NAME` is given; `None` starts from zero.
    pub starts_from: Option<&'static str>,
}

/// What a model is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `population.X.neuron`
    Membrane,
    /// `population.X.receptor.Y`
    Receptor,
    /// `input.X`
    Input,
}

/// Documentation and interface of one model.
#[derive(Debug)]
pub struct Page {
    /// The name used as `kind = "…"`.
    pub name: &'static str,
    /// Where the model goes.
    pub role: Role,
    /// One line.
    pub summary: &'static str,
    /// Equations, scheme, order and source, in plain text.
    pub text: &'static str,
    /// The parameters.
    pub fields: &'static [Field],
    /// The state variables, the membrane potential first for a membrane.
    pub variables: &'static [Variable],
}

impl Page {
    /// The position of a field.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }

    /// Whether a membrane of which some fields are given, by their index, has a capacitance: it takes currents then, else
    /// voltages R·I.
    pub fn has_capacitance(&self, given: impl Fn(usize) -> bool) -> bool {
        self.fields.iter().enumerate().any(|(index, field)| {
            field.dimension == Dimension::Capacitance
                && (given(index) || matches!(field.default, DefaultValue::Value(_)))
        })
    }

    /// The field that says how large events are. A source that has one acts on a receptor, any other on the membrane.
    pub fn weight(&self) -> Option<usize> {
        self.fields.iter().position(|f| f.dimension == Dimension::Weight)
    }
}
