//! A run that pauses, and what a person may say about its calls.

use crate::{ASKING, RUNNER};
use expect_test::expect;
use initrunner_tests::home::{Home, Ran};

/// The example, run until it pauses.
fn example() -> (Home, Ran) {
    let home = Home::with_example("first-run");
    let scratch = home.work().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    std::fs::write(scratch.join("old.txt"), "old").unwrap();
    let ran = home.run(["run", "role.yaml", "-p", "delete ./scratch"]);
    assert!(scratch.join("old.txt").exists());
    (home, ran)
}

#[test]
fn an_approved_call_happens_and_the_run_goes_on() {
    let (home, ran) = example();
    ran.check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  rm -rf ./scratch

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments        ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ demo  │ TIME_______________ │ rm -rf ./scratch │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴──────────────────┘
        = 0
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Deleted ./scratch.
        = 0
    "#]]);
    assert!(!home.work().join("scratch").exists());
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
    home.run(["runs"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ agent ┃ state     ┃ waiting ┃ created_at          ┃ prompt           ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ demo  │ completed │ 0       │ TIME_______________ │ delete ./scratch │
        └──────────────────┴───────┴───────────┴─────────┴─────────────────────┴──────────────────┘
        = 0
    "#]]);
    home.run(["show", "RUN"]).check(expect![[r#"
        RUN_____________  completed  demo
          role       FOLDER/work/role.yaml
          started    TIME_______________________ by os:USER (cli)
          changed    TIME_______________________
          used       2 requests, 1 tool call, SECONDS s, 33 + 5 tokens
          outcome    Deleted ./scratch.

        Messages
          user   delete ./scratch
          model  [calls shell CALL___________]
          tool   [shell] (no output)
          model  Deleted ./scratch.

        Tool calls
          CALL___________  succeeded  shell  rm -rf ./scratch
            approve by os:USER (os:USER) at TIME_______________________

        Journal
               1  TIME_______________________  run_created
               2  TIME_______________________  turn_recorded
               3  TIME_______________________  approval_requested  CALL___________
               4  TIME_______________________  run_paused
               5  TIME_______________________  approval_decided  CALL___________
               6  TIME_______________________  run_claimed
               7  TIME_______________________  run_resumed
               8  TIME_______________________  call_started  CALL___________
               9  TIME_______________________  program_started  CALL___________
              10  TIME_______________________  call_finished  CALL___________
              11  TIME_______________________  results_told
              12  TIME_______________________  turn_recorded
              13  TIME_______________________  run_ended
        = 0
    "#]]);
}

#[test]
fn a_denied_call_does_not_happen_and_the_model_is_told() {
    let (home, _) = example();
    home.run(["approve", "RUN", "--all", "--deny"]).check(expect![[r#"
        Resumed.
        I did not delete it: a person denied the call.
        = 0
    "#]]);
    assert!(home.work().join("scratch/old.txt").exists());
    home.run(["show", "RUN"]).check(expect![[r#"
        RUN_____________  completed  demo
          role       FOLDER/work/role.yaml
          started    TIME_______________________ by os:USER (cli)
          changed    TIME_______________________
          used       2 requests, 1 tool call, SECONDS s, 40 + 13 tokens
          outcome    I did not delete it: a person denied the call.

        Messages
          user   delete ./scratch
          model  [calls shell CALL___________]
          tool   [shell] A person denied this call; it was not executed.
          model  I did not delete it: a person denied the call.

        Tool calls
          CALL___________  denied  shell  rm -rf ./scratch
            deny by os:USER (os:USER) at TIME_______________________

        Journal
               1  TIME_______________________  run_created
               2  TIME_______________________  turn_recorded
               3  TIME_______________________  approval_requested  CALL___________
               4  TIME_______________________  run_paused
               5  TIME_______________________  approval_decided  CALL___________
               6  TIME_______________________  run_claimed
               7  TIME_______________________  run_resumed
               8  TIME_______________________  results_told
               9  TIME_______________________  turn_recorded
              10  TIME_______________________  run_ended
        = 0
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ was already decided: deny by os:USER at TIME_______________________
        = 3
    "#]]);
    assert!(home.work().join("scratch/old.txt").exists());
}

/// A run with two calls that wait.
fn two_calls() -> Home {
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: {command: "touch one"}}
      - {tool: shell, arguments: {command: "touch two"}}
  - {from: tool, when: "(?s).*", reply: "$0"}
"#;
    let home = Home::with_role(ASKING, script);
    assert_eq!(home.run(["run", "role.yaml", "-p", "go"]).code, Some(2));
    home
}

#[test]
fn one_of_two_calls_is_approved_and_the_other_denied() {
    let home = two_calls();
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (2)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ touch one │
        │ RUN_____________ │ CALL2__________ │ shell │ test  │ TIME_______________ │ touch two │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴───────────┘
        = 0
    "#]]);
    home.run(["approve", "RUN", "--tool-call-id", "CALL2"]).check(expect![[r#"
        Resumed.
        A person denied this call; it was not executed. The reason given: "only another call of the same turn was approved or denied"
        (no output)
        = 0
    "#]]);
    assert!(!home.work().join("one").exists());
    assert!(home.work().join("two").exists());
    let story = home.json(["show", "RUN", "--json"]);
    let told = |call: usize| {
        let call = &story["calls"][call];
        format!("{} {} {}", call["state"], call["decision"], call["attempts"])
    };
    expect![[r#""denied" {"decision":"deny","reason":"only another call of the same turn was approved or denied"} 0"#]].assert_eq(&told(0));
    expect![[r#""succeeded" {"decision":"approve"} 1"#]].assert_eq(&told(1));
}

#[test]
fn one_of_two_calls_is_approved_and_the_other_kept() {
    let home = two_calls();
    let words = ["approve", "RUN", "--tool-call-id", "CALL2", "--keep-others"];
    home.run(words).check(expect![[r#"
        Recorded.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  touch one

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(!home.work().join("two").exists());
    let words = ["approve", "RUN", "--all", "--deny", "--reason", "too early"];
    home.run(words).check(expect![[r#"
        Resumed.
        A person denied this call; it was not executed. The reason given: "too early"
        (no output)
        = 0
    "#]]);
    assert!(!home.work().join("one").exists());
    assert!(home.work().join("two").exists());
}

#[test]
fn one_of_two_calls_is_denied_and_so_is_the_other() {
    let home = two_calls();
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--deny"]).check(expect![[r#"
        Resumed.
        A person denied this call; it was not executed.
        A person denied this call; it was not executed. The reason given: "only another call of the same turn was approved or denied"
        = 0
    "#]]);
    assert!(!home.work().join("one").exists());
    assert!(!home.work().join("two").exists());
}

#[test]
fn a_note_on_who_decided_is_kept_beside_the_user_who_did() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch x"]);
    let ran = home.run(["approve", "RUN", "--all", "--resolved-by", "Ada \u{1b}[31m"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let call = &home.json(["show", "RUN", "--json"])["calls"][0];
    assert_eq!(call["resolved_by"], "Ada \u{1b}[31m");
    assert_eq!(call["authenticated_as"], initrunner::ops::identity());
    assert_eq!(call["decision"]["decision"], "approve", "{call}");
    let shown = home.run(["show", "RUN"]).stdout;
    let line = shown.lines().find(|line| line.contains("Ada")).unwrap_or_default();
    expect![[r#"    approve by Ada \x1b[31m (os:USER) at TIME_______________________"#]]
        .assert_eq(line);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ was already decided: approve by Ada \x1b[31m at TIME_______________________
        = 3
    "#]]);
}

#[test]
fn a_paused_run_is_resumed_only_by_a_decision() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch x"]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        ! error: a decision on 1 tool call of run RUN_____________ is outstanding; `initrunner approve RUN_____________ --all` approves
        = 2
    "#]]);
    home.run(["cancel", "RUN", "--resolved-by", "Ada"]).check(expect![[r#"
        Run RUN_____________ cancelled.
        = 0
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ was already decided: deny by Ada at TIME_______________________
        = 3
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        ! error: run RUN_____________ was cancelled by Ada at TIME_______________________
        = 3
    "#]]);
    home.run(["cancel", "RUN"]).check(expect![[r#"
        ! error: run RUN_____________ was cancelled by Ada at TIME_______________________
        = 3
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
    assert!(!home.work().join("x").exists());
}

#[test]
fn a_component_is_compiled_once_on_a_machine() {
    let home = Home::without_cache();
    home.role("role.yaml", ASKING, RUNNER);
    let compiling = |home: &Home| {
        let running = home.command(["run", "role.yaml", "-p", "run true"]).start();
        running.wait().compiled
    };
    assert_eq!(compiling(&home), ["Compiling the component `shell` (once on this machine) …"]);
    assert!(compiling(&home).is_empty());
}
