//! A TOML file as a tree. Every key and every value of the tree keeps its origin: the place where it was written.
//!
//! Keys stay in the order of the file. Trees are merged (a file with its `base`, a population with the one named by
//! `like`) and overrides are applied. Both keep the origins, so a message points at the text that has to be changed.
//! The meaning of the keys is checked in other files.

use super::keys;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Where a key or value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    /// Bytes of a file, by its index in [`ConfigTexts::files`].
    File { file: usize, start: usize, end: usize },
    /// The override of this index in [`ConfigTexts::overrides`].
    Override(usize),
}

impl Origin {
    /// The beginning of the first file: the place to report a missing table.
    pub const TOP: Origin = Origin::File { file: 0, start: 0, end: 0 };

    fn new(file: usize, span: Range<usize>) -> Self {
        Origin::File { file, start: span.start, end: span.end }
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub(crate) struct FileText {
    /// The file's name, as messages show it.
    pub name: String,
    pub text: String,
}

/// Everything the user wrote: the texts that [`Origin`] points into.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigTexts {
    /// The configuration file, then its base, then the base of that file, and so on.
    pub files: Vec<FileText>,
    /// The `path=value` arguments.
    pub overrides: Vec<String>,
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub origin: Origin,
    pub content: Content,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Text(String),
    Integer(i128),
    Float(f64),
    Flag(bool),
    /// A date or time of day. No key accepts one.
    Date(String),
    List(Vec<Node>),
    Table(TomlTable),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    /// Where the key was written.
    pub origin: Origin,
    pub node: Node,
}

/// A table, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct TomlTable {
    pub entries: Vec<Entry>,
}

impl TomlTable {
    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key == key)
    }

    /// The value of a key.
    pub fn node(&self, key: &str) -> Option<&Node> {
        self.get(key).map(|e| &e.node)
    }

    /// Removes the entry of a key and returns it.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|e| e.key == key)?;
        Some(self.entries.remove(at))
    }

    /// Merges `over` into this table; `over` wins. A table is merged key by key, any other value is replaced.
    ///
    /// A table is replaced as a whole where its old keys make no sense any more: if `over` has another `kind`, or names
    /// a distribution or a connection rule.
    pub fn merged(mut self, over: TomlTable) -> TomlTable {
        for entry in over.entries {
            let Some(at) = self.entries.iter().position(|e| e.key == entry.key) else {
                self.entries.push(entry);
                continue;
            };
            let old = &mut self.entries[at];
            old.origin = entry.origin;
            match (&mut old.node.content, entry.node.content) {
                (Content::Table(base), Content::Table(over)) if !base.is_replaced_by(&over) => {
                    *base = std::mem::take(base).merged(over);
                    old.node.origin = entry.node.origin;
                }
                (_, content) => old.node = Node { origin: entry.node.origin, content },
            }
        }
        self
    }

    /// Whether `over` is an alternative to this table instead of a change of some of its keys.
    fn is_replaced_by(&self, over: &TomlTable) -> bool {
        let kind = |table: &TomlTable| match table.node("kind").map(|n| &n.content) {
            Some(Content::Text(kind)) => Some(kind.clone()),
            _ => None,
        };
        let other_kind = kind(over).is_some_and(|new| kind(self).is_some_and(|old| old != new));
        let names_alternative =
            |e: &Entry| keys::is_alternative(&e.key) && !matches!(e.node.content, Content::Table(_));
        other_kind || over.entries.iter().any(names_alternative)
    }
}

impl Node {
    /// The value in TOML, cut to 60 characters for messages.
    pub fn show(&self) -> String {
        const LONGEST: usize = 60;
        let mut text = String::new();
        self.write(&mut text, LONGEST);
        if text.chars().count() > LONGEST {
            text = text.chars().take(LONGEST).chain(std::iter::once('…')).collect();
        }
        text
    }

    fn write(&self, out: &mut String, longest: usize) {
        if out.len() > longest {
            return;
        }
        match &self.content {
            Content::Text(text) => out.push_str(&format!("\"{}\"", text.escape_debug())),
            Content::Integer(i) => out.push_str(&i.to_string()),
            Content::Float(x) => out.push_str(&super::units::show(*x)),
            Content::Flag(b) => out.push_str(&b.to_string()),
            Content::Date(d) => out.push_str(d),
            Content::List(nodes) => {
                out.push('[');
                for (i, node) in nodes.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    node.write(out, longest);
                }
                out.push(']');
            }
            Content::Table(table) => {
                out.push_str("{ ");
                for (i, entry) in table.entries.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    out.push_str(&format!("{} = ", entry.key));
                    entry.node.write(out, longest);
                }
                out.push_str(" }");
            }
        }
    }

    /// The type of the value in words, for messages.
    pub fn noun(&self) -> &'static str {
        match self.content {
            Content::Text(_) => "a string",
            Content::Integer(_) | Content::Float(_) => "a number",
            Content::Flag(_) => "a boolean",
            Content::Date(_) => "a date",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
        }
    }
}

/// An error in a file that is not valid TOML, or in an override.
pub(crate) struct SyntaxError {
    pub origin: Origin,
    pub message: String,
}

/// Maximum number of levels of a dotted key (`a.b.c`). A deeper key is refused before parsing, because the parser and
/// the functions here recurse and would overflow the stack. The parser limits nested brackets, but not dots.
const MAX_DEPTH: usize = 500;

