//! What a person finds who looks at a run afterwards: what the program says of it, and what happened.

use crate::home::Home;
use serde_json::Value;
use std::collections::BTreeMap;

/// A run, as `initrunner show` tells it.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) state: String,
    pub(super) calls: Vec<Call>,
    /// The journal: kind, and the call where it is about one.
    pub(super) events: Vec<(String, Option<String>)>,
    /// How many results the model was told.
    pub(super) told: usize,
}

/// A call of it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) id: String,
    /// The word that it appends to `effects`.
    pub(super) word: String,
    /// Whether its command is an argument that is called so.
    pub(super) takes_command: bool,
    pub(super) state: String,
}

impl Look {
    /// Looks at a run with the shipped program.
    pub(super) fn at(home: &Home, run: &str) -> Result<Self, String> {
        let shown = home.run(["show", run, "--json"]);
        if shown.code != Some(0) {
            return Err(format!("`show` ended with {:?}: {}", shown.code, shown.stderr));
        }
        let story = shown.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |name: &str| story[name].as_array().cloned().unwrap_or_default();
        let call = |call: &Value| Call {
            id: text(&call["tool_call_id"]),
            word: ["command", "text"]
                .iter()
                .find_map(|key| call["arguments"][key].as_str())
                .map_or_else(String::new, word),
            takes_command: call["arguments"]["command"].is_string(),
            state: text(&call["state"]),
        };
        let event =
            |event: &Value| (text(&event["kind"]), event["call"].as_str().map(str::to_owned));
        Ok(Self {
            state: text(&story["state"]),
            calls: list("calls").iter().map(call).collect(),
            events: list("events").iter().map(event).collect(),
            told: list("messages").iter().filter(|message| message["role"] == "tool").count(),
        })
    }

    /// How often the journal has such an event of a call.
    pub(super) fn events_of(&self, call: &Call, kind: &str) -> usize {
        let is = |event: &&(String, Option<String>)| {
            event.0 == kind && event.1.as_deref() == Some(call.id.as_str())
        };
        self.events.iter().filter(is).count()
    }

    /// Whether the journal's last word on a call's execution is that it started.
    pub(super) fn is_open(&self, call: &Call) -> bool {
        let mut kinds =
            self.events.iter().rev().filter(|event| event.1.as_deref() == Some(&call.id));
        let last = kinds.find(|event| matches!(&*event.0, "call_started" | "call_finished"));
        last.is_some_and(|event| event.0 == "call_started")
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(&*self.state, "completed" | "failed" | "cancelled")
    }
}

/// The word after `echo` in a command.
fn word(command: &str) -> String {
    let after = command.split_once("echo ").map_or("", |(_, after)| after);
    after.split_whitespace().next().unwrap_or_default().to_owned()
}

/// How often each word was appended.
pub(super) fn effects(home: &Home) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(home.work().join("effects")).unwrap_or_default();
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    counts
}

/// Asks the database itself, since the program would adopt runs. Gives nothing where there is none.
fn ask(home: &Home, sql: &str) -> Option<Vec<String>> {
    home.state().join("audit.db").exists().then_some(())?;
    let conn = home.database();
    let mut statement = conn.prepare(sql).ok()?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).ok()?;
    Some(rows.flatten().collect())
}

/// The newest run, where there is one.
pub(super) fn newest_run(home: &Home) -> Option<String> {
    ask(home, "SELECT id FROM runs ORDER BY n DESC LIMIT 1")?.into_iter().next()
}

/// The calls of the newest run.
pub(super) fn calls_of_newest(home: &Home) -> Vec<String> {
    let sql = "SELECT id FROM calls WHERE run = (SELECT max(n) FROM runs) ORDER BY n";
    ask(home, sql).unwrap_or_default()
}

/// How many events of a kind the journal has.
pub(super) fn journaled(home: &Home, kind: &str) -> usize {
    ask(home, &format!("SELECT kind FROM events WHERE kind = '{kind}'"))
        .map_or(0, |rows| rows.len())
}
