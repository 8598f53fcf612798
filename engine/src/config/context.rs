//! The state of resolving a configuration ([`Context`]): the problems found so far and the values of `[parameters]`.
//! Its methods read single values.
//!
//! A method that finds a wrong value reports the problem and returns `None`. The caller then goes on with the next key,
//! so that one run finds all problems of a file.

use super::expression::{Expression, ExpressionError, LookupResult, NameLookup};
use super::keys::{self, Key, Presence, ValueKind};
use super::problem::{Place, Problem, nearest};
use super::tree::{ConfigTexts, Content, Entry, Node, Origin, TomlTable};
use super::units::{self, Quantity};
use lapicque_models::page::{Dimension, Page};
use std::collections::{BTreeMap, HashSet};

/// Names that only the expressions of one table can use, such as `source_size` and the X of `per_target.X`, with their
/// values. A value is `None` where it is wrong, which has been reported.
pub(crate) type LocalNames = [(String, Option<Quantity>)];

/// The state of resolving a configuration.
pub(crate) struct Context<'a> {
    pub texts: &'a ConfigTexts,
    /// The pages of all models.
    pub models: &'a [&'static Page],
    /// Values of `[parameters]`; `None` where the definition is wrong, which has been reported.
    pub parameters: BTreeMap<String, Option<Quantity>>,
    problems: Vec<(Origin, Problem)>,
    /// For every reported problem two entries: its place with its path, and its place with a line break and its
    /// message.
    reported: HashSet<(Origin, String)>,
}

/// A table of the file (`[population.E]`, or an inline table) together with its path, its place and the keys it may
/// have.
#[derive(Clone, Copy)]
pub(crate) struct Section<'n> {
    /// For example `population.E`.
    pub path: &'n str,
    pub table: &'n TomlTable,
    /// Where the table begins. Missing keys are reported here.
    pub origin: Origin,
    /// The keys of the engine that the table may have; fields of models come in addition.
    pub keys: &'static [Key],
}

impl<'n> Section<'n> {
    /// The path of a key, for example `population.E.size`.
    pub fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// The value of a key.
    pub fn node(&self, key: &str) -> Option<&'n Node> {
        self.table.node(key)
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The names that an expression can use: local names hide parameters of the same name.
struct Scope<'s> {
    parameters: &'s BTreeMap<String, Option<Quantity>>,
    local_names: &'s LocalNames,
}

impl NameLookup for Scope<'_> {
    fn look_up(&self, name: &str) -> LookupResult {
        let local = self.local_names.iter().find(|(local, _)| local == name).map(|(_, quantity)| quantity);
        match local.or_else(|| self.parameters.get(name)) {
            Some(Some(quantity)) => LookupResult::Value(*quantity),
            Some(None) => LookupResult::Invalid,
            None => LookupResult::Unknown,
        }
    }

    fn all_names(&self) -> Vec<String> {
        self.local_names.iter().map(|(name, _)| name).chain(self.parameters.keys()).cloned().collect()
    }
}

