//! Roles that cannot be used, and what a person is told to do.

use crate::{ASKING, RUNNER};
use expect_test::{Expect, expect};
use initrunner_tests::home::Home;

/// `run` and `validate` say the same, and nothing is written down.
fn check(content: &[u8], expected: Expect) {
    let home = Home::new();
    home.file("role.yaml", content);
    let ran = home.run(["run", "role.yaml", "-p", "hello"]);
    assert_eq!(ran.to_string(), home.run(["validate", "role.yaml"]).to_string());
    ran.check(expected);
    assert!(!home.state().join("audit.db").exists());
}

#[test]
fn a_valid_role_is_shown_with_its_tools() {
    let home = Home::with_role(&format!("{ASKING}\n  - {{type: shell, name: free}}"), RUNNER);
    home.run(["validate", "role.yaml"]).check(expect![[r#"
        The role `test` is valid: 2 tools.
          shell  (destructive, open-world, approval required)
          free  (destructive, open-world, no approval)
        = 0
    "#]]);
}

#[test]
fn a_folder_is_no_role() {
    let home = Home::new();
    home.run(["run", ".", "-p", "hello"]).check(expect![[r#"
        ! error: the role `.` cannot be read: it is a folder
        = 65
    "#]]);
    home.run(["run", "missing.yaml", "-p", "hello"]).check(expect![[r#"
        ! error: the role `missing.yaml` cannot be read: there is no such file
        = 65
    "#]]);
    home.file("file", "");
    home.run(["validate", "file/role.yaml"]).check(expect![[r#"
        ! error: the role `file/role.yaml` cannot be read: Not a directory (os error 20)
        = 65
    "#]]);
}

#[test]
fn text_that_is_no_role() {
    check(
        b"",
        expect![[r#"
        ! error: role.yaml:1:1: the file is empty
        !   hint: a role needs at least `name`, `prompt` and `model`
        = 65
    "#]],
    );
    check(
        b"hello\n",
        expect![[r#"
        ! error: role.yaml:1:1: a role must be a mapping of keys, not `hello`
        !   hint: a role begins with keys such as `name: …`, `prompt: …` and `model: …`
        = 65
    "#]],
    );
    check(
        b"name: x\nprompt: p\nmodel: [\n",
        expect![[r#"
        ! error: role.yaml:4:1: this is not valid YAML: while parsing a node, did not find expected node content
        !   hint: look at the indentation, the quotes and the brackets of this line and the one before
        = 65
    "#]],
    );
    check(
        b"\x7fELF\x02\x01\x01\x00\x00\xff\xfe",
        expect![[r#"
        ! error: role.yaml:1:1: this is not UTF-8 text
        !   hint: save it as YAML text in UTF-8
        = 65
    "#]],
    );
    check(
        b"name: x\nprompt: \xff\n",
        expect![[r#"
        ! error: role.yaml:2:1: this is not UTF-8 text
        !   hint: save it as YAML text in UTF-8
        = 65
    "#]],
    );
    check(
        b"name: \0\n",
        expect![[r#"
        ! error: role.yaml:1:7: the file holds the control character U+0000
        !   hint: remove it, or save the file as UTF-8 text
        = 65
    "#]],
    );
}

#[test]
fn a_huge_file_is_no_role() {
    let home = Home::new();
    let path = home.file("role.yaml", "name: x\n");
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(50 << 20).unwrap();
    home.run(["run", "role.yaml", "-p", "hello"]).check(expect![[r#"
        ! error: the role `role.yaml` is larger than 1024 KiB
        = 65
    "#]]);
    home.file("role.yaml", "[".repeat(1 << 20));
    home.run(["run", "role.yaml", "-p", "hello"]).check(expect![[r#"
        ! error: role.yaml:1:256: lists and mappings are nested more than 64 deep
        !   hint: use fewer levels
        = 65
    "#]]);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    check(
        b"name: demo
prompt: p
model: openai:gpt
tool:
  - type: shell
budgets: {max_request: 3}
",
        expect![[r#"
            ! error: role.yaml:4:1: unknown key `tool`
            !   hint: did you mean `tools`?
            ! role.yaml:6:11: unknown key `max_request`
            !   hint: did you mean `max_requests`?
            = 65
        "#]],
    );
    check(
        b"name: demo
prompt: p
model: openai:gpt
tools:
  - type: shel
  - type: shell
    name: other
    aproval: required
  - {type: shell, timeout_seconds: soon}
  - {type: shell, name: again}
  - {type: shell, name: again}
",
        expect![[r#"
            ! error: role.yaml:8:5: unknown key `aproval`
            !   hint: did you mean `approval`?
            ! role.yaml:11:5: the entries on lines 10 and 11 are both named `again`
            !   hint: give one of them another `name`
            = 65
        "#]],
    );
    check(
        b"name: demo
prompt: p
model: openai:gpt
tools:
  - {type: shell, approval: sometimes}
  - {type: shell, name: b, working_dir: nowhere}
",
        expect![[r#"
            ! error: role.yaml:5:29: `approval` must be one of `auto`, `required`, not `sometimes`
            !   hint: write one of `auto`, `required`
            = 65
        "#]],
    );
    check(
        b"name: demo
prompt: p
model: openai:gpt
tools:
  - {type: shell, working_dir: nowhere}
  - {type: shell, name: c, blocked_command: [x]}
",
        expect![[r#"
            ! error: role.yaml:6:28: the tool `c` has no key `blocked_command`
            !   hint: did you mean `blocked_commands`?
            = 65
        "#]],
    );
}

#[test]
fn a_model_that_cannot_be_used() {
    check(
        b"name: demo\nprompt: p\nmodel: scripted:nowhere.yaml\n",
        expect![[r#"
        ! error: the model's script `FOLDER/work/nowhere.yaml` cannot be read: there is no such file
        = 65
    "#]],
    );
    check(
        b"name: demo\nprompt: p\nmodel: anthropic:claude\n",
        expect![[r#"
        ! error: role.yaml:3:8: the model `anthropic:claude` names no known provider
        !   hint: write it as `openai:NAME` or `scripted:FILE`
        = 65
    "#]],
    );
    let home = Home::with_role("", "rules: [{when: \"(\", reply: x}]");
    home.run(["run", "role.yaml", "-p", "hello"]).check(expect![[r#"
        ! error: the script `role.yaml.script.yaml` is faulty at line 1, column 16: `(` is no regular expression: unclosed group
        = 65
    "#]]);
    let home = Home::with_role("", "rules: [{when: only this, reply: x}]");
    home.run(["run", "role.yaml", "-p", "hello"]).check(expect![[r#"
        ! error: run RUN_____________ failed: the script `role.yaml.script.yaml` has no rule for the user message `hello`; add a rule that matches it, or a `fallback`
        = 1
    "#]]);
}

#[test]
fn a_role_is_valid_without_its_models_key() {
    let home = Home::new();
    home.file("role.yaml", "name: demo\nprompt: p\nmodel: openai:gpt-4o-mini\n");
    home.run(["validate", "role.yaml"]).check(expect![[r#"
        The role `demo` is valid: 0 tools.
        ! note: the model's key is missing: set the environment variable `OPENAI_API_KEY`
        = 0
    "#]]);
    home.run(["run", "role.yaml", "-p", "go"]).check(expect![[r#"
        ! error: the model's key is missing: set the environment variable `OPENAI_API_KEY`
        = 65
    "#]]);
}
