//! `[population.NAME]`: sizes, neurons, receptors and initial values.

use super::context::{Context, Section, list};
use super::keys;
use super::model;
use super::problem::nearest;
use super::tree::{Content, Entry, TomlTable};
use super::value::{self, Accept, Form};
use crate::plan::{Model, Population, Receptor, Value};
use lapicque_models::page::{Dimension, Page, Range, Role};
use std::collections::{HashMap, HashSet};

/// What is known of a declared population. Where its definition is wrong in one point, the rest still serves to check
/// what refers to it: that is how all problems of a file come at once.
#[derive(Default)]
pub(crate) struct Known {
    pub size: Option<u32>,
    pub neuron: Option<&'static Page>,
    capacitance: Option<bool>,
    /// Names and models of the receptors.
    pub receptors: Option<Vec<(String, Option<&'static Page>)>>,
    /// The whole, if all of it is right.
    resolved: Option<Population>,
}

/// The populations of a configuration: all that are declared, resolved or not.
#[derive(Default)]
pub(crate) struct Populations {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    known: Vec<Known>,
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

    /// The name of a population.
    pub fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    /// What is known of a population.
    pub fn get(&self, index: usize) -> Option<&Known> {
        self.known.get(index)
    }

    /// How the membrane, and the given receptor of it, are written.
    pub fn form(&self, population: Option<usize>, receptor: Option<usize>) -> Form {
        let Some(known) = population.and_then(|p| self.known.get(p)) else { return Form::default() };
        let page = receptor.and_then(|r| known.receptors.as_ref()?.get(r)?.1);
        Form { capacitance: known.capacitance, jumps: page.map(|page| page.variables.is_empty()) }
    }

