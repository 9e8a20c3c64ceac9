//! Being asked to stop.

use crate::{FREE, RUNNER};
use expect_test::expect;
use initrunner_tests::home::{Home, until};
use initrunner_tests::model_stub::{Answer, ModelStub};
use rustix::process::Signal;

/// A run that is stopped by a signal while the model thinks, and resumed.
fn thinking(signal: Signal) -> (Home, ModelStub, initrunner_tests::home::Ran) {
    let stub = ModelStub::serve(vec![Answer::stream().stall(), Answer::text("Here I am.")]);
    let home = Home::new();
    let model = format!("{{provider: openai, name: m, base_url: \"{}\"}}", stub.base_url());
    home.file("role.yaml", format!("name: test\nprompt: p\nmodel: {model}\n"));
    let running = home.command(["run", "role.yaml", "-p", "hello"]).start();
    until("the model is asked", || stub.requests().len() == 1);
    running.signal(signal);
    let ran = running.wait();
    (home, stub, ran)
}

#[test]
fn sigint_interrupts_a_thinking_run() {
    let (home, _stub, ran) = thinking(Signal::INT);
    ran.check(expect![[r#"
        ! error: run RUN_____________ was interrupted: it was stopped (SIGINT)
        !
        ! Resume with: initrunner resume RUN_____________
        = 130
    "#]]);
    home.run(["runs"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━┓
        ┃ run_id           ┃ agent ┃ state       ┃ waiting ┃ created_at          ┃ prompt ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━┩
        │ RUN_____________ │ test  │ interrupted │ 0       │ TIME_______________ │ hello  │
        └──────────────────┴───────┴─────────────┴─────────┴─────────────────────┴────────┘
        = 0
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        Resumed.
        Here I am.
        = 0
    "#]]);
}

#[test]
fn sigterm_interrupts_a_thinking_run() {
    let (home, _stub, ran) = thinking(Signal::TERM);
    ran.check(expect![[r#"
        ! error: run RUN_____________ was interrupted: it was stopped (SIGTERM)
        !
        ! Resume with: initrunner resume RUN_____________
        = 130
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        Resumed.
        Here I am.
        = 0
    "#]]);
}

#[test]
fn sigint_during_a_call_ends_the_program_and_says_that_nobody_knows() {
    let home = Home::with_role(FREE, RUNNER);
    let running =
        home.command(["run", "role.yaml", "-p", "run touch started && sleep 1000"]).start();
    until("the call is under way", || home.work().join("started").exists());
    running.signal(Signal::INT);
    running.wait().check(expect![[r#"
        Run RUN_____________ paused — 1 tool call of unknown outcome.
          call CALL___________ (shell: {"command":"touch started && sleep 1000"}) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
          initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
          initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        ! error: run RUN_____________ was interrupted: it was stopped (SIGINT)
        = 130
    "#]]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        ! error: call CALL___________ (shell: {"command":"touch started && sleep 1000"}) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
        !   initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 3
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments             ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ did this happen? {"c… │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴───────────────────────┘

        call CALL___________ (shell: {"command":"touch started && sleep 1000"}) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
          initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
          initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 0
    "#]]);
    home.run(["cancel", "RUN"]).check(expect![[r#"
        Run RUN_____________ cancelled.
        = 0
    "#]]);
}
