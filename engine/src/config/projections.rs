//! `[projection.NAME]`: a table with n parts in `from` and m in `to` becomes n·m projections.

use super::bindings::{self, Bindings};
use super::context::{Context, Locals, Section};
use super::keys;
use super::populations::{Populations, check_name};
use super::rules::{self, Pair};
use super::selection::{self, Part};
use super::tree::{Entry, TomlTable};
use super::units::show;
use super::value::{self, Accept, Demand, Form};
use crate::plan::LONGEST_DELAY;
use crate::plan::Sampler;
use crate::plan::{Projection, Rule, Shape, Value};
use lapicque_models::page::{Dimension, Range};

/// More pairs than this in one table are a slip, not a network.
const MOST_PAIRS: usize = 1_000_000;

/// Read all projections.
pub(crate) fn resolve(cx: &mut Context, root: &TomlTable, populations: &Populations, dt: f64) -> Vec<Projection> {
    let mut projections = Vec::new();
    let Some(node) = root.node("projection") else { return projections };
    let Some(table) = cx.table(node, "projection") else { return projections };
    for entry in &table.entries {
        let path = format!("projection.{}", entry.key);
        check_name(cx, entry, &path, "a projection");
        if let Some(table) = cx.table(&entry.node, &path) {
            let section = Section { path: &path, table, origin: entry.origin, keys: keys::PROJECTION };
            projection(cx, entry, &section, populations, dt, &mut projections);
        }
    }
    projections
}

fn projection(
    cx: &mut Context,
    entry: &Entry,
    section: &Section,
    populations: &Populations,
    dt: f64,
    projections: &mut Vec<Projection>,
) {
    cx.check_keys(section, &[]);
    for (key, doc, example) in [
        ("rule", "which pairs are connected", "\"all_to_all\" or { fixed_in_degree = 100 }"),
        ("weight", "what one spike adds at the receptor", "\"0.1 mV\", in the unit of the receptor"),
        ("delay", "the time from a spike to its effect", "\"1.5 ms\""),
    ] {
        if section.node(key).is_none() {
            cx.missing(section, key, doc, example);
        }
    }
    let mut parts = |key: &str, doc: &str| match section.node(key) {
        Some(node) => selection::parts(cx, populations, node, &section.at(key)),
        None => {
            cx.missing(section, key, doc, "\"POPULATION\"");
            Vec::new()
        }
    };
    let (from, to) = (parts("from", "the sources"), parts("to", "the targets"));
    let bindings = bindings::read(cx, section, from.len(), to.len());
    let flags = (cx.flag(section, "autapses"), cx.flag(section, "multapses"));
    if from.len().saturating_mul(to.len()) > MOST_PAIRS {
        let message = format!("{} × {} pairs are more than {MOST_PAIRS}", from.len(), to.len());
        cx.report(entry.origin, section.path, String::new(), message, Some("split the table".to_string()));
        return;
    }
    // Without a single part the rest is still checked, as far as it does not depend on the parts.
    let or_nowhere = |parts: &'_ [Part<'_>]| parts.len().max(1);
    for t in 0..or_nowhere(&to) {
        let target = to.get(t);
        let receptor = selection::receptor(cx, populations, section, target.and_then(|part| part.population));
        for s in 0..or_nowhere(&from) {
            let place = Place { source: from.get(s), target, receptor, at: (s, t) };
            let pair = pair(cx, entry, section, populations, &bindings, &place, flags, dt);
            projections.extend(pair);
        }
    }
}

/// A pair of parts in the expansion of a table; `None` for what is wrong and was reported.
struct Place<'p, 'n> {
    source: Option<&'p Part<'n>>,
    target: Option<&'p Part<'n>>,
    receptor: Option<usize>,
    at: (usize, usize),
}

