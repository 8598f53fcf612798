//! No circle of imports between modules, in any crate, at any level of folders; read from the sources.
//!
//! Two modules in a circle can only be understood together. What counts as an import: every path that begins with
//! `crate`, `super`, `self` or a child module, in `use` or in code. Re-exports by a parent (`pub use child::Name`) are no
//! import of the child: a path through them leads to the file that defines the name. Unit tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module by its path in the crate; the root is empty.
type Module = Vec<String>;

/// The sources of one crate.
#[derive(Default)]
struct Crate {
    /// Tokens of each module's file.
    files: BTreeMap<Module, Vec<String>>,
    /// Names that a module re-exports from a child, with the paths they stand for.
    exports: BTreeMap<(Module, String), Module>,
}

/// Reads the modules below `folder`, of which `root` is the file of the crate root.
fn read(folder: &Path, root: &str) -> Crate {
    let mut sources = Crate::default();
    let mut folders = vec![(folder.to_path_buf(), Module::new())];
    while let Some((folder, module)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name in UTF-8").to_string();
            if stem == "tests" {
                continue;
            }
            let child: Module = module.iter().cloned().chain([stem.clone()]).collect();
            if path.is_dir() {
                folders.push((path, child));
            } else if path.extension().is_some_and(|e| e == "rs") {
                let own = stem == "mod" || (module.is_empty() && stem == root);
                let tokens = tokens(&std::fs::read_to_string(&path).expect("UTF-8"));
                sources.files.insert(if own { module.clone() } else { child }, tokens);
            }
        }
    }
    sources
}

/// Identifiers, `::` and single characters of a source, without comments, literals and unit tests.
fn tokens(source: &str) -> Vec<String> {
    let (chars, mut tokens, mut at) = (source.chars().collect::<Vec<_>>(), Vec::<String>::new(), 0);
    let starts = |at: usize, text: &str| text.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while at < chars.len() {
        if starts(at, "//") {
            at += chars[at..].iter().position(|&c| c == '\n').unwrap_or(chars.len() - at);
        } else if starts(at, "r#\"") {
            at += 3;
            while !starts(at, "\"#") {
                at += 1;
            }
            at += 2;
        } else if chars[at] == '"' {
            at += 1;
            while chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if chars[at] == '\'' && (chars.get(at + 2) == Some(&'\'') || chars.get(at + 1) == Some(&'\\')) {
            at += 2;
            while chars[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else if chars[at].is_alphanumeric() || chars[at] == '_' {
            let word: String = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            at += word.chars().count();
            tokens.push(word);
        } else if starts(at, "::") {
            tokens.push("::".to_string());
            at += 2;
        } else {
            if !chars[at].is_whitespace() {
                tokens.push(chars[at].to_string());
            }
            at += 1;
        }
    }
    // Unit tests stand at the end of a file.
    let test = ["#", "[", "cfg", "(", "test", ")", "]", "mod", "tests"];
    let end = tokens.windows(test.len()).position(|some| some.iter().eq(test)).unwrap_or(tokens.len());
    tokens.truncate(end);
    tokens
}

/// A path as written, and whether it stands in a `pub use`.
struct Written {
    path: Vec<String>,
    exported: bool,
}

/// All paths of two or more parts.
fn paths(tokens: &[String]) -> Vec<Written> {
    let (mut found, mut at) = (Vec::new(), 0);
    let mut exported = false;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "use" => {
                // `pub use` or `pub(super) use`.
                exported = tokens[..at].iter().rev().take(4).take_while(|t| *t != ";" && *t != "}").any(|t| t == "pub");
                at = tree(tokens, at + 1, &[], exported, &mut found);
            }
            ";" => {
                exported = false;
                at += 1;
            }
            word if is_word(word) && tokens.get(at + 1).is_some_and(|t| t == "::") => {
                at = tree(tokens, at, &[], exported, &mut found);
            }
            _ => at += 1,
        }
    }
    found
}

fn is_word(token: &str) -> bool {
    token.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Reads a path, or a tree of paths as in `a::{b, c::d}`; returns where it ends.
fn tree(tokens: &[String], mut at: usize, before: &[String], exported: bool, found: &mut Vec<Written>) -> usize {
    let mut path = before.to_vec();
    while at < tokens.len() {
        if tokens[at] == "{" {
            at += 1;
            while tokens[at] != "}" {
                at = tree(tokens, at, &path, exported, found);
                // `as NAME` and the comma.
                while tokens[at] != "}" && (tokens[at] == "," || tokens[at] == "as" || tokens[at - 1] == "as") {
                    at += 1;
                }
            }
            return at + 1;
        }
        if !is_word(&tokens[at]) {
            break;
        }
        path.push(tokens[at].clone());
        at += 1;
        match tokens.get(at) {
            Some(next) if next == "::" => at += 1,
            _ => break,
        }
    }
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    if path.len() > 1 || !before.is_empty() {
        found.push(Written { path, exported });
    }
    at.max(1)
}

impl Crate {
    /// A path as written in `module`, from the root of the crate; `None` for one that leads out of it.
    fn from_root(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut base = module.clone();
        let mut rest = path;
        match path[0].as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            child => {
                let child: Module = module.iter().cloned().chain([child.to_string()]).collect();
                self.files.contains_key(&child).then_some(())?;
            }
        }
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    }

    /// Notes what modules re-export from their children.
    fn note_exports(&mut self) {
        let mut exports = BTreeMap::new();
        for (module, tokens) in &self.files {
            for Written { path, .. } in paths(tokens).into_iter().filter(|w| w.exported) {
                if let Some(full) = self.from_root(module, &path)
                    && let Some(name) =
                        full.last().filter(|_| full.len() > module.len() + 1 && full.starts_with(module))
                {
                    exports.insert((module.clone(), name.clone()), full.clone());
                }
            }
        }
        self.exports = exports;
    }

    /// The module that defines what a path from the root names.
    fn defined_in(&self, path: &[String]) -> Module {
        let mut module = Module::new();
        for (i, part) in path.iter().enumerate() {
            let child: Module = module.iter().cloned().chain([part.clone()]).collect();
            if self.files.contains_key(&child) {
                module = child;
            } else if let Some(export) = self.exports.get(&(module.clone(), part.clone())) {
                let rest: Module = export.iter().cloned().chain(path[i + 1..].iter().cloned()).collect();
                return self.defined_in(&rest);
            } else {
                break;
            }
        }
        module
    }

    /// For each folder, which of its members import which. The folder's own `mod.rs` is the member "mod".
    fn imports(&self) -> BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> {
        let mut folders: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (module, tokens) in &self.files {
            for Written { path, exported } in paths(tokens) {
                let Some(full) = self.from_root(module, &path) else { continue };
                let target = self.defined_in(&full);
                if target == *module || (exported && target.starts_with(module)) {
                    continue;
                }
                let common = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
                let member = |m: &Module| m.get(common).cloned().unwrap_or_else(|| "mod".to_string());
                let (from, to) = (member(module), member(&target));
                folders.entry(module[..common].to_vec()).or_default().entry(from).or_default().insert(to);
            }
        }
        folders
    }
}

/// A circle among the members of a folder, if there is one.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit<'a>(
        at: &'a str,
        imports: &'a BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|m| *m == at) {
            return Some(way[start..].iter().chain([&at]).map(|m| m.to_string()).collect());
        }
        if !done.insert(at) {
            return None;
        }
        way.push(at);
        let found = imports.get(at).into_iter().flatten().find_map(|next| visit(next, imports, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|start| visit(start, imports, &mut Vec::new(), &mut done))
}

