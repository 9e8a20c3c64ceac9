//! Reads what a role may say about an entry and about each of its tools: `approval`, `retry_unknown`,
//! `permissions` and `limits`.

use super::field::Field;
use super::keys::Keys;
use super::parse_approval::parse_approval;
use super::{RetryUnknown, ToolSettings};
use crate::domain::limit::{self, Asked, Limit, Limits};
use crate::domain::permission::{DefaultPermission, Permissions, Rule};
use crate::domain::yaml::Problems;

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
    let keys = Keys::of(field, &limit::KEYS, problems);
    let mut limits = Limits::new();
    for limit in Limit::all() {
        let Some(field) = keys.get(limit.key()) else { continue };
        if let Some(value) = field.positive(problems) {
            limits.insert(limit, Asked { value, position: field.key_position });
        }
    }
    limits
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
                  hint: the keys here are `timeout_seconds`, `memory_mb`, `max_output_bytes`, `max_log_bytes`, `max_host_calls`, `max_host_call_bytes`, `max_handles`, `max_table_elements`, `max_tables`, `max_memories`, `max_instances`, `max_concurrent_calls`"#]],
        );
        check_tools(
            r#"  - type: a
    limits:
      timeout_seconds: ${NUMBER}
"#,
            expect![[r#"
                - a Type("a") at 5:5, source at 5:11
                  limits timeout_seconds=5"#]],
        );
    }
}
