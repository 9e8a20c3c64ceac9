//! Conversations at a terminal: what a person types, and what the screen shows.

mod approve;
mod command;
mod edit;
mod elsewhere;
mod history;
mod leave;
mod others;
mod page;
mod piped;
mod show;
mod stop;
mod typing;

use initrunner_tests::home::Home;
use initrunner_tests::terminal::Terminal;

/// The shell, asking before each call.
const ASKING: &str = "  - {type: shell, shell: true, approval: required}";

/// The shell, asking nobody.
const FREE: &str = "  - {type: shell, shell: true}";

/// A model that calls the shell with what it is asked to run, says what came of it, and repeats the rest.
const RUNNER: &str = r#"
rules:
  - when: "^run (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  - {from: tool, is_error: true, when: "(?s).*", reply: "Error: $0"}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
  - {when: "(?s).*", reply: "You said: $0"}
"#;

/// What stands before a message.
const PROMPT: &str = "> ";

/// The question about a call.
const APPROVE: &str = "  Approve? [y/N]: ";

/// A conversation with a role that asks before each call.
fn asking() -> (Home, Terminal) {
    let home = Home::with_role(ASKING, RUNNER);
    let terminal = talk(&home);
    (home, terminal)
}

/// A conversation with the role of a folder.
fn talk(home: &Home) -> Terminal {
    Terminal::start(home.command(["run", "role.yaml", "-i"]))
}
