//! The roles that these tests serve.

use initrunner_tests::home::Home;
use initrunner_tests::http_client::Answer;
use initrunner_tests::serve::Server;
use serde_json::{Value, json};

/// A model that calls the shell with what it is asked to run.
const SCRIPT: &str = r#"
rules:
  - when: "^run (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  # Calls again with what it got.
  - when: "^twice (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  - from: tool
    turn: 1
    user: "^twice (.*)$"
    calls: [{tool: shell, arguments: {command: "${user.1} again"}}]
  # Says something beside its calls.
  - when: "^both (.*)$"
    turn: 0
    reply: "I will do two things."
    calls:
      - {tool: shell, arguments: {command: "$1 one"}}
      - {tool: shell, arguments: {command: "$1 two"}}
  - {from: tool, when: "(?s).*denied.*", reply: "I did not: $0"}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
fallback: "You said: $0"
"#;

/// The role that asks a person before each call.
pub(crate) const ASKING: &str = "asking";

/// The role that asks nobody.
pub(crate) const FREE: &str = "free";

/// A home with both roles, and nothing else.
pub(crate) fn home() -> Home {
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    role(&home, ASKING, "approval: required");
    role(&home, FREE, "approval: auto");
    home
}

/// Writes a role that has the shell with this key beside it.
pub(crate) fn role(home: &Home, name: &str, key: &str) {
    let tool = format!("{{type: shell, shell: true, {key}}}");
    let model = "scripted:script.yaml";
    let text = format!("name: {name}\nprompt: p\nmodel: {model}\ntools:\n  - {tool}\n");
    home.file(&format!("{name}.yaml"), text);
}

/// What a client sends to have a role answer a text.
pub(crate) fn asked(role: &str, text: &str) -> Value {
    json!({"model": role, "messages": [{"role": "user", "content": text}]})
}

/// Asks a role.
pub(crate) fn ask(server: &Server, role: &str, text: &str) -> Answer {
    server.post("/v1/chat/completions", asked(role, text).to_string())
}

/// A run that waits: its path under `/v1/approvals`, and the ids of its calls.
pub(crate) fn paused(server: &Server, text: &str) -> (String, Vec<String>) {
    paused_of(server, ASKING, text)
}

/// The same of any role.
pub(crate) fn paused_of(server: &Server, role: &str, text: &str) -> (String, Vec<String>) {
    let answer = ask(server, role, text).json();
    let run = answer["run_id"].as_str().unwrap_or_else(|| panic!("no pause: {answer}"));
    let calls = answer["pending_approvals"].as_array().into_iter().flatten();
    let id = |call: &Value| call["tool_call_id"].as_str().expect("an id").to_owned();
    (format!("/v1/approvals/{run}"), calls.map(id).collect())
}
