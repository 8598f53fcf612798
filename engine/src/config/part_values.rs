//! Reads `per_source.X`, `per_target.X` and `per_pair.X`: a name X with one value per entry of `from`, per entry of
//! `to`, or per pair of entries.
//!
//! A table whose `from` and `to` are lists becomes one projection per pair of entries, or one input per entry of `to`.
//! The expressions of the table use X, whose value differs between these projections or inputs.

use super::context::{Context, Section};
use super::names::{RESERVED_NAMES, is_name};
use super::selection::PopulationPart;
use super::tree::{Content, Node};
use super::units::Quantity;

/// The names under `per_source`, `per_target` and `per_pair` of one table, with their values. A value is `None` where
/// it is wrong, which has been reported.
#[derive(Default)]
pub(crate) struct PartValues {
    /// One value per entry of `from`.
    per_source: Vec<(String, Vec<Option<Quantity>>)>,
    /// One value per entry of `to`.
    per_target: Vec<(String, Vec<Option<Quantity>>)>,
    /// One list per entry of `to`, with one value per entry of `from`.
    per_pair: Vec<(String, Vec<Vec<Option<Quantity>>>)>,
}

impl PartValues {
    /// The values of all names for entry `source` of `from` and entry `target` of `to`.
    pub fn local_names(&self, source: usize, target: usize) -> Vec<(String, Option<Quantity>)> {
        let vector = |list: &[(String, Vec<Option<Quantity>>)], at: usize| -> Vec<(String, Option<Quantity>)> {
            list.iter().map(|(name, values)| (name.clone(), values.get(at).copied().flatten())).collect()
        };
        let mut local_names = vector(&self.per_source, source);
        local_names.extend(vector(&self.per_target, target));
        local_names.extend(self.per_pair.iter().map(|(name, lists)| {
            (name.clone(), lists.get(target).and_then(|list| list.get(source)).copied().flatten())
        }));
        local_names
    }
}

/// The name `source_size` or `target_size` with its value, the number of selected neurons.
pub(crate) fn number_of_neurons(name: &str, part: Option<&PopulationPart>) -> (String, Option<Quantity>) {
    let number = part
        .and_then(|part| part.selection.as_ref())
        .map(|s| Quantity::number(f64::from(s.neurons.end - s.neurons.start)));
    (name.to_string(), number)
}

/// Reads the names of a table whose `from` has `sources` entries and whose `to` has `targets` entries. An input has no
/// `from`, and only `per_target`.
pub(crate) fn read(cx: &mut Context, section: &Section, sources: usize, targets: usize) -> PartValues {
    let mut part_values = PartValues::default();
    let has = |key: &str| section.keys.iter().any(|k| k.name == key);
    if has("per_source") {
        part_values.per_source = vectors(cx, section, "per_source", sources, "from");
    }
    if has("per_target") {
        part_values.per_target = vectors(cx, section, "per_target", targets, "to");
    }
    if has("per_pair") {
        part_values.per_pair = named(cx, section, "per_pair", |cx, node, path| {
            let lists = items(cx, node, path, targets, "lists", "to")?;
            Some(lists.iter().map(|list| quantities(cx, list, path, sources, "from")).collect())
        });
    }
    report_duplicates(cx, section, &part_values);
    part_values
}

/// Reports names that are defined twice or have a fixed meaning.
fn report_duplicates(cx: &mut Context, section: &Section, part_values: &PartValues) {
    let sources = part_values.per_source.iter().map(|(name, _)| ("per_source", name));
    let targets = part_values.per_target.iter().map(|(name, _)| ("per_target", name));
    let pairs = part_values.per_pair.iter().map(|(name, _)| ("per_pair", name));
    let mut taken: Vec<(&str, &str)> = RESERVED_NAMES.map(|(name, what)| (what, name)).to_vec();
    for (key, name) in sources.chain(targets).chain(pairs) {
        if let Some((by, _)) = taken.iter().find(|(_, other)| other == name) {
            let origin = section.node(key).map_or(section.origin, |node| node.origin);
            let message = format!("the name \"{name}\" is already taken ({by})");
            cx.report(
                origin,
                &section.path_of(&format!("{key}.{name}")),
                name.clone(),
                message,
                Some("choose another name".into()),
            );
        }
        taken.push((key, name));
    }
}

/// Reads the lists under `key`. Each needs `count` values, one per entry of the key `of`.
fn vectors(
    cx: &mut Context,
    section: &Section,
    key: &str,
    count: usize,
    of: &str,
) -> Vec<(String, Vec<Option<Quantity>>)> {
    named(cx, section, key, |cx, node, path| Some(quantities(cx, node, path, count, of)))
}

/// The names under `key`, each with the result of `read`, or with the default of `T` if `read` returns `None`.
fn named<T: Default>(
    cx: &mut Context,
    section: &Section,
    key: &str,
    read: impl Fn(&mut Context, &Node, &str) -> Option<T>,
) -> Vec<(String, T)> {
    let Some(node) = section.node(key) else { return Vec::new() };
    let path = section.path_of(key);
    let Some(table) = cx.table(node, &path) else { return Vec::new() };
    let mut list = Vec::with_capacity(table.entries.len());
    for entry in &table.entries {
        let path = format!("{path}.{}", entry.key);
        if !is_name(&entry.key) {
            let message = format!("\"{}\" cannot be used as a name in expressions", entry.key.escape_debug());
            let remedy = "use letters, digits and _, and begin with a letter or _".to_string();
            cx.report(entry.origin, &path, entry.key.clone(), message, Some(remedy));
        }
        let value = read(cx, &entry.node, &path).unwrap_or_default();
        list.push((entry.key.clone(), value));
    }
    list
}

/// The items of a list that must have `count` items, one per entry of the key `of`. `what` names the items in messages.
fn items<'n>(cx: &mut Context, node: &'n Node, path: &str, count: usize, what: &str, of: &str) -> Option<&'n [Node]> {
    let Content::List(items) = &node.content else {
        let message = format!("{} is {}; a list of {count} {what} is needed", node.show(), node.noun());
        cx.report_value(node, path, message, Some(format!("give one for each entry of \"{of}\"")));
        return None;
    };
    // `count` is 0 only if the key `of` is wrong, which has been reported.
    if items.len() != count && count > 0 {
        let message = format!("{} {what} are given; {count} are needed", items.len());
        cx.report_value(node, path, message, Some(format!("give one for each entry of \"{of}\"")));
        return None;
    }
    Some(items)
}

/// Reads a list of `count` quantities.
fn quantities(cx: &mut Context, node: &Node, path: &str, count: usize, of: &str) -> Vec<Option<Quantity>> {
    let Some(items) = items(cx, node, path, count, "values", of) else { return Vec::new() };
    items.iter().map(|item| cx.quantity(item, path, &[])).collect()
}
