//! The schema that is made: what it says, that every request fits it, and that checking policies only where
//! they can apply finds what Cedar's own validator finds.

use crate::common::{load, source, tool};
use cedar_policy::{Context, EntityUid, PolicySet, Request, Schema, ValidationMode, Validator};
use expect_test::expect;
use initrunner_cedar::{Cedar, shape, value};
use initrunner_sdk::policy::{Severity, SourceKind};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use std::str::FromStr;

#[test]
fn the_schema_reads_like_one() {
    let tools = json!([tool(
        "send-mail",
        json!({"read_only": true, "destructive": false}),
        json!({
            "type": "object", "additionalProperties": false, "required": ["to"],
            "properties": {
                "to": {"type": "array", "items": {"type": "string"}}, "size": {"type": "number"},
                "note": {"type": ["string", "null"]}, "any": {},
                "deep": {"type": "object", "properties": {"flag": {"type": "boolean"}, "any": true}},
            },
        })
    )]);
    let (_, summary) =
        Cedar::load(&[source(SourceKind::Tools, "tools", &tools.to_string())]).unwrap();
    expect![[r#"
        // What people and agents belong to.
        entity Group in [Group];

        // A person or a key: who started the run, or who wants to approve a call.
        entity Reviewer in [Group];

        // The role whose model wants to make a call.
        entity Agent in [Group] = {
          name: String,
          team?: String,
          author?: String,
          version?: String,
          tags: Set<String>,
        };

        // The tool to be called. Of effects that nobody claims, the dangerous reading.
        entity Tool = {
          name: String,
          entry: String,
          plugin: String,
          tool: String,
          read_only: Bool,
          destructive: Bool,
          idempotent: Bool,
          open_world: Bool,
        };

        // How much the run has done, this call not counted.
        type CallCounts = {
          requests: Long,
          tool_calls: Long,
          calls_of_tool: Long,
          running_ms: Long,
        };

        action "tools:all";
        action "effect:read_only";
        action "effect:destructive";
        action "effect:idempotent";
        action "effect:open_world";
        action "plugin:send-mailer";

        type call0_send_mail_arguments = {"to": {len: Long, json: String, items: Set<String>}, "size"?: {text: String, long?: Long, decimal?: decimal}, "note"?: {"null"?: Bool, value?: String}, "deep"?: {"flag"?: Bool, }, };
        type call0_send_mail_raw = {"/any"?: String, "/deep"?: String, "/deep/any"?: String, };
        action "send-mail" in [Action::"tools:all", Action::"plugin:send-mailer", Action::"effect:read_only", Action::"effect:open_world"] appliesTo {
          principal: Agent,
          resource: Tool,
          context: {
            unattended: Bool,
            arguments: call0_send_mail_arguments,
            raw: call0_send_mail_raw,
            requester: Reviewer,
            trigger: String,
            time: datetime,
            isolation?: Set<String>,
            counts: CallCounts,
          },
        };

        // May this person approve the waiting call?
        action "approve" appliesTo {
          principal: Reviewer,
          resource: Tool,
          context: {
            agent: Agent,
            call: {
              "send-mail"?: {arguments: call0_send_mail_arguments, raw: call0_send_mail_raw},
            },
            requester: Reviewer,
            trigger: String,
            time: datetime,
            isolation?: Set<String>,
            counts: CallCounts,
          },
        };
    "#]].assert_eq(&summary.schema.unwrap());
}

#[test]
fn checking_only_where_a_policy_applies_finds_the_same() {
    let (_, summary) = load("").unwrap();
    let (schema, _) = Schema::from_cedarschema_str(&summary.schema.unwrap()).unwrap();
    let validator = Validator::new(schema);
    let scopes = [
        "principal, action == Action::\"transfer\", resource",
        "principal, action == Action::\"look\", resource",
        "principal, action in Action::\"tools:all\", resource",
        "principal, action in [Action::\"effect:read_only\", Action::\"shell\"], resource",
        "principal is Reviewer, action == Action::\"shell\", resource",
        "principal in Group::\"a\", action == Action::\"approve\", resource == Tool::\"look\"",
        "principal, action == Action::\"nothing\", resource",
        "principal == Nobody::\"x\", action == Action::\"shell\", resource",
        "principal, action in Action::\"effect:idempotent\", resource",
        "principal, action in [Action::\"look\", Action::\"tools:all\"], resource",
    ];
    let conditions = [
        "",
        "when { context.unattended }",
        "when { context.arguments.amount.long > 3 }",
        "when { context.arguments has amount && context.arguments.amount has long && context.arguments.amount.long > 3 }",
        "when { context.arguments.command like \"a\" }",
        "when { context.call has look }",
        "when { principal.team == \"a\" }",
        "when { principal.level > 3 }",
        "when { resource.destructive && context.nothing }",
        "when { resource.destructive && context.requester has nothing }",
        "when { context.raw has \"/extra\" }",
        "when { context.raw[\"/extra\"] == \"\" }",
        "when { context has arguments && context.arguments has to && context.arguments.to like \"*\" }",
        "when { if action == Action::\"look\" then context.unattended else context.nothing }",
        "when { principal == resource }",
        "when { context.trigger == 3 }",
        "when { action == Action::\"look\" && context.arguments has depth && context.arguments.depth > 1 }",
        "unless { ip(\"x\").isLoopback() }",
    ];
    let (mut refused, mut impossible) = (0, 0);
    for scope in scopes {
        for condition in conditions {
            let text = format!("permit ({scope}) {condition};");
            let theirs =
                validator.validate(&PolicySet::from_str(&text).unwrap(), ValidationMode::Strict);
            let (errors, warnings) = match load(&text) {
                Ok((_, summary)) => (0, summary.warnings),
                Err(found) => {
                    (found.iter().filter(|one| one.severity == Severity::Error).count(), found)
                }
            };
            assert_eq!(errors > 0, !theirs.validation_passed(), "{text}: {theirs}");
            let ours = warnings.iter().any(|one| one.message.contains("can never apply"));
            let impossible_there = theirs
                .validation_warnings()
                .any(|warning| warning.to_string().contains("impossible"));
            if errors == 0 {
                assert_eq!(ours, impossible_there, "{text}: {theirs}");
                impossible += u32::from(ours);
            }
            refused += u32::from(errors > 0);
        }
    }
    assert!(refused > 40 && impossible > 5, "{refused} {impossible}");
}

/// A schema of one argument, and a value that it allows.
fn schema_and_value() -> impl Strategy<Value = (Value, Value)> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|value| (json!({"type": "boolean"}), json!(value))),
        any::<i32>().prop_map(|value| (json!({"type": "integer"}), json!(value))),
        (-1e6..1e6).prop_map(|value: f64| (json!({"type": "number"}), json!(value))),
        "[a\"\\\\ä\n]{0,3}".prop_map(|value| (json!({"enum": [value]}), json!(value))),
        Just((json!({"type": ["string", "null"]}), Value::Null)),
        Just((json!({}), json!({"__extn": {"fn": "ip", "arg": "::1"}}))),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name =
            prop_oneof![Just("a"), Just("if"), Just(""), Just("x y"), Just("__cedar"), Just("\"")];
        prop_oneof![
            (inner.clone(), 0_usize..3).prop_map(|((schema, value), times)| {
                (json!({"type": "array", "items": schema}), Value::Array(vec![value; times]))
            }),
            inner.clone().prop_map(|(schema, value)| {
                (json!({"anyOf": [schema, {"type": "null"}]}), value)
            }),
            proptest::collection::btree_map(name, (inner, any::<(bool, bool)>()), 0..4).prop_map(
                |members| {
                    let mut properties = serde_json::Map::new();
                    let mut required = Vec::new();
                    let mut object = serde_json::Map::new();
                    for (name, ((schema, value), (there, needed))) in members {
                        properties.insert(name.to_owned(), schema);
                        if there {
                            object.insert(name.to_owned(), value);
                            required.extend(needed.then_some(name));
                        }
                    }
                    object.insert("other".to_owned(), json!([1, null]));
                    (
                        json!({"type": "object", "properties": properties, "required": required}),
                        Value::Object(object),
                    )
                }
            ),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(4), ..ProptestConfig::default() })]

    /// Strict checking is worth something only if what is asked is what was checked.
    #[test]
    fn every_request_fits_its_schema((schema, value) in schema_and_value()) {
        let parameters = json!({"type": "object", "properties": {"x": schema}, "required": ["x"]});
        let tools = json!([tool("t", json!({}), parameters)]);
        let loaded = Cedar::load(&[source(SourceKind::Tools, "tools", &tools.to_string())]);
        let (_, summary) = loaded.map_err(|found| TestCaseError::fail(crate::common::lines(&found)))?;
        let (made, _) = Schema::from_cedarschema_str(&summary.schema.unwrap()).unwrap();
        let mapped = value::map(&json!({"x": value, "y": 1}).to_string(), &shape::of_arguments(&tools[0]["parameters"]));
        let mapped = mapped.map_err(TestCaseError::fail)?;
        let common = r#"{"requester": {"__entity": {"type": "Reviewer", "id": "a"}}, "trigger": "cli", "unattended": true,
            "time": {"__extn": {"fn": "datetime", "arg": "2026-01-01"}},
            "counts": {"requests": 1, "tool_calls": 1, "calls_of_tool": 1, "running_ms": 1}}"#;
        let context = Context::from_json_str(common, None).unwrap().merge([
            ("arguments".to_owned(), mapped.arguments),
            ("raw".to_owned(), mapped.raw),
        ]);
        let uid = |text: &str| EntityUid::from_str(text).unwrap();
        let request = Request::new(
            uid("Agent::\"a\""), uid("Action::\"t\""), uid("Tool::\"t\""), context.unwrap(), Some(&made));
        prop_assert!(request.is_ok(), "{}", request.unwrap_err());
    }
}
