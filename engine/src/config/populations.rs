//! `[population.NAME]`: sizes, neurons, receptors and initial values.

use super::context::{Context, Section, list};
use super::keys;
use super::model;
use super::problem::nearest;
use super::tree::{Content, Entry, Node, Table};
use super::value::{self, Accept, Form};
use crate::plan::{Population, Receptor, Value};
use lapicque_models::page::{Dimension, Page, Range, Role};
use std::collections::{HashMap, HashSet};

/// The populations of a configuration: all that are declared, resolved or not.
#[derive(Default)]
pub(crate) struct Populations {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    resolved: Vec<Option<(Population, bool)>>,
}

impl Populations {
    /// The index of a declared population.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The names declared.
    pub fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// A population, if its definition is right.
    pub fn get(&self, index: usize) -> Option<&Population> {
        self.resolved.get(index)?.as_ref().map(|(population, _)| population)
    }

    /// How the membrane, and the given receptor of it, are written.
    pub fn form(&self, index: usize, receptor: Option<usize>) -> Form {
        let Some(Some((population, capacitance))) = self.resolved.get(index) else { return Form::default() };
        let moves_v = receptor
            .and_then(|r| population.receptors.get(r))
            .is_some_and(|receptor| receptor.model.page.variables.is_empty());
        Form { capacitance: *capacitance, moves_v }
    }

    /// All populations, if every definition is right.
    pub fn into_list(self) -> Option<Vec<Population>> {
        self.resolved.into_iter().map(|p| p.map(|(population, _)| population)).collect()
    }
}

/// Read all populations.
pub(crate) fn resolve(cx: &mut Context, root: &Table) -> Populations {
    let mut populations = Populations::default();
    let Some(node) = root.node("population") else {
        let message = "there is no population".to_string();
        let remedy = "add a table [population.NAME] with size and neuron".to_string();
        cx.report(super::tree::Origin::TOP, "population", String::new(), message, Some(remedy));
        return populations;
    };
    let Some(table) = cx.table(node, "population") else { return populations };
    if table.entries.is_empty() {
        let remedy = Some("add a table [population.NAME] with size and neuron".to_string());
        cx.wrong(node, "population", "there is no population", remedy);
    }
    for entry in &table.entries {
        populations.by_name.insert(entry.key.clone(), populations.names.len());
        populations.names.push(entry.key.clone());
    }
    let mut total: u64 = 0;
    for entry in &table.entries {
        let path = format!("population.{}", entry.key);
        check_name(cx, entry, &path, "population");
        let resolved = match cx.table(&entry.node, &path) {
            Some(_) => expand(cx, table, entry, &path).and_then(|whole| population(cx, entry, &whole, &path)),
            None => None,
        };
        let size = resolved.as_ref().map_or(0, |(p, _)| u64::from(p.size));
        if total <= u64::from(u32::MAX) && total + size > u64::from(u32::MAX) {
            let message = format!("with this population there are {} neurons; at most {} fit", total + size, u32::MAX);
            cx.report(entry.origin, &format!("{path}.size"), size.to_string(), message, None);
        }
        total += size;
        populations.resolved.push(resolved);
    }
    populations
}

/// Names become parts of paths in messages and in the output file.
pub(crate) fn check_name(cx: &mut Context, entry: &Entry, path: &str, what: &str) {
    let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if entry.key.is_empty() || entry.key.len() > 200 || !entry.key.chars().all(fits) {
        let message = format!("\"{}\" is no name for {what}", entry.key.escape_debug());
        let remedy = "use up to 200 letters, digits, _ and -".to_string();
        cx.report(entry.origin, path, entry.key.clone(), message, Some(remedy));
    }
}

/// The definition of `entry` laid over those it is `like`.
fn expand(cx: &mut Context, all: &Table, entry: &Entry, path: &str) -> Option<Table> {
    let names: Vec<&str> = all.entries.iter().map(|e| e.key.as_str()).collect();
    let mut chain: Vec<Table> = Vec::new();
    let mut visited: Vec<&str> = vec![&entry.key];
    let mut seen: HashSet<&str> = HashSet::from([entry.key.as_str()]);
    let mut current = entry;
    loop {
        let Content::Table(table) = &current.node.content else { return None };
        let mut own = table.clone();
        own.remove("like");
        chain.push(own);
        let Some(node) = table.node("like") else { break };
        let like_path = format!("population.{}.like", current.key);
        let Content::Text(name) = &node.content else {
            cx.text(node, &like_path, "the name of a population");
            return None;
        };
        let Some(next) = all.get(name) else {
            let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
            cx.wrong(node, &like_path, format!("unknown population {}; {}", node.show(), list(&names)), remedy);
            return None;
        };
        visited.push(&next.key);
        if !seen.insert(&next.key) {
            // Reported where the circle closes onto the population it began from; others only lead into it.
            if next.key == entry.key {
                let message = format!("populations are like each other in a circle: {}", visited.join(" → "));
                cx.wrong(node, path, message, Some("define one of them in full".to_string()));
            }
            return None;
        }
        current = next;
    }
    chain.into_iter().rev().reduce(Table::merged)
}

fn population(cx: &mut Context, entry: &Entry, table: &Table, path: &str) -> Option<(Population, bool)> {
    let section = Section { path, table, origin: entry.origin, keys: keys::POPULATION };
    cx.check_keys(&section, &[]);
    let size = size(cx, &section);
    let neuron = membrane(cx, &section);
    let form = Form { capacitance: neuron.as_ref().is_some_and(|(_, capacitance)| *capacitance), moves_v: false };
    // Units at receptors depend on the neuron: without one, their messages could be wrong.
    let (neuron, capacitance) = neuron?;
    let receptors = receptors(cx, &section, neuron.page, form);
    let initial = initial(cx, &section, neuron.page, receptors.as_deref(), form);
    let population =
        Population { name: entry.key.clone(), size: size?, neuron, receptors: receptors?, initial: initial? };
    Some((population, capacitance))
}

