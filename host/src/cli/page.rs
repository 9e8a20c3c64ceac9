//! A component as a page of Markdown: what a person who configures it wants to know, from what it says
//! of itself.

use crate::domain::visible::one_line;
use crate::plugin::{Description, Inspection, Said};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The page. It ends without a line break.
pub(super) fn page(found: &Inspection, said: &Said) -> String {
    let Said { manifest, tools } = said;
    let mut page = format!("# {}\n\n{}\n", manifest.name, text(&manifest.description));
    page.push_str("\n## Configuration\n\n");
    fields(&mut page, manifest.config_schema.source(), "It has none.");
    page.push_str("\n## Tools\n");
    match tools {
        Ok(tools) => tools.iter().for_each(|it| tool(&mut page, it)),
        Err(problem) => {
            let _ = writeln!(page, "\nThey depend on the configuration: {}", text(problem));
        }
    }
    page.push_str("\n## What it imports\n\n");
    let names = &found.imports.capabilities;
    if names.is_empty() {
        page.push_str("No capability of the host beyond WASI.");
    } else {
        let names: Vec<String> = names.iter().map(|name| format!("`{}`", text(name))).collect();
        let _ = write!(page, "{}, beside WASI.", names.join(", "));
    }
    page
}

fn tool(page: &mut String, tool: &Description) {
    let effects = tool.effects.words();
    let effects = if effects.is_empty() { "none".to_owned() } else { effects.join(", ") };
    let _ = writeln!(page, "\n### `{}`\n\n{}\n", tool.name, text(&tool.description));
    let _ = writeln!(page, "Effects, as its author says: {effects}.\n");
    fields(page, tool.parameters.source(), "It takes no arguments.");
}

/// The properties of an object's schema as a table.
fn fields(page: &mut String, schema: &Value, none: &str) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
        let _ = writeln!(page, "{none}");
        return;
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    page.push_str("| key | type | default | |\n|---|---|---|---|\n");
    for (name, property) in properties {
        let default = match property.get("default") {
            Some(value) => format!("`{}`", cell(&value.to_string())),
            None if required.contains(&name.as_str()) => "required".to_owned(),
            None => String::new(),
        };
        let about = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let kind = kind(property);
        let _ = writeln!(page, "| `{}` | {kind} | {default} | {} |", cell(name), cell(about));
    }
}

/// What a value may be, in words.
fn kind(schema: &Value) -> String {
    let Some(object) = schema.as_object() else { return "anything".to_owned() };
    if let Some(words) = object.get("enum").and_then(Value::as_array) {
        let words: Vec<String> = words.iter().map(|it| format!("`{}`", cell(&plain(it)))).collect();
        return words.join(", ");
    }
    if let Some(several) = ["anyOf", "oneOf"].iter().find_map(|key| object.get(*key)?.as_array()) {
        let kinds: Vec<String> = several.iter().map(kind).collect();
        return kinds.join(" or ");
    }
    let one = |name: &str| match name {
        "string" => "text".to_owned(),
        "integer" => format!("whole number{}", range(object)),
        "number" => format!("number{}", range(object)),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => match object.get("items") {
            Some(items) => format!("list of {}", kind(items)),
            None => "list".to_owned(),
        },
        "object" => match object.get("additionalProperties") {
            Some(values @ Value::Object(_)) => format!("mapping to {}", kind(values)),
            _ => "mapping".to_owned(),
        },
        "null" => "nothing".to_owned(),
        other => cell(other),
    };
    match object.get("type") {
        Some(Value::String(name)) => one(name),
        Some(Value::Array(names)) => {
            let names: Vec<String> = names.iter().filter_map(Value::as_str).map(one).collect();
            names.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn range(schema: &Map<String, Value>) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(low), Some(high)) => format!(", {low} to {high}"),
        (Some(low), None) => format!(", {low} or more"),
        (None, Some(high)) => format!(", at most {high}"),
        (None, None) => String::new(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Untrusted text in a table's cell.
fn cell(words: &str) -> String {
    text(words).replace('|', "\\|")
}

/// Untrusted text: on one line, and no markup of its own beyond emphasis and code.
fn text(words: &str) -> String {
    one_line(words).replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(schema: &Value, expected: Expect) {
        let mut page = String::new();
        fields(&mut page, schema, "None.");
        expected.assert_eq(&page);
    }

    #[test]
    fn each_kind_of_value_has_words() {
        let schema = json!({"required": ["a"], "properties": {
            "a": {"type": "string", "description": "One | <b>two</b>\nthree."},
            "b": {"type": "integer", "minimum": 1, "maximum": 5, "default": 2},
            "c": {"type": "number", "minimum": 0},
            "d": {"type": "boolean", "default": false},
            "e": {"type": "array", "items": {"type": "string"}},
            "f": {"type": "object", "additionalProperties": {"type": "string"}},
            "g": {"enum": ["x", "y", 1]},
            "h": {"type": ["string", "null"]},
            "i": {"anyOf": [{"type": "array"}, {"type": "object"}]},
            "j": true,
        }});
        check(
            &schema,
            expect![[r#"
            | key | type | default | |
            |---|---|---|---|
            | `a` | text | required | One \| &lt;b>two&lt;/b>\nthree. |
            | `b` | whole number, 1 to 5 | `2` |  |
            | `c` | number, 0 or more |  |  |
            | `d` | `true` or `false` | `false` |  |
            | `e` | list of text |  |  |
            | `f` | mapping to text |  |  |
            | `g` | `x`, `y`, `1` |  |  |
            | `h` | text or nothing |  |  |
            | `i` | list or mapping |  |  |
            | `j` | anything |  |  |
        "#]],
        );
        check(
            &json!({"type": "object"}),
            expect![[r#"
            None.
        "#]],
        );
    }
}
