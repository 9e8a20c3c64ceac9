//! The session of `docs/repl.md`, typed again.

use crate::{APPROVE, PROMPT};
use initrunner_tests::home::Home;
use initrunner_tests::stable::Placeholders;
use initrunner_tests::terminal::{CLEAR, CTRL_D, Terminal};
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/repl.md");

#[test]
fn the_pages_session_is_what_the_screen_shows() {
    let written = PAGE.split("```console\n").nth(1).and_then(|rest| rest.split("```").next());
    let (command, written) = written.unwrap().split_once('\n').unwrap();
    let words: Vec<&str> = command.strip_prefix("$ initrunner ").unwrap().split(' ').collect();

    let home = Home::new();
    let role = home.work().join("examples/first-run");
    std::fs::create_dir_all(role.join("scratch/old")).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/first-run");
    for name in ["role.yaml", "script.yaml"] {
        std::fs::copy(example.join(name), role.join(name)).unwrap();
    }
    let mut terminal = Terminal::start(home.command(words));
    terminal.line(PROMPT, "delete ./scratch");
    terminal.line(APPROVE, "?");
    terminal.line(APPROVE, "e");
    terminal.told("Arguments: {");
    terminal.keys(CLEAR);
    terminal.line("  Arguments: ", "command=rm -rf ./scratch/old");
    terminal.line(APPROVE, "y");
    terminal.line(PROMPT, "delete ./scratch");
    terminal.line(APPROVE, "r");
    terminal.line("  Reason: ", "keep the folder itself");
    terminal.asked(PROMPT);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(0));
    assert!(role.join("scratch").exists() && !role.join("scratch/old").exists());

    // With ids and times of its own, the page is as stable as the screen.
    let written = Placeholders::default().hide(written, Path::new("/nowhere"));
    assert_eq!(terminal.screen(), written);
}

#[test]
fn the_page_names_every_command() {
    let home = Home::with_role("", crate::RUNNER);
    let terminal = crate::talk(&home);
    terminal.line(PROMPT, "/help");
    terminal.asked(PROMPT);
    let screen = terminal.screen();
    let commands: Vec<&str> = screen.lines().filter_map(|line| line.strip_prefix("  /")).collect();
    assert!(commands.len() > 5, "{screen}");
    for command in commands {
        let word = command.split("  ").next().unwrap_or_default().trim();
        let row = format!("| `/{}` |", word.replace('|', "\\|"));
        assert!(PAGE.contains(&row), "docs/repl.md has no row {row}");
    }
}
