//! Values of model fields, weights and delays: one for all, or a distribution.
//!
//! Besides units, this checks that every value that can be drawn is one the field accepts, and that drawing within
//! bounds ends: a normal distribution for a field that must be positive needs a lower bound.

use super::context::{Context, Locals, list};
use super::keys::DISTRIBUTIONS;
use super::tree::{Content, Node, TomlTable};
use super::units::show;
use crate::plan::Sampler;
use crate::plan::{Shape, Value};
use lapicque_models::page::{Dimension, Range};

/// What units a value may have at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accept {
    /// The dimensions taken, the preferred one first.
    pub dimensions: &'static [Dimension],
    /// The same in words.
    pub noun: &'static str,
}

/// How the target of a value is written; `None` where that is wrong itself, which was reported.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    /// The membrane has a capacitance: currents are currents.
    pub capacitance: Option<bool>,
    /// The receptor has no variable of its own: its events move V.
    pub jumps: Option<bool>,
}

impl Accept {
    /// What a field of `dimension` takes on a membrane or receptor of this form; `as_voltage` allows R·I for currents,
    /// where the place can say so to the engine.
    pub fn new(dimension: Dimension, form: Form, as_voltage: bool) -> Self {
        use Dimension::{Charge, Current, Voltage};
        let unknown = form.capacitance.is_none() || (dimension == Dimension::Weight && form.jumps.is_none());
        let capacitance = form.capacitance.unwrap_or(true);
        let (dimensions, noun): (&'static [Dimension], &'static str) = match (dimension, capacitance) {
            (Dimension::Drive | Dimension::Weight, _) if unknown => (&[Current, Voltage], "a current or a voltage"),
            (Charge, _) if unknown => (&[Charge, Voltage], "a charge or a voltage"),
            (Dimension::Drive, true) if as_voltage => (&[Current, Voltage], "a current, or a voltage (R·I),"),
            (Dimension::Drive, true) => (&[Current], "a current"),
            (Dimension::Drive, false) => (&[Voltage], "a voltage (R·I: this membrane has no capacitance)"),
            (Dimension::Weight, _) if form.jumps == Some(true) => (&[Voltage], "a voltage (the jump of V)"),
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
        Accept { dimensions, noun }
    }
}

/// What a value must satisfy besides its units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub range: Range,
    /// A bound by which the engine draws again in any case.
    pub floor: f64,
}

impl From<Range> for Demand {
    fn from(range: Range) -> Self {
        Demand { range, floor: f64::NEG_INFINITY }
    }
}

/// Read a value or distribution. Also returns the dimension it was given in, one of `accept`.
pub(crate) fn value(
    cx: &mut Context,
    node: &Node,
    path: &str,
    accept: Accept,
    demand: Demand,
    locals: &Locals,
) -> Option<(Value, Dimension)> {
    if let Content::Table(table) = &node.content {
        return distribution(cx, node, table, path, accept, demand, locals);
    }
    let (value, dimension) = one(cx, node, path, accept, locals)?;
    if !demand.range.contains(value) {
        let shown = given(node, value, dimension);
        cx.wrong(node, path, format!("{shown} is out of range; {} is needed", demand.range.words()), None);
        return None;
    }
    Some((Value::Constant(value), dimension))
}

/// The text of a value and, where that is an expression, its result.
pub(crate) fn given(node: &Node, value: f64, dimension: Dimension) -> String {
    match &node.content {
        Content::Text(text) if text.trim_start().starts_with('=') => {
            format!("{} = {} {}", node.show(), show(value), dimension.unit())
        }
        _ => node.show(),
    }
}

fn one(cx: &mut Context, node: &Node, path: &str, accept: Accept, locals: &Locals) -> Option<(f64, Dimension)> {
    let quantity = cx.quantity(node, path, locals)?;
    cx.convert(node, path, quantity, accept.dimensions, accept.noun)
}

