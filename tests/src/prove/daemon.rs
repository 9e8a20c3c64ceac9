//! A daemon that is killed at any moment, under triggers: what it accepted is done, and nothing is done twice.

use super::{Row, Table, Wrong};
use crate::daemon::Daemon;
use crate::home::{Home, until_within};
use crate::random::Random;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What signs the webhooks.
const SECRET: &str = "It's a Secret to Everybody";

/// A model that does what the event names, once.
const SCRIPT: &str = r#"
rules:
  - when: "^do (\\S+)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "echo $1 >> done"}}]
  - {from: tool, when: "(?s).*", reply: "Done."}
fallback: "Nothing to do."
"#;

const ROLE: &str = r#"name: ops
prompt: p
model: scripted:script.yaml
tools:
  - {type: shell, shell: true, approval: auto}
triggers:
  - {type: webhook, path: /hook, secret_env: HOOK_SECRET, rate_limit: 1000000, prompt: "do {{ body.name }}"}
  - {type: file_watch, paths: ["inbox/*"], debounce: 1s, prompt: "do {{ path }}"}
  - {type: heartbeat, every: 1s, prompt: "do beat:{{ time }}"}
daemon: {max_queued_runs: 1000000}
"#;

/// How many clients send at a time.
const CLIENTS: usize = 3;

/// One in so many daemons lives long enough for a file to count.
const LONG_LIFE: usize = 4;

/// Milliseconds after which a file that was written when a daemon had started has come to rest, and a little more.
const REST_OF_A_FILE: u64 = 1_050;

/// How many runs may wait before the next ones are sent. They are accepted faster than done: in ten minutes more
/// than the last daemon could do would come together.
const MOST_LEFT: i64 = 500;

/// How long the last daemon has to do what is left.
const REST: Duration = Duration::from_secs(300);

/// Kills daemons for so long, at moments that follow from the seed.
///
/// # Panics
/// Where a daemon does not start.
pub fn table(time: Duration, seed: u64) -> Table {
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    home.file("ops.yaml", ROLE);
    fs::create_dir(home.work().join("inbox")).expect("a folder");
    let mut random = Random::new(seed);
    let accepted = Mutex::new(BTreeMap::new());
    let (deadline, mut kills, mut sent) = (Instant::now() + time, 0, 0);
    while Instant::now() < deadline || kills == 0 {
        let daemon = start(&home);
        // Most die young. A file has to rest for a second before it counts, so some live longer, and the first of
        // them does: where time is short, there is one at least.
        let (shortest, longest) = match kills % LONG_LIFE {
            1 => (REST_OF_A_FILE, 1500),
            _ => (20, 600),
        };
        let life = Duration::from_millis(shortest + random.below(longest) as u64);
        let dies = Instant::now() + life;
        fs::write(home.work().join(format!("inbox/{kills}")), "x").expect("a file");
        // Where much is left to do, nothing more is sent: daemons that are killed do that, too.
        let clients = if kills > 0 && left(&home) > MOST_LEFT { 0 } else { CLIENTS };
        std::thread::scope(|scope| {
            for client in 0..clients {
                let (daemon, accepted, first) = (&daemon, &accepted, sent + client);
                scope.spawn(move || push(daemon, accepted, first, dies));
            }
        });
        std::thread::sleep(dies.saturating_duration_since(Instant::now()));
        sent += 1_000_000;
        daemon.kill();
        kills += 1;
    }
    // One that may live does the rest.
    let daemon = start(&home);
    until_within(REST, "all is done", || left(&home) == 0);
    let _ = daemon.stop();
    judge(&home, &accepted.into_inner().unwrap_or_default(), kills)
}

fn start(home: &Home) -> Daemon {
    Daemon::of(Daemon::command(home, "ops.yaml").env("HOOK_SECRET", SECRET))
}

/// Sends one event after another until the daemon is about to die, and notes which it accepted.
fn push(daemon: &Daemon, accepted: &Mutex<BTreeMap<String, String>>, first: usize, dies: Instant) {
    let mut number = first;
    while Instant::now() < dies {
        let name = format!("hook:{number}");
        let answer = daemon.push("/hook", SECRET, &format!("{{\"name\": \"{name}\"}}"));
        if matches!(answer.status, 200 | 202) {
            let run = answer.json()["run_id"].as_str().unwrap_or_default().to_owned();
            accepted.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name, run);
        }
        number += CLIENTS;
    }
}

/// How many runs still go on, or will.
fn left(home: &Home) -> i64 {
    let count = "SELECT count(*) FROM runs WHERE state IN ('queued', 'running', 'interrupted')";
    home.database().query_row(count, [], |row| row.get(0)).unwrap_or(1)
}

fn judge(home: &Home, accepted: &BTreeMap<String, String>, kills: usize) -> Table {
    let done = fs::read_to_string(home.work().join("done")).unwrap_or_default();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for line in done.lines() {
        *times.entry(line).or_default() += 1;
    }
    let runs = runs(home);
    let mut rows = [Row::new("webhook"), Row::new("file"), Row::new("heartbeat")];
    for (prompt, id, state) in &runs {
        let name = prompt.strip_prefix("do ").unwrap_or(prompt);
        let row = match name {
            _ if name.starts_with("hook:") => &mut rows[0],
            _ if name.starts_with("beat:") => &mut rows[2],
            _ => &mut rows[1],
        };
        let happened = times.get(name).copied().unwrap_or(0);
        let twins = runs.iter().filter(|(other, ..)| other == prompt).count();
        let outcome = match (state.as_str(), happened) {
            _ if twins > 1 => Err(Wrong::Doubled(format!("`{name}` became {twins} runs"))),
            (_, 2..) => Err(Wrong::Doubled(format!("`{name}` happened {happened} times"))),
            ("completed", 0) => Err(Wrong::Untrue(format!("run {id} did not do `{name}`"))),
            // Killed in the middle of the call: a person is asked.
            ("paused", 0) => {
                row.not_happened += 1;
                Ok(())
            }
            ("paused", _) => {
                row.happened += 1;
                Ok(())
            }
            ("completed", _) => Ok(()),
            (other, _) => Err(Wrong::Untrue(format!("run {id} is {other}"))),
        };
        row.count(id, outcome);
    }
    for (name, run) in accepted {
        if !runs.iter().any(|(_, id, _)| id == run) {
            rows[0].count(run, Err(Wrong::Lost(format!("`{name}` was accepted and is gone"))));
        }
    }
    let title = format!(
        "A daemon killed {kills} times under triggers; {} webhooks were accepted",
        accepted.len()
    );
    Table { title, rows: rows.into() }
}

/// Prompt, id and state of each run.
fn runs(home: &Home) -> Vec<(String, String, String)> {
    let database = home.database();
    let mut found = database.prepare("SELECT prompt, id, state FROM runs").expect("a statement");
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).expect("the runs")
}
