//! Reads `[projection.NAME]`. A table with n entries in `from` and m in `to` becomes n·m projections.

use super::context::{Context, LocalNames, Section};
use super::keys;
use super::part_values::{self, PartValues};
use super::populations::{DeclaredPopulations, check_name};
use super::rules::{self, Candidates};
use super::selection::{self, PopulationPart};
use super::tree::{Entry, TomlTable};
use super::units::show;
use super::value::{self, AcceptedUnits, TargetForm, ValueLimits};
use crate::plan::LONGEST_DELAY;
use crate::plan::Sampler;
use crate::plan::{Projection, Rule, Shape, Value};
use lapicque_models::page::{Dimension, Range};

/// Maximum number of pairs in one table. More pairs are taken for a mistake.
const MAX_PAIRS: usize = 1_000_000;

/// Reads all projections.
pub(crate) fn resolve(
    cx: &mut Context,
    root: &TomlTable,
    populations: &DeclaredPopulations,
    dt: f64,
) -> Vec<Projection> {
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

/// Reads one table and appends a projection for every pair of entries of `from` and `to`.
fn projection(
    cx: &mut Context,
    entry: &Entry,
    section: &Section,
    populations: &DeclaredPopulations,
    dt: f64,
    projections: &mut Vec<Projection>,
) {
    cx.check_keys(section, &[]);
    for (key, doc, example) in [
        ("rule", "which pairs are connected", "\"all_to_all\" or { fixed_in_degree = 100 }"),
        ("weight", "what one spike adds at the receptor", "\"0.1 mV\" (in the unit of the receptor)"),
        ("delay", "the time from a spike to its effect", "\"1.5 ms\""),
    ] {
        if section.node(key).is_none() {
            cx.report_missing(section, key, doc, example);
        }
    }
    let mut read_parts = |key: &str, doc: &str| match section.node(key) {
        Some(node) => selection::parts(cx, populations, node, &section.path_of(key)),
        None => {
            cx.report_missing(section, key, doc, "\"POPULATION\"");
            Vec::new()
        }
    };
    let (from, to) = (read_parts("from", "the source neurons"), read_parts("to", "the target neurons"));
    let part_values = part_values::read(cx, section, from.len(), to.len());
    let flags = (cx.flag_of(section, "autapses"), cx.flag_of(section, "multapses"));
    if from.len().saturating_mul(to.len()) > MAX_PAIRS {
        let message = format!(
            "from has {} entries and to has {}: more than {MAX_PAIRS} pairs in one table",
            from.len(),
            to.len()
        );
        cx.report(
            entry.origin,
            section.path,
            String::new(),
            message,
            Some("split it into several projections".to_string()),
        );
        return;
    }
    // If `from` or `to` has no entries, check the other keys once without it.
    let at_least_one = |parts: &'_ [PopulationPart<'_>]| parts.len().max(1);
    for t in 0..at_least_one(&to) {
        let target = to.get(t);
        let receptor = selection::receptor(cx, populations, section, target.and_then(|part| part.population));
        for s in 0..at_least_one(&from) {
            let pair = PartPair { source: from.get(s), target, receptor, indices: (s, t) };
            projections.extend(projection_between(cx, entry, section, populations, &part_values, &pair, flags, dt));
        }
    }
}

/// An entry of `from` and an entry of `to`. A field is `None` where it is wrong, which has been reported.
struct PartPair<'p, 'n> {
    source: Option<&'p PopulationPart<'n>>,
    target: Option<&'p PopulationPart<'n>>,
    /// Receptor of the target.
    receptor: Option<usize>,
    /// Indices in `from` and `to`.
    indices: (usize, usize),
}

