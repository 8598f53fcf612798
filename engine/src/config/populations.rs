//! Reads `[population.NAME]`: size, neuron model, receptors and initial values.

use super::context::{Context, Section, list};
use super::keys;
use super::model;
use super::problem::nearest;
use super::tree::{Content, Entry, TomlTable};
use super::value::{self, AcceptedUnits, TargetForm};
use crate::plan::{Model, Population, Receptor, Value};
use lapicque_models::page::{Dimension, Page, Range, Role};
use std::collections::{HashMap, HashSet};

/// A population of the file. A field is `None` where its definition is wrong, which has been reported. The other fields
/// are still used to check the inputs, projections and records that name the population.
#[derive(Default)]
pub(crate) struct DeclaredPopulation {
    pub size: Option<u32>,
    /// The neuron model.
    pub neuron: Option<&'static Page>,
    has_capacitance: Option<bool>,
    /// Names and models of the receptors.
    pub receptors: Option<Vec<(String, Option<&'static Page>)>>,
    /// The population of the plan, if the whole definition is right.
    resolved: Option<Population>,
}

/// All populations of the file, also those with errors.
#[derive(Default)]
pub(crate) struct DeclaredPopulations {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    list: Vec<DeclaredPopulation>,
}

impl DeclaredPopulations {
    /// The index of a population; `None` if the file has no population of this name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The names of all populations.
    pub fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// The name of a population.
    pub fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    /// The population with this index.
    pub fn get(&self, index: usize) -> Option<&DeclaredPopulation> {
        self.list.get(index)
    }

    /// The properties of a membrane and of one of its receptors that decide which units are accepted.
    pub fn target_form(&self, population: Option<usize>, receptor: Option<usize>) -> TargetForm {
        let Some(declared) = population.and_then(|p| self.list.get(p)) else { return TargetForm::default() };
        let page = receptor.and_then(|r| declared.receptors.as_ref()?.get(r)?.1);
        TargetForm {
            has_capacitance: declared.has_capacitance,
            makes_v_jump: page.map(|page| page.variables.is_empty()),
        }
    }

