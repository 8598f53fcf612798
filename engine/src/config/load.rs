//! Reads a file, its base files and the overrides, and resolves them.

use super::problem::{ConfigError, Place, Problem};
use super::tree::{self, Content, FileText, Sources, TomlTable};
use super::{resolve, resolved};
use crate::plan::Plan;
use lapicque_models::page::Page;
use std::path::{Path, PathBuf};

/// A configuration that was read and found right.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The resolved network.
    pub plan: Plan,
    /// The text as given; a base file's text comes first, each part under a comment with its name.
    pub text: String,
    /// Every value as resolved, in the engine's units, as JSON.
    pub resolved: String,
    /// The overrides as given.
    pub overrides: Vec<String>,
    /// What was read, so that a later refusal can name its line.
    pub(super) root: TomlTable,
    pub(super) sources: Sources,
}

/// Read a file, lay `overrides` (`path=value`) over it, and resolve it with these models.
pub fn load(path: &Path, overrides: &[String], models: &[&'static Page]) -> Result<Loaded, ConfigError> {
    let name = path.display().to_string();
    let text = read(path).map_err(|message| whole(&name, message))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let canonical = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    assemble(&name, &text, folder, vec![canonical], overrides, models)
}

/// The same for a text in memory, called `name` in messages; a `base` is looked up from the current folder.
pub fn parse(name: &str, text: &str, overrides: &[String], models: &[&'static Page]) -> Result<Loaded, ConfigError> {
    assemble(name, text, Path::new(""), Vec::new(), overrides, models)
}

fn assemble(
    name: &str,
    text: &str,
    folder: &Path,
    visited: Vec<PathBuf>,
    overrides: &[String],
    models: &[&'static Page],
) -> Result<Loaded, ConfigError> {
    let mut sources = Sources { files: Vec::new(), overrides: overrides.to_vec() };
    let mut root = with_bases(&mut sources, name, text, folder, visited)?;
    let mut problems = Vec::new();
    for index in 0..overrides.len() {
        if let Err(error) = tree::apply_override(&mut root, &sources, index) {
            problems.push(problem(&sources, error));
        }
    }
    match resolve::resolve(&root, &sources, models) {
        Ok(plan) if problems.is_empty() => Ok(Loaded {
            resolved: resolved::json(&plan),
            plan,
            text: joined(&sources),
            overrides: sources.overrides.clone(),
            root,
            sources,
        }),
        Ok(_) => Err(ConfigError { problems }),
        Err(mut found) => {
            found.extend(problems);
            Err(ConfigError { problems: found })
        }
    }
}

/// The tree of a text, laid over that of its base, and so on.
fn with_bases(
    sources: &mut Sources,
    name: &str,
    text: &str,
    folder: &Path,
    mut visited: Vec<PathBuf>,
) -> Result<TomlTable, ConfigError> {
    sources.files.push(FileText { name: name.to_string(), text: text.to_string() });
    let mut trees = Vec::new();
    let mut folder = folder.to_path_buf();
    loop {
        let file = sources.files.len() - 1;
        let mut tree =
            tree::parse_file(sources, file).map_err(|error| ConfigError { problems: vec![problem(sources, error)] })?;
        let base = tree.remove("base");
        trees.push(tree);
        let Some(base) = base else { break };
        let refuse = |message: String, remedy: &str| ConfigError {
            problems: vec![Problem {
                place: sources.place(base.node.origin),
                path: "base".to_string(),
                given: base.node.show(),
                message,
                remedy: (!remedy.is_empty()).then(|| remedy.to_string()),
            }],
        };
        let Content::Text(relative) = &base.node.content else {
            let message = format!("{} is {}; the path of a file is needed", base.node.show(), base.node.noun());
            return Err(refuse(message, "as in base = \"other.toml\""));
        };
        let path = folder.join(relative);
        let text = read(&path).map_err(|message| {
            refuse(format!("{}: {message}", path.display()), "the path is relative to the file that names it")
        })?;
        let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
        if visited.contains(&canonical) {
            return Err(refuse("files are based on each other in a circle".to_string(), ""));
        }
        visited.push(canonical);
        folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        sources.files.push(FileText { name: path.display().to_string(), text });
    }
    Ok(trees.into_iter().rev().reduce(TomlTable::merged).unwrap_or_default())
}

/// Larger files are no configurations: reading one by mistake should not fill the memory.
const LARGEST_FILE: u64 = 64 << 20;

fn read(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > LARGEST_FILE {
        return Err(format!("{size} bytes are too many for a configuration; at most {LARGEST_FILE} are read"));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is not UTF-8 text")
    })
}

fn problem(sources: &Sources, error: tree::SyntaxError) -> Problem {
    Problem {
        place: sources.place(error.origin),
        path: String::new(),
        given: String::new(),
        message: error.message,
        remedy: None,
    }
}

fn whole(name: &str, message: String) -> ConfigError {
    let place = Place::Whole(name.to_string());
    let problem = Problem { place, path: String::new(), given: String::new(), message, remedy: None };
    ConfigError { problems: vec![problem] }
}

fn joined(sources: &Sources) -> String {
    match sources.files.as_slice() {
        [only] => only.text.clone(),
        files => {
            files.iter().rev().map(|file| format!("# {}\n{}", file.name, file.text)).collect::<Vec<_>>().join("\n")
        }
    }
}