/// Reads the projection between one pair; `None` if a value is wrong, or if the rule gives no synapses.
#[allow(clippy::too_many_arguments)] // There is one call. A struct would have the same list of fields.
fn projection_between(
    cx: &mut Context,
    entry: &Entry,
    section: &Section,
    populations: &DeclaredPopulations,
    part_values: &PartValues,
    pair: &PartPair,
    flags: (Option<bool>, Option<bool>),
    dt: f64,
) -> Option<Projection> {
    let mut local_names = part_values.local_names(pair.indices.0, pair.indices.1);
    local_names.push(part_values::number_of_neurons("source_size", pair.source));
    local_names.push(part_values::number_of_neurons("target_size", pair.target));
    let selection = |part: Option<&PopulationPart>| part.and_then(|part| part.selection.clone());
    let (from, to) = (selection(pair.source), selection(pair.target));
    let candidates = match (&from, &to, flags) {
        (Some(from), Some(to), (Some(autapses), Some(multapses))) => Some(Candidates { from, to, autapses, multapses }),
        _ => None,
    };
    let rule = section.node("rule").and_then(|node| rules::read(cx, section, node, candidates.as_ref(), &local_names));
    if rule == Some(Rule::FixedTotalNumber(0)) {
        return None;
    }
    let form = populations.target_form(pair.target.and_then(|part| part.population), pair.receptor);
    let weight = weight(cx, section, form, &local_names);
    let delay = delay(cx, section, dt, &local_names);
    let rule = rule?;
    Some(Projection {
        name: entry.key.clone(),
        from: from?,
        to: to?,
        receptor: pair.receptor?,
        rule,
        autapses: flags.0?,
        multapses: flags.1? && rules::can_repeat(rule),
        weight: weight?,
        delay: delay?,
    })
}

/// Reads the weight. Drawn weights must have one sign.
fn weight(cx: &mut Context, section: &Section, form: TargetForm, local_names: &LocalNames) -> Option<Value> {
    let node = section.node("weight")?;
    let path = section.path_of("weight");
    let units = AcceptedUnits::new(Dimension::Weight, form, false);
    let (weight, dimension) = value::value(cx, node, &path, units, Range::Finite.into(), local_names)?;
    if let Value::Drawn { shape, min, max } = weight {
        let unit = dimension.unit();
        let both_signs = match shape {
            Shape::Uniform { low, high } if low.max(min) < 0.0 && high.min(max) > 0.0 => {
                Some(format!("weights from {} to {} {unit} have both signs", show(low), show(high)))
            }
            Shape::Normal { mean, sd } if mean == 0.0 && sd > 0.0 => {
                Some("a normal distribution with mean 0 has both signs".to_string())
            }
            _ => None,
        };
        if let Some(words) = both_signs {
            let message = format!("{words}; all weights of one projection need the same sign");
            cx.report_value(node, &path, message, Some("use two projections, one for each sign".to_string()));
            return None;
        }
        // The engine repeats draws whose sign differs from that of the mean.
        if Sampler::weight(Value::Drawn { shape, min, max }).acceptance() < value::MIN_ACCEPTANCE {
            let message = "min and max exclude nearly all weights that have the sign of the mean".to_string();
            cx.report_value(node, &path, message, Some("move min and max towards the mean".to_string()));
            return None;
        }
    }
    Some(weight)
}

/// Reads the delay.
fn delay(cx: &mut Context, section: &Section, dt: f64, local_names: &LocalNames) -> Option<Value> {
    let node = section.node("delay")?;
    let path = section.path_of("delay");
    let units = AcceptedUnits { dimensions: &[Dimension::Time], words: Dimension::Time.noun() };
    // The engine repeats draws below half a step.
    let redraw_below = if dt.is_nan() { f64::NEG_INFINITY } else { 0.5 * dt };
    let limits = ValueLimits { range: Range::Finite, redraw_below };
    let (delay, dimension) = value::value(cx, node, &path, units, limits, local_names)?;
    if let Value::Constant(time) = delay
        && (time < dt * (1.0 - 1e-9) || time <= 0.0)
    {
        let shown = value::text_and_result(node, time, dimension);
        let message = format!("the delay {shown} is shorter than dt = {} ms; at least one step is needed", show(dt));
        cx.report_value(node, &path, message, None);
        return None;
    }
    let longest = Sampler::delay(delay, dt).bounds().1;
    if longest > LONGEST_DELAY {
        let most = show(LONGEST_DELAY * dt);
        let (what, remedy) = match delay {
            Value::Constant(time) => (format!("the delay {} is", value::text_and_result(node, time, dimension)), None),
            Value::Drawn { .. } => (
                format!("delays up to {:.3e} ms could be drawn,", longest * dt),
                Some("add max = \"… ms\"".to_string()),
            ),
        };
        let message = format!("{what} {longest:.3e} steps of dt = {} ms; at most {most} ms are possible", show(dt));
        cx.report_value(node, &path, message, remedy);
        return None;
    }
    Some(delay)
}
