//! Holds the tree to its own rules. Every failure says where, and what to do about it.

use initrunner_tests::tokens::{Token, paths, tokens};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The layers, lowest first: a module names only modules of the rows above its own in this list. Those
/// of one row do not know each other. `cli` stands last because it starts the other front doors.
const LAYERS: [&[&str]; 10] = [
    // Empty but in tests: whatever a test wants to interrupt may name it.
    &["fail_point"],
    &["domain"],
    &["llm", "observe", "plugin", "store"],
    &["gate"],
    &["runner"],
    &["ops"],
    // Connections of clients, and the shapes that scripts and services read.
    &["connections", "json"],
    &["http", "trigger"],
    // Pages over what services ask for: the same requests, asked by whoever is signed in.
    &["dashboard"],
    &["cli"],
];

/// Libraries that one layer keeps to itself, so that replacing one touches one folder.
const OWNED: [(&str, &str); 3] =
    [("wasmtime", "plugin"), ("rusqlite", "store"), ("reqwest", "llm")];

/// What else may name one of them. The store's SQL is the host's, on the host's file; a granted
/// database's SQL is a component's, on somebody else's file, and the two share nothing.
///
/// The library that sends traces to a collector wants a client of that kind handed to it.
/// Triggers speak HTTP to chat services and to whoever is notified, from one file.
const ALSO_OWNED: [(&str, &str); 3] = [
    ("rusqlite", "host/src/plugin/sql/"),
    ("reqwest", "host/src/observe/export.rs"),
    ("reqwest", "host/src/trigger/post.rs"),
];

/// Who may name the plugin runtime: what holds one can invoke tools, and only the gate may.
const MAY_NAME_RUNTIME: [&str; 3] = [
    "host/src/plugin/",
    "host/src/gate/",
    // Makes one and hands it to the gate.
    "host/src/ops/host.rs",
];

/// Who may write to the terminal. Everything else gives its words to these, so that standard output
/// holds what was asked for and nothing else, and nothing unescaped reaches a terminal.
const MAY_PRINT: [&str; 1] = ["host/src/cli/output.rs"];

/// What `domain` does without: whatever asks the machine, waits, or knows the time by itself.
const NOT_IN_DOMAIN: [&str; 8] = ["env", "fs", "io", "net", "os", "process", "thread", "time"];

/// Folders that documents name and that are made elsewhere: in the state folder, or by a build.
const NOT_IN_TREE: [&str; 1] = ["owners/"];

/// A file of the tree: its path from the root, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn tokens(&self) -> Vec<Token<'_>> {
        tokens(&self.text)
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The paths of the files below a folder of the tree, sorted; what is built or installed is left out.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.trim_end_matches('/').to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if !entry.file_type().unwrap().is_dir() {
                found.push(path);
            } else if !matches!(name.as_str(), "target" | "node_modules" | ".git") {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources(folder: &str) -> Vec<Source> {
    let rust = files(folder).into_iter().filter(|path| path.ends_with(".rs"));
    let read =
        |path: String| Source { text: fs::read_to_string(root().join(&path)).unwrap(), path };
    rust.map(read).collect()
}

/// Fails with everything that was found, each with its place, under what to do.
fn check(found: Vec<String>, cure: &str) {
    let places = found.join("\n  ");
    assert!(found.is_empty(), "{cure}\n  {places}");
}

/// The module of the host that a file belongs to: `gate` of `host/src/gate/mod.rs`.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("host/src/")?;
    let first = inside.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first)).filter(|name| !matches!(*name, "lib" | "main"))
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// What a file of the host names of the host's own modules: `crate::…`, and `super::…` as far as it
/// leads out of its own module.
fn named<'t>(source: &Source, tokens: &[Token<'t>]) -> Vec<(usize, Vec<&'t str>)> {
    let inside = source.path.trim_start_matches("host/src/").trim_end_matches(".rs");
    let depth = inside.split('/').filter(|name| *name != "mod").count();
    let from_root =
        paths(tokens, "crate").into_iter().map(|(line, path)| (line, path[1..].to_vec()));
    let upwards = paths(tokens, "super").into_iter().filter_map(|(line, path)| {
        let ups = path.iter().take_while(|word| **word == "super").count();
        (ups >= depth).then(|| (line, path[ups..].to_vec()))
    });
    from_root.chain(upwards).collect()
}

