//! Reads a configuration file and its base files, applies the overrides, and resolves the result into a plan.

use super::problem::{ConfigError, Place, Problem};
use super::tree::{self, ConfigTexts, Content, FileText, TomlTable};
use super::{resolve, resolved};
use crate::plan::Plan;
use lapicque_models::page::Page;
use std::path::{Path, PathBuf};

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The resolved network.
    pub plan: Plan,
    /// The text of the file as given. If there are base files, their texts come before it, and a comment with the
    /// file's name precedes each text.
    pub text: String,
    /// Every resolved value, in the engine's units, as JSON.
    pub resolved: String,
    /// The overrides as given.
    pub overrides: Vec<String>,
    /// The values with their places in the text, so that [`Loaded::check_models`] can name the line of a wrong value.
    pub(super) root: TomlTable,
    /// The texts that these places refer to.
    pub(super) texts: ConfigTexts,
}

/// Reads a file, applies `overrides` (each `path=value`), and resolves the result with these models.
///
/// The error lists every problem of the configuration; a file that cannot be read is such a problem.
pub fn load(path: &Path, overrides: &[String], models: &[&'static Page]) -> Result<Loaded, ConfigError> {
    let name = path.display().to_string();
    let text = read(path).map_err(|message| unreadable_file(&name, message))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let canonical = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    assemble(&name, &text, folder, vec![canonical], overrides, models)
}

/// Does the same as [`load`] for a text in memory. Messages call the text `name`. The path in `base` is relative to the
/// current folder.
pub fn parse(name: &str, text: &str, overrides: &[String], models: &[&'static Page]) -> Result<Loaded, ConfigError> {
    assemble(name, text, Path::new(""), Vec::new(), overrides, models)
}

/// Reads the base files of a text, applies the overrides and resolves the result. `visited` has the paths of the files
/// that were read. With it the function finds files that name each other as base in a circle.
fn assemble(
    name: &str,
    text: &str,
    folder: &Path,
    visited: Vec<PathBuf>,
    overrides: &[String],
    models: &[&'static Page],
) -> Result<Loaded, ConfigError> {
    let mut texts = ConfigTexts { files: Vec::new(), overrides: overrides.to_vec() };
    let mut root = with_bases(&mut texts, name, text, folder, visited)?;
    let mut problems = Vec::new();
    for index in 0..overrides.len() {
        if let Err(error) = tree::apply_override(&mut root, &texts, index) {
            problems.push(problem(&texts, error));
        }
    }
    match resolve::resolve(&root, &texts, models) {
        Ok(plan) if problems.is_empty() => Ok(Loaded {
            resolved: resolved::json(&plan),
            plan,
            text: joined_texts(&texts),
            overrides: texts.overrides.clone(),
            root,
            texts,
        }),
        Ok(_) => Err(ConfigError { problems }),
        Err(mut resolve_problems) => {
            resolve_problems.extend(problems);
            Err(ConfigError { problems: resolve_problems })
        }
    }
}

/// Parses a text and the chain of its base files, and merges them: a file overrides the values of its base.
fn with_bases(
    texts: &mut ConfigTexts,
    name: &str,
    text: &str,
    folder: &Path,
    mut visited: Vec<PathBuf>,
) -> Result<TomlTable, ConfigError> {
    texts.files.push(FileText { name: name.to_string(), text: text.to_string() });
    let mut trees = Vec::new();
    let mut folder = folder.to_path_buf();
    loop {
        let file = texts.files.len() - 1;
        let mut tree =
            tree::parse_file(texts, file).map_err(|error| ConfigError { problems: vec![problem(texts, error)] })?;
        let base = tree.remove("base");
        trees.push(tree);
        let Some(base) = base else { break };
        let refuse = |message: String, remedy: &str| ConfigError {
            problems: vec![Problem {
                place: texts.place(base.node.origin),
                path: "base".to_string(),
                given: base.node.show(),
                message,
                remedy: Some(remedy.to_string()),
            }],
        };
        let Content::Text(relative) = &base.node.content else {
            let message = format!("{} is {}; the path of a file is needed", base.node.show(), base.node.noun());
            return Err(refuse(message, "for example, write base = \"other.toml\""));
        };
        let path = folder.join(relative);
        let text = read(&path).map_err(|message| {
            refuse(format!("{}: {message}", path.display()), "the path is relative to the file that names it")
        })?;
        let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
        if visited.contains(&canonical) {
            return Err(refuse(
                "files name each other as base in a circle".to_string(),
                "remove the line base = … from one of them",
            ));
        }
        visited.push(canonical);
        folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        texts.files.push(FileText { name: path.display().to_string(), text });
    }
    Ok(trees.into_iter().rev().reduce(TomlTable::merged).unwrap_or_default())
}

/// Size in bytes above which a file is not read, so that a wrong path to a huge file does not fill the memory.
const MAX_FILE_SIZE: u64 = 64 << 20;

/// Reads a text file; the error is a message without the file's name.
fn read(path: &Path) -> Result<String, String> {
    let cannot_read = |error: std::io::Error| format!("cannot be read: {error}");
    let size = std::fs::metadata(path).map_err(cannot_read)?.len();
    if size > MAX_FILE_SIZE {
        return Err(format!(
            "the file has {size} bytes; a configuration has at most {MAX_FILE_SIZE}; check the path of the file"
        ));
    }
    let bytes = std::fs::read(path).map_err(cannot_read)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is not UTF-8 text; save the file as UTF-8")
    })
}

fn problem(texts: &ConfigTexts, error: tree::SyntaxError) -> Problem {
    Problem {
        place: texts.place(error.origin),
        path: String::new(),
        given: String::new(),
        message: error.message,
        remedy: None,
    }
}

fn unreadable_file(name: &str, message: String) -> ConfigError {
    let place = Place::WholeFile(name.to_string());
    let problem = Problem { place, path: String::new(), given: String::new(), message, remedy: None };
    ConfigError { problems: vec![problem] }
}

fn joined_texts(texts: &ConfigTexts) -> String {
    match texts.files.as_slice() {
        [only] => only.text.clone(),
        files => {
            files.iter().rev().map(|file| format!("# {}\n{}", file.name, file.text)).collect::<Vec<_>>().join("\n")
        }
    }
}
