//! Models that call what does not exist, write arguments that are none, or never stop.

use crate::FREE;
use expect_test::{Expect, expect};
use initrunner_tests::home::Home;

#[test]
fn arguments_that_cannot_be_right_go_back_to_the_model_and_to_nobody_else() {
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: '{"command": "touch a", "command": "touch b"}'}
      - {tool: shell, arguments: 'touch a'}
      - {tool: shell, arguments: ''}
      - {tool: shell, arguments: '[]'}
      - {tool: shell, arguments: {}}
      - {tool: shell, arguments: '{"command": 12345678901234567890}'}
      - {tool: shell, arguments: {command: 7}}
      - {tool: shell, arguments: {command: "touch a", also: this}}
      - {tool: shell, arguments: '{"command": "\ud800"}'}
      - {tool: shel, arguments: {command: "touch a"}}
      - {tool: something_else, arguments: {command: "touch a"}}
  - {from: tool, when: "(?s).*", reply: "$0"}
"#;
    let home = Home::with_role(crate::ASKING, script);
    home.run(["run", "role.yaml", "-p", "go"]).check(expect![[r#"
        Invalid arguments: the JSON cannot be used: a key occurs twice in one object at line 1 column 44
        Invalid arguments: the JSON cannot be used: expected ident at line 1 column 2
        Invalid arguments: "command" is a required property
        Invalid arguments: the arguments are not a JSON object
        Invalid arguments: "command" is a required property
        Invalid arguments: the JSON cannot be used: an integer is beyond ±9007199254740991; pass it as a string at line 1 column 32
        Invalid arguments: at `/command`: the value is not of type "string"
        Invalid arguments: Additional properties are not allowed ('also' was unexpected)
        Invalid arguments: the JSON cannot be used: unexpected end of hex escape at line 1 column 20
        There is no tool of that name; did you mean `shell`?
        There is no tool of that name
        = 0
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
    assert!(!home.work().join("a").exists());
}

/// A run whose model calls for ever, under one budget.
fn check(budget: &str, command: &str, expected: Expect) {
    let home = Home::new();
    let calls = format!("calls: [{{tool: shell, arguments: {{command: \"{command}\"}}}}]");
    home.role(
        "role.yaml",
        &format!("{FREE}\nbudgets: {{{budget}}}"),
        &format!("rules:\n  - {{from: tool, when: \"(?s).*\", {calls}}}\n  - {{{calls}}}\n"),
    );
    home.run(["run", "role.yaml", "-p", "go"]).check(expected);
    let story = home.json(["show", "RUN", "--json"]);
    assert_eq!(story["state"], "failed", "{story}");
}

#[test]
fn a_model_that_never_stops_is_stopped_by_a_budget() {
    check(
        "max_requests: 3",
        "true",
        expect![[r#"
        ! error: run RUN_____________ failed: the run reached its budget `max_requests` of 3 requests to the model; raise `budgets.max_requests` in the role to allow more
        = 1
    "#]],
    );
    check(
        "max_tool_calls: 2",
        "true",
        expect![[r#"
        ! error: run RUN_____________ failed: the run reached its budget `max_tool_calls` of 2 tool calls; raise `budgets.max_tool_calls` in the role to allow more
        = 1
    "#]],
    );
    // The scripted model counts words.
    check(
        "max_tokens: 5",
        "true",
        expect![[r#"
        ! error: run RUN_____________ failed: the run reached its budget `max_tokens` of 5 tokens; raise `budgets.max_tokens` in the role to allow more
        = 1
    "#]],
    );
    check(
        "max_wall_time: 1",
        "sleep 0.6",
        expect![[r#"
        ! error: run RUN_____________ failed: the run reached its budget `max_wall_time` of 1 seconds of running time; raise `budgets.max_wall_time` in the role to allow more
        = 1
    "#]],
    );
}

#[test]
fn a_call_that_outlasts_the_runs_time_is_stopped() {
    let began = std::time::Instant::now();
    check(
        "max_wall_time: 1",
        "sleep 1000",
        expect![[r#"
        ! error: run RUN_____________ failed: the run reached its budget `max_wall_time` of 1 seconds of running time; raise `budgets.max_wall_time` in the role to allow more
        = 1
    "#]],
    );
    // Far below the tool's own limit of 30 s.
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn a_budget_is_kept_across_resumes() {
    let calls = "calls: [{tool: shell, arguments: {command: \"true\"}}]";
    let home = Home::new();
    home.role(
        "role.yaml",
        &format!("{}\nbudgets: {{max_requests: 2}}", crate::ASKING),
        &format!("rules:\n  - {{from: tool, when: \"(?s).*\", {calls}}}\n  - {{{calls}}}\n"),
    );
    assert_eq!(home.run(["run", "role.yaml", "-p", "go"]).code, Some(2));
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(2));
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        ! error: run RUN_____________ failed: the run reached its budget `max_requests` of 2 requests to the model; raise `budgets.max_requests` in the role to allow more
        = 1
    "#]]);
}
