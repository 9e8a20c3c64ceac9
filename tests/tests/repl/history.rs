//! What was typed is there the next time, without secrets.

use crate::{APPROVE, PROMPT, asking, talk};
use initrunner_tests::home::Home;
use initrunner_tests::terminal::{CTRL_D, ENTER, Terminal};
use std::os::unix::fs::PermissionsExt;

/// The key for the line before.
const UP: &str = "\u{1b}[A";

#[test]
fn what_was_typed_is_there_the_next_time() {
    let (home, mut terminal) = asking();
    terminal.line(PROMPT, "hello");
    terminal.line(PROMPT, "one\\");
    terminal.asked("");
    terminal.key("two");
    terminal.key(ENTER);
    terminal.line(PROMPT, "/tools");
    terminal.asked(PROMPT);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(0));
    let file = home.state().join("history");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let terminal = talk(&home);
    terminal.asked(PROMPT);
    terminal.keys(UP);
    terminal.asked("> /tools");
    terminal.keys(UP);
    terminal.told("> one\ntwo");
}

#[test]
fn no_secret_is_kept() {
    let home = Home::new();
    home.file(
        "role.yaml",
        "name: test\nprompt: p\nmodel: scripted:s.yaml\nsecrets: [DEPLOY_KEY]\ntools:\n  - {type: shell, approval: required}\n",
    );
    home.file("s.yaml", crate::RUNNER);
    let start = home.command(["run", "role.yaml", "-i"]).env("DEPLOY_KEY", "correct horse battery");
    let mut terminal = Terminal::start(start);
    terminal.line(PROMPT, "the key is correct horse battery, is it?");
    terminal.line(PROMPT, "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5");
    terminal.line(PROMPT, "use ghp_0123456789abcdef0123456789abcdef0123");
    terminal.line(PROMPT, "/show correct_horse_battery");
    terminal.line(PROMPT, "run echo x");
    terminal.line(APPROVE, "r");
    terminal.line("  Reason: ", "correct horse battery is the key");
    terminal.line(PROMPT, "harmless");
    terminal.asked(PROMPT);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(0));
    let kept = std::fs::read_to_string(home.state().join("history")).unwrap();
    assert_eq!(kept, "#V2\n/show correct_horse_battery\nrun echo x\nharmless\n");
}