    /// All populations, if every definition is right.
    pub fn into_list(self) -> Option<Vec<Population>> {
        self.known.into_iter().map(|known| known.resolved).collect()
    }
}

/// Read all populations.
pub(crate) fn resolve(cx: &mut Context, root: &TomlTable) -> Populations {
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
        let whole = cx.table(&entry.node, &path).and_then(|_| expand(cx, table, entry, &path));
        let own = match &entry.node.content {
            Content::Table(table) => table.node("size"),
            _ => None,
        };
        let known = whole.map_or_else(Known::default, |whole| population(cx, entry, &whole, &path));
        let size = u64::from(known.size.unwrap_or(0));
        if total <= u64::from(u32::MAX) && total + size > u64::from(u32::MAX) {
            let message = format!("with this population there are {} neurons; at most {} fit", total + size, u32::MAX);
            cx.report(
                own.map_or(entry.origin, |node| node.origin),
                &format!("{path}.size"),
                size.to_string(),
                message,
                None,
            );
        }
        total += size;
        populations.known.push(known);
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
fn expand(cx: &mut Context, all: &TomlTable, entry: &Entry, path: &str) -> Option<TomlTable> {
    let names: Vec<&str> = all.entries.iter().map(|e| e.key.as_str()).collect();
    let mut chain: Vec<TomlTable> = Vec::new();
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
    chain.into_iter().rev().reduce(TomlTable::merged)
}

fn population(cx: &mut Context, entry: &Entry, table: &TomlTable, path: &str) -> Known {
    let section = Section { path, table, origin: entry.origin, keys: keys::POPULATION };
    cx.check_keys(&section, &[]);
    let size = size(cx, &section);
    let membrane = membrane(cx, &section);
    let form = Form { capacitance: membrane.capacitance, jumps: None };
    let receptors = receptors(cx, &section, membrane.page, form);
    let initial = initial(cx, &section, membrane.page, receptors.as_deref(), form);
    let complete = receptors.as_ref().and_then(|list| {
        list.iter().map(|r| Some(Receptor { name: r.name.clone(), model: r.model.clone()? })).collect()
    });
    let resolved = match (size, membrane.model, complete, initial) {
        (Some(size), Some(neuron), Some(receptors), Some(initial)) => {
            Some(Population { name: entry.key.clone(), size, neuron, receptors, initial })
        }
        _ => None,
    };
    Known {
        size,
        neuron: membrane.page,
        capacitance: membrane.capacitance,
        receptors: receptors.map(|list| list.into_iter().map(|r| (r.name, r.page)).collect()),
        resolved,
    }
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

/// A membrane as far as it is right.
#[derive(Default)]
struct Membrane {
    page: Option<&'static Page>,
    capacitance: Option<bool>,
    model: Option<Model>,
}

fn membrane(cx: &mut Context, section: &Section) -> Membrane {
    let Some(node) = section.node("neuron") else {
        cx.missing(section, "neuron", "the membrane", "{ kind = \"…\" }");
        return Membrane::default();
    };
    let path = section.at("neuron");
    let Some(table) = cx.table(node, &path) else { return Membrane::default() };
    let inner = Section { path: &path, table, origin: node.origin, keys: &[] };
    let Some(page) = known_page(cx, &inner, Role::Membrane) else { return Membrane::default() };
    let capacitance = Some(model::has_capacitance(page, &inner));
    let read = model::fields(cx, &inner, page, Form { capacitance, jumps: None }, false, &[]);
    Membrane { page: Some(page), capacitance, model: read.map(|read| read.model) }
}

/// The page of a model's table, in which there may be nothing but its fields.
fn known_page(cx: &mut Context, section: &Section, role: Role) -> Option<&'static Page> {
    let page = model::page(cx, section, role)?;
    let known: Vec<&str> = std::iter::once("kind").chain(model::field_names(page)).collect();
    cx.check_keys(section, &known);
    Some(page)
}

/// A receptor as far as it is right.
struct ReceptorRead {
    name: String,
    page: Option<&'static Page>,
    model: Option<Model>,
}

fn receptors(cx: &mut Context, section: &Section, neuron: Option<&Page>, form: Form) -> Option<Vec<ReceptorRead>> {
    let Some(node) = section.node("receptor") else { return Some(Vec::new()) };
    let path = section.at("receptor");
    let table = cx.table(node, &path)?;
    let mut list = Vec::with_capacity(table.entries.len());
    for entry in &table.entries {
        let path = format!("{path}.{}", entry.key);
        check_name(cx, entry, &path, "a receptor");
        if neuron.is_some_and(|page| page.variables.iter().any(|v| v.name == entry.key)) {
            let message = format!("\"{}\" is already a variable of the neuron", entry.key);
            cx.report(entry.origin, &path, entry.key.clone(), message, Some("choose another name".to_string()));
        }
        let mut read = ReceptorRead { name: entry.key.clone(), page: None, model: None };
        if let Some(table) = cx.table(&entry.node, &path) {
            let inner = Section { path: &path, table, origin: entry.node.origin, keys: &[] };
            read.page = known_page(cx, &inner, Role::Receptor);
            if let Some(page) = read.page {
                let form = Form { jumps: Some(page.variables.is_empty()), ..form };
                read.model = model::fields(cx, &inner, page, form, false, &[]).map(|read| read.model);
            }
        }
        list.push(read);
    }
    Some(list)
}

/// `init.VARIABLE` and `init.RECEPTOR.VARIABLE`. `receptors` is `None` where they are wrong themselves.
fn initial(
    cx: &mut Context,
    section: &Section,
    neuron: Option<&Page>,
    receptors: Option<&[ReceptorRead]>,
    form: Form,
) -> Option<Vec<(String, Value)>> {
    let Some(node) = section.node("init") else { return Some(Vec::new()) };
    let path = section.at("init");
    let table = cx.table(node, &path)?;
    let neuron = neuron?;
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
        let Some(page) = receptor.page else { continue };
        let form = Form { jumps: Some(page.variables.is_empty()), ..form };
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