fn distribution(
    cx: &mut Context,
    node: &Node,
    table: &TomlTable,
    path: &str,
    accept: Accept,
    demand: Demand,
    locals: &Locals,
) -> Option<(Value, Dimension)> {
    let names: Vec<&str> = DISTRIBUTIONS.iter().map(|(name, ..)| *name).collect();
    let known: Vec<&str> = names.iter().copied().chain(["min", "max"]).collect();
    let mut sound = true;
    for entry in table.entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
        cx.unknown(entry, &format!("{path}.{}", entry.key), "key", &known);
        sound = false;
    }
    let shapes: Vec<_> = table.entries.iter().filter(|e| names.contains(&e.key.as_str())).collect();
    let [shape] = shapes.as_slice() else {
        if sound {
            let message = format!("{} names {} distributions; one is needed", node.show(), shapes.len());
            cx.wrong(node, path, message, Some(list(&names)));
        }
        return None;
    };
    let shape_path = format!("{path}.{}", shape.key);
    let words = DISTRIBUTIONS.iter().find(|(name, ..)| *name == shape.key).map(|(_, words, _)| *words)?;
    let Content::List(items) = &shape.node.content else {
        let message = format!("{} is {}; a list is needed", shape.node.show(), shape.node.noun());
        cx.wrong(&shape.node, &shape_path, message, Some(format!("write [{}, {}]", words[0], words[1])));
        return None;
    };
    let [first, second] = items.as_slice() else {
        let message = format!("{} values are given; two are needed: [{}, {}]", items.len(), words[0], words[1]);
        cx.wrong(&shape.node, &shape_path, message, None);
        return None;
    };
    let a = one(cx, first, &shape_path, accept, locals);
    let b = one(cx, second, &shape_path, accept, locals);
    let mut bound = |key: &str, open: f64, dimension: Option<Dimension>| match table.node(key) {
        Some(node) => one(cx, node, &format!("{path}.{key}"), accept, locals),
        None => dimension.map(|d| (open, d)),
    };
    let unit = a.map(|(_, d)| d);
    let min = bound("min", f64::NEG_INFINITY, unit);
    let max = bound("max", f64::INFINITY, unit);
    let ((a, unit), (b, unit_b), (min, unit_min), (max, unit_max)) = (a?, b?, min?, max?);
    if [unit_b, unit_min, unit_max].iter().any(|d| *d != unit) {
        cx.wrong(node, path, "a distribution's values need units of one kind".to_string(), None);
        return None;
    }
    let shape_value = match shape.key.as_str() {
        "uniform" => Shape::Uniform { low: a, high: b },
        "normal" => Shape::Normal { mean: a, sd: b },
        _ => Shape::LogNormal { mean: a, sd: b },
    };
    if let Some(message) = misshapen(shape_value, min, max, unit) {
        cx.wrong(node, path, message, None);
        return None;
    }
    let floor = min.max(demand.floor);
    let chance = Sampler::new(Value::Drawn { shape: shape_value, min: floor, max }).acceptance();
    if chance < MIN_ACCEPTANCE || chance.is_nan() {
        let bound = |word: &str, value: f64| match value.is_finite() {
            true => format!(" {word} {} {}", show(value), unit.unit()),
            false => String::new(),
        };
        let message = format!(
            "the bounds exclude nearly everything: {} of the draws would be kept, those{}{}; {MIN_ACCEPTANCE} is needed",
            show(chance),
            bound("from", floor),
            bound("up to", max)
        );
        cx.wrong(node, path, message, Some("move the distribution and its bounds towards each other".to_string()));
        return None;
    }
    let (low, open) = lowest(shape_value, min);
    let kept = demand.range.contains(low) || (open && demand.range.contains(f64::MIN_POSITIVE.max(low)));
    if !kept {
        let unit = unit.unit();
        let message = format!("values down to {} {unit} would be drawn; {} is needed", show(low), demand.range.words());
        cx.wrong(node, path, message, Some(format!("add min = \"… {unit}\", by which values are drawn again")));
        return None;
    }
    if !sound {
        return None;
    }
    Some((Value::Drawn { shape: shape_value, min, max }, unit))
}

/// The smallest part of draws that bounds may keep.
pub(crate) const MIN_ACCEPTANCE: f64 = 1e-3;

fn misshapen(shape: Shape, min: f64, max: f64, unit: Dimension) -> Option<String> {
    let unit = unit.unit();
    match shape {
        Shape::Uniform { low, high } if low > high => {
            Some(format!("low = {} {unit} is greater than high = {} {unit}", show(low), show(high)))
        }
        Shape::Normal { sd, .. } | Shape::LogNormal { sd, .. } if sd < 0.0 => {
            Some(format!("the standard deviation is {} {unit}; 0 or more is needed", show(sd)))
        }
        Shape::LogNormal { mean: 0.0, .. } => Some(format!(
            "the mean of a lognormal distribution is {} {unit}; a value other than 0 is needed (below 0 it is mirrored)",
            show(0.0)
        )),
        _ if min >= max => Some(format!("min = {} {unit} is not less than max = {} {unit}", show(min), show(max))),
        _ => None,
    }
}

/// The smallest value that can be drawn, and whether it is approached only. A normal deviate further than seven
/// standard deviations from its mean comes once in 10¹².
fn lowest(shape: Shape, min: f64) -> (f64, bool) {
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
