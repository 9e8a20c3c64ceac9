//! Calls that take more than any one person: who may decide, and how many of them.

use crate::RUNNER;
use expect_test::expect;
use initrunner::domain::decision::Decision;
use initrunner::ops::{
    self, ApproveRequest, Approved, Attended, Choice, Host, HostOptions, OpError, Selection,
};
use initrunner::runner::Silent;
use initrunner_tests::home::Home;
use serde_json::json;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The shell under an approval rule; `ME` stands for whoever runs the tests.
fn role(rule: &str) -> Home {
    let rule = rule.replace("ME", &ops::identity());
    Home::with_role(&format!("  - {{type: shell, shell: true, approval: {rule}}}"), RUNNER)
}

/// Approves all of the newest run as somebody else, in this process: nothing is executed as long as more
/// people are needed.
fn approve_as(home: &Home, identity: &str, note: &str) -> Result<String, OpError> {
    match approve_with(home, identity, note, &[])? {
        Approved::Recorded(run) => Ok(run.run.state.to_string()),
        Approved::Driven(_) => panic!("the run went on"),
    }
}

/// The same under these variables; the run goes on where nobody else is needed.
pub(crate) fn approve_with(
    home: &Home,
    identity: &str,
    note: &str,
    variables: &[(&str, &str)],
) -> Result<Approved, OpError> {
    let state = home.state().display().to_string();
    let own = ("INITRUNNER_HOME", &*state);
    let variables: BTreeMap<String, String> = variables
        .iter()
        .chain([&own])
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let environment = move |name: &str| variables.get(name).cloned();
    let home_folder = ops::Home::find(&environment)?;
    let host = Host::new(HostOptions {
        one_run: true,
        alone: true,
        ..HostOptions::new(home_folder, identity, environment)
    });
    let request = ApproveRequest {
        run: home.last(),
        selection: Selection::All,
        choice: Choice::Decide(Decision::Approve),
        seen: None,
        keep_others: false,
        note: Some(note.into()),
    };
    let (_stop, stopped) = watch::channel(None);
    let attended = Attended { reporter: &mut Silent, stop: stopped };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ops::approve_run(&host, request, attended))
}