#[test]
fn a_module_names_only_layers_below_it() {
    let mut found = Vec::new();
    for source in sources("host/src") {
        let Some(own) = module(&source.path) else { continue };
        let Some(own_rank) = rank(own) else {
            found.push(format!("{}: `{own}` has no place in LAYERS of this test", source.path));
            continue;
        };
        for (line, path) in named(&source, &source.tokens()) {
            let Some(other) = path.first().filter(|name| **name != own) else { continue };
            if rank(other).is_some_and(|rank| rank >= own_rank) {
                found.push(format!("{}:{line}: `{own}` names `{other}`", source.path));
            }
        }
    }
    check(
        found,
        "a layer may name only those below it: move the code down, or hand it what it needs",
    );
}

#[test]
fn each_large_library_is_known_to_one_layer() {
    let mut found = Vec::new();
    for source in sources("host/src") {
        for token in source.tokens() {
            for (library, owner) in OWNED {
                let also = ALSO_OWNED.iter().any(|(it, path)| *it == library && source.is_in(path));
                if token.text.starts_with(library) && module(&source.path) != Some(owner) && !also {
                    found.push(format!("{}:{}: `{}`", source.path, token.line, token.text));
                }
            }
        }
    }
    check(found, "only `plugin` knows wasmtime, only `store` SQL, only `llm` the HTTP client");
}

#[test]
fn only_the_gate_holds_the_plugin_runtime() {
    let mut found = Vec::new();
    for source in sources("host/src") {
        if MAY_NAME_RUNTIME.iter().any(|allowed| source.is_in(allowed)) {
            continue;
        }
        for (line, path) in named(&source, &source.tokens()) {
            if path.starts_with(&["plugin", "Runtime"]) {
                found.push(format!("{}:{line}", source.path));
            }
        }
    }
    check(found, "whoever holds `plugin::Runtime` could invoke a tool: go through `gate::Gate`");
}

#[test]
fn only_the_output_module_writes_to_the_terminal() {
    let mut found = Vec::new();
    for source in sources("host/src") {
        if MAY_PRINT.contains(&source.path.as_str()) {
            continue;
        }
        for three in source.tokens().windows(3) {
            let prints = match three[0].text {
                "print" | "println" | "eprint" | "eprintln" => three[1].text == "!",
                // `command.stdout(…)` says where a program writes; ours is `stdout()`.
                "stdout" | "stderr" => three[1].text == "(" && three[2].text == ")",
                _ => false,
            };
            if prints {
                found.push(format!("{}:{}: `{}`", source.path, three[0].line, three[0].text));
            }
        }
    }
    check(found, "give the text to `cli::output`, or name the file in MAY_PRINT with its reason");
}

#[test]
fn the_domain_asks_nothing_of_the_machine() {
    let mut found = Vec::new();
    for source in sources("host/src/domain") {
        let tokens = source.tokens();
        for (line, path) in paths(&tokens, "std") {
            if path.get(1).is_some_and(|module| NOT_IN_DOMAIN.contains(module)) {
                found.push(format!("{}:{line}: `{}`", source.path, path.join("::")));
            }
        }
        for token in &tokens {
            if matches!(token.text, "async" | "await" | "tokio" | "unsafe") {
                found.push(format!("{}:{}: `{}`", source.path, token.line, token.text));
            }
        }
    }
    check(found, "`domain` is data and decisions: take what it asks for as an argument");
}

#[test]
fn every_file_says_why_it_exists() {
    let silent = sources("").into_iter().filter(|source| !source.text.starts_with("//!"));
    check(silent.map(|source| source.path).collect(), "begin the file with a `//!` line");
}

