//! Words that begin with a slash.

use crate::{APPROVE, ASKING, PROMPT, RUNNER, asking, talk};
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::terminal::CTRL_C;

#[test]
fn they_are_told_by_help_and_a_slip_is_told_as_well() {
    let (_home, terminal) = asking();
    terminal.line(PROMPT, "/help");
    terminal.line(PROMPT, "/tool");
    terminal.line(PROMPT, "/reset now");
    terminal.line(PROMPT, "//etc is a folder");
    terminal.line(PROMPT, "   ");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > /help
          /help             tell what can be typed here
          /tools [TOOL]     list the tools, or tell all about one
          /pending          list what waits for a person, over all runs
          /show [RUN|CALL]  tell the whole story of a run, or all that a call would do
          /resume           go on with the run of this conversation that has not ended
          /cancel           end that run
          /reset            begin another conversation
          /exit             leave; Ctrl-D does as well
        A line that ends with a backslash goes on in the next one, and so does a block between two lines of
        ```.
        Ctrl-C stops what goes on.

        > /tool
        error: there is no command `/tool`; did you mean `/tools`?
          hint: a message that begins with a slash is written with two

        > /reset now
        error: `/reset` does not take `now`

        > //etc is a folder

        Agent: You said: /etc is a folder

        >

        >
    "#]]);
}

#[test]
fn tools_are_listed_and_told_of() {
    let (_home, terminal) = asking();
    terminal.line(PROMPT, "/tools");
    terminal.line(PROMPT, "/tools shell");
    terminal.line(PROMPT, "/tools shel");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > /tools
        ┏━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ tool  ┃ approval ┃ what it does                                                              ┃
        ┡━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ shell │ required │ Runs a command with `sh` in the working directory and returns its output. │
        └───────┴──────────┴───────────────────────────────────────────────────────────────────────────┘

        > /tools shell
        shell  required
          Runs a command with `sh` in the working directory and returns its output.
          its component says: may destroy, reaches out

        > /tools shel
        error: the role has no tool `shel`; `/tools` lists them

        >
    "#]]);
}

#[test]
fn what_waits_is_listed_shown_cancelled_and_left_behind() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "/show");
    terminal.line(PROMPT, "/resume");
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.keys(CTRL_C);
    terminal.line(PROMPT, "/pending");
    terminal.asked(PROMPT);
    terminal.screen();
    let call = home.json(["pending", "--json"])[0]["tool_call_id"].as_str().unwrap().to_owned();
    terminal.line(PROMPT, &format!("/show {call}"));
    terminal.line(PROMPT, "/cancel");
    terminal.line(PROMPT, "hello");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > /show
        Nothing was said yet.

        > /resume
        No run of this conversation waits.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: ^C

        Run RUN_____________ stays paused.
        Resume with: initrunner approve RUN_____________ --all
        `/resume` asks again.

        > /pending
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ touch x   │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴───────────┘

        > /show CALL___________
        CALL___________  waiting  shell
          │ touch x
          arguments: {"command":"touch x"}

        > /cancel
        Run RUN_____________ cancelled.

        > hello

        Agent: You said: hello

        >
    "#]]);
}

#[test]
fn another_conversation_begins_with_nothing_said() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.keys(CTRL_C);
    terminal.line(PROMPT, "/reset");
    terminal.line(PROMPT, "hello");
    terminal.line(PROMPT, "/show");
    terminal.asked(PROMPT);
    assert_eq!(home.json(["pending", "--json"]).as_array().map(Vec::len), Some(1));
    let last = home.last();
    let messages = home.json(["show", &last, "--json"])["messages"].clone();
    assert_eq!(messages.as_array().map(Vec::len), Some(2), "{messages}");
}

#[test]
fn a_role_is_read_again_for_each_message() {
    let home = Home::with_role(ASKING, RUNNER);
    let terminal = talk(&home);
    terminal.line(PROMPT, "hello");
    terminal.asked(PROMPT);
    home.role("role.yaml", ASKING, "rules: [{when: \"(?s).*\", reply: \"I am another one.\"}]");
    terminal.line(PROMPT, "hello again");
    terminal.told("I am another one.");
    home.file("role.yaml", "name: test\nprompt: [\n");
    terminal.line(PROMPT, "and now?");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > hello

        Agent: You said: hello

        > hello again

        Agent: I am another one.

        > and now?
        error: role.yaml:3:1: this is not valid YAML: while parsing a node, did not find expected node conte
        nt
          hint: look at the indentation, the quotes and the brackets of this line and the one before

        >
    "#]]);
}

#[test]
fn a_call_of_an_earlier_run_is_shown_and_an_unknown_one_is_told() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "y");
    terminal.line(PROMPT, "hello");
    terminal.asked(PROMPT);
    let runs = home.json(["runs", "--json"]);
    let earlier = home.json(["show", runs[1]["run_id"].as_str().unwrap(), "--json"]);
    let call = earlier["calls"][0]["tool_call_id"].as_str().unwrap().to_owned();
    terminal.line(PROMPT, &format!("/show {call}"));
    terminal.told("succeeded  shell");
    terminal.line(PROMPT, "/show call_aaaa");
    terminal.told("error: there is no call `call_aaaa` here");
}
