//! What is wrong with a configuration, in words a user can act on.
//!
//! A [`Problem`] names the place (file, line and column, or the `--set` argument), the key, what was given, what is
//! accepted and, where there is one, the remedy. A [`ConfigError`] holds every problem of a configuration, in the order
//! of the file: nobody should have to run the program once per mistake.

use std::fmt;

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// The file's name as it was given.
        name: String,
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// The line's text.
        text: String,
        /// Number of characters to underline, at least 1.
        width: usize,
    },
    /// In an override from the command line, quoted as it was given.
    Override(String),
    /// A file as a whole: it cannot be read.
    Whole(String),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// The key, dotted from the top: `population.I.neuron.tau_m`. Empty where no key is at fault.
    pub path: String,
    /// What was given, as written; empty where something is missing.
    pub given: String,
    /// What is wrong with it and what is accepted.
    pub message: String,
    /// What to do: the nearest right name, or the text to write.
    pub remedy: Option<String>,
}

impl Problem {
    /// The line in its file, counted from 1; `None` for overrides and unreadable files.
    pub fn line(&self) -> Option<usize> {
        match &self.place {
            Place::File { line, .. } => Some(*line),
            Place::Override(_) | Place::Whole(_) => None,
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
                // Tabs are kept in the indentation, so that the carets stand below what they mean.
                let indent: String =
                    text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                write!(f, "\n  {line} | {text}\n  {:gutter$} | {indent}{} {}", "", "^".repeat(*width), self.sentence())
            }
            Place::Override(text) => write!(f, "error: --set {text}: {}", self.sentence()),
            Place::Whole(name) => write!(f, "error: {name}: {}", self.sentence()),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one problem, in the order of the file, those of overrides last.
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

/// The name among `names` that `wrong` was probably meant to be: fewest edits, at most a third of its length (and one
/// edit for short names), case apart.
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

/// Edits (insertions, deletions, replacements, swaps of neighbours) from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    // Nothing that long is a slip of the finger; and the table below stays small.
    const LONGEST: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(LONGEST).collect(), b.chars().take(LONGEST).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut edits = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before[j - 2] + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}
