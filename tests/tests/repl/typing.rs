//! Messages of several lines, and words that are completed.

use crate::{ASKING, PROMPT, RUNNER, asking, talk};
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::terminal::ENTER;

#[test]
fn a_backslash_and_a_block_join_lines() {
    let (home, terminal) = asking();
    terminal.line(PROMPT, "one\\");
    terminal.asked("");
    terminal.key("two");
    terminal.key(ENTER);
    terminal.line(PROMPT, "look:");
    terminal.asked(PROMPT);
    terminal.key("```");
    terminal.key(ENTER);
    terminal.asked("");
    terminal.key("a \\");
    terminal.key(ENTER);
    terminal.asked("");
    terminal.key("```");
    terminal.key(ENTER);
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > one\
        two

        Agent: You said: one
        two

        > look:

        Agent: You said: look:

        > ```
        a \
        ```

        Agent: You said: ```
        a \
        ```

        >
    "#]]);
    let last = home.last();
    let story = home.json(["show", &last, "--json"]);
    assert_eq!(story["prompt"], "```\na \\\n```");
}

#[test]
fn what_is_pasted_is_one_message() {
    let (home, terminal) = asking();
    terminal.asked(PROMPT);
    terminal.keys("\u{1b}[200~first\r\nsecond\r\ny\r\n\u{1b}[201~");
    terminal.told("second");
    terminal.key(ENTER);
    terminal.told("You said");
    terminal.asked(PROMPT);
    let last = home.last();
    let story = home.json(["show", &last, "--json"]);
    assert_eq!(story["prompt"], "first\nsecond\ny");
    assert_eq!(home.json(["runs", "--json"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn our_words_are_completed() {
    let home = Home::with_role(ASKING, RUNNER);
    let terminal = talk(&home);
    terminal.line(PROMPT, "hello");
    terminal.asked(PROMPT);
    terminal.keys("/to\t");
    terminal.asked("> /tools ");
    terminal.keys("sh\t");
    terminal.asked("> /tools shell");
    terminal.key(ENTER);
    terminal.asked(PROMPT);
    terminal.keys("/re\t\t");
    terminal.told("/resume  /reset");
    terminal.asked("> /res");
    terminal.keys("e\t");
    terminal.asked("> /reset");
    terminal.key(ENTER);
    terminal.asked(PROMPT);
    terminal.keys("/show r\t");
    terminal.told("/show run_");
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > hello

        Agent: You said: hello

        > /tools shell
        shell  required
          Runs a command with `sh` in the working directory and returns its output.
          its component says: may destroy, reaches out

        > /res
        /resume  /reset
        > /reset
        Another conversation begins.

        > /show RUN_____________
    "#]]);
}