#[test]
fn every_exception_carries_its_reason() {
    let mut found = Vec::new();
    for source in sources("") {
        let tokens = source.tokens();
        for (index, token) in tokens.iter().enumerate() {
            let next = |n: usize| tokens.get(index + n).map_or("", |token| token.text);
            let in_attribute = |word: &str| {
                let open = if next(1) == "!" { 2 } else { 1 };
                token.text == "#" && next(open) == "[" && next(open + 1) == word
            };
            let rest = || tokens[index..].iter().take_while(|token| token.text != "]");
            let wrong = if in_attribute("allow") || in_attribute("expect") {
                !rest().any(|token| token.text == "reason")
            } else if in_attribute("ignore") {
                !rest().any(|token| token.text == "\"")
            } else {
                matches!(token.text, "todo" | "unimplemented" | "dbg") && next(1) == "!"
            };
            if wrong {
                found.push(format!("{}:{}", source.path, token.line));
            }
        }
    }
    check(
        found,
        "write `#[expect(…, reason = \"…\")]` and `#[ignore = \"…\"]`; finish what a `todo!` stands for",
    );
}

#[test]
fn nothing_built_is_tracked() {
    if !root().join(".git").exists() {
        // An unpacked archive: nothing is tracked.
        return;
    }
    let mut git = Command::new("git");
    // The tree may belong to another user than the one who tests it.
    git.args(["-c", "safe.directory=*", "ls-files", "-z"]).current_dir(root());
    let output = git.output().expect("git can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).unwrap();
    let built = listing.split('\0').filter(|path| {
        let kind = Path::new(path).extension().and_then(|kind| kind.to_str());
        matches!(kind, Some("wasm" | "cwasm" | "db" | "sqlite"))
    });
    check(
        built.map(str::to_owned).collect(),
        "`git rm --cached` the file: components and databases are made where they are needed",
    );
}

#[test]
fn every_example_is_explained_and_tested() {
    let listing = files("examples");
    let folders: BTreeSet<&str> = listing
        .iter()
        .filter_map(|path| path.split_once('/')?.1.split_once('/'))
        .map(|(name, _)| name)
        .collect();
    assert!(!folders.is_empty());
    let tests = sources("tests/tests");
    let mut found = Vec::new();
    for name in folders {
        let folder = format!("examples/{name}");
        let inside = |file: &str| listing.contains(&format!("{folder}/{file}"));
        if !inside("README.md") {
            found.push(format!("{folder} has no README.md"));
        }
        if !inside("role.yaml") {
            found.push(format!("{folder} has no role.yaml"));
        }
        let quoted = format!("\"{name}\"");
        let is_tested = |test: &&Source| test.text.contains(&folder) || test.text.contains(&quoted);
        if tests.iter().find(is_tested).is_none() {
            found.push(format!("{folder} is named in no test"));
        }
    }
    check(
        found,
        "every example is a role with a README that a test in tests/tests holds to its word",
    );
}

#[test]
fn no_file_is_forgotten() {
    let all = sources("");
    let declares = |parent: &str, name: &str| {
        let Some(parent) = all.iter().find(|source| source.path == parent) else { return false };
        parent
            .tokens()
            .windows(3)
            .any(|three| three[0].text == "mod" && three[1].text == name && three[2].text == ";")
    };
    let is_included = |file: &str| {
        let mut scripts = all.iter().filter(|source| source.path.ends_with("/build.rs"));
        scripts.any(|script| script.text.contains(file))
    };
    let mut found = Vec::new();
    for source in &all {
        let parts: Vec<&str> = source.path.trim_end_matches(".rs").split('/').collect();
        let [folders @ .., name] = parts.as_slice() else { continue };
        let is_root = match folders {
            [.., "src"] => matches!(*name, "lib" | "main"),
            [.., "src", "bin"] => true,
            // Cargo finds these by itself: a file each, or a folder each with its main.rs.
            [_, .., "tests" | "benches" | "examples"] => true,
            [_, .., "tests" | "benches" | "examples", _] => *name == "main",
            // Build scripts, and what they include.
            _ => *name == "build" || is_included(&format!("{name}.rs")),
        };
        // A file is a module of the folder it lies in; a `mod.rs`, of the one above.
        let (folders, name) = match folders {
            [above @ .., folder] if *name == "mod" => (above, folder),
            _ => (folders, name),
        };
        let folder = folders.join("/");
        let parents = ["mod", "lib", "main"].map(|parent| format!("{folder}/{parent}.rs"));
        let parents = parents.iter().chain([&format!("{folder}.rs")]).cloned().collect::<Vec<_>>();
        if !is_root && !parents.iter().any(|parent| declares(parent, name)) {
            found.push(source.path.clone());
        }
    }
    check(
        found,
        "no crate holds the file: declare it with `mod`, or name a test folder's root main.rs",
    );
}

/// What the documents say in code: the words between two backticks, outside of whole blocks of code.
fn code_in(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_block = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let code = line.split('`').skip(1).step_by(2);
            found.extend(code.map(|code| (index + 1, code.to_owned())));
        }
    }
    found
}

