//! The page of a model: its name, its documentation, its fields and its variables.
//!
//! Everything that a user sees of a model follows from its page: TOML keys, accepted units, error messages, the JSON
//! schema, `lapicque models NAME` and the recordable variables. So does the conformance test. A page is data. The code
//! of the equations stands beside the page in the same file.

/// Physical dimension of a field. Each dimension has one unit inside the crates, the engine's unit.
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
    /// An input current: in pA if the membrane has a capacitance, in mV (R·I) if it is in voltage form. A membrane with
    /// capacitance and leak accepts mV (R·I) too.
    Drive,
    /// What one event adds. At a delta receptor: mV. At a current receptor: pA if the membrane has a capacitance, mV
    /// (R·I) if it is in voltage form.
    Weight,
}

impl Dimension {
    /// The engine's unit, as printed. The unit of `Drive` and `Weight` depends on the membrane.
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

    /// The name of the dimension in messages: "a time", "a voltage".
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

/// The values that a field accepts, after conversion to the engine's unit.
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
    /// Whether `value`, in the engine's unit, lies in the range. NaN and ±∞ lie in no range.
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

/// The value of a field that the user leaves out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// There is none: the field must be given.
    Required,
    /// This value, in the engine's unit.
    Value(f64),
    /// The field may stay absent. The model decides which combinations of fields it accepts.
    Absent,
}

/// One parameter of a model.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key in a configuration, e.g. `tau_m`.
    pub name: &'static str,
    /// The symbol in the equations.
    pub symbol: &'static str,
    /// The dimension, which fixes the accepted units.
    pub dimension: Dimension,
    /// The value if the user leaves the field out.
    pub default: DefaultValue,
    /// The accepted values.
    pub range: Range,
    /// What the field means, in one line.
    pub meaning: &'static str,
}

/// One state variable of a model. A variable can be initialised, read, changed and recorded.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The key, e.g. `v`.
    pub name: &'static str,
    /// The dimension.
    pub dimension: Dimension,
    /// What the variable means, in one line.
    pub meaning: &'static str,
    /// The field whose value is the initial value unless `init.NAME` is given. `None`: the initial value is 0.
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
    /// What the model is used as.
    pub role: Role,
    /// What the model is, in one line.
    pub summary: &'static str,
    /// Equations, integration scheme, its order, and the source, in plain text.
    pub text: &'static str,
    /// The parameters.
    pub fields: &'static [Field],
    /// The state variables, the membrane potential first for a membrane.
    pub variables: &'static [Variable],
}

impl Page {
    /// Position of the field `name` in `fields`.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Whether a membrane has a capacitance. `given` tells for the index of a field whether the user gives the field.
    /// With a capacitance the membrane takes currents in pA, without one it takes R·I in mV.
    pub fn has_capacitance(&self, given: impl Fn(usize) -> bool) -> bool {
        self.fields.iter().enumerate().any(|(index, field)| {
            field.dimension == Dimension::Capacitance
                && (given(index) || matches!(field.default, DefaultValue::Value(_)))
        })
    }

    /// Position of the field with the weight of events. An input that has this field acts on a receptor. Any other
    /// input acts on the membrane.
    pub fn weight(&self) -> Option<usize> {
        self.fields.iter().position(|field| field.dimension == Dimension::Weight)
    }
}
