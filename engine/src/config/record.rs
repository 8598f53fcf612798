//! Reads `[record]`: what is recorded, from which time on and how often.

use super::context::{Context, Section, list};
use super::keys;
use super::populations::{DeclaredPopulation, DeclaredPopulations};
use super::problem::nearest;
use super::selection;
use super::tree::{Content, Node, Origin, TomlTable};
use super::units::show;
use crate::plan::{Record, Selection, Trace};

/// Reads `[record]`. Without this table all spikes are recorded. `steps` is the duration of the run in steps; `None`
/// where it is wrong, which has been reported.
pub(crate) fn resolve(
    cx: &mut Context,
    root: &TomlTable,
    populations: &DeclaredPopulations,
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
    let from = match cx.quantity_of(&section, "from") {
        Some(Some(time)) => cx.steps(section.node("from"), &section, "from", time, dt),
        _ => None,
    };
    if let (Some(from), Some(steps), Some(node)) = (from, steps, section.node("from"))
        && from >= steps
    {
        let message = format!("{} is not before the end of the simulation", node.show());
        let remedy = format!("give a time before the duration, {} ms", show(steps as f64 * dt));
        cx.report_value(node, "record.from", message, Some(remedy));
    }
    let recorded_steps = from.zip(steps).map(|(from, steps)| steps.saturating_sub(from));
    let spikes = spikes(cx, &section, populations);
    let activity_bin = activity(cx, &section, recorded_steps, dt);
    let traces = traces(cx, &section, populations, dt);
    let compress = cx.flag_of(&section, "compress");
    let flush = cx.quantity_of(&section, "flush").flatten();
    Some(Record {
        from: from?,
        spikes: spikes?,
        activity_bin: activity_bin?,
        traces: traces?,
        compress: compress?,
        flush_s: flush? / 1000.0,
    })
}

/// Reads the neurons whose spikes are recorded.
fn spikes(cx: &mut Context, section: &Section, populations: &DeclaredPopulations) -> Option<Vec<Selection>> {
    let all_neurons = |populations: &DeclaredPopulations| -> Option<Vec<Selection>> {
        let whole_population = |p| Some(Selection { population: p, neurons: 0..populations.get(p)?.size? });
        (0..populations.names().len()).map(whole_population).collect()
    };
    let path = section.path_of("spikes");
    let Some(node) = section.node("spikes") else { return all_neurons(populations) };
    match &node.content {
        Content::Text(word) if word == "all" => return all_neurons(populations),
        Content::Text(word) if word == "none" => return Some(Vec::new()),
        _ => {}
    }
    let parts = selection::parts(cx, populations, node, &path);
    let mut selections: Vec<Selection> = Vec::with_capacity(parts.len());
    let mut all_valid = true;
    for part in parts {
        let Some(selection) = part.selection else {
            all_valid = false;
            continue;
        };
        if selections.iter().any(|other| overlap(other, &selection)) {
            let message = format!("{} names neurons that are already in the list", part.node.show());
            cx.report_value(part.node, &path, message, Some("name each neuron once".to_string()));
        }
        selections.push(selection);
    }
    all_valid.then_some(selections)
}

fn overlap(a: &Selection, b: &Selection) -> bool {
    a.population == b.population && a.neurons.start < b.neurons.end && b.neurons.start < a.neurons.end
}

/// Reads the bin of the population activity in steps. `Some(None)` means that the activity is not recorded.
fn activity(cx: &mut Context, section: &Section, recorded_steps: Option<u64>, dt: f64) -> Option<Option<u64>> {
    let Some(node) = section.node("activity") else { return Some(None) };
    let path = section.path_of("activity");
    let table = cx.table(node, &path)?;
    let inner = Section { path: &path, table, origin: node.origin, keys: keys::ACTIVITY };
    cx.check_keys(&inner, &[]);
    let time = cx.quantity_of(&inner, "bin")??;
    let bin = whole_steps(cx, &inner, "bin", time, dt)?;
    if let (Some(recorded_steps), Some(node)) = (recorded_steps, inner.node("bin"))
        && bin > recorded_steps
        && recorded_steps > 0
    {
        let message =
            format!("{} is longer than the recorded time, {} ms", node.show(), show(recorded_steps as f64 * dt));
        cx.report_value(node, &inner.path_of("bin"), message, None);
        return None;
    }
    Some(Some(bin))
}