#[allow(clippy::too_many_arguments)] // one call site; a struct would only rename the list
fn pair(
    cx: &mut Context,
    entry: &Entry,
    section: &Section,
    populations: &Populations,
    bindings: &Bindings,
    place: &Place,
    flags: (Option<bool>, Option<bool>),
    dt: f64,
) -> Option<Projection> {
    let mut locals = bindings.locals(place.at.0, place.at.1);
    locals.push(bindings::size("source_size", place.source));
    locals.push(bindings::size("target_size", place.target));
    let selection = |part: Option<&Part>| part.and_then(|part| part.selection.clone());
    let (from, to) = (selection(place.source), selection(place.target));
    let pair = match (&from, &to, flags) {
        (Some(from), Some(to), (Some(autapses), Some(multapses))) => Some(Pair { from, to, autapses, multapses }),
        _ => None,
    };
    let rule = section.node("rule").and_then(|node| rules::read(cx, section, node, pair.as_ref(), &locals));
    if rule == Some(Rule::FixedTotalNumber(0)) {
        return None;
    }
    let form = populations.form(place.target.and_then(|part| part.population), place.receptor);
    let weight = weight(cx, section, form, &locals);
    let delay = delay(cx, section, dt, &locals);
    let rule = rule?;
    Some(Projection {
        name: entry.key.clone(),
        from: from?,
        to: to?,
        receptor: place.receptor?,
        rule,
        autapses: flags.0?,
        multapses: flags.1? && rules::can_repeat(rule),
        weight: weight?,
        delay: delay?,
    })
}

fn weight(cx: &mut Context, section: &Section, form: Form, locals: &Locals) -> Option<Value> {
    let node = section.node("weight")?;
    let path = section.at("weight");
    let accept = Accept::new(Dimension::Weight, form, false);
    let (weight, dimension) = value::value(cx, node, &path, accept, Range::Finite.into(), locals)?;
    if let Value::Drawn { shape, min, max } = weight {
        let unit = dimension.unit();
        let mixed = match shape {
            Shape::Uniform { low, high } if low.max(min) < 0.0 && high.min(max) > 0.0 => {
                Some(format!("weights from {} to {} {unit} change their sign", show(low), show(high)))
            }
            Shape::Normal { mean, sd } if mean == 0.0 && sd > 0.0 => Some("weights around 0 have no sign".to_string()),
            _ => None,
        };
        if let Some(words) = mixed {
            let message = format!("{words}; those of one projection need one sign");
            cx.wrong(node, &path, message, Some("split it into two projections".to_string()));
            return None;
        }
        // The engine draws again where the sign would change.
        if Sampler::weight(Value::Drawn { shape, min, max }).acceptance() < value::MIN_ACCEPTANCE {
            let message = "the bounds leave next to no weight of the sign of the mean".to_string();
            cx.wrong(node, &path, message, Some("move min and max towards the mean".to_string()));
            return None;
        }
    }
    Some(weight)
}

fn delay(cx: &mut Context, section: &Section, dt: f64, locals: &Locals) -> Option<Value> {
    let node = section.node("delay")?;
    let path = section.at("delay");
    let accept = Accept { dimensions: &[Dimension::Time], noun: Dimension::Time.noun() };
    // The engine draws again below half a step.
    let floor = if dt.is_nan() { f64::NEG_INFINITY } else { 0.5 * dt };
    let demand = Demand { range: Range::Finite, floor };
    let (delay, dimension) = value::value(cx, node, &path, accept, demand, locals)?;
    if let Value::Constant(time) = delay
        && (time < dt * (1.0 - 1e-9) || time <= 0.0)
    {
        let given = value::given(node, time, dimension);
        let message = format!("the delay {given} is shorter than dt = {} ms; at least one step is needed", show(dt));
        cx.wrong(node, &path, message, None);
        return None;
    }
    let longest = Sampler::delay(delay, dt).bounds().1;
    if longest > LONGEST_DELAY {
        let most = show(LONGEST_DELAY * dt);
        let (given, remedy) = match delay {
            Value::Constant(time) => (format!("the delay {} is", value::given(node, time, dimension)), None),
            Value::Drawn { .. } => (
                format!("delays up to {:.3e} ms could be drawn,", longest * dt),
                Some("add max = \"… ms\"".to_string()),
            ),
        };
        let message = format!("{given} {longest:.3e} steps of dt = {} ms; at most {most} ms are possible", show(dt));
        cx.wrong(node, &path, message, remedy);
        return None;
    }
    Some(delay)
}
