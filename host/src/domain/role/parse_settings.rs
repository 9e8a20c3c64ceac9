//! Reads what a role may say about an entry and about each of its tools: `approval`, `retry_unknown`,
//! `permissions` and `limits`; and what it grants.

use super::field::Field;
use super::keys::Keys;
use super::parse_approval::parse_approval;
use super::{GrantSpec, Limits, ProcessGrantSpec, RetryUnknown, ToolSettings};
use crate::domain::permission::{DefaultPermission, Permissions, Rule};
use crate::domain::yaml::{NodeValue, Problems, Typed, shown};

/// The keys that an entry and a tool share.
pub(super) const SETTINGS: [&str; 4] = ["approval", "permissions", "limits", "retry_unknown"];

const RETRY: [(&str, RetryUnknown); 2] = [("ask", RetryUnknown::Ask), ("auto", RetryUnknown::Auto)];
const DEFAULTS: [(&str, DefaultPermission); 2] =
    [("allow", DefaultPermission::Allow), ("deny", DefaultPermission::Deny)];

/// Reads the settings among some keys, which `get` finds.
pub(super) fn parse_settings<'n>(
    get: impl Fn(&'static str) -> Option<Field<'n>>,
    problems: &mut Problems,
) -> ToolSettings {
    ToolSettings {
        approval: get("approval").and_then(|field| parse_approval(&field, problems)),
        retry_unknown: get("retry_unknown").and_then(|field| field.word(&RETRY, problems)),
        permissions: get("permissions").map(|field| parse_permissions(&field, problems)),
        limits: get("limits").map(|field| parse_limits(&field, problems)).unwrap_or_default(),
    }
}

fn parse_permissions(field: &Field<'_>, problems: &mut Problems) -> Permissions {
    let keys = Keys::of(field, &["default", "allow", "deny"], problems);
    let default = keys.get("default").and_then(|field| field.word(&DEFAULTS, problems));
    let mut rules = |key| {
        let scalars = keys.get(key).map(|field| field.texts(problems)).unwrap_or_default();
        scalars.into_iter().map(|scalar| Rule::parse(&scalar.text)).collect()
    };
    Permissions { default: default.unwrap_or_default(), allow: rules("allow"), deny: rules("deny") }
}

fn parse_limits(field: &Field<'_>, problems: &mut Problems) -> Limits {
    let keys = Keys::of(field, &["timeout_seconds", "memory_mb", "max_output_bytes"], problems);
    let mut number = |key| keys.get(key)?.positive(problems);
    Limits {
        timeout_seconds: number("timeout_seconds"),
        memory_mb: number("memory_mb"),
        max_output_bytes: number("max_output_bytes"),
    }
}

/// Reads `grants:`.
pub(super) fn parse_grants(field: &Field<'_>, problems: &mut Problems) -> GrantSpec {
    let keys = Keys::of(field, &["process"], problems);
    let Some(field) = keys.get("process") else { return GrantSpec::default() };
    let items = field.items("begin each grant on its own line: `- program: NAME`", problems);
    GrantSpec { process: items.iter().filter_map(|item| parse_process(item, problems)).collect() }
}

/// `{program: NAME}` or `{script: true}`.
fn parse_process(item: &Field<'_>, problems: &mut Problems) -> Option<ProcessGrantSpec> {
    let hint = "write `- program: NAME` for a program, or `- script: true` for shell scripts";
    if !matches!(item.node.value, NodeValue::Mapping(_)) {
        item.wrong("a grant", hint, problems);
        return None;
    }
    let keys = Keys::of(item, &["program", "script"], problems);
    match (keys.get("program"), keys.get("script")) {
        (Some(program), None) => parse_program(&program, problems).map(ProcessGrantSpec::Program),
        (None, Some(script)) => match script.scalar().map(|scalar| scalar.typed) {
            Some(Typed::Bool(true)) => Some(ProcessGrantSpec::Script),
            _ => {
                script.wrong("`true`", "write `script: true`, or remove the grant", problems);
                None
            }
        },
        (Some(_), Some(script)) => {
            let message = "one grant holds both `program` and `script`";
            problems.add(script.key_position, message, "make two grants of it");
            None
        }
        (None, None) => {
            keys.missing("program", hint, problems);
            None
        }
    }
}

/// A program's name on the fixed `PATH`: a path would name a file that the role could have written.
fn parse_program(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    let name = &scalar.text;
    let bad = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    if name.contains(bad) || matches!(name.as_str(), "." | "..") {
        let message = format!("{} is not the name of a program", shown(scalar.written()));
        let hint = "name one program without its folder and its arguments, such as `git`";
        problems.add(field.node.position, message, hint);
        return None;
    }
    Some(name.clone())
}

#[cfg(test)]
mod tests {
    use super::super::check::check_tools;
    use expect_test::expect;

