//! Modules do not import each other in a cycle, in any crate. The test reads this from the sources.
//!
//! Modules that import each other can only be understood together. In every folder the test looks at the files and
//! subfolders (the members of the folder) and searches for a cycle of imports among them. An import is every path that
//! begins with `crate`, `super`, `self` or a child module, in `use` or in code. A re-export by a parent, as in
//! `pub use child::Name`, is not an import of the child. A path through a re-export is an import of the file that
//! defines the name. Unit tests are ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The path of a module in its crate. The crate root has the empty path.
type Module = Vec<String>;

/// The sources of one crate.
#[derive(Default)]
struct Crate {
    /// The tokens of each module's file.
    files: BTreeMap<Module, Vec<String>>,
    /// For a module and a name that it re-exports from a module below it: the path of the original.
    exports: BTreeMap<(Module, String), Module>,
}

/// Reads all modules of the crate in `folder`. The file of the crate root is `root`.rs.
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
                // `mod.rs` and the file of the crate root belong to the module of their folder.
                let is_parent = stem == "mod" || (module.is_empty() && stem == root);
                let tokens = tokens(&std::fs::read_to_string(&path).expect("UTF-8"));
                sources.files.insert(if is_parent { module.clone() } else { child }, tokens);
            }
        }
    }
    sources
}

/// Splits a source into identifiers, `::` and single characters. Leaves out comments, strings, character literals and
/// unit tests.
fn tokens(source: &str) -> Vec<String> {
    let (chars, mut tokens, mut at) = (source.chars().collect::<Vec<_>>(), Vec::<String>::new(), 0);
    let starts = |at: usize, text: &str| text.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while at < chars.len() {
        if starts(at, "//") {
            // A comment.
            at += chars[at..].iter().position(|&c| c == '\n').unwrap_or(chars.len() - at);
        } else if starts(at, "r#\"") {
            // A raw string.
            at += 3;
            while !starts(at, "\"#") {
                at += 1;
            }
            at += 2;
        } else if chars[at] == '"' {
            // A string.
            at += 1;
            while chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if chars[at] == '\'' && (chars.get(at + 2) == Some(&'\'') || chars.get(at + 1) == Some(&'\\')) {
            // A character literal. A lifetime has no second quote.
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
    // The unit tests are at the end of a file.
    let tests = ["#", "[", "cfg", "(", "test", ")", "]", "mod", "tests"];
    let end = tokens.windows(tests.len()).position(|window| window.iter().eq(tests)).unwrap_or(tokens.len());
    tokens.truncate(end);
    tokens
}

/// A path as written in a source.
struct Written {
    path: Vec<String>,
    /// Whether it is part of a `pub use`.
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

/// Reads a path, or a tree of paths such as `a::{b, c::d}`, that begins at token `at`. `before` is the part of the path
/// before an open brace. Appends the paths to `found` and returns the position of the token behind them.
fn tree(tokens: &[String], mut at: usize, before: &[String], exported: bool, found: &mut Vec<Written>) -> usize {
    let mut path = before.to_vec();
    while at < tokens.len() {
        if tokens[at] == "{" {
            at += 1;
            while tokens[at] != "}" {
                at = tree(tokens, at, &path, exported, found);
                // Skip `as NAME` and commas.
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
    /// Turns a path written in `module` into a path from the crate root. `None` if the path does not begin in this
    /// crate.
    fn path_from_root(&self, module: &Module, path: &[String]) -> Option<Module> {
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

    /// Collects what each module re-exports from modules below it.
    fn collect_exports(&mut self) {
        let mut exports = BTreeMap::new();
        for (module, tokens) in &self.files {
            for Written { path, .. } in paths(tokens).into_iter().filter(|w| w.exported) {
                if let Some(full) = self.path_from_root(module, &path)
                    && let Some(name) =
                        full.last().filter(|_| full.len() > module.len() + 1 && full.starts_with(module))
                {
                    exports.insert((module.clone(), name.clone()), full.clone());
                }
            }
        }
        self.exports = exports;
    }

    /// The module that defines the item at a path from the crate root. Follows re-exports.
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

    /// For each folder and each of its members: the members that it imports. The folder's `mod.rs` is the member "mod".
    fn imports(&self) -> BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> {
        let mut folders: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (module, tokens) in &self.files {
            for Written { path, exported } in paths(tokens) {
                let Some(full) = self.path_from_root(module, &path) else { continue };
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

/// A cycle of imports among the members of a folder, if there is one. The search is depth-first.
fn cycle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    /// `trail` holds the members from the start of the search to the parent of `at`.
    fn visit<'a>(
        at: &'a str,
        imports: &'a BTreeMap<String, BTreeSet<String>>,
        trail: &mut Vec<&'a str>,
        visited: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|m| *m == at) {
            return Some(trail[start..].iter().chain([&at]).map(|m| m.to_string()).collect());
        }
        if !visited.insert(at) {
            return None;
        }
        trail.push(at);
        let found = imports.get(at).into_iter().flatten().find_map(|next| visit(next, imports, trail, visited));
        trail.pop();
        found
    }
    let mut visited = BTreeSet::new();
    imports.keys().find_map(|start| visit(start, imports, &mut Vec::new(), &mut visited))
}

/// The crates of this repository, each with its folder.
fn crates() -> [(&'static str, Crate); 4] {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    [("models/src", "lib"), ("engine/src", "lib"), ("analysis/src", "lib"), ("cli", "main")].map(|(folder, file)| {
        let mut sources = read(&root.join(folder), file);
        sources.collect_exports();
        (folder, sources)
    })
}

#[test]
fn modules_do_not_import_each_other_in_a_cycle() {
    let mut cycles = Vec::new();
    for (name, sources) in crates() {
        let imports = sources.imports();
        let edges: usize = imports.values().flat_map(BTreeMap::values).map(BTreeSet::len).sum();
        assert!(edges >= sources.files.len() / 2, "{name}: only {edges} imports were found");
        for (folder, imports) in &imports {
            if let Some(cycle) = cycle(imports) {
                cycles.push(format!("{name}/{}: {}", folder.join("/"), cycle.join(" → ")));
            }
        }
    }
    assert!(cycles.is_empty(), "cycles of imports:\n{}", cycles.join("\n"));
}

#[test]
fn all_forms_of_imports_are_found() {
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
    sources.collect_exports();
    let imports = sources.imports();
    let imports_of = |folder: &[&str], member: &str| {
        let folder: Module = folder.iter().map(|s| s.to_string()).collect();
        imports.get(&folder).and_then(|f| f.get(member)).cloned().unwrap_or_default().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(imports_of(&["a"], "x"), ["y"], "comments and strings are not imports");
    assert_eq!(imports_of(&["a"], "y"), ["x"], "a path through a re-export imports the module that defines the name");
    assert_eq!(imports_of(&[], "a"), ["b"]);
    assert_eq!(imports_of(&[], "b"), ["a"], "a path in code is an import, a path in a unit test is not");
    assert_eq!(imports_of(&["a"], "mod"), Vec::<String>::new(), "a re-export is not an import of the child");
    let a = &imports[&vec!["a".to_string()]];
    assert_eq!(cycle(a).unwrap(), ["x", "y", "x"]);
    assert!(cycle(&BTreeMap::from([("x".to_string(), BTreeSet::from(["y".to_string()]))])).is_none());
}
