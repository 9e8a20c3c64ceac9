//! Messages from a pipe or a file: nobody is asked.

use crate::{ASKING, FREE, RUNNER};
use expect_test::expect;
use initrunner_tests::home::{Home, Ran};

fn talk(tools: &str, input: &str) -> (Home, Ran) {
    let home = Home::with_role(tools, RUNNER);
    let file = home.file("input.txt", input);
    let ran = home.command(["run", "role.yaml", "-i"]).input(&file).run();
    (home, ran)
}

#[test]
fn each_line_is_a_message_of_one_conversation() {
    let (home, ran) = talk(FREE, "hello\n\none\\\ntwo\n```\na\nb\n```\n/help x\nnot sent\n");
    ran.check(expect![[r#"
        You said: hello
        You said: one
        two
        You said: ```
        a
        b
        ```
        ! error: `/help` does not take `x`
        = 64
    "#]]);
    let last = home.last();
    let messages = home.json(["show", &last, "--json"])["messages"].clone();
    assert_eq!(messages.as_array().map(Vec::len), Some(6), "{messages}");
    assert!(!home.state().join("history").exists());
}

#[test]
fn the_end_of_the_input_ends_it() {
    let (_home, ran) = talk(FREE, "run echo one\n/tools\nlast\\");
    ran.check(expect![[r#"
        Result: one
        ┏━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ tool  ┃ approval ┃ what it does                                                              ┃
        ┡━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ shell │ auto     │ Runs a command with `sh` in the working directory and returns its output. │
        └───────┴──────────┴───────────────────────────────────────────────────────────────────────────┘
        You said: last\
        = 0
    "#]]);
}

#[test]
fn a_call_that_waits_is_not_answered_by_what_follows() {
    let (home, ran) = talk(ASKING, "run touch x\ny\ny\n");
    ran.check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  touch x

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(!home.work().join("x").exists());
    assert_eq!(home.json(["runs", "--json"]).as_array().map(Vec::len), Some(1));
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(0));
}

#[test]
fn what_goes_wrong_ends_it() {
    let (home, ran) = talk(FREE, "hello\n");
    assert_eq!(ran.code, Some(0));
    home.file("role.yaml.script.yaml", "rules: [{when: nothing, reply: x}]");
    let file = home.file("input.txt", "hello\nnothing\n");
    home.command(["run", "role.yaml", "-i"]).input(&file).run().check(expect![[r#"
        ! error: run RUN_____________ failed: the script `role.yaml.script.yaml` has no rule for the user message `hello`; add a rule that matches it, or a `fallback`
        = 1
    "#]]);
    let file = home.file("input.txt", b"\xff\xfe\n");
    home.command(["run", "role.yaml", "-i"]).input(&file).run().check(expect![[r#"
        ! error: standard input cannot be read: stream did not contain valid UTF-8
        = 1
    "#]]);
    home.run(["run", "role.yaml", "-i", "--json"]).check(expect![[r#"
        ! error: the argument '--interactive' cannot be used with '--json'
        !
        ! Usage: initrunner run --interactive <ROLE>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["run", "role.yaml"]).check(expect![[r#"
        ! error: the following required arguments were not provided:
        !   --prompt <PROMPT>
        !
        ! Usage: initrunner run --prompt <PROMPT> <ROLE>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["run", "role.yaml", "-i", "--conversation", "a\u{200b}b"]).check(expect![[r#"
        ! error: invalid value 'a\u{200b}b' for '--conversation <NAME>': `a\u{200b}b` has a character that cannot be seen, or a space at an end; give visible ones, such as a UUID
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
}
