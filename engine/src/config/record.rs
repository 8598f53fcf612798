//! `[record]`: what is written down, from when on and how often.

use super::context::{Context, Section, list};
use super::keys;
use super::populations::{Known, Populations};
use super::problem::nearest;
use super::selection;
use super::tree::{Content, Node, Origin, TomlTable};
use super::units::show;
use crate::plan::{Record, Selection, Trace};

/// Read `[record]` for a run of so many steps; `steps` is `None` where the duration is wrong. Without the table all
/// spikes are recorded.
pub(crate) fn resolve(
    cx: &mut Context,
    root: &TomlTable,
    populations: &Populations,
    steps: Option<u64>,
    dt: f64,
) -> Option<Record> {
    let empty = TomlTable::default();
    let (table, origin) = match root.get("record") {
        Some(entry) => (cx.table(&entry.node, "record")?, entry.origin),
        None => (&empty, Origin::TOP),
    };
    let section = Section { path: "record", table, origin, keys: keys::RECORD };
    cx.check_keys(&section, &[]);
    let from = match cx.scalar(&section, "from") {
        Some(Some(time)) => cx.steps(section.node("from"), &section, "from", time, dt),
        _ => None,
    };
    if let (Some(from), Some(steps), Some(node)) = (from, steps, section.node("from"))
        && from >= steps
    {
        let message = format!("{} is not before the end of the simulation", node.show());
        let remedy = format!("the duration is {} ms", show(steps as f64 * dt));
        cx.wrong(node, "record.from", message, Some(remedy));
    }
    let window = from.zip(steps).map(|(from, steps)| steps.saturating_sub(from));
    let spikes = spikes(cx, &section, populations);
    let activity_bin = activity(cx, &section, window, dt);
    let traces = traces(cx, &section, populations, dt);
    let compress = cx.flag(&section, "compress");
    let flush = cx.scalar(&section, "flush").flatten();
    Some(Record {
        from: from?,
        spikes: spikes?,
        activity_bin: activity_bin?,
        traces: traces?,
        compress: compress?,
        flush_s: flush? / 1000.0,
    })
}

fn spikes(cx: &mut Context, section: &Section, populations: &Populations) -> Option<Vec<Selection>> {
    let everything = |populations: &Populations| -> Option<Vec<Selection>> {
        let all = |p| Some(Selection { population: p, neurons: 0..populations.get(p)?.size? });
        (0..populations.names().len()).map(all).collect()
    };
    let path = section.at("spikes");
    let Some(node) = section.node("spikes") else { return everything(populations) };
    match &node.content {
        Content::Text(word) if word == "all" => return everything(populations),
        Content::Text(word) if word == "none" => return Some(Vec::new()),
        _ => {}
    }
    let parts = selection::parts(cx, populations, node, &path);
    let mut selections: Vec<Selection> = Vec::with_capacity(parts.len());
    let mut sound = true;
    for part in parts {
        let Some(selection) = part.selection else {
            sound = false;
            continue;
        };
        if selections.iter().any(|other| overlap(other, &selection)) {
            let message = format!("{} names neurons that are already in the list", part.node.show());
            cx.wrong(part.node, &path, message, None);
        }
        selections.push(selection);
    }
    sound.then_some(selections)
}

fn overlap(a: &Selection, b: &Selection) -> bool {
    a.population == b.population && a.neurons.start < b.neurons.end && b.neurons.start < a.neurons.end
}

fn activity(cx: &mut Context, section: &Section, window: Option<u64>, dt: f64) -> Option<Option<u64>> {
    let Some(node) = section.node("activity") else { return Some(None) };
    let path = section.at("activity");
    let table = cx.table(node, &path)?;
    let inner = Section { path: &path, table, origin: node.origin, keys: keys::ACTIVITY };
    cx.check_keys(&inner, &[]);
    let time = cx.scalar(&inner, "bin")??;
    let bin = whole_steps(cx, &inner, "bin", time, dt)?;
    if let (Some(window), Some(node)) = (window, inner.node("bin"))
        && bin > window
        && window > 0
    {
        let message = format!("{} is longer than what is recorded, {} ms", node.show(), show(window as f64 * dt));
        cx.wrong(node, &inner.at("bin"), message, None);
        return None;
    }
    Some(Some(bin))
}

