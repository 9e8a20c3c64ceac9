//! Ctrl-C stops what goes on, and never the program.

use crate::{APPROVE, FREE, PROMPT, RUNNER, asking, talk};
use expect_test::expect;
use initrunner_tests::home::{Home, until};
use initrunner_tests::model_stub::{Answer, ModelStub};
use initrunner_tests::terminal::{CTRL_C, CTRL_D};
use rustix::process::Signal;

/// The question about a call of unknown outcome.
const CHOOSE: &str = "  Retry it, or report that it is unknown? [retry/report/N]: ";

#[test]
fn a_model_that_thinks_is_stopped_and_the_next_message_is_sent() {
    let stub = ModelStub::serve(vec![Answer::stream().stall(), Answer::text("Here I am.")]);
    let home = Home::new();
    let model = format!("{{provider: openai, name: m, base_url: \"{}\"}}", stub.base_url());
    home.file("role.yaml", format!("name: test\nprompt: p\nmodel: {model}\n"));
    let terminal = talk(&home);
    terminal.line(PROMPT, "hello");
    until("the model is asked", || stub.requests().len() == 1);
    terminal.keys(CTRL_C);
    terminal.line(PROMPT, "are you there?");
    terminal.told("Here I am.");
    terminal.asked(PROMPT);
    let states: Vec<String> = home
        .json(["runs", "--json"])
        .as_array()
        .into_iter()
        .flatten()
        .map(|run| run["state"].to_string())
        .collect();
    assert_eq!(states, ["\"completed\"", "\"cancelled\""]);
    // What was asked before is part of the conversation.
    assert!(stub.requests()[1].contains("hello"));
}

/// A conversation that was stopped in the middle of a call.
fn stopped_in_a_call() -> (Home, initrunner_tests::terminal::Terminal) {
    let home = Home::with_role(FREE, RUNNER);
    let terminal = talk(&home);
    terminal.line(PROMPT, "run echo x >> log; test -e go || sleep 1000");
    until("the call is under way", || home.work().join("log").exists());
    terminal.keys(CTRL_C);
    terminal.asked(CHOOSE);
    (home, terminal)
}

#[test]
fn a_call_that_was_stopped_is_reported_as_unknown() {
    let (home, terminal) = stopped_in_a_call();
    terminal.line(CHOOSE, "?");
    terminal.line(CHOOSE, "r");
    terminal.line(CHOOSE, "report");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run echo x >> log; test -e go || sleep 1000

        Stopped in the middle of a call.

        Run RUN_____________ paused — 1 tool call(s) of unknown outcome.

          shell  CALL___________
          {"command":"echo x >> log; test -e go || sleep 1000"}
          It was started, and ended before a result was written: whether it happened is not known.
          Look first.
          Retry it, or report that it is unknown? [retry/report/N]: ?
          retry   try it again: if it happened, it may happen twice
          report  tell the model that nobody knows whether it happened
          n       decide later, as Enter alone does: the run stays as it is
          Retry it, or report that it is unknown? [retry/report/N]: r
          `r` is no answer: retry, report or n; ? says what they do
          Retry it, or report that it is unknown? [retry/report/N]: report

        Agent: Error: the outcome of this call is not known: the program stopped while it ran, so it may or
        may not have happened; find out before doing it again

        >
    "#]]);
    assert_eq!(std::fs::read_to_string(home.work().join("log")).unwrap(), "x\n");
}

#[test]
fn a_call_that_was_stopped_is_retried_or_left() {
    let (home, mut terminal) = stopped_in_a_call();
    std::fs::write(home.work().join("go"), "").unwrap();
    terminal.line(CHOOSE, "");
    terminal.line(PROMPT, "hello");
    terminal.line(PROMPT, "/resume");
    until("its program has ended", || home.json(["pending", "--json"])[0]["program_pid"].is_null());
    terminal.line(CHOOSE, "retry");
    terminal.asked(PROMPT);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(0));
    assert_eq!(std::fs::read_to_string(home.work().join("log")).unwrap(), "x\nx\n");
}

#[test]
fn at_a_question_it_leaves_the_decision_for_later() {
    let (home, mut terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.keys(CTRL_C);
    terminal.line(PROMPT, "hello");
    terminal.line(PROMPT, "/resume");
    terminal.asked(APPROVE);
    terminal.keys(CTRL_C);
    terminal.asked(PROMPT);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(2));
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: ^C

        Run RUN_____________ stays paused.
        Resume with: initrunner approve RUN_____________ --all
        `/resume` asks again.

        > hello
        error: run RUN_____________ of this conversation has not ended
          hint: `/resume` goes on with it, `/cancel` ends it, `/reset` begins another conversation

        > /resume

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: ^C

        Run RUN_____________ stays paused.
        Resume with: initrunner approve RUN_____________ --all
        `/resume` asks again.

        >

        Run RUN_____________ stays paused.
        Resume with: initrunner approve RUN_____________ --all
        Go on with: initrunner run role.yaml -i --conversation talk-NAME________
    "#]]);
    assert!(!home.work().join("x").exists());
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(0));
}

#[test]
fn at_a_message_it_drops_what_was_typed() {
    let (_home, mut terminal) = asking();
    terminal.asked(PROMPT);
    terminal.key("run touch x");
    terminal.key(CTRL_C);
    terminal.line(PROMPT, "hello");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x
        Ctrl-D leaves.
        > hello

        Agent: You said: hello

        >
    "#]]);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn a_program_that_is_asked_to_leave_leaves_the_terminal_as_it_was() {
    // While a message is typed.
    let (_home, mut terminal) = asking();
    terminal.asked(PROMPT);
    terminal.key("run");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ends(), Some(130), "{}", terminal.screen());
    assert!(terminal.is_plain(), "{}", terminal.screen());
    // While a question stands.
    let (home, mut terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ends(), Some(130));
    assert!(terminal.is_plain());
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]:

        Run RUN_____________ stays paused.
        Resume with: initrunner approve RUN_____________ --all
        Go on with: initrunner run role.yaml -i --conversation talk-NAME________
    "#]]);
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(0));
    // While a call is under way.
    let home = Home::with_role(FREE, RUNNER);
    let mut terminal = talk(&home);
    terminal.line(PROMPT, "run touch x; sleep 1000");
    until("the call is under way", || home.work().join("x").exists());
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ends(), Some(130));
    assert!(terminal.screen().contains("was interrupted: it was stopped (SIGTERM)"));
}
