//! The JSON that scripts read: its keys are a contract.

use crate::{ASKING, RUNNER};
use expect_test::expect;
use initrunner_tests::home::{Home, Ran};
use serde_json::Value;

/// The shape of a value: objects with their keys, the rest by its kind; of a list the first item.
fn shape(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => {
            let first = items.first().map(|first| shape(first, depth)).unwrap_or_default();
            format!("[{first}]")
        }
        Value::Object(fields) => {
            let indent = "  ".repeat(depth + 1);
            let field = |(key, value): (&String, &Value)| {
                format!("{indent}{key}: {}\n", shape(value, depth + 1))
            };
            let fields: String = fields.iter().map(field).collect();
            format!("{{\n{fields}{}}}", "  ".repeat(depth))
        }
    }
}

#[track_caller]
fn check(ran: &Ran, code: i32, expected: expect_test::Expect) {
    assert_eq!(ran.code, Some(code), "{ran}");
    assert_eq!(ran.stderr, "", "{ran}");
    expected.assert_eq(&shape(&ran.json(), 0));
}

#[test]
fn every_command_that_tells_something_can_tell_it_as_json() {
    let home = Home::with_role(ASKING, RUNNER);
    check(
        &home.run(["run", "role.yaml", "--json", "-p", "run touch x"]),
        2,
        expect![[r#"
            {
              run_id: text
              state: text
              answer: null
              error: null
              pending_approvals: [{
                tool_call_id: text
                tool_name: text
                arguments: {
                  command: text
                }
                preview: {
                  format: text
                  text: text
                }
                preview_text: text
                isolation: text
                policy: []
                changed: []
                expires_at: null
                escalates_at: null
                escalated_at: null
                version: number
                approval: {
                  reviewers: []
                  quorum: number
                  not_requester: bool
                  escalate: null
                }
                votes: []
              }]
              resumable: bool
              usage: {
                input_tokens: number
                output_tokens: number
              }
            }"#]],
    );
    check(
        &home.run(["pending", "--json"]),
        0,
        expect![[r#"
            [{
              run_id: text
              tool_call_id: text
              tool: text
              agent: text
              state: text
              created_at: text
              arguments: {
                command: text
              }
              preview: {
                format: text
                text: text
              }
              preview_text: text
              isolation: text
              policy: []
              changed: []
              expires_at: null
              escalates_at: null
              escalated_at: null
              question: null
              program_pid: null
              version: number
              approval: {
                reviewers: []
                quorum: number
                not_requester: bool
                escalate: null
              }
              votes: []
            }]"#]],
    );
    check(
        &home.run(["runs", "--json"]),
        0,
        expect![[r#"
        [{
          run_id: text
          agent: text
          state: text
          waiting: number
          prompt: text
          created_at: text
          updated_at: text
        }]"#]],
    );
    check(
        &home.run(["approve", "RUN", "--all", "--json"]),
        0,
        expect![[r#"
        {
          run_id: text
          state: text
          answer: text
          error: null
          pending_approvals: []
          resumable: bool
          usage: {
            input_tokens: number
            output_tokens: number
          }
        }"#]],
    );
    check(
        &home.run(["show", "RUN", "--json"]),
        0,
        expect![[r#"
            {
              run_id: text
              state: text
              agent: text
              role_path: text
              prompt: text
              trigger: text
              requester: text
              outcome: text
              created_at: text
              updated_at: text
              spent: {
                requests: number
                tool_calls: number
                wall_ms: number
              }
              usage: {
                input_tokens: number
                output_tokens: number
              }
              messages: [{
                role: text
                text: text
              }]
              calls: [{
                tool_call_id: text
                turn: number
                entry: text
                tool: text
                arguments: {
                  command: text
                }
                proposed_arguments: {
                  command: text
                }
                edits: []
                preview: {
                  format: text
                  text: text
                }
                preview_text: text
                isolation: null
                policy: []
                state: text
                expires_at: null
                escalates_at: null
                escalated_at: null
                version: number
                approval: {
                  reviewers: []
                  quorum: number
                  not_requester: bool
                  escalate: null
                }
                votes: []
                remembered_from: null
                decision: {
                  decision: text
                }
                resolved_by: text
                authenticated_as: text
                resolved_at: text
                attempts: number
                program_pid: null
                result: text
              }]
              events: [{
                sequence: number
                at: text
                kind: text
                call: null
                body: {
                  contents: text
                  fence: number
                  owner: text
                  requester: text
                  trigger: text
                }
              }]
            }"#]],
    );
    let probe = initrunner_tests::probe().display().to_string();
    check(
        &home.run(["inspect", &probe, "--json"]),
        0,
        expect![[r#"
            {
              digest: text
              size: number
              capabilities: [text]
              wasi: [text]
              not_offered: []
              grants: {
                needed: [text]
                usable: [text]
              }
              left_out: []
              name: text
              version: text
              description: text
              config_schema: {
                additionalProperties: bool
                properties: {
                  describe: {
                    type: text
                  }
                  level: {
                    minimum: number
                    type: text
                  }
                }
                type: text
              }
              tools: [{
                name: text
                description: text
                parameters: {
                  additionalProperties: bool
                  properties: {
                    count: {
                      minimum: number
                      type: text
                    }
                    do: {
                      type: text
                    }
                    prepare: {
                      type: text
                    }
                    text: {
                      type: text
                    }
                  }
                  type: text
                }
                effects: {
                  read_only: bool
                  destructive: bool
                  idempotent: bool
                  open_world: bool
                }
              }]
              tools_need_configuration: null
            }"#]],
    );
}

#[test]
fn what_waits_is_told_with_its_arguments_as_they_are() {
    let home = Home::with_role(ASKING, RUNNER);
    let told = home.json(["run", "role.yaml", "--json", "-p", "run touch x"]);
    assert_eq!(told["state"], "paused");
    assert_eq!(told["resumable"], true);
    let waiting = &told["pending_approvals"][0];
    assert_eq!(waiting["tool_name"], "shell");
    assert_eq!(waiting["arguments"], serde_json::json!({"command": "touch x"}));
    assert_eq!(waiting["preview"], serde_json::json!({"format": "command", "text": "touch x"}));
}

#[test]
fn a_run_that_ends_badly_is_told_as_json_too() {
    let home = Home::with_role("", "rules: [{when: only this, reply: x}]");
    let ran = home.run(["run", "role.yaml", "--json", "-p", "hello"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(ran.json()["state"], "failed");
    assert!(ran.json()["error"].is_string(), "{ran}");
}
