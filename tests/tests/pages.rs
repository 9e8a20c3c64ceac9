//! The page of each built-in tool is what the tool says of itself. `UPDATE_EXPECT=1` writes them anew.

use expect_test::expect_file;
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
