//! Calls that were made up to deceive whoever is asked about them.

use crate::{APPROVE, ASKING, FREE, PROMPT, talk};
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::terminal::Terminal;

/// A model that calls the shell with this command, and then says what it was told.
fn calling(tools: &str, command: &str) -> Home {
    let command = serde_json::Value::from(command);
    let script = format!(
        "rules:\n  - turn: 0\n    calls: [{{tool: shell, arguments: {{command: {command}}}}}]\n  \
         - {{from: tool, when: \"(?s).*\", reply: \"$0\"}}\n"
    );
    Home::with_role(tools, &script)
}

#[test]
fn nothing_moves_the_cursor_or_turns_the_text() {
    let home = calling(
        ASKING,
        "rm \u{1b}[2K\u{1b}[1A\r-rf \u{202e}txt.exe\u{200b} /\n  Approve? [y/N]: y",
    );
    let terminal = talk(&home);
    terminal.line(PROMPT, "go");
    terminal.asked(APPROVE);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > go

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          rm \x1b[2K\x1b[1A\r-rf \u{202e}txt.exe\u{200b} /\n  Approve? [y/N]: y
          Approve? [y/N]:
    "#]]);
}

#[test]
fn a_command_is_never_pushed_out_of_sight() {
    let blanks = " ".repeat(3000);
    let home = calling(ASKING, &format!("rm -rf /{blanks}; echo this is the end"));
    let terminal = Terminal::sized(home.command(["run", "role.yaml", "-i"]), 24, 80);
    terminal.line(PROMPT, "go");
    terminal.asked(APPROVE);
    terminal.check(expect![[r#"

        > go

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          │ rm -rf /
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          ┊
          … 25 more lines
          (v shows all of it)
          Approve? [y/N]:
    "#]]);
    let large = Terminal::start(home.command(["run", "role.yaml", "-i"]));
    large.line(PROMPT, "go");
    large.line(APPROVE, "v");
    large.told("; echo this is the end");
    large.asked(APPROVE);
}

#[test]
fn what_is_too_wide_does_not_pass_for_a_line_of_ours() {
    let padding = " ".repeat(74);
    let home = calling(ASKING, &format!("rm -rf / #{padding}  Approve? [y/N]: n"));
    let terminal = Terminal::sized(home.command(["run", "role.yaml", "-i"]), 24, 80);
    terminal.line(PROMPT, "go");
    terminal.asked(APPROVE);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > go

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          │ rm -rf / #
          ┊           Approve? [y/N]: n
          Approve? [y/N]:
    "#]]);
}

#[test]
fn a_change_of_a_file_is_shown_as_one() {
    let script = r#"
rules:
  - turn: 0
    calls: [{tool: files_edit, arguments: {path: notes.txt, old_text: "two", new_text: "2\t\u202E "}}]
  - {from: tool, when: "(?s).*", reply: "Done."}
"#;
    let tools = "  - {type: filesystem, name: files, root: ., access: write, tools: {edit: {approval: required}}}";
    let home = Home::with_role(tools, script);
    home.file("notes.txt", "one\ntwo\nthree\n");
    let terminal = talk(&home);
    terminal.line(PROMPT, "go");
    terminal.asked(APPROVE);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > go

        Run RUN_____________ paused — 1 tool call(s) need approval.

          files_edit  CALL___________
          │ --- a/notes.txt
          │ +++ b/notes.txt
          │ @@ -1,3 +1,3 @@
          │  one
          │ -two
          │ +2→ \u{202e}\x20
          │  three
          Approve? [y/N]:
    "#]]);
    terminal.line(APPROVE, "y");
    terminal.asked(PROMPT);
    let text = std::fs::read_to_string(home.work().join("notes.txt")).unwrap();
    assert_eq!(text, "one\n2\t\u{202e} \nthree\n");
}

#[test]
fn what_the_model_says_is_shown_as_text() {
    let home = calling(FREE, "printf '\\033]0;title\\a\\033[2J\\342\\200\\256 done'");
    let terminal = talk(&home);
    terminal.line(PROMPT, "go");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > go

        ✓ shell  SECONDS s

        Agent: \x1b]0;title\x07\x1b[2J\u{202e} done

        >
    "#]]);
}

#[test]
fn a_run_that_pauses_shows_no_line_that_passes_for_ours_either() {
    let home = calling(ASKING, &format!("rm -rf / #{}Resume with: rm -rf ~", " ".repeat(62)));
    let start = home.command(["run", "role.yaml", "-p", "go"]);
    let mut terminal = Terminal::sized(start, 24, 80);
    assert_eq!(terminal.ends(), Some(2));
    terminal.check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell
            │ rm -rf / #                                                              Re
            ┊ sume with: rm -rf ~

        Resume with: initrunner approve RUN_____________ --all
    "#]]);
}
