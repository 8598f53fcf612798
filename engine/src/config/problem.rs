//! The error type of a configuration.
//!
//! A [`Problem`] names the place (file, line and column, or the `--set` argument), the key, what was given, what is
//! accepted and, if there is one, the remedy. A [`ConfigError`] holds all problems of a configuration, in the order of
//! the file, so that the user can correct all of them before the next run.

use std::fmt;

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a line of a file.
    File {
        /// The file's name as it was given.
        name: String,
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// The text of the line.
        text: String,
        /// Number of characters to underline, at least 1.
        width: usize,
    },
    /// In an override from the command line, quoted as it was given.
    Override(String),
    /// A whole file, by name: it cannot be read.
    WholeFile(String),
}

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the mistake is.
    pub place: Place,
    /// The key with all tables it is in: `population.I.neuron.tau_m`. Empty where no key is at fault.
    pub path: String,
    /// What was given, as written; empty where something is missing.
    pub given: String,
    /// What is wrong with it and what is accepted.
    pub message: String,
    /// What the user can do, such as the text to write or a name that is spelled alike.
    pub remedy: Option<String>,
}

impl Problem {
    /// The line in its file, counted from 1; `None` for overrides and unreadable files.
    pub fn line(&self) -> Option<usize> {
        match &self.place {
            Place::File { line, .. } => Some(*line),
            Place::Override(_) | Place::WholeFile(_) => None,
        }
    }

    /// Message and remedy in one sentence.
    fn sentence(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}; {remedy}", self.message),
            None => self.message.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { name, line, column, text, width } => {
                write!(f, "error: {name}:{line}")?;
                if !self.path.is_empty() {
                    write!(f, ": {}", self.path)?;
                }
                let gutter = line.to_string().len();
                // Tabs are kept in the indentation, so that the carets stand below the characters they mark.
                let indent: String =
                    text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                write!(f, "\n  {line} | {text}\n  {:gutter$} | {indent}{} {}", "", "^".repeat(*width), self.sentence())
            }
            Place::Override(text) => write!(f, "error: --set {text}: {}", self.sentence()),
            Place::WholeFile(name) => write!(f, "error: {name}: {}", self.sentence()),
        }
    }
}

/// All problems of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one problem, in the order of the file; problems of overrides are last.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The name among `names` that was probably meant by `wrong`: the name with the fewest edits, upper and lower case
/// taken as equal. At most a third of the letters of `wrong` may be edited; one edit is always allowed.
pub(crate) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = wrong.to_lowercase();
    let allowed = (lower.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .filter(|&(edits, name)| edits <= allowed && edits < name.chars().count().max(lower.chars().count()))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, name)| name)
}

/// Number of edits (insertions, deletions, replacements, swaps of neighbours) from `a` to `b`: the optimal string
/// alignment distance, in which swapped letters are not edited again.
fn distance(a: &str, b: &str) -> usize {
    // Longer texts are compared by their beginning only. This bounds the work for the table below.
    const MAX_LENGTH: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(MAX_LENGTH).collect(), b.chars().take(MAX_LENGTH).collect());
    // Rows i − 2, i − 1 and i of the table of distances between the first i letters of `a` and the first j of `b`.
    let mut two_before: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = before[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut edits = replace.min(before[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(two_before[j - 2] + 1);
            }
            row.push(edits);
        }
        two_before = std::mem::replace(&mut before, row);
    }
    before.last().copied().unwrap_or(0)
}