/// Converts a time to a positive number of steps.
fn whole_steps(cx: &mut Context, section: &Section, key: &str, time: f64, dt: f64) -> Option<u64> {
    let node = section.node(key);
    let steps = cx.steps(node, section, key, time, dt)?;
    if steps == 0 {
        let given = node.map_or(String::new(), Node::show);
        let message = format!("{given} is shorter than one step, dt = {} ms", show(dt));
        cx.report(node.map_or(section.origin, |n| n.origin), &section.path_of(key), given, message, None);
        return None;
    }
    Some(steps)
}

/// Reads the list of traces.
fn traces(cx: &mut Context, section: &Section, populations: &DeclaredPopulations, dt: f64) -> Option<Vec<Trace>> {
    let Some(node) = section.node("traces") else { return Some(Vec::new()) };
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut traces: Vec<Trace> = Vec::with_capacity(items.len());
    let mut all_valid = true;
    for (i, item) in items.iter().enumerate() {
        let path = format!("{}.{i}", section.path_of("traces"));
        let Some(table) = cx.table(item, &path) else {
            all_valid = false;
            continue;
        };
        let inner = Section { path: &path, table, origin: item.origin, keys: keys::TRACE };
        cx.check_keys(&inner, &[]);
        let (population, of) = selection::read_section(cx, populations, &inner);
        let variables = variables(cx, &inner, populations, population);
        let every = match cx.quantity_of(&inner, "every") {
            Some(Some(time)) => whole_steps(cx, &inner, "every", time, dt),
            Some(None) => Some(1),
            None => None,
        };
        let (Some(of), Some(variables), Some(every)) = (of, variables, every) else {
            all_valid = false;
            continue;
        };
        let recorded_twice = traces
            .iter()
            .filter(|t| t.of.population == of.population)
            .find_map(|t| variables.iter().find(|v| t.variables.contains(v)));
        if let Some(variable) = recorded_twice {
            let message = format!("\"{variable}\" of this population is already in another trace");
            cx.report_value(item, &path, message, Some("give each variable of a population once".to_string()));
        }
        traces.push(Trace { of, variables, every });
    }
    all_valid.then_some(traces)
}

/// Reads the names of the variables of a trace, which the population must have.
fn variables(
    cx: &mut Context,
    section: &Section,
    populations: &DeclaredPopulations,
    population: Option<usize>,
) -> Option<Vec<String>> {
    let Some(node) = section.node("variables") else {
        cx.report_missing(section, "variables", "the state variables to record", "[\"v\"]");
        return None;
    };
    let path = section.path_of("variables");
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        cx.report_value(node, &path, "the list is empty; at least one variable is needed", None);
        return None;
    }
    let owner = populations.name(population?);
    let known = variable_names(populations.get(population?)?)?;
    let mut names: Vec<String> = Vec::with_capacity(items.len());
    let mut all_valid = true;
    for item in items {
        let Some(name) = cx.text(item, &path, "the name of a variable") else {
            all_valid = false;
            continue;
        };
        if !known.iter().any(|k| k == name) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let remedy = nearest(name, known.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
            let message = format!("\"{owner}\" has no variable {}; {}", item.show(), list(&known));
            cx.report_value(item, &path, message, remedy);
            all_valid = false;
        } else if names.iter().any(|n| n == name) {
            cx.report_value(item, &path, format!("{} is given twice", item.show()), Some("remove one".to_string()));
            all_valid = false;
        }
        names.push(name.to_string());
    }
    all_valid.then_some(names)
}

/// The names of all state variables of a population: `v`, `RECEPTOR.VARIABLE`. `None` where the definition of the
/// population is wrong, which has been reported.
fn variable_names(population: &DeclaredPopulation) -> Option<Vec<String>> {
    let mut names: Vec<String> = population.neuron?.variables.iter().map(|v| v.name.to_string()).collect();
    for (receptor, page) in population.receptors.as_ref()? {
        names.extend((*page)?.variables.iter().map(|v| format!("{receptor}.{}", v.name)));
    }
    Some(names)
}
