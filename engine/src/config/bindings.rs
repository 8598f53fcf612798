//! `per_source.X`, `per_target.X` and `per_pair.X`: names that stand for another value at each part or pair of a table
//! that is expanded, so that one table replaces sixty.

use super::context::{Context, Section};
use super::names::{RESERVED, is_name};
use super::selection::Part;
use super::tree::{Content, Node};
use super::units::Quantity;

/// The bound names of one table.
#[derive(Default)]
pub(crate) struct Bindings {
    per_source: Vec<(String, Vec<Option<Quantity>>)>,
    per_target: Vec<(String, Vec<Option<Quantity>>)>,
    /// Rows are targets.
    per_pair: Vec<(String, Vec<Vec<Option<Quantity>>>)>,
}

impl Bindings {
    /// What the names stand for at a pair. A value that is wrong was reported and stands for nothing.
    pub fn locals(&self, source: usize, target: usize) -> Vec<(String, Option<Quantity>)> {
        let vector = |list: &[(String, Vec<Option<Quantity>>)], at: usize| -> Vec<(String, Option<Quantity>)> {
            list.iter().map(|(name, values)| (name.clone(), values.get(at).copied().flatten())).collect()
        };
        let mut locals = vector(&self.per_source, source);
        locals.extend(vector(&self.per_target, target));
        locals.extend(
            self.per_pair.iter().map(|(name, rows)| {
                (name.clone(), rows.get(target).and_then(|row| row.get(source)).copied().flatten())
            }),
        );
        locals
    }
}

/// The name bound to the number of neurons of a part.
pub(crate) fn size(name: &str, part: Option<&Part>) -> (String, Option<Quantity>) {
    let size = part
        .and_then(|part| part.selection.as_ref())
        .map(|s| Quantity::number(f64::from(s.neurons.end - s.neurons.start)));
    (name.to_string(), size)
}

/// Read the bindings of a table with so many sources and targets; a key its section does not have is not looked at.
pub(crate) fn read(cx: &mut Context, section: &Section, sources: usize, targets: usize) -> Bindings {
    let mut bindings = Bindings::default();
    let has = |key: &str| section.keys.iter().any(|k| k.name == key);
    if has("per_source") {
        bindings.per_source = vectors(cx, section, "per_source", sources, "from");
    }
    if has("per_target") {
        bindings.per_target = vectors(cx, section, "per_target", targets, "to");
    }
    if has("per_pair") {
        bindings.per_pair = named(cx, section, "per_pair", |cx, node, path| {
            let rows = items(cx, node, path, targets, "rows", "to")?;
            Some(rows.iter().map(|row| quantities(cx, row, path, sources, "from")).collect())
        });
    }
    refuse_twice(cx, section, &bindings);
    bindings
}

/// Reports names that are bound twice, or have a meaning already.
fn refuse_twice(cx: &mut Context, section: &Section, bindings: &Bindings) {
    let sources = bindings.per_source.iter().map(|(name, _)| ("per_source", name));
    let targets = bindings.per_target.iter().map(|(name, _)| ("per_target", name));
    let pairs = bindings.per_pair.iter().map(|(name, _)| ("per_pair", name));
    let mut bound: Vec<(&str, &str)> = RESERVED.map(|(name, what)| (what, name)).to_vec();
    for (key, name) in sources.chain(targets).chain(pairs) {
        if let Some((other, _)) = bound.iter().find(|(_, one)| one == name) {
            let origin = section.node(key).map_or(section.origin, |node| node.origin);
            let message = format!("\"{name}\" is {other} already");
            cx.report(
                origin,
                &section.at(&format!("{key}.{name}")),
                name.clone(),
                message,
                Some("give it another name".into()),
            );
        }
        bound.push((key, name));
    }
}

fn vectors(
    cx: &mut Context,
    section: &Section,
    key: &str,
    count: usize,
    of: &str,
) -> Vec<(String, Vec<Option<Quantity>>)> {
    named(cx, section, key, |cx, node, path| Some(quantities(cx, node, path, count, of)))
}

/// The names below `key`, each with what `read` makes of it; names that are wrong stand for nothing.
fn named<T: Default>(
    cx: &mut Context,
    section: &Section,
    key: &str,
    read: impl Fn(&mut Context, &Node, &str) -> Option<T>,
) -> Vec<(String, T)> {
    let Some(node) = section.node(key) else { return Vec::new() };
    let path = section.at(key);
    let Some(table) = cx.table(node, &path) else { return Vec::new() };
    let mut list = Vec::with_capacity(table.entries.len());
    for entry in &table.entries {
        let path = format!("{path}.{}", entry.key);
        if !is_name(&entry.key) {
            let message = format!("\"{}\" cannot be used in an expression", entry.key.escape_debug());
            let remedy = "such a name has letters, digits and _, and begins with a letter".to_string();
            cx.report(entry.origin, &path, entry.key.clone(), message, Some(remedy));
        }
        let value = read(cx, &entry.node, &path).unwrap_or_default();
        list.push((entry.key.clone(), value));
    }
    list
}

fn items<'n>(cx: &mut Context, node: &'n Node, path: &str, count: usize, what: &str, of: &str) -> Option<&'n [Node]> {
    let Content::List(items) = &node.content else {
        let message = format!("{} is {}; a list of {count} {what} is needed", node.show(), node.noun());
        cx.wrong(node, path, message, Some(format!("one for each part of \"{of}\"")));
        return None;
    };
    // Without a single part the list of parts itself is wrong, which was reported.
    if items.len() != count && count > 0 {
        let message = format!("{} {what} are given; {count} are needed", items.len());
        cx.wrong(node, path, message, Some(format!("one for each part of \"{of}\"")));
        return None;
    }
    Some(items)
}

fn quantities(cx: &mut Context, node: &Node, path: &str, count: usize, of: &str) -> Vec<Option<Quantity>> {
    let Some(items) = items(cx, node, path, count, "values", of) else { return Vec::new() };
    items.iter().map(|item| cx.quantity(item, path, &[])).collect()
}
