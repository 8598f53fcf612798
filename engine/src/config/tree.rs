//! A TOML file as an owned tree in which every key and every value knows where it was written.
//!
//! Order is that of the file. Merging (a file over its `base`, a population over the one it is `like`) and overrides
//! keep origins, so a message always points at the text that has to be changed. Nothing here knows what a key means.

use super::keys;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Where a key or value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    /// Bytes of a file, by its index in [`Sources::files`].
    File { file: usize, start: usize, end: usize },
    /// The override of this index in [`Sources::overrides`].
    Override(usize),
}

impl Origin {
    /// The beginning of the first file: the place of what is missing altogether.
    pub const TOP: Origin = Origin::File { file: 0, start: 0, end: 0 };

    fn new(file: usize, span: Range<usize>) -> Self {
        Origin::File { file, start: span.start, end: span.end }
    }
}

/// A text that origins point into.
#[derive(Clone, Debug)]
pub(crate) struct FileText {
    pub name: String,
    pub text: String,
}

/// All texts of a configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub files: Vec<FileText>,
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
    /// A date or time of day; no key takes one.
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

    /// Take an entry out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|e| e.key == key)?;
        Some(self.entries.remove(at))
    }

    /// This table with `over` laid over it: tables are merged, anything else is replaced. A table that says which of
    /// several alternatives it is (another `kind`, another distribution, another rule) is replaced as a whole.
    pub fn merged(mut self, over: TomlTable) -> TomlTable {
        for entry in over.entries {
            let Some(at) = self.entries.iter().position(|e| e.key == entry.key) else {
                self.entries.push(entry);
                continue;
            };
            let below = &mut self.entries[at];
            below.origin = entry.origin;
            match (&mut below.node.content, entry.node.content) {
                (Content::Table(lower), Content::Table(upper)) if !lower.is_replaced_by(&upper) => {
                    *lower = std::mem::take(lower).merged(upper);
                    below.node.origin = entry.node.origin;
                }
                (_, content) => below.node = Node { origin: entry.node.origin, content },
            }
        }
        self
    }

    fn is_replaced_by(&self, over: &TomlTable) -> bool {
        let kind = |t: &TomlTable| match t.node("kind").map(|n| &n.content) {
            Some(Content::Text(kind)) => Some(kind.clone()),
            _ => None,
        };
        let other_kind = kind(over).is_some_and(|k| kind(self).is_some_and(|own| own != k));
        let names_one = |e: &Entry| keys::is_alternative(&e.key) && !matches!(e.node.content, Content::Table(_));
        other_kind || over.entries.iter().any(names_one)
    }
}

impl Node {
    /// The value as it could have been written, shortened for messages.
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

    /// The kind of value in words.
    pub fn noun(&self) -> &'static str {
        match self.content {
            Content::Text(_) => "a string",
            Content::Integer(_) | Content::Float(_) => "a number",
            Content::Flag(_) => "true or false",
            Content::Date(_) => "a date",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
        }
    }
}

/// A text that is not TOML: the place and the words.
pub(crate) struct SyntaxError {
    pub origin: Origin,
    pub message: String,
}

/// Keys nested deeper than this are refused before they are parsed: both the parser and this tree recurse. (The parser
/// itself limits brackets, not dots.)
const DEEPEST: usize = 500;

/// Parse file `file` of `sources`.
pub(crate) fn parse_file(sources: &Sources, file: usize) -> Result<TomlTable, SyntaxError> {
    let text = sources.files[file].text.as_str();
    if let Some(at) = too_deep(text) {
        let origin = Origin::new(file, at..at + 1);
        return Err(SyntaxError { origin, message: format!("keys are nested deeper than {DEEPEST} levels") });
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

/// The byte at which a dotted key gets too deep, if one does: a run of key characters with too many dots.
fn too_deep(text: &str) -> Option<usize> {
    let mut dots = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'.' => dots += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b' ' | b'\t' | b'"' | b'\'' => {}
            _ => dots = 0,
        }
        if dots > DEEPEST {
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
    entries.sort_by_key(|e| e.origin); // the parser's map is sorted by name; we want the order of the file
    TomlTable { entries }
}

fn node_of(value: &DeValue<'_>, span: Range<usize>, origin: &dyn Fn(Range<usize>) -> Origin) -> Node {
    let content = match value {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Integer(digits) => match i128::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(integer) => Content::Integer(integer),
            // Too long for any key that takes a whole number: as a float it is still found to be too large.
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

/// Lay override `index` of `sources` over `root`.
pub(crate) fn apply_override(root: &mut TomlTable, sources: &Sources, index: usize) -> Result<(), SyntaxError> {
    let origin = Origin::Override(index);
    let refuse = |message: String| SyntaxError { origin, message };
    let text = sources.overrides[index].as_str();
    let (path, value) = split_override(text)
        .ok_or_else(|| refuse("an override is written path=value, as in --set parameters.g=6".to_string()))?;
    if path.len() > DEEPEST || path.iter().any(|segment| segment.is_empty()) {
        return Err(refuse("the path has an empty part; write it as in population.I.neuron.tau_m".to_string()));
    }
    let node = match (too_deep(value), DeValue::parse(value)) {
        (None, Ok(parsed)) => node_of(parsed.get_ref(), 0..0, &|_| origin),
        _ => Node { origin, content: Content::Text(value.to_string()) },
    };
    insert(root, &path, node, origin).map_err(refuse)
}

/// Split `a."b.c".d=value` into its parts.
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

/// `record.traces.0.every`: a list's items are counted from 0.
fn insert_into_list(items: &mut [Node], path: &[String], node: Node, origin: Origin) -> Result<(), String> {
    let Some((index, rest)) = path.split_first() else { return Ok(()) };
    let count = items.len();
    let item = index
        .parse::<usize>()
        .ok()
        .and_then(|i| items.get_mut(i))
        .ok_or_else(|| format!("\"{index}\" is no item of this list of {count}, counted from 0"))?;
    if rest.is_empty() {
        *item = node;
        return Ok(());
    }
    match &mut item.content {
        Content::Table(table) => insert(table, rest, node, origin),
        Content::List(inner) => insert_into_list(inner, rest, node, origin),
        _ => Err(format!("item {index} is a value, not a table")),
    }
}
