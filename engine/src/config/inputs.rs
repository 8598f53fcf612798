//! `[input.NAME]`: sources that act on membranes or receptors from outside.
//!
//! What a source acts on follows from its page: one with a weight acts on a receptor, one with a charge gives pulses at
//! `times`, any other drives the membrane.

use super::bindings;
use super::context::{Context, Section};
use super::keys;
use super::model;
use super::populations::{Populations, check_name};
use super::selection::{self, Part};
use super::tree::{Content, Entry, Node, TomlTable};
use super::units;
use crate::plan::Input;
use lapicque_models::page::{Dimension, Page, Role};

/// What all tables take from `[simulation]`.
pub(crate) struct Setting {
    /// In ms; NaN where it is wrong, which was reported.
    pub dt: f64,
    pub seed: u64,
}

/// Read all inputs.
pub(crate) fn resolve(cx: &mut Context, root: &TomlTable, populations: &Populations, setting: &Setting) -> Vec<Input> {
    let mut inputs = Vec::new();
    let Some(node) = root.node("input") else { return inputs };
    let Some(table) = cx.table(node, "input") else { return inputs };
    for entry in &table.entries {
        let path = format!("input.{}", entry.key);
        check_name(cx, entry, &path, "an input");
        if let Some(table) = cx.table(&entry.node, &path) {
            let section = Section { path: &path, table, origin: entry.origin, keys: keys::INPUT };
            input(cx, entry, &section, populations, setting, &mut inputs);
        }
    }
    inputs
}

fn input(
    cx: &mut Context,
    entry: &Entry,
    section: &Section,
    populations: &Populations,
    setting: &Setting,
    inputs: &mut Vec<Input>,
) {
    let page = model::page(cx, section, Role::Input);
    if let Some(page) = page {
        cx.check_keys(section, &model::field_names(page));
    }
    let parts = match section.node("to") {
        Some(node) => selection::parts(cx, populations, node, &section.at("to")),
        None => {
            cx.missing(section, "to", "the targets", "\"POPULATION\"");
            Vec::new()
        }
    };
    let window = window(cx, section, setting.dt);
    let seed = cx.count(section, "seed").map(|seed| seed.unwrap_or(setting.seed));
    let bindings = bindings::read(cx, section, 0, parts.len());
    let Some(page) = page else { return };
    let times = times(cx, section, page, setting.dt);
    let on_receptor = page.weight().is_some();
    if let Some(node) = section.node("receptor").filter(|_| !on_receptor) {
        let message = format!("\"{}\" acts on the membrane, not on a receptor", page.name);
        cx.wrong(node, &section.at("receptor"), message, Some("remove this key".to_string()));
    }
    // Without a single part the fields are still checked, as far as they do not depend on the target.
    let nowhere = [None];
    let targets: Vec<Option<&Part>> =
        if parts.is_empty() { nowhere.to_vec() } else { parts.iter().map(Some).collect() };
    for (index, part) in targets.into_iter().enumerate() {
        let population = part.and_then(|part| part.population);
        let receptor = match on_receptor {
            true => selection::receptor(cx, populations, section, population),
            false => None,
        };
        let mut locals = bindings.locals(0, index);
        locals.push(bindings::size("target_size", part));
        let form = populations.form(population, receptor);
        let read = model::fields(cx, section, page, form, true, &locals);
        let to = part.and_then(|part| part.selection.clone());
        if let (Some(read), Some(to), Some((start, stop)), Some(times), Some(seed)) = (read, to, window, &times, seed)
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

fn window(cx: &mut Context, section: &Section, dt: f64) -> Option<(u64, u64)> {
    let mut steps = |key: &str, open: u64| match cx.scalar(section, key)? {
        Some(time) => cx.steps(section.node(key), section, key, time, dt),
        None => Some(open),
    };
    let (start, stop) = (steps("start", 0), steps("stop", u64::MAX));
    let (start, stop) = (start?, stop?);
    if start >= stop {
        let node = section.node("stop").or(section.node("start"));
        let message = "stop is not later than start".to_string();
        cx.report(node.map_or(section.origin, |n| n.origin), &section.at("stop"), String::new(), message, None);
        return None;
    }
    Some((start, stop))
}

/// Times of pulses as the steps at whose end they act: a pulse at t = k·dt belongs to step k − 1.
fn times(cx: &mut Context, section: &Section, page: &Page, dt: f64) -> Option<Vec<u64>> {
    let pulses = page.fields.iter().any(|f| f.dimension == Dimension::Charge);
    let path = section.at("times");
    let node = match (section.node("times"), pulses) {
        (None, false) => return Some(Vec::new()),
        (Some(node), true) => node,
        (Some(node), false) => {
            cx.wrong(node, &path, format!("\"{}\" gives no pulses", page.name), Some("remove this key".to_string()));
            return None;
        }
        (None, true) => {
            cx.missing(section, "times", "the times of the pulses", "[\"100 ms\"]");
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
    if let Some(twice) = steps.windows(2).find(|two| two[0] == two[1]) {
        let message =
            format!("two pulses come at {} ms", units::show(((twice[0] + 1) as f64 * dt * 1e9).round() / 1e9));
        cx.wrong(node, &path, message, Some("give the sum of their charges as one".to_string()));
        return None;
    }
    Some(steps)
}

fn pulse_step(cx: &mut Context, section: &Section, item: &Node, path: &str, dt: f64) -> Option<u64> {
    let quantity = cx.quantity(item, path, &[])?;
    let (time, _) = cx.convert(item, path, quantity, &[Dimension::Time], Dimension::Time.noun())?;
    if time < dt * 0.5 {
        let message = format!("{} is too early; the first pulse can come at dt = {} ms", item.show(), dt);
        cx.wrong(item, path, message, None);
        return None;
    }
    cx.steps(Some(item), section, "times", time, dt)?.checked_sub(1)
}
