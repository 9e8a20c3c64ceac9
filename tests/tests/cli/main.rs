//! The real program, end to end: what it prints, where, and how it ends.

mod audit;
mod binding;
mod component;
mod config;
mod crash;
mod database;
mod edit;
mod expiry;
mod find_run;
mod first_run;
mod help;
mod http;
mod inspect;
mod invalid_call;
mod json;
mod model_server;
mod no_audit;
mod output;
mod permission;
mod policy;
mod policy_history;
mod price_report;
mod program;
mod race;
mod reach;
mod recover;
mod refunds;
mod remember;
mod retry_unknown;
mod role;
mod secret;
mod signal;
mod tamper;
mod terminal;
mod untrusted;
mod variable;
mod vote;

/// A model that calls the shell with what it is asked to run, and says what came of it.
const RUNNER: &str = r#"
rules:
  - when: "^run (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  - {from: tool, is_error: true, when: "(?s).*", reply: "Error: $0"}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
  - {turn: 0, reply: "Say `run COMMAND`."}
"#;

/// The shell, asking before each call.
const ASKING: &str = "  - {type: shell, shell: true, approval: required}";

/// The shell, asking nobody.
const FREE: &str = "  - {type: shell, shell: true}";

/// Waits until every program of a call of unknown outcome has ended: its supervisor kills it a moment
/// after the host died.
fn programs_end(home: &initrunner_tests::home::Home) {
    initrunner_tests::home::until("the programs have ended", || {
        let pending = home.json(["pending", "--json"]);
        pending.as_array().is_some_and(|calls| calls.iter().all(|it| it["program_pid"].is_null()))
    });
}
