//! Decisions that are made in another terminal while a question stands.

use crate::{APPROVE, PROMPT, asking, talk};
use expect_test::{Expect, expect};
use initrunner_tests::home::Home;
use initrunner_tests::terminal::{CTRL_D, Terminal};
use rustix::process::Signal;

/// Compares the screen, without the line that is there if the other process takes long.
#[track_caller]
fn check(terminal: &Terminal, expected: Expect) {
    let screen = terminal.screen();
    let kept = screen.split_inclusive('\n').filter(|line| !line.contains("in another process"));
    expected.assert_eq(&kept.collect::<String>());
}

#[test]
fn an_approval_elsewhere_is_told_and_the_conversation_goes_on() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.screen();
    let ran = home.run(["approve", "RUN", "--all", "--resolved-by", "Ada"]);
    ran.check(expect![[r#"
        Resumed.
        Result: (no output)
        = 0
    "#]]);
    terminal.asked(PROMPT);
    check(
        &terminal,
        expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]:
          Decided elsewhere: approve by Ada (os:USER) at TIME_______________________.

        Agent: Result: (no output)

        >
    "#]],
    );
    terminal.line(PROMPT, "hello");
    terminal.told("You said: hello");
    // Whoever answers too late in the other terminal is told as well.
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: call CALL___________ was already decided: approve by Ada at TIME_______________________
        = 3
    "#]]);
}

#[test]
fn a_denial_elsewhere_is_told() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    // What was begun is not taken for an answer to anything else.
    terminal.keys("y");
    terminal.screen();
    let words =
        ["approve", "RUN", "--all", "--deny", "--reason", "no", "--resolved-by", "Bo\u{1b}b"];
    assert_eq!(home.run(words).code, Some(0));
    terminal.asked(PROMPT);
    check(
        &terminal,
        expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: y
          Decided elsewhere: deny by Bo\x1bb (os:USER) at TIME_______________________.

        Agent: Error: A person denied this call; it was not executed. The reason given: "no"

        >
    "#]],
    );
    assert!(!home.work().join("x").exists());
}

#[test]
fn a_run_that_is_cancelled_elsewhere_is_over() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.screen();
    assert_eq!(home.run(["cancel", "RUN", "--resolved-by", "Ada"]).code, Some(0));
    terminal.line(PROMPT, "hello");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]:
          Decided elsewhere: deny by Ada (os:USER) at TIME_______________________.
        error: run RUN_____________ was cancelled by Ada at TIME_______________________

        > hello

        Agent: You said: hello

        >
    "#]]);
}

#[test]
fn a_call_that_a_program_still_runs_elsewhere_is_followed() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x; while ! test -e go; do sleep 0.05; done");
    terminal.asked(APPROVE);
    terminal.screen();
    let other = home.command(["approve", "RUN", "--all"]).start();
    terminal.told("goes on in another process");
    std::fs::write(home.work().join("go"), "").unwrap();
    assert_eq!(other.wait().code, Some(0));
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x; while ! test -e go; do sleep 0.05; done

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x; while ! test -e go; do sleep 0.05; done
          Approve? [y/N]:
          Decided elsewhere: approve by os:USER (os:USER) at TIME_______________________.
        Run RUN_____________ goes on in another process.

        Agent: Result: (no output)

        >
    "#]]);
}

#[test]
fn nothing_is_lost_with_the_terminal() {
    for signal in [Signal::KILL, Signal::HUP] {
        let (home, mut terminal) = asking();
        terminal.line(PROMPT, "run touch x");
        terminal.asked(APPROVE);
        terminal.screen();
        terminal.signal(signal);
        assert_eq!(terminal.ends(), None);
        assert!(!home.work().join("x").exists());
        home.run(["approve", "RUN", "--all"]).check(expect![[r#"
            Resumed.
            Result: (no output)
            = 0
        "#]]);
        assert!(home.work().join("x").exists());
    }
}

#[test]
fn a_conversation_is_taken_up_again_at_the_question() {
    let home = Home::with_role(crate::ASKING, crate::RUNNER);
    let start = || home.command(["run", "role.yaml", "-i", "--conversation", "errands"]);
    let mut terminal = Terminal::start(start());
    terminal.line(PROMPT, "hello");
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.signal(Signal::KILL);
    assert_eq!(terminal.ends(), None);

    let mut terminal = Terminal::start(start());
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(0));
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: y

        ✓ shell  SECONDS s

        Agent: Result: (no output)

        >
    "#]]);
    assert!(home.work().join("x").exists());
    let last = home.last();
    let story = home.json(["show", &last, "--json"]);
    let said: Vec<&str> = story["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|message| message["text"].as_str())
        .collect();
    assert_eq!(
        said,
        ["hello", "You said: hello", "run touch x", "", "(no output)", "Result: (no output)"]
    );
}

#[test]
fn two_questions_about_one_call_are_answered_once() {
    let (home, first) = asking();
    first.line(PROMPT, "run echo once >> log");
    first.asked(APPROVE);
    let run = home.last();
    let other = Terminal::start(home.command(["run", "role.yaml", "-i", "-p", "hello"]));
    other.asked(PROMPT);
    assert_eq!(home.run(["approve", &run, "--all"]).code, Some(0));
    first.asked(PROMPT);
    assert_eq!(std::fs::read_to_string(home.work().join("log")).unwrap(), "once\n");
    drop(talk(&home));
}
