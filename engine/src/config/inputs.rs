//! Reads `[input.NAME]`: inputs to membranes or receptors from outside the network.
//!
//! The page of an input model decides what the input acts on. An input with a weight acts on a receptor. An input with
//! a charge gives pulses to the membrane at `times`. Any other input drives the membrane.

use super::context::{Context, Section};
use super::keys;
use super::model;
use super::part_values;
use super::populations::{DeclaredPopulations, check_name};
use super::selection::{self, PopulationPart};
use super::tree::{Content, Entry, Node, TomlTable};
use super::units;
use crate::plan::Input;
use lapicque_models::page::{Dimension, Page, Role};

/// The values of `[simulation]` that other tables need.
pub(crate) struct SimulationSettings {
    /// Time step in ms; NaN where it is wrong, which has been reported.
    pub dt: f64,
    /// Default of the seeds of inputs.
    pub seed: u64,
}

/// Reads all inputs.
pub(crate) fn resolve(
    cx: &mut Context,
    root: &TomlTable,
    populations: &DeclaredPopulations,
    settings: &SimulationSettings,
) -> Vec<Input> {
    let mut inputs = Vec::new();
    let Some(node) = root.node("input") else { return inputs };
    let Some(table) = cx.table(node, "input") else { return inputs };
    for entry in &table.entries {
        let path = format!("input.{}", entry.key);
        check_name(cx, entry, &path, "an input");
        if let Some(table) = cx.table(&entry.node, &path) {
            let section = Section { path: &path, table, origin: entry.origin, keys: keys::INPUT };
            input(cx, entry, &section, populations, settings, &mut inputs);
        }
    }
    inputs
}

/// Reads one table and appends an input for every population or part in `to`.
fn input(
    cx: &mut Context,
    entry: &Entry,
    section: &Section,
    populations: &DeclaredPopulations,
    settings: &SimulationSettings,
    inputs: &mut Vec<Input>,
) {
    let page = model::page(cx, section, Role::Input);
    if let Some(page) = page {
        cx.check_keys(section, &model::field_names(page));
    }
    let parts = match section.node("to") {
        Some(node) => selection::parts(cx, populations, node, &section.path_of("to")),
        None => {
            cx.report_missing(section, "to", "the targets", "\"POPULATION\"");
            Vec::new()
        }
    };
    let active = active_steps(cx, section, settings.dt);
    let seed = cx.whole_number_of(section, "seed").map(|seed| seed.unwrap_or(settings.seed));
    let part_values = part_values::read(cx, section, 0, parts.len());
    let Some(page) = page else { return };
    let times = times(cx, section, page, settings.dt);
    let on_receptor = page.weight().is_some();
    if let Some(node) = section.node("receptor").filter(|_| !on_receptor) {
        let message = format!("\"{}\" acts on the membrane, not on a receptor", page.name);
        cx.report_value(node, &section.path_of("receptor"), message, Some("remove this key".to_string()));
    }
    // If `to` has no entries, check the fields once without a target.
    let no_target = [None];
    let targets: Vec<Option<&PopulationPart>> =
        if parts.is_empty() { no_target.to_vec() } else { parts.iter().map(Some).collect() };
    for (index, part) in targets.into_iter().enumerate() {
        let population = part.and_then(|part| part.population);
        let receptor = match on_receptor {
            true => selection::receptor(cx, populations, section, population),
            false => None,
        };
        let mut local_names = part_values.local_names(0, index);
        local_names.push(part_values::number_of_neurons("target_size", part));
        let form = populations.target_form(population, receptor);
        let read = model::fields(cx, section, page, form, true, &local_names);
        let to = part.and_then(|part| part.selection.clone());
        if let (Some(read), Some(to), Some((start, stop)), Some(times), Some(seed)) = (read, to, active, &times, seed)
            && on_receptor == receptor.is_some()
        {
            inputs.push(Input {
                name: entry.key.clone(),
                model: read.model,
                to,
                receptor,
                drive_in_mv: read.in_mv,
                start,
                stop,
                times: times.clone(),
                seed,
            });
        }
    }
}

/// The steps in which the input is active: the first step, and the step after the last.
fn active_steps(cx: &mut Context, section: &Section, dt: f64) -> Option<(u64, u64)> {
    let mut steps_of = |key: &str, if_absent: u64| match cx.quantity_of(section, key)? {
        Some(time) => cx.steps(section.node(key), section, key, time, dt),
        None => Some(if_absent),
    };
    let (start, stop) = (steps_of("start", 0), steps_of("stop", u64::MAX));
    let (start, stop) = (start?, stop?);
    if start >= stop {
        let node = section.node("stop").or(section.node("start"));
        let message = "stop is not later than start".to_string();
        let remedy = Some("give a later stop or an earlier start".to_string());
        cx.report(node.map_or(section.origin, |n| n.origin), &section.path_of("stop"), String::new(), message, remedy);
        return None;
    }
    Some((start, stop))
}

/// Reads the times of pulses. Returns the steps at whose end the pulses act, in ascending order: a pulse at t = k·dt
/// acts at the end of step k − 1.
fn times(cx: &mut Context, section: &Section, page: &Page, dt: f64) -> Option<Vec<u64>> {
    let gives_pulses = page.fields.iter().any(|f| f.dimension == Dimension::Charge);
    let path = section.path_of("times");
    let node = match (section.node("times"), gives_pulses) {
        (None, false) => return Some(Vec::new()),
        (Some(node), true) => node,
        (Some(node), false) => {
            cx.report_value(
                node,
                &path,
                format!("\"{}\" gives no pulses", page.name),
                Some("remove this key".to_string()),
            );
            return None;
        }
        (None, true) => {
            cx.report_missing(section, "times", "the times of the pulses", "[\"100 ms\"]");
            return None;
        }
    };
    let items: &[Node] = match &node.content {
        Content::List(items) => items,
        _ => std::slice::from_ref(node),
    };
    let mut steps = Some(Vec::with_capacity(items.len()));
    for item in items {
        match (pulse_step(cx, section, item, &path, dt), &mut steps) {
            (Some(step), Some(steps)) => steps.push(step),
            _ => steps = None,
        }
    }
    let mut steps = steps?;
    steps.sort_unstable();
    if let Some(equal) = steps.windows(2).find(|pair| pair[0] == pair[1]) {
        let message =
            format!("two pulses come at {} ms", units::show(((equal[0] + 1) as f64 * dt * 1e9).round() / 1e9));
        cx.report_value(
            node,
            &path,
            message,
            Some("give each time once; add a second input for more charge at this time".to_string()),
        );
        return None;
    }
    Some(steps)
}

/// The step at whose end a pulse acts.
fn pulse_step(cx: &mut Context, section: &Section, item: &Node, path: &str, dt: f64) -> Option<u64> {
    let quantity = cx.quantity(item, path, &[])?;
    let (time, _) = cx.convert(item, path, quantity, &[Dimension::Time], Dimension::Time.noun())?;
    if time < dt * 0.5 {
        let message = format!("{} is too early; the first pulse can come at dt = {} ms", item.show(), dt);
        cx.report_value(item, path, message, None);
        return None;
    }
    cx.steps(Some(item), section, "times", time, dt)?.checked_sub(1)
}
