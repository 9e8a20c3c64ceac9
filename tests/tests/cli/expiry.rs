//! Calls that nobody decides in time.

use crate::RUNNER;
use crate::vote::approve_with;
use expect_test::expect;
use initrunner::ops::{self, Approved};
use initrunner_tests::home::{Home, Ran, Running, until};
use std::time::{Duration, Instant};

/// The shell, asking before each call, for at most so long.
fn asking(rest: &str) -> String {
    format!("  - {{type: shell, shell: true, approval: {{mode: required, {rest}}}}}")
}

/// Sweeps until the newest run has left the queue.
fn swept(home: &Home) -> Ran {
    let mut last = None;
    until("the call expires", || {
        let ran = home.run(["sweep"]);
        let expired = ran.stdout.contains(" expired: ");
        last = Some(ran);
        expired
    });
    last.unwrap()
}

/// Without what a sweep on a busy machine may have said before.
fn expired(home: &Home) -> Ran {
    let mut ran = swept(home);
    let kept = |line: &&str| !line.contains(" expires at ");
    ran.stdout = ran.stdout.split_inclusive('\n').filter(kept).collect();
    ran
}

#[test]
fn a_run_goes_on_without_the_call_that_nobody_decided() {
    let home = Home::with_role(&asking("expires_after: 1s"), RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch here"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  touch here
            expires at TIME_______________________

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    expired(&home).check(expect![[r#"
        Call CALL___________ (shell) of run RUN_____________ expired: nobody decided within 1 s; it was not executed.
        Run RUN_____________ goes on.
        Resumed.
        Error: Nobody decided about this call in time; it was not executed.
        = 0
    "#]]);
    assert!(!home.work().join("here").exists());
    let call = &home.json(["show", "RUN", "--json"])["calls"][0];
    assert_eq!((&call["state"], &call["decision"]), (&"expired".into(), &().into()));
    assert_eq!(call["authenticated_as"], "system");
    home.run(["sweep"]).check(expect![[r#"
        Nothing is due.
        = 0
    "#]]);
    home.run(["audit", "verify"]).check(expect![[r#"
        The journal holds: 12 events.
        Head: 12 CODE
        = 0
    "#]]);
}

#[test]
fn a_run_that_is_left_to_be_resumed_says_why_and_goes_on() {
    let home = Home::with_role(&asking("expires_after: 1s"), RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch here"]);
    until("the call expires", || {
        let swept = home.json(["sweep", "--no-resume", "--json"]);
        let expired = swept["expired"].as_array().is_some_and(|calls| !calls.is_empty());
        if expired {
            assert_eq!(swept["expired"][0]["on_expiry"], "deny");
            assert_eq!(swept["expired"][0]["expires_after"], 1);
            assert_eq!(swept["runs"].to_string(), "[]");
        }
        expired
    });
    home.run(["runs"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ agent ┃ state       ┃ waiting ┃ created_at          ┃ prompt         ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ test  │ interrupted │ 0       │ TIME_______________ │ run touch here │
        └──────────────────┴───────┴─────────────┴─────────┴─────────────────────┴────────────────┘
        = 0
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ expired at TIME_______________________; it was not executed
        = 3
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        Resumed.
        Error: Nobody decided about this call in time; it was not executed.
        = 0
    "#]]);
}

#[test]
fn a_run_fails_where_its_role_says_so() {
    let home = Home::with_role(&asking("expires_after: 1s, on_expiry: fail"), RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch here"]);
    expired(&home).check(expect![[r#"
        Call CALL___________ (shell) of run RUN_____________ expired: nobody decided within 1 s; it was not executed, and the run failed.
        = 0
    "#]]);
    let story = home.json(["show", "RUN", "--json"]);
    let call = story["calls"][0]["tool_call_id"].as_str().unwrap();
    assert_eq!(story["state"], "failed");
    assert_eq!(story["outcome"], format!("nobody decided about call {call} within 1 s"));
    assert!(!home.work().join("here").exists());
}

#[test]
fn people_see_when_a_call_expires() {
    let home = Home::with_role(&asking("expires_after: 4h"), RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch here"]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments  ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ touch here │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴────────────┘
          CALL___________  expires at TIME_______________________
        = 0
    "#]]);
    let waits = home.json(["pending", "--json"]);
    assert!(waits[0]["expires_at"].is_string(), "{waits}");
    let shown = home.run(["show", "RUN"]).stdout;
    assert!(shown.contains("    expires at TIME"), "{shown}");
    home.run(["sweep"]).check(expect![[r#"
        Nothing is due.
        = 0
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Result: (no output)
        = 0
    "#]]);
}

#[test]
fn whoever_decides_too_late_is_told_so_though_nobody_swept() {
    let home = Home::with_role(&asking("expires_after: 1s"), RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch here"]);
    let asked = Instant::now();
    until("its time is up", || asked.elapsed() > Duration::from_secs(1));
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ expired at TIME_______________________; it was not executed
        = 3
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        Resumed.
        Error: Nobody decided about this call in time; it was not executed.
        = 0
    "#]]);
    assert!(!home.work().join("here").exists());
}

#[test]
fn of_those_who_approve_and_those_who_sweep_one_is_first() {
    for _ in 0..3 {
        let home = Home::with_role(&asking("expires_after: 1s"), RUNNER);
        home.run(["run", "role.yaml", "-p", "run echo x >> counter"]);
        let asked = Instant::now();
        // Around the moment when its time is up; whoever is first, one is.
        until("its time is nearly up", || asked.elapsed() > Duration::from_millis(850));
        let start = |_| {
            let approving = home.command(["approve", "RUN", "--all"]).start();
            (approving, home.command(["sweep"]).start())
        };
        let (approving, sweeping): (Vec<Running>, Vec<Running>) = (0..4).map(start).unzip();
        let approved: Vec<Ran> = approving.into_iter().map(Running::wait).collect();
        let swept: Vec<Ran> = sweeping.into_iter().map(Running::wait).collect();
        let won = approved.iter().filter(|ran| ran.code == Some(0)).count();
        let expired = swept.iter().filter(|ran| ran.stdout.contains(" expired: ")).count();
        let late = approved.iter().filter(|ran| ran.stderr.contains(" expired at ")).count();
        let call = &home.json(["show", "RUN", "--json"])["calls"][0];
        let happened = home.work().join("counter").exists();
        assert_eq!(happened, won == 1, "{approved:?} {swept:?}");
        assert_eq!(won, usize::from(call["state"] == "succeeded"), "{call}");
        assert!(won + expired <= 1 || late > 0, "{approved:?} {swept:?}");
        if happened {
            let counted = std::fs::read_to_string(home.work().join("counter")).unwrap();
            assert_eq!(counted, "x\n");
        } else {
            assert_eq!(call["state"], "expired");
        }
        assert!(swept.iter().all(|ran| ran.code == Some(0)), "{swept:?}");
    }
}

/// Nobody of the first group is there; the second is whoever runs the tests.
fn escalating(after: &str) -> Home {
    let me = ops::identity();
    let rule =
        format!("{{reviewers: [os:alice], escalate: {{after: {after}, reviewers: [{me}]}}}}");
    Home::with_role(&format!("  - {{type: shell, shell: true, approval: {rule}}}"), RUNNER)
}

#[test]
fn a_second_group_decides_where_nobody_did_for_a_while() {
    let home = escalating("2s");
    home.run(["run", "role.yaml", "-p", "run echo x >> count"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            0 of 1 approval; os:alice may approve, and from TIME_______________________ os:USER too

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    // On a machine that was busy for so long there is nothing to be seen of the time before.
    let early = home.run(["approve", "RUN", "--all"]);
    if early.code != Some(0) {
        early.check(expect![[r#"
            ! error: os:USER may not decide about call CALL___________: os:alice may, and from TIME_______________________ os:USER too
            = 1
        "#]]);
        let waits = &home.json(["pending", "--json"])[0];
        assert_eq!(
            waits["approval"]["escalate"],
            serde_json::json!({"after": 2, "reviewers": [ops::identity()]})
        );
        assert!(waits["escalates_at"].is_string(), "{waits}");
        until("the call is escalated", || {
            let ran = home.run(["sweep"]);
            let escalated = ran.stdout.contains(" is escalated: ");
            if escalated {
                ran.check(expect![[r#"
                    Call CALL___________ (shell) of run RUN_____________ is escalated: os:USER may decide too.
                    = 0
                "#]]);
            }
            escalated
        });
        home.run(["pending"]).check(expect![[r#"
            Pending approvals (1)
            ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
            ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments       ┃
            ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
            │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ echo x >> count │
            └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴─────────────────┘
              CALL___________  0 of 1 approval; os:alice or os:USER may approve (escalated at TIME_______________________)
            = 0
        "#]]);
        home.run(["approve", "RUN", "--all"]).check(expect![[r#"
            Resumed.
            Result: (no output)
            = 0
        "#]]);
    }
    assert_eq!(std::fs::read_to_string(home.work().join("count")).unwrap(), "x\n");
    let shown = home.run(["show", "RUN"]);
    let calls = shown.stdout.split("\n\n").find(|part| part.starts_with("Tool calls")).unwrap();
    expect![[r#"
        Tool calls
          CALL___________  succeeded  shell  echo x >> count
            escalated to os:USER at TIME_______________________
            approve by os:USER (os:USER) at TIME_______________________"#]]
    .assert_eq(calls);
    let told = home.run(["policy", "explain", "RUN", "CALL"]).stdout;
    assert!(told.contains("escalated: os:USER may decide too"), "{told}");
    let verified = home.run(["audit", "verify"]).stdout;
    assert!(verified.starts_with("The journal holds"), "{verified}");
}

#[test]
fn the_second_group_need_not_wait_for_a_sweep_and_the_first_stays_asked() {
    let home = escalating("1s");
    home.run(["run", "role.yaml", "-p", "run touch here"]);
    let asked = Instant::now();
    until("its time has come", || asked.elapsed() > Duration::from_secs(1));
    let swept = || home.json(["sweep", "--json"])["escalated"].as_array().unwrap().len();
    home.run(["approve", "RUN", "--all", "--deny"]).check(expect![[r#"
        Resumed.
        Error: A person denied this call; it was not executed.
        = 0
    "#]]);
    assert_eq!(swept(), 0);
    home.run(["run", "role.yaml", "-p", "run touch there"]);
    until("the call is escalated", || swept() == 1);
    // What the call comes to in this process, which has no program to start others with, is not looked at.
    assert!(matches!(approve_with(&home, "os:alice", "Alice", &[]), Ok(Approved::Driven(_))));
    let call = &home.json(["show", "RUN2", "--json"])["calls"][0];
    let decided = (&call["decision"]["decision"], &call["authenticated_as"]);
    assert_eq!(decided, (&"approve".into(), &"os:alice".into()));
    assert!(call["escalated_at"].is_string() && !home.work().join("here").exists(), "{call}");
}
