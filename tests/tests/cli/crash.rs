//! Runs whose process died, and runs that go on elsewhere.

use crate::{ASKING, FREE, RUNNER, programs_end};
use expect_test::expect;
use initrunner_tests::home::{Home, until};
use initrunner_tests::model_stub::{Answer, ModelStub};
use std::path::Path;

#[test]
fn a_run_goes_on_from_anywhere_and_without_its_files() {
    let home = Home::with_example("first-run");
    let scratch = home.work().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    home.run(["run", "role.yaml", "-p", "delete ./scratch"]);
    for file in ["role.yaml", "script.yaml"] {
        std::fs::rename(home.work().join(file), home.root().join(file)).unwrap();
    }
    home.command(["approve", "RUN", "--all"]).at(Path::new("/")).run().check(expect![[r#"
        Resumed.
        Deleted ./scratch.
        = 0
    "#]]);
    assert!(!scratch.exists());
}

#[test]
fn a_run_goes_on_after_its_process_died_while_the_model_was_thinking() {
    let stub = ModelStub::serve(vec![Answer::stream().stall(), Answer::text("Here I am.")]);
    let home = Home::new();
    home.file(
        "role.yaml",
        format!(
            "name: test\nprompt: p\nmodel: {{provider: openai, name: m, base_url: \"{}\"}}\n",
            stub.base_url()
        ),
    );
    let running = home.command(["run", "role.yaml", "-p", "hello"]).start();
    until("the model is asked", || stub.requests().len() == 1);
    running.kill();
    std::fs::remove_file(home.work().join("role.yaml")).unwrap();
    home.command(["runs"]).at(Path::new("/")).run().check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━┓
        ┃ run_id           ┃ agent ┃ state       ┃ waiting ┃ created_at          ┃ prompt ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━┩
        │ RUN_____________ │ test  │ interrupted │ 0       │ TIME_______________ │ hello  │
        └──────────────────┴───────┴─────────────┴─────────┴─────────────────────┴────────┘
        = 0
    "#]]);
    home.command(["resume", "RUN"]).at(Path::new("/")).run().check(expect![[r#"
        Resumed.
        Here I am.
        = 0
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        ! error: run RUN_____________ is completed
        = 3
    "#]]);
}

#[test]
fn a_run_goes_on_after_its_process_died_in_the_middle_of_an_answer() {
    // Long enough to be killed in, and waited for once.
    let script = "rules: [{reply: Done.}]\ndelay_ms: 3000\n";
    let home = Home::with_role("", script);
    let running = home.command(["run", "role.yaml", "-p", "hello"]).start();
    let state = || home.json(["runs", "--json"])[0]["state"].as_str().map(str::to_owned);
    until("the run is written down", || state().is_some());
    running.kill();
    assert_eq!(state().as_deref(), Some("interrupted"));
    home.run(["resume", &home.last()]).check(expect![[r#"
        Resumed.
        Done.
        = 0
    "#]]);
}

/// Whether the tool's program, which wrote its own id down, is still there.
fn alive(home: &Home) -> bool {
    let id = std::fs::read_to_string(home.work().join("id")).unwrap_or_default();
    // Killed and not yet collected is dead too.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, after)| !after.trim_start().starts_with(['Z', 'X']))
}

#[test]
fn a_call_whose_process_died_is_never_repeated_by_itself() {
    let home = Home::with_role(ASKING, RUNNER);
    let command = "run echo $$ > id && echo x >> count && touch started && sleep 1000";
    home.run(["run", "role.yaml", "-p", command]);
    let running = home.command(["approve", "RUN", "--all"]).start();
    until("the call is under way", || home.work().join("started").exists());
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ was already decided: approve by os:USER at TIME_______________________
        = 3
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        ! error: run RUN_____________ is being driven by another process (pid PID)
        = 3
    "#]]);
    running.kill();
    until("its program is gone too", || !alive(&home));
    programs_end(&home);

    home.run(["runs"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ agent ┃ state  ┃ waiting ┃ created_at          ┃ prompt                       ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ test  │ paused │ 1       │ TIME_______________ │ run echo $$ > id && echo x … │
        └──────────────────┴───────┴────────┴─────────┴─────────────────────┴──────────────────────────────┘
        = 0
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments             ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ did this happen? ech… │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴───────────────────────┘

        call CALL___________ (shell: echo $$ > id && echo x >> count && touch started && sleep 1000) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
          initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
          initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 0
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ (shell: echo $$ > id && echo x >> count && touch started && sleep 1000) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 3
    "#]]);
    home.run(["approve", "RUN", "--all", "--deny"]).check(expect![[r#"
        ! error: call CALL___________ (shell: echo $$ > id && echo x >> count && touch started && sleep 1000) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 3
    "#]]);
    home.run(["approve", "RUN", "--tool-call-id", "CALL"]).check(expect![[r#"
        ! error: call CALL___________ (shell: echo $$ > id && echo x >> count && touch started && sleep 1000) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 3
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        ! error: call CALL___________ (shell: echo $$ > id && echo x >> count && touch started && sleep 1000) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 3
    "#]]);
    home.run(["cancel", "RUN"]).check(expect![[r#"
        Run RUN_____________ cancelled.
        = 0
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
    let counted = std::fs::read_to_string(home.work().join("count")).unwrap();
    assert_eq!(counted, "x\n");
}

#[test]
fn a_run_that_is_cancelled_elsewhere_ends() {
    let home = Home::with_role(FREE, RUNNER);
    let running = home.command(["run", "role.yaml", "-p", "run touch started && sleep 1"]).start();
    until("the call is under way", || home.work().join("started").exists());
    home.run(["runs"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ agent ┃ state   ┃ waiting ┃ created_at          ┃ prompt                      ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ test  │ running │ 0       │ TIME_______________ │ run touch started && sleep… │
        └──────────────────┴───────┴─────────┴─────────┴─────────────────────┴─────────────────────────────┘
        = 0
    "#]]);
    home.run(["cancel", "RUN"]).check(expect![[r#"
        Run RUN_____________ cancelled.
        = 0
    "#]]);
    running.wait().check(expect![[r#"
        ! error: run RUN_____________ is cancelled
        = 3
    "#]]);
    home.run(["runs"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ agent ┃ state     ┃ waiting ┃ created_at          ┃ prompt                    ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ test  │ cancelled │ 0       │ TIME_______________ │ run touch started && sle… │
        └──────────────────┴───────┴───────────┴─────────┴─────────────────────┴───────────────────────────┘
        = 0
    "#]]);
}

#[test]
fn a_call_whose_outcome_is_unknown_stays_a_question_beside_a_decided_one() {
    let tools = format!("{FREE}\n  - {{type: shell, name: asking, approval: required}}");
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "touch asked"}}
      - {tool: shell, arguments: {command: "touch started && sleep 1000"}}
"#;
    let home = Home::with_role(&tools, script);
    let running = home.command(["run", "role.yaml", "-p", "go"]).start();
    until("the call is under way", || home.work().join("started").exists());
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool   ┃ agent ┃ created_at          ┃ arguments   ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ asking │ test  │ TIME_______________ │ touch asked │
        └──────────────────┴─────────────────┴────────┴───────┴─────────────────────┴─────────────┘
        = 0
    "#]]);
    running.kill();
    programs_end(&home);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (2)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool   ┃ agent ┃ created_at          ┃ arguments            ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ asking │ test  │ TIME_______________ │ touch asked          │
        │ RUN_____________ │ CALL2__________ │ shell  │ test  │ TIME_______________ │ did this happen? {"… │
        └──────────────────┴─────────────────┴────────┴───────┴─────────────────────┴──────────────────────┘

        call CALL2__________ (shell: {"command":"touch started && sleep 1000"}) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
          initrunner approve RUN_____________ --tool-call-id CALL2__________ --retry
          initrunner approve RUN_____________ --tool-call-id CALL2__________ --report-unknown
        = 0
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Recorded.
        Run RUN_____________ paused — 1 tool call of unknown outcome.
          call CALL2__________ (shell: {"command":"touch started && sleep 1000"}) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
          initrunner approve RUN_____________ --tool-call-id CALL2__________ --retry
          initrunner approve RUN_____________ --tool-call-id CALL2__________ --report-unknown
        = 3
    "#]]);
    home.run(["approve", "RUN", "--tool-call-id", "CALL"]).check(expect![[r#"
        ! error: call CALL___________ was already decided: approve by os:USER at TIME_______________________
        = 3
    "#]]);
    home.run(["cancel", "RUN"]).check(expect![[r#"
        Run RUN_____________ cancelled.
        = 0
    "#]]);
    assert!(!home.work().join("asked").exists());
}

/// A run whose approved call was under way when its process was killed. The call leaves a line in
/// `count` each time it happens, and waits for ever the first time.
fn killed_during_a_call() -> Home {
    let home = Home::with_role(ASKING, RUNNER);
    let command = "run echo x >> count && if test -e started; then echo again; \
                   else touch started && sleep 1000; fi";
    home.run(["run", "role.yaml", "-p", command]);
    let running = home.command(["approve", "RUN", "--all"]).start();
    until("the call is under way", || home.work().join("started").exists());
    running.kill();
    programs_end(&home);
    home
}

fn count(home: &Home) -> usize {
    std::fs::read_to_string(home.work().join("count")).unwrap().lines().count()
}

#[test]
fn an_unknown_call_is_tried_again_when_a_person_says_so() {
    let home = killed_during_a_call();
    assert_eq!(count(&home), 1);
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--retry"]).check(expect![[r#"
        Resumed.
        Result: again
        = 0
    "#]]);
    assert_eq!(count(&home), 2);
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--retry"]).check(expect![[r#"
        ! error: call CALL___________ is succeeded
        = 3
    "#]]);
    assert_eq!(count(&home), 2);
}

#[test]
fn an_unknown_call_is_reported_when_a_person_says_so() {
    let home = killed_during_a_call();
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--report-unknown"])
        .check(expect![[r#"
            Resumed.
            Error: the outcome of this call is not known: the program stopped while it ran, so it may or may not have happened; find out before doing it again
            = 0
        "#]]);
    assert_eq!(count(&home), 1);
}

#[test]
fn a_call_that_waits_is_neither_retried_nor_reported() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch here"]);
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--retry"]).check(expect![[r#"
        ! error: call CALL___________ is waiting
        = 3
    "#]]);
    home.run(["approve", "RUN", "--all", "--retry"]).check(expect![[r#"
        ! error: the argument '--all' cannot be used with '--retry'
        !
        ! Usage: initrunner approve <--all|--tool-call-id <ID>> <RUN_ID>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    assert!(!home.work().join("here").exists());
}

#[test]
fn a_decision_on_a_run_that_is_still_busy_is_recorded_and_acted_on() {
    let tools = format!("{FREE}\n  - {{type: shell, name: asking, approval: required}}");
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "touch asked"}}
      - {tool: shell, arguments: {command: "touch started && while ! test -e go; do sleep 0.05; done"}}
  - {from: tool, when: "(?s).*", reply: "Done."}
"#;
    let home = Home::with_role(&tools, script);
    let running = home.command(["run", "role.yaml", "-p", "go"]).start();
    until("the call is under way", || home.work().join("started").exists());
    home.run(["pending"]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Recorded. Another process drives the run and acts on it.
        = 0
    "#]]);
    assert!(!home.work().join("asked").exists());
    home.file("go", "");
    running.wait().check(expect![[r#"
        Done.
        = 0
    "#]]);
    assert!(home.work().join("asked").exists());
}
