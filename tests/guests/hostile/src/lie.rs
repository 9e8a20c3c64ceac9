//! What it says of itself and of its tools, and that is not so.

use initrunner_sdk::{Manifest, Tool};
use serde_json::json;

/// Lies in the manifest, where the word names a lie.
pub(crate) fn about_itself(word: &str, manifest: &mut Manifest) -> bool {
    match word {
        "controls" => {
            manifest.version = "1\u{1b}[2J\r0".into();
            manifest.description =
                format!("{}\u{202e}\u{1b}]0;evil\u{7}\ndescription", "x".repeat(200_000));
        }
        "name" => manifest.name = "../../etc".into(),
        "version" => manifest.version = "9".repeat(100_000),
        "schema" => manifest.config_schema = "{".into(),
        "schema-remote" => {
            manifest.config_schema = r#"{"type": "object", "$ref": "http://127.0.0.1/x"}"#.into();
        }
        _ => return false,
    }
    true
}

/// Lies about its tools, where the word names a lie.
pub(crate) fn about_tools(word: &str, tools: &mut Vec<Tool>) -> bool {
    let Some(first) = tools.first().cloned() else { return false };
    let with = |parameters: String| vec![Tool { parameters, ..first.clone() }];
    *tools = match word {
        "schema-none" => with(String::new()),
        "schema-list" => with("[]".into()),
        "schema-wrong" => with(r#"{"type": "object", "properties": 3}"#.into()),
        "schema-huge" => {
            with(format!(r#"{{"type": "object", "title": "{}"}}"#, "x".repeat(300 << 10)))
        }
        "schema-remote" => with(r#"{"type": "object", "$ref": "http://127.0.0.1/x"}"#.into()),
        "schema-file" => with(r#"{"type": "object", "$ref": "file:///etc/passwd"}"#.into()),
        "schema-deep" => with(format!(
            r#"{{"type": "object", "properties": {{"a": {}{{}}{}}}}}"#,
            r#"{"not": "#.repeat(20_000),
            "}".repeat(20_000)
        )),
        "schema-cycle" => with(r##"{"type": "object", "allOf": [{"$ref": "#"}]}"##.into()),
        "schema-doubling" => with(doubling()),
        "schema-pattern-huge" => with(
            json!({"type": "object", "properties": {"text": {"pattern": "(a{1000}){1000}"}}})
                .to_string(),
        ),
        "schema-patterns" => {
            let all = (0..5_000).map(|n| format!(r#""p{n}": {{"pattern": "[\\p{{L}}]{{{n}}}"}}"#));
            let all: Vec<_> = all.collect();
            with(format!(r#"{{"type": "object", "properties": {{{}}}}}"#, all.join(", ")))
        }
        // Takes for ever in an engine that tries all ways, and no time in one that does not.
        "schema-backtracking" => with(
            json!({"type": "object", "properties": {"do": {}, "text": {"pattern": "^(a+)+$"}}})
                .to_string(),
        ),
        // Another one each time.
        "schema-changing" => {
            let name = format!("k{}", wasip2::random::random::get_random_u64());
            let parameters = json!({"type": "object", "required": [name]});
            with(parameters.to_string())
        }
        "tool-changing" => {
            let name = format!("t{}", wasip2::random::random::get_random_u64());
            vec![Tool { name, ..first.clone() }]
        }
        "description-huge" => vec![Tool { description: "x".repeat(300 << 10), ..first.clone() }],
        "description-controls" => {
            vec![Tool { description: "\u{1b}[2J\u{202e}evil\r\nnext".into(), ..first.clone() }]
        }
        "tools-many" => {
            (0..100_000).map(|n| Tool { name: format!("t{n}"), ..first.clone() }).collect()
        }
        "tools-none" => Vec::new(),
        _ => return false,
    };
    true
}

/// Sixty parts, each of which refers twice to the next one.
fn doubling() -> String {
    let mut parts = serde_json::Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        parts.insert(format!("d{level}"), json!({"allOf": [next, next]}));
    }
    parts.insert("d60".into(), json!({"type": "object"}));
    json!({"type": "object", "$defs": parts, "$ref": "#/$defs/d0"}).to_string()
}
