//! Runs that stopped before their end, and what each needs.

use crate::{ASKING, FREE, RUNNER, programs_end};
use expect_test::expect;
use initrunner_tests::home::{Home, until};
use initrunner_tests::model_stub::{Answer, ModelStub};

#[test]
fn where_every_run_has_ended_nothing_is_to_be_recovered() {
    let home = Home::with_role(FREE, RUNNER);
    home.run(["run", "role.yaml", "-p", "run true"]);
    home.run(["recover"]).check(expect![[r#"
        Every run has ended or is being driven.
        = 0
    "#]]);
    home.run(["recover", "--json"]).check(expect![[r#"
        []
        = 0
    "#]]);
}

#[test]
fn a_run_whose_process_died_is_resumed() {
    let stub = ModelStub::serve(vec![Answer::stream().stall(), Answer::text("Here I am.")]);
    let home = Home::new();
    let model = format!("{{provider: openai, name: m, base_url: \"{}\"}}", stub.base_url());
    home.file("role.yaml", format!("name: test\nprompt: p\nmodel: {model}\n"));
    let running = home.command(["run", "role.yaml", "-p", "hello"]).start();
    until("the model is asked", || stub.requests().len() == 1);
    home.run(["recover"]).check(expect![[r#"
        Every run has ended or is being driven.
        = 0
    "#]]);
    running.kill();
    let found = home.json(["recover", "--json"]);
    assert_eq!((&found[0]["needs"], &found[0]["adopted"]), (&"resume".into(), &true.into()));
    home.run(["recover"]).check(expect![[r#"
        RUN_____________  test  interrupted: the process driving the run ended
          needs nobody: initrunner resume RUN_____________
        = 0
    "#]]);
    home.run(["recover", "--resume"]).check(expect![[r#"
        RUN_____________  test  interrupted: the process driving the run ended
        Resumed.
        Here I am.
        = 0
    "#]]);
    home.run(["recover"]).check(expect![[r#"
        Every run has ended or is being driven.
        = 0
    "#]]);
}

#[test]
fn a_run_that_waits_and_one_with_an_unknown_call_need_people() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch here"]);
    home.role("free.yaml", FREE, RUNNER);
    let command = "run touch started && sleep 1000";
    let running = home.command(["run", "free.yaml", "-p", command]).start();
    until("the call is under way", || home.work().join("started").exists());
    running.kill();
    programs_end(&home);
    home.run(["recover", "--resume"]).check(expect![[r#"
        RUN_____________  test  paused
          1 tool call awaits a decision: initrunner approve RUN_____________ --all
        RUN2____________  test  paused: the process driving the run ended
          call CALL2__________ (shell: {"command":"touch started && sleep 1000"}) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
          initrunner approve RUN2____________ --tool-call-id CALL2__________ --retry
          initrunner approve RUN2____________ --tool-call-id CALL2__________ --report-unknown
        = 2
    "#]]);
    let found = home.json(["recover", "--json"]);
    assert_eq!((&found[0]["needs"], &found[1]["needs"]), (&"approve".into(), &"choose".into()));
    assert!(!home.work().join("here").exists());
}
