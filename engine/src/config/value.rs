//! Values of model fields, weights and delays: a constant, or a distribution.
//!
//! The functions here check units. They also check a distribution: the field must accept every value that can be drawn
//! (a normal distribution for a field that must be positive needs a lower bound), and at least one draw in a thousand
//! must lie within the bounds, because draws outside of them are repeated.

use super::context::{Context, LocalNames, list};
use super::keys::DISTRIBUTIONS;
use super::tree::{Content, Node, TomlTable};
use super::units::show;
use crate::plan::Sampler;
use crate::plan::{Shape, Value};
use lapicque_models::page::{Dimension, Range};

/// The units that a value may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcceptedUnits {
    /// The accepted dimensions, the preferred dimension first.
    pub dimensions: &'static [Dimension],
    /// The accepted dimensions in words, for messages.
    pub words: &'static str,
}

/// The properties of a membrane and receptor that decide which units are accepted for currents, charges and weights. A
/// property is `None` where the definition of the membrane or receptor is wrong; that problem has been reported.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TargetForm {
    /// The membrane has a capacitance: currents are given in pA, and not as R·I in mV.
    pub has_capacitance: Option<bool>,
    /// The receptor has no state variable (a delta receptor): an event makes V jump.
    pub makes_v_jump: Option<bool>,
}

impl AcceptedUnits {
    /// The units accepted by a field of `dimension` on a membrane and receptor of this form. With `as_voltage`,
    /// currents may also be given as R·I and charges as jumps of V on a membrane that has a capacitance. Inputs set
    /// `as_voltage`, because the plan stores for each input in which of the two units it was given.
    pub fn new(dimension: Dimension, form: TargetForm, as_voltage: bool) -> Self {
        use Dimension::{Charge, Current, Voltage};
        let unknown = form.has_capacitance.is_none() || (dimension == Dimension::Weight && form.makes_v_jump.is_none());
        let has_capacitance = form.has_capacitance.unwrap_or(true);
        let (dimensions, words): (&'static [Dimension], &'static str) = match (dimension, has_capacitance) {
            (Dimension::Drive | Dimension::Weight, _) if unknown => (&[Current, Voltage], "a current or a voltage"),
            (Charge, _) if unknown => (&[Charge, Voltage], "a charge or a voltage"),
            (Dimension::Drive, true) if as_voltage => (&[Current, Voltage], "a current, or a voltage (R·I),"),
            (Dimension::Drive, true) => (&[Current], "a current"),
            (Dimension::Drive, false) => (&[Voltage], "a voltage (R·I: this membrane has no capacitance)"),
            (Dimension::Weight, _) if form.makes_v_jump == Some(true) => (&[Voltage], "a voltage (the jump of V)"),
            (Dimension::Weight, true) => (&[Current], "a current"),
            (Dimension::Weight, false) => (&[Voltage], "a voltage (R·I: this membrane has no capacitance)"),
            (Charge, true) if as_voltage => (&[Charge, Voltage], "a charge, or a voltage (the jump of V),"),
            (Charge, false) => (&[Voltage], "a voltage (the jump of V: this membrane has no capacitance)"),
            (Dimension::One, _) => (&[Dimension::One], Dimension::One.noun()),
            (Dimension::Time, _) => (&[Dimension::Time], Dimension::Time.noun()),
            (Voltage, _) => (&[Voltage], Voltage.noun()),
            (Current, _) => (&[Current], Current.noun()),
            (Dimension::Conductance, _) => (&[Dimension::Conductance], Dimension::Conductance.noun()),
            (Dimension::Capacitance, _) => (&[Dimension::Capacitance], Dimension::Capacitance.noun()),
            (Dimension::Frequency, _) => (&[Dimension::Frequency], Dimension::Frequency.noun()),
            (Charge, _) => (&[Charge], Charge.noun()),
        };
        AcceptedUnits { dimensions, words }
    }
}

/// The numbers that a value may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueLimits {
    /// The accepted range.
    pub range: Range,
    /// The engine repeats every draw below this value; −∞ where the engine sets no bound of its own.
    pub redraw_below: f64,
}