fn size(cx: &mut Context, section: &Section) -> Option<u32> {
    let Some(node) = section.node("size") else {
        cx.missing(section, "size", "the number of neurons", "1000");
        return None;
    };
    let path = section.at("size");
    let size = cx.whole(node, &path, &[])?;
    if size == 0 {
        cx.wrong(node, &path, "the population is empty: at least 1 neuron is needed", None);
        return None;
    }
    let fits = u32::try_from(size).ok();
    if fits.is_none() {
        cx.wrong(node, &path, format!("{size} neurons are too many; at most {} fit", u32::MAX), None);
    }
    fits
}

fn membrane(cx: &mut Context, section: &Section) -> Option<(crate::plan::Model, bool)> {
    let Some(node) = section.node("neuron") else {
        cx.missing(section, "neuron", "the membrane", "{ kind = \"…\" }");
        return None;
    };
    let path = section.at("neuron");
    let table = cx.table(node, &path)?;
    let inner = Section { path: &path, table, origin: node.origin, keys: &[] };
    let page = model::page(cx, &inner, Role::Membrane)?;
    let known: Vec<&str> = std::iter::once("kind").chain(model::field_names(page)).collect();
    cx.check_keys(&inner, &known);
    let capacitance = model::has_capacitance(page, &inner);
    let read = model::fields(cx, &inner, page, Form { capacitance, moves_v: false }, false, &[])?;
    Some((read.model, capacitance))
}

fn receptors(cx: &mut Context, section: &Section, neuron: &Page, form: Form) -> Option<Vec<Receptor>> {
    let Some(node) = section.node("receptor") else { return Some(Vec::new()) };
    let path = section.at("receptor");
    let table = cx.table(node, &path)?;
    let mut list = Some(Vec::new());
    for entry in &table.entries {
        let path = format!("{path}.{}", entry.key);
        check_name(cx, entry, &path, "a receptor");
        if neuron.variables.iter().any(|v| v.name == entry.key) {
            let message = format!("\"{}\" is already a variable of the neuron", entry.key);
            cx.report(entry.origin, &path, entry.key.clone(), message, Some("choose another name".to_string()));
        }
        let read = receptor(cx, &entry.node, &path, form);
        match (read, &mut list) {
            (Some(model), Some(list)) => list.push(Receptor { name: entry.key.clone(), model }),
            _ => list = None,
        }
    }
    list
}

fn receptor(cx: &mut Context, node: &Node, path: &str, form: Form) -> Option<crate::plan::Model> {
    let table = cx.table(node, path)?;
    let inner = Section { path, table, origin: node.origin, keys: &[] };
    let page = model::page(cx, &inner, Role::Receptor)?;
    let known: Vec<&str> = std::iter::once("kind").chain(model::field_names(page)).collect();
    cx.check_keys(&inner, &known);
    let form = Form { moves_v: page.variables.is_empty(), ..form };
    Some(model::fields(cx, &inner, page, form, false, &[])?.model)
}

/// `init.VARIABLE` and `init.RECEPTOR.VARIABLE`. `receptors` is `None` where they are wrong themselves.
fn initial(
    cx: &mut Context,
    section: &Section,
    neuron: &Page,
    receptors: Option<&[Receptor]>,
    form: Form,
) -> Option<Vec<(String, Value)>> {
    let Some(node) = section.node("init") else { return Some(Vec::new()) };
    let path = section.at("init");
    let table = cx.table(node, &path)?;
    let mut values = Some(Vec::new());
    let mut read = |cx: &mut Context, entry: &Entry, path: &str, name: String, dimension: Dimension, form: Form| {
        let accept = Accept::new(dimension, form, false);
        let value = value::value(cx, &entry.node, path, accept, Range::Finite.into(), &[]);
        match (value, &mut values) {
            (Some((value, _)), Some(list)) => list.push((name, value)),
            _ => values = None,
        }
    };
    let mut sound = true;
    for entry in &table.entries {
        let path = format!("{path}.{}", entry.key);
        if let Some(variable) = neuron.variables.iter().find(|v| v.name == entry.key) {
            read(cx, entry, &path, entry.key.clone(), variable.dimension, form);
            continue;
        }
        let Some(list) = receptors else { continue };
        let Some(receptor) = list.iter().find(|r| r.name == entry.key) else {
            let known: Vec<&str> =
                neuron.variables.iter().map(|v| v.name).chain(list.iter().map(|r| r.name.as_str())).collect();
            cx.unknown(entry, &path, "variable or receptor", &known);
            sound = false;
            continue;
        };
        let Some(inner) = cx.table(&entry.node, &path) else {
            sound = false;
            continue;
        };
        let page = receptor.model.page;
        let form = Form { moves_v: page.variables.is_empty(), ..form };
        for entry in &inner.entries {
            let path = format!("{path}.{}", entry.key);
            match page.variables.iter().find(|v| v.name == entry.key) {
                Some(v) => read(cx, entry, &path, format!("{}.{}", receptor.name, v.name), v.dimension, form),
                None => {
                    let known: Vec<&str> = page.variables.iter().map(|v| v.name).collect();
                    cx.unknown(entry, &path, "variable", &known);
                    sound = false;
                }
            }
        }
    }
    if sound { values } else { None }
}
