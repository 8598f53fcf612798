//! Reads the neurons that a key selects: a population ("E"), a part of one ({ population = "E", neurons = "0..100" }),
//! or a list of these.

use super::context::{Context, Section, list};
use super::keys;
use super::populations::DeclaredPopulations;
use super::problem::nearest;
use super::tree::{Content, Node, TomlTable};
use crate::plan::Selection;
use std::ops::Range;

/// A population or a part of one, as named in the file.
#[derive(Clone, Debug)]
pub(crate) struct PopulationPart<'n> {
    /// The value that names it.
    pub node: &'n Node,
    /// Index of the population; `None` if there is no population of this name, which has been reported.
    pub population: Option<usize>,
    /// The selected neurons; `None` if the range of neurons or the size of the population is wrong, which has been
    /// reported.
    pub selection: Option<Selection>,
}

/// Reads a population or part, or a list of these. A wrong entry is reported; its fields are then `None`.
pub(crate) fn parts<'n>(
    cx: &mut Context,
    populations: &DeclaredPopulations,
    node: &'n Node,
    path: &str,
) -> Vec<PopulationPart<'n>> {
    match &node.content {
        Content::List(items) => {
            if items.is_empty() {
                cx.report_value(node, path, "the list is empty; at least one population is needed", None);
            }
            items.iter().map(|item| part(cx, populations, item, path)).collect()
        }
        _ => vec![part(cx, populations, node, path)],
    }
}

fn part<'n>(cx: &mut Context, populations: &DeclaredPopulations, node: &'n Node, path: &str) -> PopulationPart<'n> {
    let (population, selection) = match &node.content {
        Content::Text(name) => whole_population(cx, populations, node, path, name),
        Content::Table(table) => part_in_table(cx, populations, node, table, path),
        _ => {
            let message = format!("{} is {}; the name of a population is needed", node.show(), node.noun());
            let remedy =
                "write \"NAME\", { population = \"NAME\", neurons = \"0..100\" }, or a list of these".to_string();
            cx.report_value(node, path, message, Some(remedy));
            (None, None)
        }
    };
    PopulationPart { node, population, selection }
}

fn part_in_table(
    cx: &mut Context,
    populations: &DeclaredPopulations,
    node: &Node,
    table: &TomlTable,
    path: &str,
) -> PopulationAndSelection {
    let section = Section { path, table, origin: node.origin, keys: keys::SELECTION };
    cx.check_keys(&section, &[]);
    read_section(cx, populations, &section)
}

/// The index of a population and the selected neurons; each is `None` where it is wrong, which has been reported.
type PopulationAndSelection = (Option<usize>, Option<Selection>);

/// Reads the keys `population` and `neurons` of a table.
pub(crate) fn read_section(
    cx: &mut Context,
    populations: &DeclaredPopulations,
    section: &Section,
) -> PopulationAndSelection {
    let Some(name_node) = section.node("population") else {
        cx.report_missing(section, "population", "the name of a population", "\"NAME\"");
        return (None, None);
    };
    let path = section.path_of("population");
    let Some(name) = cx.text(name_node, &path, "the name of a population") else { return (None, None) };
    let (population, all) = whole_population(cx, populations, name_node, &path, name);
    let Some(node) = section.node("neurons") else { return (population, all) };
    let path = section.path_of("neurons");
    let Some(text) = cx.text(node, &path, "a range of neurons such as \"0..100\"") else { return (population, None) };
    let size = all.as_ref().map(|s| s.neurons.end);
    match range(text, size.unwrap_or(u32::MAX)) {
        Ok(neurons) => (population, all.map(|s| Selection { neurons, ..s })),
        Err(message) => {
            let remedy =
                size.map(|n| format!("\"{name}\" has neurons 0..{n} (half-open: the last neuron is {})", n - 1));
            cx.report_value(node, &path, format!("{}: {message}", node.show()), remedy);
            (population, None)
        }
    }
}

/// All neurons of the population called `name`.
fn whole_population(
    cx: &mut Context,
    populations: &DeclaredPopulations,
    node: &Node,
    path: &str,
    name: &str,
) -> PopulationAndSelection {
    let Some(index) = populations.index(name) else {
        let names = populations.names();
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        cx.report_value(
            node,
            path,
            format!("unknown population \"{}\"; {}", name.escape_debug(), list(&names)),
            remedy,
        );
        return (None, None);
    };
    let size = populations.get(index).and_then(|population| population.size);
    (Some(index), size.map(|size| Selection { population: index, neurons: 0..size }))
}

/// Parses "a..b", "a.." or "..b" as a range within 0..size.
fn range(text: &str, size: u32) -> Result<Range<u32>, String> {
    let not_a_range = || "a range such as \"0..100\" is needed".to_string();
    let (low, high) = text.split_once("..").ok_or_else(not_a_range)?;
    let bound = |text: &str, if_absent: u32| match text.trim() {
        "" => Ok(if_absent),
        digits => digits.parse::<u32>().map_err(|_| not_a_range()),
    };
    let (low, high) = (bound(low, 0)?, bound(high, size)?);
    if low >= high {
        return Err("the range is empty".to_string());
    }
    if high > size {
        return Err("the range goes beyond the population".to_string());
    }
    Ok(low..high)
}

/// The index of the receptor in the population `target`: the receptor named by the key `receptor`, or the only receptor
/// if the key is left out.
pub(crate) fn receptor(
    cx: &mut Context,
    populations: &DeclaredPopulations,
    section: &Section,
    target: Option<usize>,
) -> Option<usize> {
    let path = section.path_of("receptor");
    let given = match section.node("receptor") {
        Some(node) => Some((node, cx.text(node, &path, "the name of a receptor")?)),
        None => None,
    };
    let receptors = populations.get(target?)?.receptors.as_ref()?;
    let names: Vec<&str> = receptors.iter().map(|(name, _)| name.as_str()).collect();
    let owner = populations.name(target?);
    let Some((node, name)) = given else {
        let (message, remedy) = match names.len() {
            1 => return Some(0),
            0 => (
                format!("population \"{owner}\" has no receptor"),
                format!("add receptor.NAME = {{ kind = \"…\" }} to [population.{owner}]"),
            ),
            _ => (
                format!("population \"{owner}\" has several receptors: {}", names.join(", ")),
                "name one of them with receptor = \"…\"".to_string(),
            ),
        };
        cx.report(section.origin, &path, String::new(), message, Some(remedy));
        return None;
    };
    let found = names.iter().position(|n| *n == name);
    if found.is_none() {
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        let message = format!("population \"{owner}\" has no receptor {}; {}", node.show(), list(&names));
        cx.report_value(node, &path, message, remedy);
    }
    found
}
