//! What every part of the resolver shares: the collected problems, the parameters, and the reading of single values.
//!
//! Readers return `None` after reporting what is wrong, and the resolver goes on with the next key: that is how all
//! problems of a file are found at once.

use super::expression::{Expression, Meaning, Names};
use super::keys::{self, Key, Presence, Takes};
use super::problem::{Place, Problem, nearest};
use super::tree::{Content, Entry, Node, Origin, Sources, TomlTable};
use super::units::{self, Quantity};
use lapicque_models::page::{Dimension, Page};
use std::collections::{BTreeMap, HashSet};

/// Names bound inside one table: `source_size`, `per_target.X`, …
pub(crate) type Locals = [(String, Option<Quantity>)];

/// The state of a resolution.
pub(crate) struct Context<'a> {
    pub sources: &'a Sources,
    pub models: &'a [&'static Page],
    /// `[parameters]`; `None` where the definition is wrong, which has been reported.
    pub parameters: BTreeMap<String, Option<Quantity>>,
    problems: Vec<(Origin, Problem)>,
    seen: HashSet<(Origin, String)>,
}

/// A table of the file that is being read, with its path.
#[derive(Clone, Copy)]
pub(crate) struct Section<'n> {
    pub path: &'n str,
    pub table: &'n TomlTable,
    /// Where the table begins: the place of what is missing in it.
    pub origin: Origin,
    pub keys: &'static [Key],
}

impl<'n> Section<'n> {
    /// The path of a key.
    pub fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    pub fn node(&self, key: &str) -> Option<&'n Node> {
        self.table.node(key)
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

struct Scope<'s> {
    parameters: &'s BTreeMap<String, Option<Quantity>>,
    locals: &'s Locals,
}

impl Names for Scope<'_> {
    fn meaning(&self, name: &str) -> Meaning {
        let local = self.locals.iter().find(|(local, _)| local == name).map(|(_, quantity)| quantity);
        match local.or_else(|| self.parameters.get(name)) {
            Some(Some(quantity)) => Meaning::Known(*quantity),
            Some(None) => Meaning::Broken,
            None => Meaning::Unknown,
        }
    }

    fn all(&self) -> Vec<String> {
        self.locals.iter().map(|(name, _)| name).chain(self.parameters.keys()).cloned().collect()
    }
}

