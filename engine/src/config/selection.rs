//! Parts of populations, wherever a file names them: "E", { population = "E", neurons = "0..100" }, or a list of these.

use super::context::{Context, Section, list};
use super::keys;
use super::populations::Populations;
use super::problem::nearest;
use super::tree::{Content, Node, TomlTable};
use crate::plan::Selection;
use std::ops::Range;

/// One part, and where it was named.
#[derive(Clone, Debug)]
pub(crate) struct Part<'n> {
    pub node: &'n Node,
    /// Which population; `None` where there is none of this name, which was reported.
    pub population: Option<usize>,
    /// The part itself; `None` where it, or the size of the population, is wrong, which was reported.
    pub selection: Option<Selection>,
}

/// Read one part or a list of them; parts that are wrong are reported and left out as `None` selections.
pub(crate) fn parts<'n>(cx: &mut Context, populations: &Populations, node: &'n Node, path: &str) -> Vec<Part<'n>> {
    match &node.content {
        Content::List(items) => {
            if items.is_empty() {
                cx.wrong(node, path, "the list is empty; at least one population is needed", None);
            }
            items.iter().map(|item| part(cx, populations, item, path)).collect()
        }
        _ => vec![part(cx, populations, node, path)],
    }
}

fn part<'n>(cx: &mut Context, populations: &Populations, node: &'n Node, path: &str) -> Part<'n> {
    let (population, selection) = match &node.content {
        Content::Text(name) => whole(cx, populations, node, path, name),
        Content::Table(table) => table_part(cx, populations, node, table, path),
        _ => {
            let message = format!("{} is {}; the name of a population is needed", node.show(), node.noun());
            let remedy = "or { population = \"NAME\", neurons = \"0..100\" }, or a list of these".to_string();
            cx.wrong(node, path, message, Some(remedy));
            (None, None)
        }
    };
    Part { node, population, selection }
}

fn table_part(cx: &mut Context, populations: &Populations, node: &Node, table: &TomlTable, path: &str) -> Found {
    let section = Section { path, table, origin: node.origin, keys: keys::SELECTION };
    cx.check_keys(&section, &[]);
    of_section(cx, populations, &section)
}

/// A population by index and the part of it, each as far as it is right.
type Found = (Option<usize>, Option<Selection>);

/// The part that the keys `population` and `neurons` of a table name.
pub(crate) fn of_section(cx: &mut Context, populations: &Populations, section: &Section) -> Found {
    let Some(name_node) = section.node("population") else {
        cx.missing(section, "population", "the name of a population", "\"NAME\"");
        return (None, None);
    };
    let path = section.at("population");
    let Some(name) = cx.text(name_node, &path, "the name of a population") else { return (None, None) };
    let (population, all) = whole(cx, populations, name_node, &path, name);
    let Some(node) = section.node("neurons") else { return (population, all) };
    let path = section.at("neurons");
    let Some(text) = cx.text(node, &path, "a range of neurons such as \"0..100\"") else { return (population, None) };
    let size = all.as_ref().map(|s| s.neurons.end);
    match range(text, size.unwrap_or(u32::MAX)) {
        Ok(neurons) => (population, all.map(|s| Selection { neurons, ..s })),
        Err(message) => {
            let has = size.map(|n| format!("\"{name}\" has neurons 0..{n} (half-open: the last one is {})", n - 1));
            cx.wrong(node, &path, format!("{}: {message}", node.show()), has);
            (population, None)
        }
    }
}

/// The whole population called `name`.
fn whole(cx: &mut Context, populations: &Populations, node: &Node, path: &str, name: &str) -> Found {
    let Some(index) = populations.index(name) else {
        let names = populations.names();
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        cx.wrong(node, path, format!("unknown population \"{}\"; {}", name.escape_debug(), list(&names)), remedy);
        return (None, None);
    };
    let size = populations.get(index).and_then(|known| known.size);
    (Some(index), size.map(|size| Selection { population: index, neurons: 0..size }))
}

/// Read "a..b", "a..", "..b" within 0..size.
fn range(text: &str, size: u32) -> Result<Range<u32>, String> {
    let shape = || "a range such as \"0..100\" is needed".to_string();
    let (low, high) = text.split_once("..").ok_or_else(shape)?;
    let bound = |text: &str, open: u32| match text.trim() {
        "" => Ok(open),
        digits => digits.parse::<u32>().map_err(|_| shape()),
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

/// The receptor of `target` that `section` names, or the only one it has.
pub(crate) fn receptor(
    cx: &mut Context,
    populations: &Populations,
    section: &Section,
    target: Option<usize>,
) -> Option<usize> {
    let path = section.at("receptor");
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
                "name one as receptor = \"…\"".to_string(),
            ),
        };
        cx.report(section.origin, &path, String::new(), message, Some(remedy));
        return None;
    };
    let found = names.iter().position(|n| *n == name);
    if found.is_none() {
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        let message = format!("population \"{owner}\" has no receptor {}; {}", node.show(), list(&names));
        cx.wrong(node, &path, message, remedy);
    }
    found
}