/// Parses the file with index `file` in `texts`.
pub(crate) fn parse_file(texts: &ConfigTexts, file: usize) -> Result<TomlTable, SyntaxError> {
    let text = texts.files[file].text.as_str();
    if let Some(at) = too_deep(text) {
        let origin = Origin::new(file, at..at + 1);
        return Err(SyntaxError { origin, message: format!("keys are nested deeper than {MAX_DEPTH} levels") });
    }
    match DeTable::parse(text) {
        Ok(table) => Ok(table_of(table.get_ref(), &|span| Origin::new(file, span))),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let message = match error.message() {
                "duplicate key" => {
                    "duplicate name: this key is already given in its table; rename or remove one".to_string()
                }
                words => format!("not valid TOML: {words}"),
            };
            Err(SyntaxError { origin: Origin::new(file, span), message })
        }
    }
}

/// The byte at which a dotted key exceeds [`MAX_DEPTH`], if there is one. Counts the dots in each run of characters
/// that can stand in a dotted key.
fn too_deep(text: &str) -> Option<usize> {
    let mut dots = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'.' => dots += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b' ' | b'\t' | b'"' | b'\'' => {}
            _ => dots = 0,
        }
        if dots > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}

fn table_of(table: &DeTable<'_>, origin: &dyn Fn(Range<usize>) -> Origin) -> TomlTable {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            origin: origin(key.span()),
            node: node_of(value.get_ref(), value.span(), origin),
        })
        .collect();
    entries.sort_by_key(|e| e.origin); // The parser sorts by name; restore the order of the file.
    TomlTable { entries }
}

fn node_of(value: &DeValue<'_>, span: Range<usize>, origin: &dyn Fn(Range<usize>) -> Origin) -> Node {
    let content = match value {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Integer(digits) => match i128::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(integer) => Content::Integer(integer),
            // No key accepts an integer that exceeds 128 bits. As a float it is refused with "out of range".
            Err(_) => Content::Float(digits.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(digits) => Content::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Content::Flag(*flag),
        DeValue::Datetime(date) => Content::Date(date.to_string()),
        DeValue::Array(list) => {
            Content::List(list.iter().map(|item| node_of(item.get_ref(), item.span(), origin)).collect())
        }
        DeValue::Table(table) => Content::Table(table_of(table, origin)),
    };
    Node { origin: origin(span), content }
}

/// Applies the override with index `index` in `texts` to `root`. A value that is not valid TOML is taken as a string,
/// so that `14 mV` needs no quotes.
pub(crate) fn apply_override(root: &mut TomlTable, texts: &ConfigTexts, index: usize) -> Result<(), SyntaxError> {
    let origin = Origin::Override(index);
    let refuse = |message: String| SyntaxError { origin, message };
    let text = texts.overrides[index].as_str();
    let (path, value) = split_override(text)
        .ok_or_else(|| refuse("an override is written path=value, as in --set parameters.g=6".to_string()))?;
    if path.len() > MAX_DEPTH || path.iter().any(|key| key.is_empty()) {
        return Err(refuse(
            "the path has an empty part or too many parts; write it as in population.I.neuron.tau_m".to_string(),
        ));
    }
    let node = match (too_deep(value), DeValue::parse(value)) {
        (None, Ok(parsed)) => node_of(parsed.get_ref(), 0..0, &|_| origin),
        _ => Node { origin, content: Content::Text(value.to_string()) },
    };
    insert(root, &path, node, origin).map_err(refuse)
}

/// Splits `a."b.c".d=value` into the keys a, b.c, d and the text `value`; `None` where there is no `=`.
fn split_override(text: &str) -> Option<(Vec<String>, &str)> {
    let mut path = vec![String::new()];
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '=') => return Some((path, text[at + 1..].trim())),
            (None, '.') => path.push(String::new()),
            (None, c) if c.is_whitespace() => {}
            _ => path.last_mut()?.push(c),
        }
    }
    None
}

/// Sets the value of the key at `path`. Creates the tables of the path that are missing.
fn insert(mut table: &mut TomlTable, path: &[String], node: Node, origin: Origin) -> Result<(), String> {
    let Some((key, parents)) = path.split_last() else { return Ok(()) };
    for (depth, parent) in parents.iter().enumerate() {
        let at = match table.entries.iter().position(|e| e.key == *parent) {
            Some(at) => at,
            None => {
                let node = Node { origin, content: Content::Table(TomlTable::default()) };
                table.entries.push(Entry { key: parent.clone(), origin, node });
                table.entries.len() - 1
            }
        };
        table = match &mut table.entries[at].node.content {
            Content::Table(inner) => inner,
            Content::List(items) => return insert_into_list(items, &path[depth + 1..], node, origin),
            _ => return Err(format!("{} is a value, not a table: it has no key {key}", path[..=depth].join("."))),
        };
    }
    match table.entries.iter_mut().find(|e| e.key == *key) {
        Some(entry) => (entry.origin, entry.node) = (origin, node),
        None => table.entries.push(Entry { key: key.clone(), origin, node }),
    }
    Ok(())
}

/// The same as [`insert`] for a path through a list, such as `record.traces.0.every`. Items are numbered from 0.
fn insert_into_list(items: &mut [Node], path: &[String], node: Node, origin: Origin) -> Result<(), String> {
    let Some((index, rest)) = path.split_first() else { return Ok(()) };
    let count = items.len();
    let item = index
        .parse::<usize>()
        .ok()
        .and_then(|i| items.get_mut(i))
        .ok_or_else(|| format!("\"{index}\" is no item of this list of {count}; items are numbered from 0"))?;
    if rest.is_empty() {
        *item = node;
        return Ok(());
    }
    match &mut item.content {
        Content::Table(table) => insert(table, rest, node, origin),
        Content::List(inner) => insert_into_list(inner, rest, node, origin),
        _ => Err(format!("item {index} is a value, not a table: it has no key {}", rest.join("."))),
    }
}
