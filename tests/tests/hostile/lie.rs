//! What a component says of itself: refused when the role is loaded, or harmless.

use super::{SLOWEST, alone, cache, entry, wait, write};
use initrunner::plugin::Source;
use initrunner_tests::hostile;
use initrunner_tests::sandbox::Sandbox;
use std::path::Path;
use std::time::Instant;

/// Opens an entry; the tools' names, or the problems.
fn open(component: &Path, settings: &str) -> String {
    wait(async {
        let sandbox = Sandbox::new(Some(cache()));
        let began = Instant::now();
        let said = match sandbox.open(&entry(component, settings), Path::new("/")).await {
            Ok(tools) => tools.model_names().collect::<Vec<_>>().join(" "),
            Err(problems) => problems,
        };
        assert!(began.elapsed() < SLOWEST, "{settings}");
        // A sentence, whatever the component gave.
        assert!(said.len() < 4_000 || !said.contains("role.yaml"), "{} bytes", said.len());
        said
    })
}

#[test]
fn lies_about_tools_are_refused_or_harmless() {
    let _alone = alone();
    let check = |word: &str, expected: &str| {
        let said = open(hostile(), &format!("describe: {word}"));
        println!("{word:<22} {}", said.replace('\n', " ").chars().take(160).collect::<String>());
        assert!(said.contains(expected), "{word}: {said}");
    };
    check("schema-none", "unusable schema");
    check("schema-list", "does not describe an object");
    check("schema-wrong", "unusable schema");
    check("schema-huge", "larger than 262144 bytes");
    check("schema-remote", "`$ref` that is not");
    check("schema-file", "`$ref` that is not");
    check("schema-deep", "recursion limit exceeded");
    check("schema-pattern-huge", "unusable schema");
    check("schema-patterns", "more than 500 patterns");
    check("description-huge", "overlong description");
    check("tools-many", "the component");
    check("tools-none", "describes 0 tools");
    // The contract's time, not the entry's.
    check("spin", "longer than the 10 s that a component has to describe itself");
    check("allocate", "more than its 64 MiB of memory");
    check("panic", "could not answer `describe`");
    check("trap", "could not answer `describe`");
    check("leak-pollables", "more than 1000 handles");
    check("flood-log", "called the host more than 100000 times");
    check("flood-text-huge", "passed more than 16777216 bytes");
    check("invalid-utf8", "could not answer `describe`");
    check("flood-text", "cannot be used");
}

#[test]
fn a_schema_cannot_make_checking_arguments_take_for_ever() {
    let _alone = alone();
    wait(async {
        let sandbox = Sandbox::new(Some(cache()));
        for word in ["schema-cycle", "schema-doubling", "schema-backtracking"] {
            let settings = format!("describe: {word}");
            let tools = sandbox.open(&entry(hostile(), &settings), Path::new("/")).await.unwrap();
            let long = format!("{}!", "a".repeat(100_000));
            let arguments = serde_json::json!({"do": "nothing", "text": long}).to_string();
            let began = Instant::now();
            let said = sandbox.call(&tools, "hostile", &arguments).await;
            assert!(began.elapsed() < SLOWEST, "{word}");
            let expected = match word {
                "schema-backtracking" => "refused by Arguments",
                _ => "makes more work of checking this than the host does",
            };
            assert!(said.contains(expected), "{word}: {said}");
        }
    });
}

/// A schema holds as it was when the role was loaded; what a component says later of the same tool changes
/// nothing about the calls of this run.
#[test]
fn a_schema_that_changes_is_taken_as_it_was_loaded() {
    let _alone = alone();
    wait(async {
        let sandbox = Sandbox::new(Some(cache()));
        let open = async |word: &str| {
            let settings = format!("describe: {word}");
            sandbox.open(&entry(hostile(), &settings), Path::new("/")).await.unwrap()
        };
        let (one, other) = (open("schema-changing").await, open("schema-changing").await);
        let key = one.parameters("hostile").unwrap()["required"][0].as_str().unwrap().to_owned();
        assert_ne!(one.parameters("hostile"), other.parameters("hostile"));
        let arguments = serde_json::json!({key: 1}).to_string();
        let said = sandbox.call(&other, "hostile", &arguments).await;
        assert!(said.starts_with("refused by Arguments"), "{said}");
        // It fits the first, so the component gets it; it is nothing that it asked for.
        let said = sandbox.call(&one, "hostile", &arguments).await;
        assert!(!said.starts_with("refused by Arguments"), "{said}");

        let (one, other) = (open("tool-changing").await, open("tool-changing").await);
        let name = one.model_names().next().unwrap().to_owned();
        let said = sandbox.call(&other, &name, "{}").await;
        assert!(said.starts_with("refused by Arguments"), "{said}");
    });
}

/// The component with another word in its mark.
fn marked(folder: &Path, word: &str) -> std::path::PathBuf {
    let mut bytes = std::fs::read(hostile()).unwrap();
    let mark = b"what the manifest does:";
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    assert!(word.len() <= 24);
    bytes[at..at + word.len()].copy_from_slice(word.as_bytes());
    write(folder, &format!("{word}.wasm"), &bytes)
}

#[test]
fn lies_and_attacks_in_the_manifest_are_refused_or_harmless() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let check = |word: &str, expected: &str| {
        // The contract gives it ten seconds; an entry may give it less.
        let said = open(&marked(folder.path(), word), "limits: {timeout_seconds: 2}");
        println!(
            "manifest: {word:<18} {}",
            said.replace('\n', " ").chars().take(160).collect::<String>()
        );
        assert!(said.contains(expected), "{word}: {said}");
    };
    check("name", "gives itself a name that is not");
    check("version", "overlong manifest");
    check("schema", "unusable configuration schema");
    check("schema-remote", "unusable configuration schema");
    check("controls", "hostile");
    check("spin", "longer than its 2 s");
    check("allocate", "more than its 64 MiB of memory");
    check("recurse", "call stack overflow");
    check("panic", "could not answer `manifest`");
    check("flood-log", "called the host more than 100000 times");
    check("sleep", "longer than its 2 s");
    check("leak-fields", "more than 1000 handles");
}

#[test]
fn inspecting_is_under_the_same_limits() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let inspect = |word: &str| {
        let source = Source::file(&marked(folder.path(), word)).unwrap();
        wait(async {
            let sandbox = Sandbox::new(Some(cache()));
            let found = sandbox.gate.inspect(&source, None).await?;
            // What it is made of is seen whatever it says.
            assert!(!found.imports.inert.is_empty() && found.size > 0);
            found.said.map(|said| said.manifest.version)
        })
    };
    assert_eq!(inspect("controls").unwrap(), "1\u{1b}[2J\r0");
    assert!(inspect("allocate").unwrap_err().message.contains("64 MiB"));
    assert!(inspect("panic").unwrap_err().message.contains("gave up"));
}