impl From<Range> for ValueLimits {
    fn from(range: Range) -> Self {
        ValueLimits { range, redraw_below: f64::NEG_INFINITY }
    }
}

/// Reads a constant or a distribution. Returns the value and its dimension, which is among `units.dimensions`.
pub(crate) fn value(
    cx: &mut Context,
    node: &Node,
    path: &str,
    units: AcceptedUnits,
    limits: ValueLimits,
    local_names: &LocalNames,
) -> Option<(Value, Dimension)> {
    if let Content::Table(table) = &node.content {
        return distribution(cx, node, table, path, units, limits, local_names);
    }
    let (value, dimension) = single_value(cx, node, path, units, local_names)?;
    if !limits.range.contains(value) {
        let shown = text_and_result(node, value, dimension);
        cx.report_value(node, path, format!("{shown} is out of range; {} is needed", limits.range.words()), None);
        return None;
    }
    Some((Value::Constant(value), dimension))
}

/// The text of a value and, if the text is an expression, its result.
pub(crate) fn text_and_result(node: &Node, value: f64, dimension: Dimension) -> String {
    match &node.content {
        Content::Text(text) if text.trim_start().starts_with('=') => {
            format!("{} = {} {}", node.show(), show(value), dimension.unit())
        }
        _ => node.show(),
    }
}

/// Reads a single quantity: a constant, or one parameter of a distribution.
fn single_value(
    cx: &mut Context,
    node: &Node,
    path: &str,
    units: AcceptedUnits,
    local_names: &LocalNames,
) -> Option<(f64, Dimension)> {
    let quantity = cx.quantity(node, path, local_names)?;
    cx.convert(node, path, quantity, units.dimensions, units.words)
}

fn distribution(
    cx: &mut Context,
    node: &Node,
    table: &TomlTable,
    path: &str,
    units: AcceptedUnits,
    limits: ValueLimits,
    local_names: &LocalNames,
) -> Option<(Value, Dimension)> {
    let names: Vec<&str> = DISTRIBUTIONS.iter().map(|(name, ..)| *name).collect();
    let known: Vec<&str> = names.iter().copied().chain(["min", "max"]).collect();
    let mut keys_known = true;
    for entry in table.entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
        cx.report_unknown(entry, &format!("{path}.{}", entry.key), "key", &known);
        keys_known = false;
    }
    let named: Vec<_> = table.entries.iter().filter(|e| names.contains(&e.key.as_str())).collect();
    let [shape] = named.as_slice() else {
        if keys_known {
            let message = format!("{} names {} distributions; one is needed", node.show(), named.len());
            cx.report_value(node, path, message, Some(list(&names)));
        }
        return None;
    };
    let shape_path = format!("{path}.{}", shape.key);
    let words = DISTRIBUTIONS.iter().find(|(name, ..)| *name == shape.key).map(|(_, words, _)| *words)?;
    let Content::List(items) = &shape.node.content else {
        let message = format!("{} is {}; a list is needed", shape.node.show(), shape.node.noun());
        cx.report_value(&shape.node, &shape_path, message, Some(format!("write [{}, {}]", words[0], words[1])));
        return None;
    };
    let [first, second] = items.as_slice() else {
        let message = format!("{} values are given; two are needed: [{}, {}]", items.len(), words[0], words[1]);
        cx.report_value(&shape.node, &shape_path, message, None);
        return None;
    };
    let a = single_value(cx, first, &shape_path, units, local_names);
    let b = single_value(cx, second, &shape_path, units, local_names);
    let mut read_bound = |key: &str, if_absent: f64, dimension: Option<Dimension>| match table.node(key) {
        Some(node) => single_value(cx, node, &format!("{path}.{key}"), units, local_names),
        None => dimension.map(|d| (if_absent, d)),
    };
    let unit = a.map(|(_, d)| d);
    let min = read_bound("min", f64::NEG_INFINITY, unit);
    let max = read_bound("max", f64::INFINITY, unit);
    let ((a, unit), (b, unit_b), (min, unit_min), (max, unit_max)) = (a?, b?, min?, max?);
    if [unit_b, unit_min, unit_max].iter().any(|d| *d != unit) {
        let message = "the values and bounds of this distribution have units of different kinds".to_string();
        cx.report_value(node, path, message, Some("give all of them in one unit, for example mV".to_string()));
        return None;
    }
    let shape_value = match shape.key.as_str() {
        "uniform" => Shape::Uniform { low: a, high: b },
        "normal" => Shape::Normal { mean: a, sd: b },
        _ => Shape::LogNormal { mean: a, sd: b },
    };
    if let Some(message) = invalid_shape(shape_value, min, max, unit) {
        cx.report_value(node, path, message, None);
        return None;
    }
    let lower_bound = min.max(limits.redraw_below);
    let kept_fraction = Sampler::new(Value::Drawn { shape: shape_value, min: lower_bound, max }).acceptance();
    if kept_fraction < MIN_ACCEPTANCE || kept_fraction.is_nan() {
        let bound_words = |word: &str, value: f64| match value.is_finite() {
            true => format!(" {word} {} {}", show(value), unit.unit()),
            false => String::new(),
        };
        let message = format!(
            "only a fraction of {} of the draws would lie in the accepted range{}{}; \
             at least {MIN_ACCEPTANCE} is needed",
            show(kept_fraction),
            bound_words("from", lower_bound),
            bound_words("up to", max)
        );
        cx.report_value(
            node,
            path,
            message,
            Some("move the distribution into this range, or widen its min and max".to_string()),
        );
        return None;
    }
    let (low, excluded) = smallest_draw(shape_value, min);
    let accepted = limits.range.contains(low) || (excluded && limits.range.contains(f64::MIN_POSITIVE.max(low)));
    if !accepted {
        let unit = unit.unit();
        let message = format!("values down to {} {unit} would be drawn; {} is needed", show(low), limits.range.words());
        cx.report_value(
            node,
            path,
            message,
            Some(format!("add min = \"… {unit}\"; smaller values are then drawn again")),
        );
        return None;
    }
    if !keys_known {
        return None;
    }
    Some((Value::Drawn { shape: shape_value, min, max }, unit))
}