/// A positive number of steps.
fn whole_steps(cx: &mut Context, section: &Section, key: &str, time: f64, dt: f64) -> Option<u64> {
    let node = section.node(key);
    let steps = cx.steps(node, section, key, time, dt)?;
    if steps == 0 {
        let given = node.map_or(String::new(), Node::show);
        let message = format!("{given} is less than a step of {} ms", show(dt));
        cx.report(node.map_or(section.origin, |n| n.origin), &section.at(key), given, message, None);
        return None;
    }
    Some(steps)
}

fn traces(cx: &mut Context, section: &Section, populations: &Populations, dt: f64) -> Option<Vec<Trace>> {
    let Some(node) = section.node("traces") else { return Some(Vec::new()) };
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut traces: Vec<Trace> = Vec::with_capacity(items.len());
    let mut sound = true;
    for (i, item) in items.iter().enumerate() {
        let path = format!("{}.{i}", section.at("traces"));
        let Some(table) = cx.table(item, &path) else {
            sound = false;
            continue;
        };
        let inner = Section { path: &path, table, origin: item.origin, keys: keys::TRACE };
        cx.check_keys(&inner, &[]);
        let (population, of) = selection::of_section(cx, populations, &inner);
        let variables = variables(cx, &inner, populations, population);
        let every = match cx.scalar(&inner, "every") {
            Some(Some(time)) => whole_steps(cx, &inner, "every", time, dt),
            Some(None) => Some(1),
            None => None,
        };
        let (Some(of), Some(variables), Some(every)) = (of, variables, every) else {
            sound = false;
            continue;
        };
        let again = traces
            .iter()
            .filter(|t| t.of.population == of.population)
            .find_map(|t| variables.iter().find(|v| t.variables.contains(v)));
        if let Some(variable) = again {
            let message = format!("\"{variable}\" of this population is already in another trace");
            cx.wrong(item, &path, message, Some("give each variable of a population once".to_string()));
        }
        traces.push(Trace { of, variables, every });
    }
    sound.then_some(traces)
}

fn variables(
    cx: &mut Context,
    section: &Section,
    populations: &Populations,
    population: Option<usize>,
) -> Option<Vec<String>> {
    let Some(node) = section.node("variables") else {
        cx.missing(section, "variables", "the state variables to record", "[\"v\"]");
        return None;
    };
    let path = section.at("variables");
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        cx.wrong(node, &path, "the list is empty; at least one variable is needed", None);
        return None;
    }
    let owner = populations.name(population?);
    let known = variable_names(populations.get(population?)?)?;
    let mut names: Vec<String> = Vec::with_capacity(items.len());
    let mut sound = true;
    for item in items {
        let Some(name) = cx.text(item, &path, "the name of a variable") else {
            sound = false;
            continue;
        };
        if !known.iter().any(|k| k == name) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let remedy = nearest(name, known.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
            let message = format!("\"{owner}\" has no variable {}; {}", item.show(), list(&known));
            cx.wrong(item, &path, message, remedy);
            sound = false;
        } else if names.iter().any(|n| n == name) {
            cx.wrong(item, &path, format!("{} is given twice", item.show()), None);
            sound = false;
        }
        names.push(name.to_string());
    }
    sound.then_some(names)
}

/// The variables of a population that can be recorded: `v`, `RECEPTOR.VARIABLE`; `None` where not all are known.
fn variable_names(population: &Known) -> Option<Vec<String>> {
    let mut names: Vec<String> = population.neuron?.variables.iter().map(|v| v.name.to_string()).collect();
    for (receptor, page) in population.receptors.as_ref()? {
        names.extend((*page)?.variables.iter().map(|v| format!("{receptor}.{}", v.name)));
    }
    Some(names)
}
