//! A person at a terminal sees the answer as it comes; a pipe gets the plain text.

use crate::{ASKING, FREE, RUNNER};
use expect_test::expect;
use initrunner_tests::home::{Home, until};
use initrunner_tests::model_stub::{Answer, ModelStub};

/// What a terminal shows, line by line: without escape sequences, and of what was drawn over on one
/// line the last.
fn seen(shown: &str) -> String {
    let mut text = String::new();
    let mut characters = shown.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            // CSI … final byte: ECMA-48.
            if characters.next() == Some('[') {
                characters.by_ref().find(|c| ('@'..='~').contains(c));
            }
        } else {
            text.push(c);
        }
    }
    let line = |line: &str| {
        let line = line.trim_end_matches('\r');
        let last = line.rsplit('\r').next().unwrap_or_default().trim_end().to_owned();
        last + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn text_is_shown_as_it_comes() {
    let text = |text: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#
        )
    };
    let stub = ModelStub::serve(vec![Answer::stream().event(&text("Once upon a time")).stall()]);
    let home = Home::new();
    let model = format!("{{provider: openai, name: m, base_url: \"{}\"}}", stub.base_url());
    home.file("role.yaml", format!("name: test\nprompt: p\nmodel: {model}\n"));
    let running = home.on_terminal(["run", "role.yaml", "-p", "a story"]).start();
    until("the beginning is shown", || running.said().contains("Once upon a time"));
}

#[test]
fn tools_are_shown_as_they_start_and_end() {
    let home = Home::with_role(FREE, RUNNER);
    let ran = home.on_terminal(["run", "role.yaml", "-p", "run echo hello"]).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.raw.contains("\u{1b}["), "{:?}", ran.raw);
    expect![[r#"
        ✓ shell  SECONDS s
        Result: hello
    "#]]
    .assert_eq(&seen(&ran.stdout));
    let ran = home.on_terminal(["run", "role.yaml", "-p", "run sleep 0.5"]).run();
    assert!(seen(&ran.raw).contains("✓ shell"), "{:?}", ran.raw);
}

#[test]
fn a_pause_and_what_follows_it_are_shown_in_order() {
    let home = Home::with_role(ASKING, RUNNER);
    let ran = home.on_terminal(["run", "role.yaml", "-p", "run echo hello"]).run();
    assert_eq!(ran.code, Some(2), "{ran}");
    expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo hello

        Resume with: initrunner approve RUN_____________ --all
    "#]]
    .assert_eq(&seen(&ran.stdout));
    let ran = home.on_terminal(["approve", "RUN", "--all"]).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    expect![[r#"
        Resumed.
        ✓ shell  SECONDS s
        Result: hello
    "#]]
    .assert_eq(&seen(&ran.stdout));
}

#[test]
fn a_refused_call_is_shown_and_colour_can_be_turned_off() {
    let tools = "  - {type: shell, permissions: {deny: [\"command=rm*\"]}}";
    let home = Home::with_role(tools, RUNNER);
    let ran = home.on_terminal(["run", "role.yaml", "-p", "run rm x"]).run();
    expect![[r#"
        – shell  This call is denied by the permission rule `command=rm*` of this role.
        Error: This call is denied by the permission rule `command=rm*` of this role.
    "#]]
    .assert_eq(&seen(&ran.stdout));
    assert!(ran.raw.contains("\u{1b}[33m"), "{:?}", ran.raw);
    let ran = home.on_terminal(["run", "role.yaml", "-p", "run rm x"]).env("NO_COLOR", "1").run();
    assert!(!ran.raw.contains("\u{1b}[33m"), "{:?}", ran.raw);
}

#[test]
fn a_pipe_gets_no_escape_codes() {
    let home = Home::with_role(FREE, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo hello"]);
    let last = home.last();
    for words in [&["run", "role.yaml", "-p", "run echo hello"][..], &["runs"], &["show", &last]] {
        let ran = home.run(words.iter().copied());
        assert!(!ran.raw.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran}");
    }
}