impl<'a> Context<'a> {
    pub fn new(sources: &'a Sources, models: &'a [&'static Page]) -> Self {
        Context { sources, models, parameters: BTreeMap::new(), problems: Vec::new(), seen: HashSet::new() }
    }

    /// Report a problem. The same place is blamed once per key: a table that is expanded for many pairs, or shared by
    /// several populations, reports a mistake once.
    pub fn report(&mut self, origin: Origin, path: &str, given: String, message: String, remedy: Option<String>) {
        let by_path = self.seen.insert((origin, path.to_string()));
        let by_message = self.seen.insert((origin, format!("\n{message}")));
        if by_path && by_message {
            let place = self.sources.place(origin);
            self.problems.push((origin, Problem { place, path: path.to_string(), given, message, remedy }));
        }
    }

    /// Report a wrong value.
    pub fn wrong(&mut self, node: &Node, path: &str, message: impl Into<String>, remedy: Option<String>) {
        self.report(node.origin, path, node.show(), message.into(), remedy);
    }

    /// Report a key that is not known in its table.
    pub fn unknown(&mut self, entry: &Entry, path: &str, what: &str, known: &[&str]) {
        let remedy = nearest(&entry.key, known.iter().copied()).map(|name| format!("did you mean {name}?"));
        let message = format!("unknown {what} \"{}\"; {}", entry.key.escape_debug(), list(known));
        self.report(entry.origin, path, entry.key.clone(), message, remedy);
    }

    /// Report a key that is missing from a table.
    pub fn missing(&mut self, section: &Section, key: &str, doc: &str, example: &str) {
        // A slip in a key that was reported is what is missing.
        let slip = |entry: &Entry| {
            nearest(&entry.key, [key]).is_some() && self.problems.iter().any(|(origin, _)| *origin == entry.origin)
        };
        if section.table.entries.iter().any(slip) {
            return;
        }
        let message = format!("{key} is missing: {}", doc.trim_end_matches('.'));
        let remedy = (!example.is_empty()).then(|| format!("write {key} = {example}"));
        self.report(section.origin, &section.at(key), String::new(), message, remedy);
    }

    /// Everything reported, in the order of the files.
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|(origin, _)| *origin);
        self.problems.into_iter().map(|(_, problem)| problem).collect()
    }

    /// Whether anything was reported.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The table in `node`.
    pub fn table<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n TomlTable> {
        match &node.content {
            Content::Table(table) => Some(table),
            _ => {
                self.wrong(node, path, format!("{} is {}; a table is needed", node.show(), node.noun()), None);
                None
            }
        }
    }

    /// Report keys of `section` that are neither its own nor among `more`.
    pub fn check_keys(&mut self, section: &Section, more: &[&str]) {
        let known: Vec<&str> = keys::names(section.keys).chain(more.iter().copied()).collect();
        for entry in section.table.entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
            self.unknown(entry, &section.at(&entry.key), "key", &known);
        }
    }

    /// The text in `node`.
    pub fn text<'n>(&mut self, node: &'n Node, path: &str, what: &str) -> Option<&'n str> {
        match &node.content {
            Content::Text(text) => Some(text),
            _ => {
                self.wrong(node, path, format!("{} is {}; {what} is needed", node.show(), node.noun()), None);
                None
            }
        }
    }

    /// A flag of a section, by the list of keys.
    pub fn flag(&mut self, section: &Section, name: &str) -> Option<bool> {
        let Some(node) = section.node(name) else {
            return Some(section.key(name).is_some_and(|key| key.presence == Presence::Default("true")));
        };
        match node.content {
            Content::Flag(flag) => Some(flag),
            _ => {
                let message = format!("{} is {}; true or false is needed", node.show(), node.noun());
                self.wrong(node, &section.at(name), message, None);
                None
            }
        }
    }

    /// A quantity of a section, its dimension, range and default by the list of keys; `Some(None)` where it is
    /// optional and left out.
    pub fn scalar(&mut self, section: &Section, name: &str) -> Option<Option<f64>> {
        let key = section.key(name)?;
        let Takes::Quantity(dimension, range) = key.takes else { return None };
        let Some(node) = section.node(name) else {
            return match key.presence {
                Presence::Optional => Some(None),
                Presence::Default(text) => units::parse(text).ok()?.in_engine_unit(dimension).map(Some),
                Presence::Required => {
                    self.missing(section, name, key.doc, &format!("\"1 {}\"", dimension.unit()));
                    None
                }
            };
        };
        let path = section.at(name);
        let quantity = self.quantity(node, &path, &[])?;
        let value = self.convert(node, &path, quantity, &[dimension], dimension.noun())?.0;
        if !range.contains(value) {
            let message = format!("{} is out of range; {} is needed", node.show(), range.words());
            self.wrong(node, &path, message, None);
            return None;
        }
        Some(Some(value))
    }

    /// A whole number of a section; `Some(None)` where it is left out and has no default.
    pub fn count(&mut self, section: &Section, name: &str) -> Option<Option<u64>> {
        match (section.node(name), section.key(name).map(|key| key.presence)) {
            (Some(node), _) => self.whole(node, &section.at(name), &[]).map(Some),
            (None, Some(Presence::Default(text))) => Some(text.parse().ok()),
            (None, _) => Some(None),
        }
    }

    /// The quantity in `node`: a number, a string with a unit, or an expression.
    pub fn quantity(&mut self, node: &Node, path: &str, locals: &Locals) -> Option<Quantity> {
        let quantity = match &node.content {
            Content::Integer(i) => Quantity::number(*i as f64),
            Content::Float(x) => Quantity::number(*x),
            Content::Text(text) => match text.trim_start().strip_prefix('=') {
                Some(body) => return self.expression(node, path, body, locals),
                None => match units::parse(text) {
                    Ok(quantity) => quantity,
                    Err(words) => {
                        self.wrong(node, path, format!("{}: {words}", node.show()), None);
                        return None;
                    }
                },
            },
            _ => {
                let message = format!("{} is {}; a quantity such as \"20 ms\" is needed", node.show(), node.noun());
                self.wrong(node, path, message, None);
                return None;
            }
        };
        if !quantity.is_finite() {
            self.wrong(node, path, format!("{} is not a finite number", node.show()), None);
            return None;
        }
        Some(quantity)
    }

    fn expression(&mut self, node: &Node, path: &str, body: &str, locals: &Locals) -> Option<Quantity> {
        let scope = Scope { parameters: &self.parameters, locals };
        match Expression::parse(body).and_then(|expression| expression.value(&scope)) {
            Ok(quantity) => Some(quantity),
            Err(fault) => {
                self.fault(node, path, body, &fault);
                None
            }
        }
    }

    /// Report a fault in the expression `body` of `node`, at its place in the string.
    pub fn fault(&mut self, node: &Node, path: &str, body: &str, fault: &super::expression::Fault) {
        if fault.reported {
            return;
        }
        let mut origin = node.origin;
        if let Origin::File { file, start, end } = node.origin
            && let Some(source) = self.sources.files.get(file)
            && let Some(written) = source.text.get(start..end)
            && let Some(at) = written.find(body)
        {
            let begin = (start + at + fault.span.start).min(end);
            origin = Origin::File { file, start: begin, end: (start + at + fault.span.end).clamp(begin, end) };
        }
        let column = body.get(..fault.span.start).map_or(0, |before| before.chars().count()) + 2;
        let message = format!("{} (character {column} of {})", fault.message, node.show());
        self.report(origin, path, node.show(), message, fault.remedy.clone());
    }

    /// `quantity` in the engine's unit of the first of `accepted` that fits, and which it was.
    pub fn convert(
        &mut self,
        node: &Node,
        path: &str,
        quantity: Quantity,
        accepted: &[Dimension],
        noun: &str,
    ) -> Option<(f64, Dimension)> {
        let found = accepted.iter().find_map(|&d| Some((quantity.in_engine_unit(d)?, d)));
        if let Some((value, dimension)) = found {
            if value.is_finite() {
                return Some((value, dimension));
            }
            let message = format!("{} is too large: not finite in {}", node.show(), dimension.unit());
            self.wrong(node, path, message, None);
            return None;
        }
        let units: Vec<&str> = accepted.iter().map(|&d| units::examples(d)).collect();
        let is_expression = matches!(&node.content, Content::Text(text) if text.trim_start().starts_with('='));
        let given = node.show();
        let message = match quantity.powers.is_none() {
            true if !is_expression => format!("{given} has no unit; {noun} is needed ({})", units.join(", ")),
            _ => format!("{given} is {}; {noun} is needed ({})", quantity.powers.noun(), units.join(", ")),
        };
        let remedy = match accepted.first() {
            Some(dimension) if quantity.powers.is_none() && !is_expression => {
                Some(format!("write \"{} {}\"", units::show(quantity.at(0)), dimension.unit()))
            }
            _ => None,
        };
        self.wrong(node, path, message, remedy);
        None
    }

    /// A number without unit.
    pub fn number(&mut self, node: &Node, path: &str, locals: &Locals) -> Option<f64> {
        let quantity = self.quantity(node, path, locals)?;
        Some(self.convert(node, path, quantity, &[Dimension::One], Dimension::One.noun())?.0)
    }

    /// A whole number from 0 to 2⁶⁴ − 1: an integer, or an expression with a whole result (up to rounding).
    pub fn whole(&mut self, node: &Node, path: &str, locals: &Locals) -> Option<u64> {
        if let Content::Integer(i) = node.content {
            let value = u64::try_from(i).ok();
            if value.is_none() {
                let message = format!("{i} is out of range; a whole number from 0 to {} is needed", u64::MAX);
                self.wrong(node, path, message, None);
            }
            return value;
        }
        let value = self.number(node, path, locals)?;
        let nearest = value.round();
        let shown = units::show(value);
        if value < 0.0 || nearest > 9e15 {
            let message = format!("{} is {shown}, out of range; a whole number from 0 to 9e15 is needed", node.show());
            self.wrong(node, path, message, None);
            return None;
        }
        if (value - nearest).abs() > 1e-9 * nearest.max(1.0) {
            let message = format!("{} is {shown}; a whole number is needed", node.show());
            self.wrong(node, path, message, Some("use round(), floor() or ceil() in an expression".to_string()));
            return None;
        }
        Some(nearest as u64)
    }

    /// `time` (ms) in steps of `dt`; a whole number of them is needed. A `dt` of NaN stands for one that is wrong.
    pub fn steps(&mut self, node: Option<&Node>, section: &Section, key: &str, time: f64, dt: f64) -> Option<u64> {
        if dt.is_nan() {
            return None; // dt itself is wrong, which was reported
        }
        let ratio = time / dt;
        let nearest = ratio.round();
        let origin = node.map_or(section.origin, |node| node.origin);
        let given = node.map_or(format!("{} ms", units::show(time)), Node::show);
        let (message, remedy) = if ratio.is_nan() || nearest > 9e15 {
            (format!("{given} is {} steps of dt: more than 9e15", units::show(nearest)), None)
        } else if (ratio - nearest).abs() > (ratio * 1e-12).max(1e-6) {
            let near = units::show((nearest.max(1.0) * dt * 1e9).round() / 1e9);
            (
                format!(
                    "{given} is {} steps; a whole multiple of dt = {} ms is needed",
                    units::show((ratio * 1e6).round() / 1e6),
                    units::show(dt)
                ),
                Some(format!("the nearest is {near} ms")),
            )
        } else {
            return Some(nearest as u64);
        };
        self.report(origin, &section.at(key), given, message, remedy);
        None
    }
}

/// "known are a, b, c"
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => "there are none".to_string(),
        [one] => format!("only {one} is known"),
        _ => format!("known are {}", names.join(", ")),
    }
}

impl Sources {
    /// The place of an origin, for people.
    pub fn place(&self, origin: Origin) -> Place {
        let (file, start, end) = match origin {
            Origin::Override(index) => return Place::Override(self.overrides.get(index).cloned().unwrap_or_default()),
            Origin::File { file, start, end } => (file, start, end),
        };
        let Some(source) = self.files.get(file) else { return Place::Whole(String::new()) };
        let text = source.text.as_str();
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(start), floor(end));
        let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let stop = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line_text = text[begin..stop].trim_end_matches('\r');
        let width = text[start..end.clamp(start, stop)].trim_end().chars().count().max(1);
        Place::File {
            name: source.name.clone(),
            line: text[..begin].matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            text: line_text.to_string(),
            width,
        }
    }
}