    /// The populations of the plan, if all definitions are right.
    pub fn into_list(self) -> Option<Vec<Population>> {
        self.list.into_iter().map(|declared| declared.resolved).collect()
    }
}

/// Reads all populations.
pub(crate) fn resolve(cx: &mut Context, root: &TomlTable) -> DeclaredPopulations {
    let mut populations = DeclaredPopulations::default();
    let Some(node) = root.node("population") else {
        let message = "there is no population".to_string();
        let remedy = "add a table [population.NAME] with size and neuron".to_string();
        cx.report(super::tree::Origin::TOP, "population", String::new(), message, Some(remedy));
        return populations;
    };
    let Some(table) = cx.table(node, "population") else { return populations };
    if table.entries.is_empty() {
        let remedy = Some("add a table [population.NAME] with size and neuron".to_string());
        cx.report_value(node, "population", "there is no population", remedy);
    }
    for entry in &table.entries {
        populations.by_name.insert(entry.key.clone(), populations.names.len());
        populations.names.push(entry.key.clone());
    }
    let mut total: u64 = 0;
    for entry in &table.entries {
        let path = format!("population.{}", entry.key);
        check_name(cx, entry, &path, "a population");
        let full_definition = cx.table(&entry.node, &path).and_then(|_| resolve_like(cx, table, entry, &path));
        let size_node = match &entry.node.content {
            Content::Table(table) => table.node("size"),
            _ => None,
        };
        let declared =
            full_definition.map_or_else(DeclaredPopulation::default, |table| population(cx, entry, &table, &path));
        let size = u64::from(declared.size.unwrap_or(0));
        if total <= u64::from(u32::MAX) && total + size > u64::from(u32::MAX) {
            let message = format!(
                "with this population the network has {} neurons; at most {} are possible",
                total + size,
                u32::MAX
            );
            cx.report(
                size_node.map_or(entry.origin, |node| node.origin),
                &format!("{path}.size"),
                size.to_string(),
                message,
                None,
            );
        }
        total += size;
        populations.list.push(declared);
    }
    populations
}

/// Checks the name of a population, receptor, input or projection. Names become parts of paths in messages and in the
/// output file.
pub(crate) fn check_name(cx: &mut Context, entry: &Entry, path: &str, what: &str) {
    let allowed = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if entry.key.is_empty() || entry.key.len() > 200 || !entry.key.chars().all(allowed) {
        let message = format!("\"{}\" cannot be the name of {what}", entry.key.escape_debug());
        let remedy = "use up to 200 letters, digits, _ and -".to_string();
        cx.report(entry.origin, path, entry.key.clone(), message, Some(remedy));
    }
}

/// The full definition of a population: its own keys, and the other keys of the population named by `like`, which may
/// itself be `like` another.
fn resolve_like(cx: &mut Context, all: &TomlTable, entry: &Entry, path: &str) -> Option<TomlTable> {
    let names: Vec<&str> = all.entries.iter().map(|e| e.key.as_str()).collect();
    let mut chain: Vec<TomlTable> = Vec::new();
    let mut visited: Vec<&str> = vec![&entry.key];
    let mut seen: HashSet<&str> = HashSet::from([entry.key.as_str()]);
    let mut current = entry;
    loop {
        let Content::Table(table) = &current.node.content else { return None };
        let mut without_like = table.clone();
        without_like.remove("like");
        chain.push(without_like);
        let Some(node) = table.node("like") else { break };
        let like_path = format!("population.{}.like", current.key);
        let Content::Text(name) = &node.content else {
            cx.text(node, &like_path, "the name of a population");
            return None;
        };
        let Some(next) = all.get(name) else {
            let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
            cx.report_value(node, &like_path, format!("unknown population {}; {}", node.show(), list(&names)), remedy);
            return None;
        };
        visited.push(&next.key);
        if !seen.insert(&next.key) {
            // Report the circle only for its members, not for a population that only leads into it.
            if next.key == entry.key {
                let message = format!("populations are like each other in a circle: {}", visited.join(" → "));
                cx.report_value(node, path, message, Some("define one of them in full".to_string()));
            }
            return None;
        }
        current = next;
    }
    chain.into_iter().rev().reduce(TomlTable::merged)
}

/// Reads one population from its full definition.
fn population(cx: &mut Context, entry: &Entry, table: &TomlTable, path: &str) -> DeclaredPopulation {
    let section = Section { path, table, origin: entry.origin, keys: keys::POPULATION };
    cx.check_keys(&section, &[]);
    let size = size(cx, &section);
    let membrane = membrane(cx, &section);
    let form = TargetForm { has_capacitance: membrane.has_capacitance, makes_v_jump: None };
    let receptors = receptors(cx, &section, membrane.page, form);
    let initial = initial(cx, &section, membrane.page, receptors.as_deref(), form);
    let complete_receptors = receptors.as_ref().and_then(|list| {
        list.iter().map(|r| Some(Receptor { name: r.name.clone(), model: r.model.clone()? })).collect()
    });
    let resolved = match (size, membrane.model, complete_receptors, initial) {
        (Some(size), Some(neuron), Some(receptors), Some(initial)) => {
            Some(Population { name: entry.key.clone(), size, neuron, receptors, initial })
        }
        _ => None,
    };
    DeclaredPopulation {
        size,
        neuron: membrane.page,
        has_capacitance: membrane.has_capacitance,
        receptors: receptors.map(|list| list.into_iter().map(|r| (r.name, r.page)).collect()),
        resolved,
    }
}

fn size(cx: &mut Context, section: &Section) -> Option<u32> {
    let Some(node) = section.node("size") else {
        cx.report_missing(section, "size", "the number of neurons", "1000");
        return None;
    };
    let path = section.path_of("size");
    let size = cx.whole_number(node, &path, &[])?;
    if size == 0 {
        cx.report_value(node, &path, "the population is empty; at least 1 neuron is needed", None);
        return None;
    }
    let size_u32 = u32::try_from(size).ok();
    if size_u32.is_none() {
        cx.report_value(node, &path, format!("{size} neurons are too many; at most {} are possible", u32::MAX), None);
    }
    size_u32
}

/// A neuron model as read; fields are `None` where the definition is wrong.
#[derive(Default)]
struct ParsedMembrane {
    page: Option<&'static Page>,
    has_capacitance: Option<bool>,
    model: Option<Model>,
}

fn membrane(cx: &mut Context, section: &Section) -> ParsedMembrane {
    let Some(node) = section.node("neuron") else {
        cx.report_missing(section, "neuron", "the neuron model", "{ kind = \"…\" }");
        return ParsedMembrane::default();
    };
    let path = section.path_of("neuron");
    let Some(table) = cx.table(node, &path) else { return ParsedMembrane::default() };
    let inner = Section { path: &path, table, origin: node.origin, keys: &[] };
    let Some(page) = page_and_check_keys(cx, &inner, Role::Membrane) else { return ParsedMembrane::default() };
    let has_capacitance = Some(model::has_capacitance(page, &inner));
    let read = model::fields(cx, &inner, page, TargetForm { has_capacitance, makes_v_jump: None }, false, &[]);
    ParsedMembrane { page: Some(page), has_capacitance, model: read.map(|read| read.model) }
}

/// The page of the model that `kind` names. Reports every other key that is not a field of this model.
fn page_and_check_keys(cx: &mut Context, section: &Section, role: Role) -> Option<&'static Page> {
    let page = model::page(cx, section, role)?;
    let known: Vec<&str> = std::iter::once("kind").chain(model::field_names(page)).collect();
    cx.check_keys(section, &known);
    Some(page)
}

