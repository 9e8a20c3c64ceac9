//! Bots in chats, through the real program and services that stand in for Telegram, Slack and Discord; and
//! notices by webhook and mail.

mod discord;
mod notice;
mod slack;
mod telegram;
mod waiting;

use initrunner_tests::home::{Home, Running};
use initrunner_tests::{
    discord as discord_service, slack as slack_service, telegram as telegram_service,
};
use rustix::process::Signal;
use std::path::Path;

/// What the model answers.
const SCRIPT: &str = r#"
rules:
  - when: "^run (.*) and also (.*)$"
    turn: 0
    calls:
      - {tool: shell, arguments: {command: "$1"}}
      - {tool: shell, arguments: {command: "$2"}}
  - when: "^run (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  - {from: tool, is_error: true, when: "(?s).*", reply: "Error: $0"}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
  - {when: "(?s)^say (.*)$", reply: "$1"}
  - {when: "(?s).*", reply: "You said: $0"}
"#;

/// A role with these triggers and notices, whose shell asks under `approval`.
fn home(approval: &str, more: &str) -> Home {
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    home.file(
        "role.yaml",
        format!(
            "name: demo\nprompt: p\nmodel: scripted:script.yaml\n\
             tools:\n  - {{type: shell, shell: true, approval: {approval}}}\n{more}\n"
        ),
    );
    home
}

/// A daemon of the role.
fn daemon(home: &Home) -> Running {
    home.command(["daemon", "role.yaml", "--log-level", "info"])
        .env("TELEGRAM_BOT_TOKEN", telegram_service::TOKEN)
        .env("SLACK_BOT_TOKEN", slack_service::TOKEN)
        .env("SLACK_APP_TOKEN", slack_service::APP_TOKEN)
        .env("DISCORD_BOT_TOKEN", discord_service::TOKEN)
        .env("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .start()
}

/// Stops a daemon, and looks for tokens in all that it said and wrote down; gives what it said.
#[track_caller]
fn stop(home: &Home, daemon: Running) -> String {
    daemon.signal(Signal::TERM);
    let ran = daemon.wait();
    let said = format!("{}{}", ran.raw, ran.stderr);
    let tokens = [
        telegram_service::TOKEN,
        "AAtelegram-token",
        slack_service::TOKEN,
        slack_service::APP_TOKEN,
        "a-ticket",
        discord_service::TOKEN,
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ];
    for token in tokens {
        assert!(!said.contains(token), "`{token}` in the log:\n{said}");
        let mut held = Vec::new();
        look(&home.state(), token.as_bytes(), &mut held);
        assert!(held.is_empty(), "`{token}` in {held:?}");
    }
    assert_eq!(ran.code, Some(0), "{said}");
    said
}

fn look(folder: &Path, token: &[u8], held: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            look(&path, token, held);
        } else if std::fs::read(&path)
            .unwrap_or_default()
            .windows(token.len())
            .any(|it| it == token)
        {
            held.push(path.display().to_string());
        }
    }
}

/// The runs that are written down.
fn runs(home: &Home) -> Vec<serde_json::Value> {
    home.json(["runs", "--json"]).as_array().cloned().unwrap_or_default()
}

/// What the shell has written into `count`.
fn counted(home: &Home) -> String {
    std::fs::read_to_string(home.work().join("count")).unwrap_or_default()
}

/// What a button carries.
#[track_caller]
fn data<'b>(buttons: &'b [(String, String)], label: &str) -> &'b str {
    let found = buttons.iter().find(|(it, _)| it == label);
    &found.unwrap_or_else(|| panic!("no button `{label}` in {buttons:?}")).1
}

fn labels(buttons: &[(String, String)]) -> Vec<&str> {
    buttons.iter().map(|(label, _)| label.as_str()).collect()
}

#[test]
fn what_the_page_shows_loads() {
    let page = include_str!("../../../docs/chat.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let blocks: Vec<&str> = blocks.map(|(block, _)| block).collect();
    assert_eq!(blocks.len(), 2, "a trigger, and notices");
    let home = home("required", &blocks.join("\n"));
    let ran = home.run(["validate", "role.yaml"]);
    assert_eq!(ran.code, Some(0), "{ran}");
}
