//! Reads `[parameters]`: named quantities. A parameter may refer to parameters before and after it in the file.

use super::context::Context;
use super::expression::Expression;
use super::names::{RESERVED_NAMES, is_name};
use super::tree::{Content, Entry, Node, TomlTable};
use std::collections::BTreeMap;

/// Computes all parameters and stores them in `cx.parameters`. A circle of references is reported once.
pub(crate) fn resolve(cx: &mut Context, root: &TomlTable) {
    let Some(node) = root.node("parameters") else { return };
    let Some(table) = cx.table(node, "parameters") else { return };
    let mut waiting: BTreeMap<&str, (&Node, Vec<String>)> = BTreeMap::new();
    for entry in &table.entries {
        let path = path(entry);
        if !is_name(&entry.key) {
            let message = format!("\"{}\" cannot be the name of a parameter", entry.key.escape_debug());
            let remedy = "use letters, digits and _, and begin with a letter or _".to_string();
            cx.report(entry.origin, &path, entry.key.clone(), message, Some(remedy));
            continue;
        }
        if let Some((name, what)) = RESERVED_NAMES.iter().find(|(name, _)| *name == entry.key) {
            let message = format!("the name \"{name}\" is already taken ({what})");
            cx.report(entry.origin, &path, entry.key.clone(), message, Some("choose another name".to_string()));
            continue;
        }
        waiting.insert(&entry.key, (&entry.node, names_in(&entry.node)));
    }
    // Enter every name without a value first: a parameter in a circle never gets a value, and an expression that uses
    // it must not report its name as unknown.
    for name in waiting.keys() {
        cx.parameters.insert((*name).to_string(), None);
    }
    while !waiting.is_empty() {
        let ready: Vec<&str> = waiting
            .iter()
            .filter(|(_, (_, needs))| !needs.iter().any(|name| waiting.contains_key(name.as_str())))
            .map(|(name, _)| *name)
            .collect();
        if ready.is_empty() {
            report_cycle(cx, &mut waiting);
        }
        for name in ready {
            if let Some((node, _)) = waiting.remove(name) {
                let value = cx.quantity(node, &format!("parameters.{name}"), &[]);
                cx.parameters.insert(name.to_string(), value);
            }
        }
    }
}

fn path(entry: &Entry) -> String {
    format!("parameters.{}", entry.key)
}

/// The names that the expression in `node` uses; none if it is not an expression.
fn names_in(node: &Node) -> Vec<String> {
    let Content::Text(text) = &node.content else { return Vec::new() };
    let Some(body) = text.trim_start().strip_prefix('=') else { return Vec::new() };
    match Expression::parse(body) {
        Ok(expression) => expression.names().into_iter().map(str::to_string).collect(),
        Err(_) => Vec::new(), // The error is reported when the expression is computed.
    }
}

/// Reports one circle of references and removes its members from `waiting`, so that they stay without a value. To be
/// called when every parameter in `waiting` needs a parameter in `waiting`.
fn report_cycle(cx: &mut Context, waiting: &mut BTreeMap<&str, (&Node, Vec<String>)>) {
    let mut walk: Vec<&str> = Vec::new();
    let mut current = waiting.keys().next().copied();
    while let Some(name) = current {
        if let Some(at) = walk.iter().position(|n| *n == name) {
            walk.drain(..at);
            break;
        }
        walk.push(name);
        current = waiting
            .get(name)
            .and_then(|(_, needs)| needs.iter().find_map(|n| waiting.get_key_value(n.as_str())))
            .map(|(name, _)| *name);
    }
    if let Some((first, (node, _))) = walk.first().and_then(|name| waiting.get_key_value(name)) {
        let message = format!("parameters refer to each other in a circle: {} → {first}", walk.join(" → "));
        cx.report_value(
            node,
            &format!("parameters.{first}"),
            message,
            Some("give one of them a value that needs none of the others".to_string()),
        );
    }
    for name in walk {
        waiting.remove(name);
    }
}
