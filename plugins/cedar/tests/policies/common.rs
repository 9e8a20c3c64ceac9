//! What the tests share: sources and requests, made short.

use initrunner_cedar::Cedar;
use initrunner_sdk::policy::{
    Agent, Counts, Decision, Diagnostic, Effects, Question, Request, Reviewer, Source, SourceKind,
    Subject, Summary,
};
use serde_json::{Value, json};

pub(crate) fn source(kind: SourceKind, name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), kind, text: text.to_owned() }
}

/// A tool of its own plugin.
pub(crate) fn tool(name: &str, effects: Value, parameters: Value) -> Value {
    json!({"name": name, "entry": name, "plugin": format!("{name}er"), "tool": name,
        "effects": effects, "parameters": parameters})
}

/// Three tools: something that transfers, something that reads, something that runs.
pub(crate) fn tools() -> Value {
    json!([
        tool(
            "transfer",
            json!({"destructive": true}),
            json!({
                "type": "object",
                "properties": {
                    "amount": {"type": "number"},
                    "to": {"type": "string"},
                    "note": {"type": ["string", "null"]},
                    "labels": {"type": "array", "items": {"type": "string"}},
                    "extra": {},
                },
                "required": ["amount", "to"],
                "additionalProperties": false,
            })
        ),
        tool(
            "look",
            json!({"read_only": true, "destructive": false, "open_world": false}),
            json!({
                "type": "object",
                "properties": {"where": {"type": "string"}, "depth": {"type": "integer"}},
            })
        ),
        tool(
            "shell",
            json!({}),
            json!({
                "type": "object",
                "properties": {"command": {"type": "string"}},
                "required": ["command"],
                "additionalProperties": false,
            })
        ),
    ])
}

/// Loads one file of policies for the three tools.
pub(crate) fn load(policies: &str) -> Result<(Cedar, Summary), Vec<Diagnostic>> {
    load_with(policies, "", "")
}

/// The same, with a schema and entities where they are not empty.
pub(crate) fn load_with(
    policies: &str,
    schema: &str,
    entities: &str,
) -> Result<(Cedar, Summary), Vec<Diagnostic>> {
    let mut sources = vec![
        source(SourceKind::Tools, "tools", &tools().to_string()),
        source(SourceKind::Policies, "p.cedar", policies),
    ];
    if !schema.is_empty() {
        sources.push(source(SourceKind::Schema, "s.cedarschema", schema));
    }
    if !entities.is_empty() {
        sources.push(source(SourceKind::Entities, "e.json", entities));
    }
    Cedar::load(&sources)
}

/// A request to call one of the declared tools.
pub(crate) fn request(tools: &Value, name: &str, arguments: &str) -> Request {
    let tool = tools.as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap();
    let text = |key: &str| tool[key].as_str().unwrap().to_owned();
    let claim = |key: &str| tool["effects"][key].as_bool();
    Request {
        question: Question::Invoke,
        agent: Agent {
            name: "gardener".to_owned(),
            team: Some("plants".to_owned()),
            author: None,
            version: Some("1".to_owned()),
            tags: vec!["green".to_owned(), "slow".to_owned()],
        },
        subject: Subject {
            name: name.to_owned(),
            entry: text("entry"),
            plugin: text("plugin"),
            tool: text("tool"),
            effects: Effects {
                read_only: claim("read_only"),
                destructive: claim("destructive"),
                idempotent: claim("idempotent"),
                open_world: claim("open_world"),
            },
        },
        arguments: arguments.to_owned(),
        requester: "os:alice".to_owned(),
        trigger: "cli".to_owned(),
        // 2026-11-23T12:34:56.001Z
        time_ms: 1_795_437_296_001,
        isolation: Some(vec!["landlock-7".to_owned()]),
        counts: Counts { requests: 1, tool_calls: 2, calls_of_tool: 3, running_ms: 4 },
    }
}

pub(crate) fn approval(tools: &Value, name: &str, arguments: &str, reviewer: &str) -> Request {
    let reviewer = Reviewer { identity: reviewer.to_owned() };
    Request { question: Question::Approve(reviewer), ..request(tools, name, arguments) }
}

/// A decision in one line: effect, reasons, errors.
pub(crate) fn words(decision: &Decision) -> String {
    let mut words = format!("{:?}", decision.effect).replace("Effect::", "").to_lowercase();
    for reason in &decision.reasons {
        words.push(' ');
        words.push_str(&reason.policy);
    }
    for error in &decision.errors {
        words.push_str(" | ");
        words.push_str(error);
    }
    words
}

/// Diagnostics, a line each, and a line for each hint.
pub(crate) fn lines(found: &[Diagnostic]) -> String {
    let mut lines = String::new();
    for one in found {
        let (line, column) = one.place.unwrap_or_default();
        let severity = format!("{:?}", one.severity).replace("Severity::", "").to_lowercase();
        lines.push_str(&format!("{}:{line}:{column}: {severity}: {}\n", one.source, one.message));
        if let Some(hint) = &one.hint {
            lines.push_str(&format!("  {hint}\n"));
        }
    }
    lines
}
