//! The page of each built-in tool is what the tool says of itself. `UPDATE_EXPECT=1` writes them anew. The
//! page of models is what roles are read by.

use expect_test::expect_file;
use initrunner::domain::role::{Provider, parse};
use initrunner::plugin::carried;
use initrunner_tests::binary;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The configuration under which a page describes the tools: one that offers all of them.
const CONFIGURED: [(&str, &str); 5] = [
    ("datetime", "{}"),
    ("filesystem", r#"{"root": "data", "access": "write"}"#),
    ("http", r#"{"base_url": "https://api.example.com/v1"}"#),
    ("shell", "{}"),
    ("sql", r#"{"database": "shop.db", "access": "write"}"#),
];

#[test]
fn each_page_is_what_its_tool_says() {
    let home = tempfile::tempdir().unwrap();
    let configured = BTreeMap::from(CONFIGURED);
    for name in carried::names() {
        let config = configured.get(name).unwrap_or_else(|| panic!("no configuration of `{name}`"));
        let mut command = Command::new(binary());
        command.env("INITRUNNER_HOME", home.path()).args(["inspect", name, "--page"]);
        let output = command.args(["--config", config]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tools");
        let page = page.join(format!("{name}.md"));
        expect_file![page].assert_eq(&String::from_utf8(output.stdout).unwrap());
    }
}

const MODELS: &str = include_str!("../../docs/models.md");

#[test]
fn every_model_of_the_page_can_be_read() {
    let blocks: Vec<&str> = MODELS.split("```yaml\n").skip(1).collect();
    assert!(blocks.len() > 3, "the page is not read as it is written");
    for block in blocks {
        let block = block.split("```").next().unwrap_or_default();
        let role = format!("name: x\nprompt: p\n{block}");
        if let Err(errors) = parse(&role, &|_| None) {
            panic!("{}\n{role}", errors.render("docs/models.md"));
        }
    }
}

#[test]
fn the_pages_options_are_those_of_each_protocol() {
    let providers = [
        Provider::OpenAi,
        Provider::OpenAiResponses,
        Provider::Anthropic,
        Provider::Gemini,
        Provider::Ollama,
    ];
    for option in Provider::Scripted.options() {
        let mut row = format!("| `{option}` |");
        for provider in providers {
            row.push_str(if provider.options().contains(option) { " yes |" } else { " |" });
        }
        assert!(MODELS.contains(&row), "{row}");
    }
    for provider in providers {
        assert!(MODELS.contains(&format!("| `{}`", provider.word())), "{provider:?}");
        for variable in provider.key_variables() {
            assert!(MODELS.contains(&format!("`{variable}`")), "{variable}");
        }
    }
}
