//! Parts of populations, wherever a file names them: "E", { population = "E", neurons = "0..100" }, or a list of these.

use super::context::{Context, Section, list};
use super::keys;
use super::populations::Populations;
use super::problem::nearest;
use super::tree::{Content, Node, Table};
use crate::plan::Selection;
use std::ops::Range;

/// One part, and where it was named. The selection is `None` where the population's own definition is wrong, which has
/// been reported there.
#[derive(Clone, Debug)]
pub(crate) struct Part<'n> {
    pub node: &'n Node,
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
    let selection = match &node.content {
        Content::Text(name) => whole(cx, populations, node, path, name),
        Content::Table(table) => table_part(cx, populations, node, table, path),
        _ => {
            let message = format!("{} is {}; the name of a population is needed", node.show(), node.noun());
            let remedy = "or { population = \"NAME\", neurons = \"0..100\" }, or a list of these".to_string();
            cx.wrong(node, path, message, Some(remedy));
            None
        }
    };
    Part { node, selection }
}

fn table_part(
    cx: &mut Context,
    populations: &Populations,
    node: &Node,
    table: &Table,
    path: &str,
) -> Option<Selection> {
    let section = Section { path, table, origin: node.origin, keys: keys::SELECTION };
    cx.check_keys(&section, &[]);
    of_section(cx, populations, &section)
}

/// The part that the keys `population` and `neurons` of a table name.
pub(crate) fn of_section(cx: &mut Context, populations: &Populations, section: &Section) -> Option<Selection> {
    let Some(name_node) = section.node("population") else {
        cx.missing(section, "population", "the name of a population", "\"NAME\"");
        return None;
    };
    let path = section.at("population");
    let name = cx.text(name_node, &path, "the name of a population")?;
    let all = whole(cx, populations, name_node, &path, name);
    let Some(node) = section.node("neurons") else { return all };
    let path = section.at("neurons");
    let text = cx.text(node, &path, "a range of neurons such as \"0..100\"")?;
    let size = all.as_ref().map(|s| s.neurons.end);
    match range(text, size.unwrap_or(u32::MAX)) {
        Ok(neurons) => all.map(|s| Selection { neurons, ..s }),
        Err(message) => {
            let has = size.map(|n| format!("\"{name}\" has neurons 0..{n} (half-open: the last one is {})", n - 1));
            cx.wrong(node, &path, format!("{}: {message}", node.show()), has);
            None
        }
    }
}

/// The whole population called `name`.
fn whole(cx: &mut Context, populations: &Populations, node: &Node, path: &str, name: &str) -> Option<Selection> {
    let Some(index) = populations.index(name) else {
        let names = populations.names();
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        cx.wrong(node, path, format!("unknown population \"{}\"; {}", name.escape_debug(), list(&names)), remedy);
        return None;
    };
    populations.get(index).map(|p| Selection { population: index, neurons: 0..p.size })
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
pub(crate) fn receptor(cx: &mut Context, populations: &Populations, section: &Section, target: usize) -> Option<usize> {
    let population = populations.get(target)?;
    let names: Vec<&str> = population.receptors.iter().map(|r| r.name.as_str()).collect();
    let path = section.at("receptor");
    let owner = &population.name;
    let Some(node) = section.node("receptor") else {
        return match names.len() {
            1 => Some(0),
            0 => {
                let message = format!("population \"{owner}\" has no receptor");
                let remedy = format!("add receptor.NAME = {{ kind = \"…\" }} to [population.{owner}]");
                cx.report(section.origin, &path, String::new(), message, Some(remedy));
                None
            }
            _ => {
                let message = format!("population \"{owner}\" has several receptors: {}", names.join(", "));
                cx.report(section.origin, &path, String::new(), message, Some("name one as receptor = \"…\"".into()));
                None
            }
        };
    };
    let name = cx.text(node, &path, "the name of a receptor")?;
    let found = names.iter().position(|n| *n == name);
    if found.is_none() {
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        let message = format!("population \"{owner}\" has no receptor {}; {}", node.show(), list(&names));
        cx.wrong(node, &path, message, remedy);
    }
    found
}
