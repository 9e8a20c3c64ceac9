//! What policies said, read back: every decision is in the journal.

use crate::{FREE, RUNNER};
use expect_test::{Expect, expect};
use initrunner_tests::home::{Home, Ran, until};
use rustix::process::Signal;
use serde_json::Value;

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

/// The events of the newest run that tell of policies: what was asked, and what they said.
fn decided(home: &Home) -> Vec<String> {
    let events = home.json(["audit", "show", &home.last(), "--json"]);
    let events = events.as_array().unwrap().iter();
    let of_policies = events.filter(|event| event["kind"] == "policy_decided");
    let line = |event: &Value| {
        let body = &event["body"];
        assert!(event["tool_call_id"].is_string() && event["at"].is_string(), "{event}");
        assert_eq!(body["digest"].as_str().map(str::len), Some(64), "{event}");
        assert!(body["took_us"].is_u64() && body["counts"].is_array(), "{event}");
        let reasons = body["reasons"].as_array().unwrap().iter();
        let reasons: Vec<&str> = reasons.map(|it| it["policy"].as_str().unwrap()).collect();
        let edited = if body["edited"] == true { " (edited)" } else { "" };
        let text = |key: &str| body[key].as_str().unwrap();
        let (policy, question, effect) = (text("policy"), text("question"), text("effect"));
        let line = format!("{policy}: {question}{edited} {effect} {}", reasons.join(", "));
        line.trim_end().to_owned()
    };
    of_policies.map(line).collect()
}

/// Compares what was added to the journal since `seen` lines were there.
#[track_caller]
fn added(home: &Home, seen: &mut usize, expected: Expect) {
    let all = decided(home);
    expected.assert_eq(&all[*seen..].join("\n"));
    *seen = all.len();
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

#[test]
fn every_decision_is_in_the_journal() {
    let home = with_policies(FREE, POLICIES);
    let seen = &mut 0;
    // A turn, with two calls that wait.
    ask(&home, "twice");
    added(
        &home,
        seen,
        expect![[r#"
        cedar: invoke ask touching
        cedar: invoke ask touching"#]],
    );
    let (run, first, second) = (home.last(), call(&home, 0), call(&home, 1));
    // Both approved: the first may be, the second may not, and nothing is decided.
    let refused = home.run(["approve", &run, "--all"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    added(
        &home,
        seen,
        expect![[r#"
        cedar: approve allow
        cedar: approve deny not-two"#]],
    );
    // An edit to what may not happen; one to what this person may not approve; one that holds.
    let edit = |command: &str| {
        let command = format!("command={command}");
        let words = ["--tool-call-id", &second, "--keep-others", "--set", &command];
        home.run(["approve", &run].into_iter().chain(words)).code
    };
    assert_eq!(edit("rm x"), Some(1));
    added(&home, seen, expect!["cedar: invoke (edited) deny removing"]);
    assert_eq!(edit("touch two2"), Some(1));
    added(
        &home,
        seen,
        expect![[r#"
        cedar: invoke (edited) ask touching
        cedar: approve (edited) deny not-two"#]],
    );
    assert_eq!(edit("touch three"), Some(2));
    added(
        &home,
        seen,
        expect![[r#"
        cedar: invoke (edited) ask touching
        cedar: approve (edited) allow"#]],
    );
    // A decision about a version that is not there.
    let words = ["--tool-call-id", &first, "--version-shown", "99"];
    assert_eq!(home.run(["approve", &run].into_iter().chain(words)).code, Some(3));
    added(&home, seen, expect!["cedar: approve allow"]);
    // One that comes too late, since a denial needs no policy and is first.
    let late = home
        .failing(["approve", &run, "--all"])
        .env("INITRUNNER_FAIL_POINT", "store.owner.registered:stop")
        .start();
    let stat = format!("/proc/{}/stat", late.id());
    until("it has stopped, about to decide", || {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, after)| after.starts_with('T'))
    });
    let words = ["--tool-call-id", &first, "--deny", "--keep-others"];
    // The run goes on with the call that was approved before, which is asked about again, and starts.
    home.run(["approve", &run].into_iter().chain(words)).check(expect![[r#"
        Resumed.
        Error: A person denied this call; it was not executed.
        = 0
    "#]]);
    added(&home, seen, expect!["cedar: invoke ask touching"]);
    late.signal(Signal::CONT);
    assert_eq!(late.wait().code, Some(3));
    added(&home, seen, expect!["cedar: approve allow"]);
    assert!(home.work().join("three").exists() && !home.work().join("one").exists());
    verifies(&home);
}