#[test]
fn two_reviewers_approve_and_then_the_call_happens_once() {
    let home = role("{reviewers: [os:alice, os:bob, ME], quorum: 2}");
    home.run(["run", "role.yaml", "-p", "run echo x >> count"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            0 of 2 approvals; os:alice, os:bob or os:USER may approve

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert_eq!(approve_as(&home, "os:alice", "Alice").unwrap(), "paused");
    // A note makes nobody another person.
    let again = approve_as(&home, "os:alice", "os:bob").unwrap_err().to_string();
    assert!(again.starts_with("os:alice approved call call_"), "{again}");
    let left = format!("1 of 2 approvals (os:alice); os:bob or {} may approve", ops::identity());
    assert!(again.ends_with(&left), "{again}");
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments       ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ echo x >> count │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴─────────────────┘
          CALL___________  1 of 2 approvals (os:alice); os:bob or os:USER may approve
        = 0
    "#]]);
    let waiting = &home.json(["pending", "--json"])[0];
    assert_eq!(
        waiting["approval"],
        json!({"reviewers": ["os:alice", "os:bob", ops::identity()], "quorum": 2, "not_requester": false, "escalate": null})
    );
    assert_eq!(waiting["votes"][0]["authenticated_as"], "os:alice");
    assert_eq!(waiting["votes"][0]["resolved_by"], "Alice");
    assert!(!home.work().join("count").exists());

    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Result: (no output)
        = 0
    "#]]);
    assert_eq!(std::fs::read_to_string(home.work().join("count")).unwrap(), "x\n");
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ was already decided: approve by Alice, os:USER at TIME_______________________
        = 3
    "#]]);
    let shown = home.run(["show", "RUN"]);
    let calls = shown.stdout.split("\n\n").find(|part| part.starts_with("Tool calls")).unwrap();
    expect![[r#"
        Tool calls
          CALL___________  succeeded  shell  echo x >> count
            approve by Alice (os:alice) at TIME_______________________
            approve by os:USER (os:USER) at TIME_______________________"#]]
    .assert_eq(calls);
}

#[test]
fn a_first_approval_of_two_leaves_the_call_waiting() {
    let home = role("{quorum: 2}");
    home.run(["run", "role.yaml", "-p", "run echo x >> count"]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Recorded.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            1 of 2 approvals (os:USER); anybody but os:USER may approve

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: os:USER approved call CALL___________ at TIME_______________________ already; 1 of 2 approvals (os:USER); anybody but os:USER may approve
        = 3
    "#]]);
    // One denial is enough.
    home.run(["approve", "RUN", "--all", "--deny"]).check(expect![[r#"
        Resumed.
        Error: A person denied this call; it was not executed.
        = 0
    "#]]);
    assert!(!home.work().join("count").exists());
}

#[test]
fn who_is_no_reviewer_is_refused_and_told_who_is() {
    let home = role("{reviewers: [os:alice, 'key:ci']}");
    home.run(["run", "role.yaml", "-p", "run touch x"]);
    home.run(["approve", "RUN", "--all", "--resolved-by", "os:alice"]).check(expect![[r#"
        ! error: os:USER may not decide about call CALL___________: os:alice or key:ci may
        = 1
    "#]]);
    home.run(["approve", "RUN", "--all", "--deny"]).check(expect![[r#"
        ! error: os:USER may not decide about call CALL___________: os:alice or key:ci may
        = 1
    "#]]);
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--set", "command=ls"]).check(expect![[
        r#"
            ! error: os:USER may not decide about call CALL___________: os:alice or key:ci may
            = 1
        "#
    ]]);
    assert_eq!(home.json(["show", "RUN", "--json"])["state"], "paused");
}

#[test]
fn whoever_started_the_run_may_be_kept_from_deciding() {
    let home = role("{not_requester: true}");
    home.run(["run", "role.yaml", "-p", "run touch x"]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: os:USER started the run and may not decide about call CALL___________: anybody but os:USER may
        = 1
    "#]]);
}

#[test]
fn a_run_that_nobody_could_approve_does_not_begin() {
    let home = role("{reviewers: [ME, os:alice], quorum: 2, not_requester: true}");
    home.run(["run", "role.yaml", "-p", "run touch x"]).check(expect![[r#"
        ! error: role.yaml:5:5: calls of `shell` need 2 of os:USER, os:alice, which leaves too few without os:USER, who starts the run
        !   hint: name more `reviewers`, or have somebody else start it
        = 65
    "#]]);
    assert_eq!(home.json(["runs", "--json"]), json!([]));
}

#[test]
fn a_reviewer_who_is_named_decides_alone() {
    let home = role("{reviewers: [ME]}");
    home.run(["run", "role.yaml", "-p", "run echo done"]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Result: done
        = 0
    "#]]);
}

#[test]
fn a_call_beside_the_named_one_may_be_somebody_elses() {
    let tools = "  - {type: shell, name: mine, approval: required}\n  - {type: shell, name: theirs, approval: {reviewers: [os:alice]}}";
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: mine, arguments: {command: "touch x"}}
      - {tool: theirs, arguments: {command: "touch y"}}
"#;
    let home = Home::with_role(tools, script);
    home.run(["run", "role.yaml", "-p", "go"]);
    let mine = ["approve", "RUN", "--tool-call-id", "CALL"];
    home.run(mine).check(expect![[r#"
        ! error: os:USER may not decide about call CALL2__________: os:alice may
        !   hint: `--tool-call-id ID --keep-others` decides one call and leaves the others waiting
        = 1
    "#]]);
    let all = home.run(["approve", "RUN", "--all"]);
    assert!(all.stderr.contains("hint: `--tool-call-id ID --keep-others`"), "{all}");
    home.run(mine.into_iter().chain(["--keep-others"])).check(expect![[r#"
        Recorded.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL2__________  theirs  touch y
            0 of 1 approval; os:alice may approve

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(!home.work().join("x").exists(), "the turn waits for the other call");
}

#[test]
fn approving_all_means_the_calls_that_one_has_not_approved_yet() {
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: {command: "touch x"}}
      - {tool: shell, arguments: {command: "touch y"}}
"#;
    let home = Home::with_role("  - {type: shell, approval: {quorum: 2}}", script);
    home.run(["run", "role.yaml", "-p", "go"]);
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--keep-others"]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Recorded.
        Run RUN_____________ paused — 2 tool calls awaiting approval.
          CALL___________  shell  touch x
            1 of 2 approvals (os:USER); anybody but os:USER may approve
          CALL2__________  shell  touch y
            1 of 2 approvals (os:USER); anybody but os:USER may approve

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(3));
}
