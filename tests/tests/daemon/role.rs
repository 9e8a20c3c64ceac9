//! The role that these tests run, and looking at its runs.

use initrunner_tests::daemon::Daemon;
use initrunner_tests::home::{Home, Start, until};
use serde_json::Value;

/// What signs the webhooks.
pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// A model that calls the shell with what it is asked to run.
const SCRIPT: &str = r#"
rules:
  - when: "run (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
fallback: "You said: $0"
"#;

/// A home with a role that has these lines beside its tools.
pub(crate) fn home(approval: &str, rest: &str) -> Home {
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    write(&home, "ops", approval, rest);
    home
}

/// Writes a role.
pub(crate) fn write(home: &Home, name: &str, approval: &str, rest: &str) {
    let tool = format!("{{type: shell, shell: true, approval: {approval}}}");
    let model = "scripted:script.yaml";
    let text = format!("name: {name}\nprompt: p\nmodel: {model}\ntools:\n  - {tool}\n{rest}\n");
    home.file(&format!("{name}.yaml"), text);
}

/// A webhook whose body says what to run.
pub(crate) const HOOK: &str = r#"triggers:
  - {type: webhook, path: /hook, secret_env: HOOK_SECRET, rate_limit: 100000, prompt: "run {{ body.command }}"}
"#;

/// What starts a daemon that has the secret.
pub(crate) fn command(home: &Home) -> Start {
    Daemon::command(home, "ops.yaml").env("HOOK_SECRET", SECRET)
}

/// Such a daemon.
#[track_caller]
pub(crate) fn daemon(home: &Home) -> Daemon {
    Daemon::of(command(home))
}

/// The body that has a command run.
pub(crate) fn body(command: &str) -> String {
    serde_json::json!({"command": command}).to_string()
}

/// The runs, newest first.
pub(crate) fn runs(home: &Home) -> Vec<Value> {
    home.json(["runs", "--json"]).as_array().cloned().unwrap_or_default()
}

/// How many runs are in a state.
pub(crate) fn count(home: &Home, state: &str) -> usize {
    runs(home).iter().filter(|run| run["state"] == state).count()
}

/// Waits until so many runs are in a state.
#[track_caller]
pub(crate) fn are(home: &Home, state: &str, number: usize) {
    until(&format!("{number} runs are {state}"), || count(home, state) == number);
}