/// The paths that `a/{b,c}.rs` stands for.
fn expanded(code: &str) -> Vec<String> {
    match code.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?))) {
        Some((head, (names, tail))) => {
            names.split(',').map(|name| format!("{head}{name}{tail}")).collect()
        }
        None => vec![code.to_owned()],
    }
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let all: Vec<String> = files("").into_iter().map(|path| format!("/{path}")).collect();
    let documents = all.iter().filter(|path| path.ends_with(".md"));
    let mut found = Vec::new();
    let mut named = 0;
    for document in documents {
        let text = fs::read_to_string(root().join(&document[1..])).unwrap();
        for (line, path) in code_in(&text).into_iter().flat_map(|(line, code)| {
            expanded(&code).into_iter().map(move |path| (line, path)).collect::<Vec<_>>()
        }) {
            let is_path = path.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
            let is_source = [".rs", ".sql", ".wit"].iter().any(|kind| path.ends_with(kind));
            // `VERB.rs` stands for any name.
            let stands_for = path
                .split(['/', '.', '_'])
                .any(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()));
            let is_folder = path.ends_with('/') && path.len() > 1 && !NOT_IN_TREE.contains(&&*path);
            if !is_path || !(is_source || is_folder) || stands_for {
                continue;
            }
            named += 1;
            let end = format!("/{}", path.trim_start_matches('/'));
            let is_there = |file: &String| {
                if is_folder { file.contains(&end) } else { file.ends_with(&end) }
            };
            if !all.iter().any(is_there) {
                found.push(format!("{}:{line}: `{path}`", &document[1..]));
            }
        }
    }
    assert!(named > 100, "{named} files are named: the documents are not read as they are written");
    check(found, "the file was moved or removed: say where what it held is now");
}

#[test]
fn every_test_that_watches_an_invariant_is_there() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let start = text.find("\n## Invariants\n").expect("the invariants");
    let section = &text[start + 1..];
    let section = &section[..section[2..].find("\n## ").map_or(section.len(), |end| end + 2)];
    let mut functions = BTreeSet::new();
    let all = sources("");
    for source in &all {
        let tokens = source.tokens();
        let named = tokens.windows(2).filter(|two| two[0].text == "fn").map(|two| two[1].text);
        functions.extend(named.map(str::to_owned));
    }
    let before = text[..=start].lines().count();
    let mut found = Vec::new();
    let mut named = 0;
    for (line, name) in code_in(section) {
        // A sentence, as the name of every test is; shorter names are columns and the like.
        let is_sentence =
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_sentence || name.matches('_').count() < 3 {
            continue;
        }
        named += 1;
        if !functions.contains(&name) {
            found.push(format!("ARCHITECTURE.md:{}: `{name}`", before + line));
        }
    }
    assert!(named > 30, "{named} tests are named: the invariants are not read as they are written");
    check(found, "no function has this name: name the test that watches the invariant now");
}
