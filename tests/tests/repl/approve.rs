//! Calls that wait, asked about in the conversation.

use crate::{APPROVE, ASKING, PROMPT, asking, talk};
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::terminal::{CTRL_D, Terminal};

#[test]
fn an_approved_call_happens_and_the_conversation_goes_on() {
    let home = Home::with_example("first-run");
    std::fs::create_dir(home.work().join("scratch")).unwrap();
    let mut terminal = Terminal::start(home.command(["run", "role.yaml", "-i"]));
    terminal.line(PROMPT, "delete ./scratch");
    terminal.asked(APPROVE);
    assert!(home.work().join("scratch").exists());
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    assert!(!home.work().join("scratch").exists());
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(0));
    terminal.check(expect![[r#"
        demo: `/help` lists the commands, Ctrl-D leaves.

        > delete ./scratch

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          rm -rf ./scratch
          Approve? [y/N]: y

        ✓ shell  SECONDS s

        Agent: Deleted ./scratch.

        >
        Go on with: initrunner run role.yaml -i --conversation talk-NAME________
    "#]]);
    assert!(terminal.is_plain());
}

#[test]
fn a_denied_call_does_not_happen_and_enter_alone_denies() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "n");
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: n

        Agent: Error: A person denied this call; it was not executed.

        > run touch x

        Run RUN2____________ paused — 1 tool call(s) need approval.

          shell  CALL2__________
          touch x
          Approve? [y/N]:

        Agent: Error: A person denied this call; it was not executed.

        >
    "#]]);
    assert!(!home.work().join("x").exists());
}

#[test]
fn a_reason_is_what_the_model_reads() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "r");
    // Given none, the question stands again.
    terminal.line("  Reason: ", "");
    terminal.line(APPROVE, "r");
    terminal.line("  Reason: ", "not on a Friday");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: r
          Reason:
          No reason was given; n denies without one.
          Approve? [y/N]: r
          Reason: not on a Friday

        Agent: Error: A person denied this call; it was not executed. The reason given: "not on a Friday"

        >
    "#]]);
    assert!(!home.work().join("x").exists());
}

#[test]
fn what_is_no_answer_decides_nothing() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "?");
    terminal.line(APPROVE, "yess");
    terminal.asked(APPROVE);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: ?
          y       approve: it happens as it is shown
          n       deny, as Enter alone does
          e       edit the arguments, and look at the call again
          r       deny with a reason, which the model reads
          v       show all of it
          Ctrl-C  decide later: the run stays paused
          Ctrl-D  leave: the run stays paused
          Approve? [y/N]: yess
          `yess` is no answer: y, n, e, r or v; ? says what they do
          Approve? [y/N]:
    "#]]);
    assert!(!home.work().join("x").exists());
    terminal.line(APPROVE, "YES");
    terminal.asked(PROMPT);
    assert!(home.work().join("x").exists());
}

#[test]
fn what_was_typed_before_the_question_is_no_answer_to_it() {
    let home = Home::with_role(ASKING, SLOW);
    let terminal = talk(&home);
    terminal.line(PROMPT, "go");
    terminal.line(APPROVE, "y");
    initrunner_tests::home::until("the first call is under way", || {
        home.work().join("one").exists()
    });
    // Typed for nothing that is shown yet.
    terminal.keys("y\ry\ry\r");
    initrunner_tests::home::until("it was shown", || {
        terminal.screen().matches("\ny\n").count() >= 2
    });
    std::fs::write(home.work().join("go"), "").unwrap();
    terminal.told("touch two");
    terminal.asked(APPROVE);
    assert!(!home.work().join("two").exists());
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    assert!(home.work().join("two").exists());
}

const SLOW: &str = r#"
rules:
  - turn: 0
    calls: [{tool: shell, arguments: {command: "touch one; while ! test -e go; do sleep 0.05; done"}}]
  - from: tool
    when: "no output"
    turn: 1
    calls: [{tool: shell, arguments: {command: "touch two"}}]
  - {from: tool, when: "(?s).*", reply: "$0"}
"#;

#[test]
fn several_calls_are_asked_about_one_after_the_other() {
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: {command: "touch one"}}
      - {tool: shell, arguments: {command: "touch two"}}
  - {from: tool, when: "(?s).*", reply: "$0"}
"#;
    let home = Home::with_role(ASKING, script);
    let terminal = talk(&home);
    terminal.line(PROMPT, "go");
    terminal.line(APPROVE, "n");
    terminal.told("touch two");
    // Each decision is written down when it is made.
    terminal.asked(APPROVE);
    let pending = home.json(["pending", "--json"]);
    assert_eq!(pending.as_array().map(Vec::len), Some(1), "{pending}");
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > go

        Run RUN_____________ paused — 2 tool call(s) need approval.

          shell  CALL2__________
          touch one
          Approve? [y/N]: n

          shell  CALL___________
          touch two
          Approve? [y/N]: y

        ✓ shell  SECONDS s

        Agent: A person denied this call; it was not executed.
        (no output)

        >
    "#]]);
    assert!(!home.work().join("one").exists());
    assert!(home.work().join("two").exists());
}

#[test]
fn without_persistence_a_pause_is_asked_about_and_its_end_is_told() {
    let home = Home::with_role(ASKING, crate::RUNNER);
    let mut terminal = Terminal::start(home.command(["run", "role.yaml", "-i", "--no-audit"]));
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "y");
    terminal.line(PROMPT, "run touch y");
    terminal.asked(APPROVE);
    assert!(home.work().join("x").exists());
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(2));
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: y

        ✓ shell  SECONDS s

        Agent: Result: (no output)

        > run touch y

        Run RUN2____________ paused — 1 tool call(s) need approval.

          shell  CALL2__________
          touch y
          Approve? [y/N]:

        Run RUN2____________ stays paused.
        This run is not persisted (--no-audit), so it cannot be resumed.
    "#]]);
    assert!(!home.state().join("audit.db").exists() && !home.state().join("history").exists());
}