impl<'a> Context<'a> {
    pub fn new(texts: &'a ConfigTexts, models: &'a [&'static Page]) -> Self {
        Context { texts, models, parameters: BTreeMap::new(), problems: Vec::new(), reported: HashSet::new() }
    }

    /// Reports a problem. A second problem at the same place with the same key or the same message is dropped: a table
    /// that is expanded for many pairs of populations, or used by several populations, reports a mistake once.
    pub fn report(&mut self, origin: Origin, path: &str, given: String, message: String, remedy: Option<String>) {
        let new_path = self.reported.insert((origin, path.to_string()));
        // The line break distinguishes messages from paths.
        let new_message = self.reported.insert((origin, format!("\n{message}")));
        if new_path && new_message {
            let place = self.texts.place(origin);
            self.problems.push((origin, Problem { place, path: path.to_string(), given, message, remedy }));
        }
    }

    /// Reports a wrong value.
    pub fn report_value(&mut self, node: &Node, path: &str, message: impl Into<String>, remedy: Option<String>) {
        self.report(node.origin, path, node.show(), message.into(), remedy);
    }

    /// Reports a key that its table cannot have. `what` says what the key should name: a key, a table, a variable.
    pub fn report_unknown(&mut self, entry: &Entry, path: &str, what: &str, known: &[&str]) {
        let remedy = nearest(&entry.key, known.iter().copied()).map(|name| format!("did you mean {name}?"));
        let message = format!("unknown {what} \"{}\"; {}", entry.key.escape_debug(), list(known));
        self.report(entry.origin, path, entry.key.clone(), message, remedy);
    }

    /// Reports a required key that a table does not have.
    pub fn report_missing(&mut self, section: &Section, key: &str, doc: &str, example: &str) {
        // A misspelled key has been reported as unknown. The key it stands for is then not reported as missing.
        let is_misspelling = |entry: &Entry| {
            nearest(&entry.key, [key]).is_some() && self.problems.iter().any(|(origin, _)| *origin == entry.origin)
        };
        if section.table.entries.iter().any(is_misspelling) {
            return;
        }
        let message = format!("{key} is missing: {}", doc.trim_end_matches('.'));
        let remedy = (!example.is_empty()).then(|| format!("write {key} = {example}"));
        self.report(section.origin, &section.path_of(key), String::new(), message, remedy);
    }

    /// All reported problems, in the order of the files; problems of overrides are last.
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|(origin, _)| *origin);
        self.problems.into_iter().map(|(_, problem)| problem).collect()
    }

    /// Whether a problem was reported.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Reads a table.
    pub fn table<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n TomlTable> {
        match &node.content {
            Content::Table(table) => Some(table),
            _ => {
                self.report_value(node, path, format!("{} is {}; a table is needed", node.show(), node.noun()), None);
                None
            }
        }
    }

    /// Reports the keys of a section that are neither among `section.keys` nor among `more`.
    pub fn check_keys(&mut self, section: &Section, more: &[&str]) {
        let known: Vec<&str> = keys::names(section.keys).chain(more.iter().copied()).collect();
        for entry in section.table.entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
            self.report_unknown(entry, &section.path_of(&entry.key), "key", &known);
        }
    }

    /// Reads a string. `what` says what is needed instead of another type of value.
    pub fn text<'n>(&mut self, node: &'n Node, path: &str, what: &str) -> Option<&'n str> {
        match &node.content {
            Content::Text(text) => Some(text),
            _ => {
                self.report_value(node, path, format!("{} is {}; {what} is needed", node.show(), node.noun()), None);
                None
            }
        }
    }

    /// Reads the boolean of a key; its default if the key is left out.
    pub fn flag_of(&mut self, section: &Section, name: &str) -> Option<bool> {
        let Some(node) = section.node(name) else {
            return Some(section.key(name).is_some_and(|key| key.presence == Presence::Default("true")));
        };
        match node.content {
            Content::Flag(flag) => Some(flag),
            _ => {
                let message = format!("{} is {}; true or false is needed", node.show(), node.noun());
                self.report_value(node, &section.path_of(name), message, None);
                None
            }
        }
    }

    /// Reads the quantity of a key, in the engine's unit. The list of keys gives its dimension, range and default.
    /// `Some(None)` means that the key is optional and left out.
    pub fn quantity_of(&mut self, section: &Section, name: &str) -> Option<Option<f64>> {
        let key = section.key(name)?;
        let ValueKind::Quantity(dimension, range) = key.value_kind else { return None };
        let Some(node) = section.node(name) else {
            return match key.presence {
                Presence::Optional => Some(None),
                Presence::Default(text) => units::parse(text).ok()?.in_engine_unit(dimension).map(Some),
                Presence::Required => {
                    self.report_missing(section, name, key.doc, &format!("\"1 {}\"", dimension.unit()));
                    None
                }
            };
        };
        let path = section.path_of(name);
        let quantity = self.quantity(node, &path, &[])?;
        let value = self.convert(node, &path, quantity, &[dimension], dimension.noun())?.0;
        if !range.contains(value) {
            let message = format!("{} is out of range; {} is needed", node.show(), range.words());
            self.report_value(node, &path, message, None);
            return None;
        }
        Some(Some(value))
    }

    /// Reads the whole number of a key. `Some(None)` means that the key is left out and has no default.
    pub fn whole_number_of(&mut self, section: &Section, name: &str) -> Option<Option<u64>> {
        match (section.node(name), section.key(name).map(|key| key.presence)) {
            (Some(node), _) => self.whole_number(node, &section.path_of(name), &[]).map(Some),
            (None, Some(Presence::Default(text))) => Some(text.parse().ok()),
            (None, _) => Some(None),
        }
    }

    /// Reads a quantity: a number, a string with a number and a unit, or an expression.
    pub fn quantity(&mut self, node: &Node, path: &str, local_names: &LocalNames) -> Option<Quantity> {
        let quantity = match &node.content {
            Content::Integer(i) => Quantity::number(*i as f64),
            Content::Float(x) => Quantity::number(*x),
            Content::Text(text) => match text.trim_start().strip_prefix('=') {
                Some(body) => return self.expression(node, path, body, local_names),
                None => match units::parse(text) {
                    Ok(quantity) => quantity,
                    Err(words) => {
                        self.report_value(node, path, format!("{}: {words}", node.show()), None);
                        return None;
                    }
                },
            },
            _ => {
                let message = format!("{} is {}; a quantity such as \"20 ms\" is needed", node.show(), node.noun());
                self.report_value(node, path, message, None);
                return None;
            }
        };
        if !quantity.is_finite() {
            self.report_value(node, path, format!("{} is not a finite number", node.show()), None);
            return None;
        }
        Some(quantity)
    }

    /// Computes an expression, given without its "=".
    fn expression(&mut self, node: &Node, path: &str, body: &str, local_names: &LocalNames) -> Option<Quantity> {
        let scope = Scope { parameters: &self.parameters, local_names };
        match Expression::parse(body).and_then(|expression| expression.value(&scope)) {
            Ok(quantity) => Some(quantity),
            Err(error) => {
                self.report_expression_error(node, path, body, &error);
                None
            }
        }
    }

    /// Reports an error in the expression `body` of `node`, at its place in the string.
    pub fn report_expression_error(&mut self, node: &Node, path: &str, body: &str, error: &ExpressionError) {
        if error.already_reported {
            return;
        }
        let mut origin = node.origin;
        if let Origin::File { file, start, end } = node.origin
            && let Some(file_text) = self.texts.files.get(file)
            && let Some(written) = file_text.text.get(start..end)
            && let Some(at) = written.find(body)
        {
            let begin = (start + at + error.span.start).min(end);
            origin = Origin::File { file, start: begin, end: (start + at + error.span.end).clamp(begin, end) };
        }
        let column = body.get(..error.span.start).map_or(0, |before| before.chars().count()) + 2;
        let message = format!("{} (character {column} of {})", error.message, node.show());
        self.report(origin, path, node.show(), message, error.remedy.clone());
    }

    /// Converts a quantity to the engine's unit. Returns the value and its dimension, which is one of `accepted`.
    /// `words` describes the accepted dimensions in messages.
    pub fn convert(
        &mut self,
        node: &Node,
        path: &str,
        quantity: Quantity,
        accepted: &[Dimension],
        words: &str,
    ) -> Option<(f64, Dimension)> {
        let converted = accepted.iter().find_map(|&d| Some((quantity.in_engine_unit(d)?, d)));
        if let Some((value, dimension)) = converted {
            if value.is_finite() {
                return Some((value, dimension));
            }
            let message =
                format!("{} is too large: its value in {} is not a finite number", node.show(), dimension.unit());
            self.report_value(node, path, message, None);
            return None;
        }
        let units: Vec<&str> = accepted.iter().map(|&d| units::examples(d)).collect();
        let is_expression = matches!(&node.content, Content::Text(text) if text.trim_start().starts_with('='));
        let given = node.show();
        let message = match quantity.powers.is_dimensionless() {
            true if !is_expression => format!("{given} has no unit; {words} is needed ({})", units.join(", ")),
            _ => format!("{given} is {}; {words} is needed ({})", quantity.powers.noun(), units.join(", ")),
        };
        let remedy = match accepted.first() {
            Some(dimension) if quantity.powers.is_dimensionless() && !is_expression => {
                Some(format!("write \"{} {}\"", units::show(quantity.mantissa_at(0)), dimension.unit()))
            }
            _ => None,
        };
        self.report_value(node, path, message, remedy);
        None
    }

    /// Reads a number without unit.
    pub fn number(&mut self, node: &Node, path: &str, local_names: &LocalNames) -> Option<f64> {
        let quantity = self.quantity(node, path, local_names)?;
        Some(self.convert(node, path, quantity, &[Dimension::One], Dimension::One.noun())?.0)
    }

    /// Reads a whole number: an integer from 0 to 2⁶⁴ − 1, or a number or expression with a whole value (up to
    /// rounding) from 0 to 9·10¹⁵.
    pub fn whole_number(&mut self, node: &Node, path: &str, local_names: &LocalNames) -> Option<u64> {
        if let Content::Integer(i) = node.content {
            let value = u64::try_from(i).ok();
            if value.is_none() {
                let message = format!("{i} is out of range; a whole number from 0 to {} is needed", u64::MAX);
                self.report_value(node, path, message, None);
            }
            return value;
        }
        let value = self.number(node, path, local_names)?;
        let nearest = value.round();
        let shown = units::show(value);
        if value < 0.0 || nearest > 9e15 {
            let message = format!("the value {shown} is out of range; a whole number from 0 to 9e15 is needed");
            self.report_value(node, path, message, None);
            return None;
        }
        if (value - nearest).abs() > 1e-9 * nearest.max(1.0) {
            let message = format!("the value is {shown}; a whole number is needed");
            self.report_value(node, path, message, Some("use round(), floor() or ceil() in an expression".to_string()));
            return None;
        }
        Some(nearest as u64)
    }

    /// Converts a time to a number of steps; refuses a time that is not a whole multiple of `dt`. Both are in ms. `dt`
    /// is NaN where it is wrong, which has been reported.
    ///
    /// `node` is the value that gave the time, `None` for a default.
    pub fn steps(&mut self, node: Option<&Node>, section: &Section, key: &str, time: f64, dt: f64) -> Option<u64> {
        if dt.is_nan() {
            return None;
        }
        let ratio = time / dt;
        let nearest = ratio.round();
        let origin = node.map_or(section.origin, |node| node.origin);
        let given = node.map_or(format!("{} ms", units::show(time)), Node::show);
        let (message, remedy) = if ratio.is_nan() || nearest > 9e15 {
            (
                format!("{given} is {} steps of dt, more than 9e15", units::show(nearest)),
                Some("give a shorter time or a longer dt".to_string()),
            )
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
        self.report(origin, &section.path_of(key), given, message, remedy);
        None
    }
}

/// The accepted names, for messages: "known are a, b, c".
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => "there are none".to_string(),
        [one] => format!("only {one} is known"),
        _ => format!("known are {}", names.join(", ")),
    }
}

impl ConfigTexts {
    /// The place of an origin, with line, column and text.
    pub fn place(&self, origin: Origin) -> Place {
        let (file, start, end) = match origin {
            Origin::Override(index) => return Place::Override(self.overrides.get(index).cloned().unwrap_or_default()),
            Origin::File { file, start, end } => (file, start, end),
        };
        let Some(file_text) = self.files.get(file) else { return Place::WholeFile(String::new()) };
        let text = file_text.text.as_str();
        let char_start = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (char_start(start), char_start(end));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line_text = text[line_start..line_end].trim_end_matches('\r');
        let width = text[start..end.clamp(start, line_end)].trim_end().chars().count().max(1);
        Place::File {
            name: file_text.name.clone(),
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: line_text.to_string(),
            width,
        }
    }
}