fn crates() -> [(&'static str, Crate); 4] {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    [("models/src", "lib"), ("engine/src", "lib"), ("analysis/src", "lib"), ("cli", "main")].map(|(folder, file)| {
        let mut sources = read(&root.join(folder), file);
        sources.note_exports();
        (folder, sources)
    })
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for (name, sources) in crates() {
        let imports = sources.imports();
        let edges: usize = imports.values().flat_map(BTreeMap::values).map(BTreeSet::len).sum();
        assert!(edges >= sources.files.len() / 2, "{name}: only {edges} imports were found");
        for (folder, imports) in &imports {
            if let Some(circle) = circle(imports) {
                circles.push(format!("{name}/{}: {}", folder.join("/"), circle.join(" → ")));
            }
        }
    }
    assert!(circles.is_empty(), "circles of imports:\n{}", circles.join("\n"));
}

#[test]
fn imports_are_found_in_all_their_forms() {
    let mut sources = Crate::default();
    let mut add = |path: &str, text: &str| {
        let module = path.split('/').filter(|part| !part.is_empty()).map(str::to_string).collect();
        sources.files.insert(module, tokens(text));
    };
    add("", "pub mod a; mod b;");
    add("a", "mod x; mod y; pub use x::X; pub(crate) use y::{Y as Z, self};");
    add("a/x", "use super::y; // crate::b\n fn f() { y::g(); \"crate::b\"; '\"'; }");
    add("a/y", "use crate::{b::{B, C}, a::X};");
    add("b", "fn f() { crate::a::X::new() }\n #[cfg(test)] mod tests { use crate::a::y; }");
    sources.note_exports();
    let imports = sources.imports();
    let of = |folder: &[&str], member: &str| {
        let folder: Module = folder.iter().map(|s| s.to_string()).collect();
        imports.get(&folder).and_then(|f| f.get(member)).cloned().unwrap_or_default().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(of(&["a"], "x"), ["y"], "a comment and a text are no imports");
    assert_eq!(of(&["a"], "y"), ["x"], "a re-export leads to where the name is defined");
    assert_eq!(of(&[], "a"), ["b"]);
    assert_eq!(of(&[], "b"), ["a"], "a path in code counts, one in a test does not");
    assert_eq!(of(&["a"], "mod"), Vec::<String>::new(), "a re-export is no import of the child");
    let a = &imports[&vec!["a".to_string()]];
    assert_eq!(circle(a).unwrap(), ["x", "y", "x"]);
    assert!(circle(&BTreeMap::from([("x".to_string(), BTreeSet::from(["y".to_string()]))])).is_none());
}
