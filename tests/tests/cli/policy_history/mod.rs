//! What policies said, read back: every decision is in the journal, `policy explain` tells why, and
//! `policy replay` asks others about past calls.

mod explain;
mod help;
mod journal;
mod replay;
mod untrusted;

use crate::{FREE, RUNNER};
use initrunner_tests::home::{Home, Ran};

/// Removing is forbidden, touching asks, all else may happen; nobody approves what has `two` in it.
const POLICIES: &str = r#"
@id("everything")
permit (principal, action in Action::"tools:all", resource);

@id("touching")
@message("touching needs a person")
@severity("medium")
forbid (principal, action == Action::"shell", resource)
when { context.unattended && context.arguments.command like "touch*" };

@id("removing")
@message("nothing is removed here")
forbid (principal, action == Action::"shell", resource)
when { context.arguments.command like "rm*" };

@id("not-two")
@message("two is too many")
forbid (principal, action == Action::"approve", resource)
when { context.call has shell && context.call.shell.arguments.command like "*two*" };
"#;

/// Nothing is asked, nothing denied.
const LOOSER: &str = r#"
@id("anything")
permit (principal, action in Action::"tools:all", resource);
"#;

/// Two calls in one turn.
const TWICE: &str = r#"
rules:
  - when: "^twice$"
    turn: 0
    calls:
      - {tool: shell, arguments: {command: touch one}}
      - {tool: shell, arguments: {command: touch two}}
  - when: "^nonsense$"
    turn: 0
    calls:
      - {tool: shell, arguments: {comand: ls}}
      - {tool: nothing, arguments: {}}
"#;

fn with_policies(tools: &str, policies: &str) -> Home {
    let home = Home::new();
    role(&home, tools, "policy: {sources: [policies.cedar]}\n");
    home.file("policies.cedar", policies);
    home.file("script.yaml", RUNNER.replacen("\nrules:\n", TWICE, 1));
    home
}

fn role(home: &Home, tools: &str, policy: &str) {
    let head = "name: test\nprompt: p\nmodel: scripted:script.yaml\n";
    home.file("role.yaml", format!("{head}{policy}tools:\n{tools}\n"));
}

fn ask(home: &Home, prompt: &str) -> Ran {
    home.run(["run", "role.yaml", "-p", prompt])
}

fn verifies(home: &Home) {
    let verified = home.run(["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{verified}");
}

/// The id of the newest run's call at a position.
fn call(home: &Home, index: usize) -> String {
    let shown = home.json(["show", &home.last(), "--json"]);
    shown["calls"][index]["tool_call_id"].as_str().unwrap().to_owned()
}

fn explain(home: &Home, index: usize) -> Ran {
    home.run(["policy", "explain", &home.last(), &call(home, index)])
}

/// Runs of each kind, under the first policies: allowed, denied, asked and approved, edited, waiting.
fn past() -> Home {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo hi");
    ask(&home, "run rm x");
    ask(&home, "run touch one");
    home.run(["approve", &home.last(), "--all"]);
    ask(&home, "run touch two");
    let (run, call) = (home.last(), call(&home, 0));
    let words = ["--tool-call-id", &call, "--set", "command=echo edited"];
    assert_eq!(home.run(["approve", &run].into_iter().chain(words)).code, Some(0));
    ask(&home, "twice");
    ask(&home, "nonsense");
    home
}

fn replay(home: &Home, words: &[&str]) -> Ran {
    let command = ["policy", "replay", "role.yaml"];
    home.command(command.into_iter().chain(words.iter().copied())).env("COLUMNS", "140").run()
}