/// Smallest fraction of draws that must lie within the bounds.
pub(crate) const MIN_ACCEPTANCE: f64 = 1e-3;

/// What is wrong with the parameters of a distribution or with its bounds; `None` if nothing is.
fn invalid_shape(shape: Shape, min: f64, max: f64, unit: Dimension) -> Option<String> {
    let unit = unit.unit();
    match shape {
        Shape::Uniform { low, high } if low > high => {
            Some(format!("low = {} {unit} is greater than high = {} {unit}", show(low), show(high)))
        }
        Shape::Normal { sd, .. } | Shape::LogNormal { sd, .. } if sd < 0.0 => {
            Some(format!("the standard deviation is {} {unit}; 0 or more is needed", show(sd)))
        }
        Shape::LogNormal { mean: 0.0, .. } => Some(format!(
            "the mean of a lognormal distribution is {} {unit}; a value other than 0 is needed \
             (below 0 all values are negative)",
            show(0.0)
        )),
        _ if min >= max => Some(format!("min = {} {unit} is not less than max = {} {unit}", show(min), show(max))),
        _ => None,
    }
}

/// The smallest value that can be drawn, and whether this limit itself is never drawn. For a normal distribution the
/// limit is seven standard deviations below the mean: smaller deviates have a probability of about 10⁻¹².
fn smallest_draw(shape: Shape, min: f64) -> (f64, bool) {
    match shape {
        Shape::Uniform { low, .. } => (low.max(min), false),
        Shape::Normal { mean, sd } => ((mean - 7.0 * sd).max(min), false),
        Shape::LogNormal { mean, sd: 0.0 } => (mean.max(min), false),
        Shape::LogNormal { mean, .. } if mean < 0.0 => {
            (Sampler::new(Value::Drawn { shape, min, max: f64::INFINITY }).bounds().0, false)
        }
        Shape::LogNormal { .. } => (min.max(0.0), min <= 0.0),
    }
}
