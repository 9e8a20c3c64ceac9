//! Text that a model chose, before a person's eyes.

use crate::ASKING;
use expect_test::expect;
use initrunner_tests::home::Home;

const HOSTILE: &str = r#"
rules:
  - turn: 0
    calls: [{tool: shell, arguments: {command: "rm \e[2K\r-rf \u202Etxt.exe\u200B /\nNothing to see here"}}]
  - {from: tool, when: "(?s).*", reply: "\e]0;title\a$0"}
"#;

/// No control character but line ends, and nothing that turns or hides text.
#[track_caller]
fn harmless(text: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
    };
    assert!(!text.contains(harmful), "{text:?}");
}

#[test]
fn what_a_model_writes_moves_no_cursor_and_turns_no_text() {
    let home = Home::with_role(ASKING, HOSTILE);
    let ran = home.run(["run", "role.yaml", "-p", "go \u{1b}[31m\u{202e}"]);
    ran.check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  rm \x1b[2K\r-rf \u{202e}txt.exe\u{200b} /\nNothing to see here

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    let pending = home.run(["pending"]);
    pending.check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments             ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ rm \x1b[2K\r-rf \u{2… │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴───────────────────────┘
        = 0
    "#]]);
    let rows = home.json(["pending", "--json"]);
    let text = rows[0]["preview_text"].as_str().unwrap_or_default();
    assert!(text.starts_with("rm \\x1b[2K\\r-rf \\u{202e}txt.exe"), "{text}");
    harmless(text);
    let shown = ["runs", "show"].map(|word| match word {
        "show" => home.run([word, "RUN"]),
        _ => home.run([word]),
    });
    let denied = home.run(["approve", "RUN", "--all", "--deny"]);
    denied.check(expect![[r#"
        Resumed.
        \x1b]0;title\x07A person denied this call; it was not executed.
        = 0
    "#]]);
    let shown_after = home.run(["show", "RUN"]);
    for ran in shown.iter().chain([&ran, &pending, &denied, &shown_after]) {
        harmless(&ran.raw);
        harmless(&ran.stderr);
    }
}

#[test]
fn an_error_that_quotes_somebody_moves_no_cursor() {
    let home = Home::with_role("", "rules: [{when: nothing, reply: x}]");
    let ran = home.run(["show", "\u{1b}[2J\u{202e}"]);
    harmless(&ran.stderr);
    ran.check(expect![[r#"
        ! error: `\x1b[2J\u{202e}` is not a run id: they look like `RUN_____________`
        = 4
    "#]]);
    let ran = home.run(["run", "role.yaml", "-p", "\u{1b}[2J\u{202e}"]);
    harmless(&ran.stderr);
    ran.check(expect![[r#"
        ! error: run RUN2____________ failed: the script `role.yaml.script.yaml` has no rule for the user message `\u{1b}[2J\u{202e}`; add a rule that matches it, or a `fallback`
        = 1
    "#]]);
}

#[test]
fn a_narrow_terminal_never_cuts_an_id() {
    let home = Home::with_role(ASKING, crate::RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo a long command with many words in it"]);
    home.command(["pending"]).env("COLUMNS", "60").run().check(expect![[r#"
        Pending approvals (1)
        run_id        RUN_____________
        tool_call_id  CALL___________
        tool          shell
        agent         test
        created_at    TIME_______________
        arguments     echo a long command with many words in it
        = 0
    "#]]);
    home.command(["pending"]).env("COLUMNS", "94").run().check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments       ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ echo a long co… │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴─────────────────┘
        = 0
    "#]]);
    home.command(["runs"]).env("COLUMNS", "60").run().check(expect![[r#"
        run_id      RUN_____________
        agent       test
        state       paused
        waiting     1
        created_at  TIME_______________
        prompt      run echo a long command with many words in it
        = 0
    "#]]);
}