/// A receptor as read; fields are `None` where the definition is wrong.
struct ParsedReceptor {
    name: String,
    page: Option<&'static Page>,
    model: Option<Model>,
}

fn receptors(
    cx: &mut Context,
    section: &Section,
    neuron: Option<&Page>,
    form: TargetForm,
) -> Option<Vec<ParsedReceptor>> {
    let Some(node) = section.node("receptor") else { return Some(Vec::new()) };
    let path = section.path_of("receptor");
    let table = cx.table(node, &path)?;
    let mut list = Vec::with_capacity(table.entries.len());
    for entry in &table.entries {
        let path = format!("{path}.{}", entry.key);
        check_name(cx, entry, &path, "a receptor");
        if neuron.is_some_and(|page| page.variables.iter().any(|v| v.name == entry.key)) {
            let message = format!("\"{}\" is already a variable of the neuron", entry.key);
            cx.report(entry.origin, &path, entry.key.clone(), message, Some("choose another name".to_string()));
        }
        let mut receptor = ParsedReceptor { name: entry.key.clone(), page: None, model: None };
        if let Some(table) = cx.table(&entry.node, &path) {
            let inner = Section { path: &path, table, origin: entry.node.origin, keys: &[] };
            receptor.page = page_and_check_keys(cx, &inner, Role::Receptor);
            if let Some(page) = receptor.page {
                let form = TargetForm { makes_v_jump: Some(page.variables.is_empty()), ..form };
                receptor.model = model::fields(cx, &inner, page, form, false, &[]).map(|read| read.model);
            }
        }
        list.push(receptor);
    }
    Some(list)
}

/// Reads the initial values `init.VARIABLE` and `init.RECEPTOR.VARIABLE`. `receptors` is `None` where the definition of
/// the receptors is wrong, which has been reported.
fn initial(
    cx: &mut Context,
    section: &Section,
    neuron: Option<&Page>,
    receptors: Option<&[ParsedReceptor]>,
    form: TargetForm,
) -> Option<Vec<(String, Value)>> {
    let Some(node) = section.node("init") else { return Some(Vec::new()) };
    let path = section.path_of("init");
    let table = cx.table(node, &path)?;
    let neuron = neuron?;
    let mut values = Some(Vec::new());
    let mut read_value =
        |cx: &mut Context, entry: &Entry, path: &str, name: String, dimension: Dimension, form: TargetForm| {
            let units = AcceptedUnits::new(dimension, form, false);
            let value = value::value(cx, &entry.node, path, units, Range::Finite.into(), &[]);
            match (value, &mut values) {
                (Some((value, _)), Some(list)) => list.push((name, value)),
                _ => values = None,
            }
        };
    let mut all_valid = true;
    for entry in &table.entries {
        let path = format!("{path}.{}", entry.key);
        if let Some(variable) = neuron.variables.iter().find(|v| v.name == entry.key) {
            read_value(cx, entry, &path, entry.key.clone(), variable.dimension, form);
            continue;
        }
        let Some(list) = receptors else { continue };
        let Some(receptor) = list.iter().find(|r| r.name == entry.key) else {
            let known: Vec<&str> =
                neuron.variables.iter().map(|v| v.name).chain(list.iter().map(|r| r.name.as_str())).collect();
            cx.report_unknown(entry, &path, "variable or receptor", &known);
            all_valid = false;
            continue;
        };
        let Some(inner) = cx.table(&entry.node, &path) else {
            all_valid = false;
            continue;
        };
        let Some(page) = receptor.page else { continue };
        let form = TargetForm { makes_v_jump: Some(page.variables.is_empty()), ..form };
        for entry in &inner.entries {
            let path = format!("{path}.{}", entry.key);
            match page.variables.iter().find(|v| v.name == entry.key) {
                Some(v) => read_value(cx, entry, &path, format!("{}.{}", receptor.name, v.name), v.dimension, form),
                None => {
                    let known: Vec<&str> = page.variables.iter().map(|v| v.name).collect();
                    cx.report_unknown(entry, &path, "variable", &known);
                    all_valid = false;
                }
            }
        }
    }
    if all_valid { values } else { None }
}