    #[test]
    fn words_are_checked() {
        check_tools(
            r#"  - {type: a, approval: Required}
  - {type: b, approval: true}
  - {type: c, approval: }
  - {type: d, approval: always}
  - {type: e, approval: "${SECRET}"}
"#,
            expect![[r#"
            r:5:25: `approval` must be one of `auto`, `required`, not `Required`
              hint: did you mean `required`?
            r:6:25: `approval` must be one of `auto`, `required`, not `true`
              hint: write one of `auto`, `required`
            r:7:15: `approval` is empty; it must be one of `auto`, `required`
              hint: write one of `auto`, `required`
            r:8:25: `approval` must be one of `auto`, `required`, not `always`
              hint: write one of `auto`, `required`
            r:9:25: `approval` must be one of `auto`, `required`, not `${SECRET}`
              hint: write one of `auto`, `required`"#]],
        );
        check_tools(
            r#"  - {type: a, permissions: {default: refuse, alow: []}}
  - {type: b, permissions: }
  - {type: c, permissions: {deny: "x=*", allow: [1, [a]]}}
"#,
            expect![[r#"
                r:5:38: `default` must be one of `allow`, `deny`, not `refuse`
                  hint: write one of `allow`, `deny`
                r:5:46: unknown key `alow`
                  hint: did you mean `allow`?
                r:6:15: `permissions` is empty; it must be a mapping of keys
                  hint: it may have the keys `default`, `allow`, `deny`
                r:7:35: `deny` must be a list, not `x=*`
                  hint: begin each item on its own line with `- `
                r:7:50: an item of `allow` must be text, not `1`
                  hint: put it in quotes: `"1"`
                r:7:53: an item of `allow` must be text, not a list
                  hint: write a text"#]],
        );
    }

    #[test]
    fn limits_are_positive_whole_numbers() {
        check_tools(
            r#"  - type: a
    limits: {timeout_seconds: 0, memory_mb: -1, max_output_bytes: 1.5}
  - type: b
    limits: {timeout_seconds: ${NUMBER}}
"#,
            expect![[r#"
            r:8:32: this is not valid YAML: while parsing a flow mapping, did not find expected `,` or `}`
              hint: inside `{…}` and `[…]`, put a value with `${…}` in quotes"#]],
        );
        check_tools(
            r#"  - type: a
    limits:
      timeout_seconds: ${NUMBER}
      memory_mb: ${WORD}
      max_output_bytes: ${SECRET_NUMBER}
"#,
            expect![[r#"
                r:8:18: `memory_mb` must be a positive whole number, not `${WORD}`
                  hint: set the variable to a number from 1 to 4294967295, and write `${NAME}` alone, without quotes, on the line of its key
                r:9:25: the number `${SECRET_NUMBER}` does not fit into 64 bits
                  hint: put it in quotes if it is text"#]],
        );
        check_tools(
            r#"  - type: a
    limits:
      timeout_seconds: ${NUMBER}
      memory_mb: "${NUMBER}"
      timeout: 5
"#,
            expect![[r#"
                r:8:18: `memory_mb` must be a positive whole number, not `${NUMBER}`
                  hint: set the variable to a number from 1 to 4294967295, and write `${NAME}` alone, without quotes, on the line of its key
                r:9:7: unknown key `timeout`
                  hint: the keys here are `timeout_seconds`, `memory_mb`, `max_output_bytes`"#]],
        );
        check_tools(
            r#"  - type: a
    limits:
      timeout_seconds: ${NUMBER}
"#,
            expect![[r#"
            - a Type("a") at 5:5, source at 5:11
              limits (Some(5), None, None)"#]],
        );
    }

    #[test]
    fn grants_name_programs_or_scripts() {
        check_tools(
            r#"  - type: a
    grants:
      process:
        - program: git
        - program: /bin/sh
        - program: rm -rf
        - program: ""
        - script: false
        - script: yes
        - git
        - {program: a, script: true}
        - {}
        - {programm: a}
      files: []
"#,
            expect![[r#"
                r:9:20: `/bin/sh` is not the name of a program
                  hint: name one program without its folder and its arguments, such as `git`
                r:10:20: `rm -rf` is not the name of a program
                  hint: name one program without its folder and its arguments, such as `git`
                r:11:20: `program` has no text
                  hint: write one
                r:12:19: `script` must be `true`, not `false`
                  hint: write `script: true`, or remove the grant
                r:13:19: `script` must be `true`, not `yes`
                  hint: write `script: true`, or remove the grant
                r:14:11: an item of `process` must be a grant, not `git`
                  hint: write `- program: NAME` for a program, or `- script: true` for shell scripts
                r:15:24: one grant holds both `program` and `script`
                  hint: make two grants of it
                r:16:11: the key `program` is missing
                  hint: write `- program: NAME` for a program, or `- script: true` for shell scripts
                r:17:12: unknown key `programm`
                  hint: did you mean `program`?
                r:18:7: unknown key `files`
                  hint: the keys here are `process`"#]],
        );
        check_tools(
            r#"  - type: a
    grants: {process: git}
  - type: b
    grants: []
"#,
            expect![[r#"
            r:6:23: `process` must be a list, not `git`
              hint: begin each grant on its own line: `- program: NAME`
            r:8:13: `grants` must be a mapping of keys, not a list
              hint: it may have the keys `process`"#]],
        );
    }
}
