//! A call that is changed before it is approved.

use crate::{APPROVE, PROMPT, RUNNER, asking, talk};
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::terminal::{CLEAR, CTRL_C};

/// The question for other arguments, which begins with those that the call has.
const ARGUMENTS: &str = "  Arguments: ";

#[test]
fn arguments_are_edited_looked_at_and_approved() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "e");
    terminal.asked(&format!("{ARGUMENTS}{{\"command\":\"touch x\"}}"));
    terminal.keys(CLEAR);
    terminal.line(ARGUMENTS, "{\"command\": \"touch y\"}");
    terminal.asked(APPROVE);
    assert!(!home.work().join("y").exists());
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: e
          A JSON object, or KEY=VALUE for one key; Ctrl-C leaves them as they are.
          Arguments: {"command": "touch y"}

          touch y
          Approve? [y/N]: y

        ✓ shell  SECONDS s

        Agent: Result: A person changed this call's arguments before approving it: from {"command":"touch x"
        } to {"command":"touch y"}. Result: (no output)

        >
    "#]]);
    assert!(home.work().join("y").exists() && !home.work().join("x").exists());
}

#[test]
fn one_key_is_enough_and_what_is_wrong_is_asked_again() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "e");
    for typed in ["", "{\"command\": 5}", "{\"comand\": \"touch y\"}", "{\"command\": ", "touch y"]
    {
        terminal.told("Arguments: ");
        terminal.keys(CLEAR);
        terminal.line(ARGUMENTS, typed);
        // What was typed stands there again.
        terminal.asked(&format!("{ARGUMENTS}{typed}"));
    }
    terminal.keys(CLEAR);
    terminal.line(ARGUMENTS, "command=touch y");
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: e
          A JSON object, or KEY=VALUE for one key; Ctrl-C leaves them as they are.
          Arguments:
        error: call CALL___________ was not changed: the arguments are empty; write `{}` for none
          Arguments: {"command": 5}
        error: call CALL___________ was not changed: the call would be refused by arguments: Invalid argumen
        ts: at `/command`: the value is not of type "string"
          Arguments: {"comand": "touch y"}
        error: call CALL___________ was not changed: the call would be refused by arguments: Invalid argumen
        ts: Additional properties are not allowed ('comand' was unexpected); "command" is a required propert
        y
          Arguments: {"command":
        error: call CALL___________ was not changed: the JSON cannot be used: EOF while parsing a value at l
        ine 1 column 11
          Arguments: touch y
        error: write a JSON object such as `{"key": "value"}`, or `KEY=VALUE`
          Arguments: command=touch y

          touch y
          Approve? [y/N]: y

        ✓ shell  SECONDS s

        Agent: Result: A person changed this call's arguments before approving it: from {"command":"touch x"
        } to {"command":"touch y"}. Result: (no output)

        >
    "#]]);
    assert!(home.work().join("y").exists() && !home.work().join("x").exists());
}

#[test]
fn an_edit_that_is_given_up_or_changes_nothing_leaves_the_question() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "e");
    let whole = format!("{ARGUMENTS}{{\"command\":\"touch x\"}}");
    terminal.asked(&whole);
    terminal.keys(CTRL_C);
    terminal.line(APPROVE, "e");
    terminal.line(&whole, "");
    terminal.asked(APPROVE);
    assert!(!home.work().join("x").exists());
    terminal.line(APPROVE, "n");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: e
          A JSON object, or KEY=VALUE for one key; Ctrl-C leaves them as they are.
          Arguments: {"command":"touch x"}
          Approve? [y/N]: e
          A JSON object, or KEY=VALUE for one key; Ctrl-C leaves them as they are.
          Arguments: {"command":"touch x"}
          These are the model's arguments.
          Approve? [y/N]: n

        Agent: Error: A person denied this call; it was not executed.

        >
    "#]]);
}

#[test]
fn what_the_gate_refuses_is_no_edit() {
    let tools = "  - {type: shell, shell: true, approval: required, permissions: {deny: [\"command=rm *\"]}}";
    let home = Home::with_role(tools, RUNNER);
    let terminal = talk(&home);
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "e");
    terminal.told("Arguments: ");
    terminal.keys(CLEAR);
    terminal.line(ARGUMENTS, "command=rm x");
    terminal.asked(&format!("{ARGUMENTS}command=rm x"));
    terminal.keys(CTRL_C);
    terminal.line(APPROVE, "n");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: e
          A JSON object, or KEY=VALUE for one key; Ctrl-C leaves them as they are.
          Arguments: command=rm x
        error: call CALL___________ was not changed: the call would be refused by permission: This call is d
        enied by the permission rule `command=rm *` of this role.
          Arguments: command=rm x
          Approve? [y/N]: n

        Agent: Error: A person denied this call; it was not executed.

        >
    "#]]);
}

#[test]
fn an_edit_that_is_taken_back_is_not_what_is_approved() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "e");
    terminal.asked(&format!("{ARGUMENTS}{{\"command\":\"touch x\"}}"));
    terminal.keys(CLEAR);
    terminal.line(ARGUMENTS, "{\"command\": \"touch y\"}");
    terminal.line(APPROVE, "e");
    terminal.asked(&format!("{ARGUMENTS}{{\"command\": \"touch y\"}}"));
    terminal.keys(CLEAR);
    terminal.line(ARGUMENTS, "{\"command\": \"touch x\"}");
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    assert!(home.work().join("x").exists() && !home.work().join("y").exists());
}
