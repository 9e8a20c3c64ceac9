//! A daemon that is killed at each moment of what it writes down: a webhook that becomes a run, how far a clock
//! has come, a message that is taken, sent, or refused. Another one goes on, and then everything is done once.
//!
//! A message is told at least once: where the daemon dies after it was sent and before that is written down, it
//! is sent again, under the same name, so that whoever receives it knows.

use super::{Row, Table, Wrong};
use crate::daemon::Daemon;
use crate::home::{Home, Ran, Start, try_until};
use crate::model_stub::{Answer, ModelStub};
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The verbs that only daemons call, each with what has one call it.
const STORIES: [(&str, &str, Story); 6] = [
    ("queue_run", "a webhook", webhook),
    ("mark_trigger", "a new trigger", new_trigger),
    ("mark_trigger", "missed times", missed_times),
    ("due_messages", "a notice", |point| notice(point, Sent::No)),
    ("mark_delivered", "a notice", |point| notice(point, Sent::Taken)),
    ("mark_failed", "a notice", |point| notice(point, Sent::Refused)),
];

/// The moments of a verb's transaction, and whether what it does outlives the process then.
const MOMENTS: [(&str, bool); 5] = [
    ("before_begin", false),
    ("after_verb", false),
    ("before_commit", false),
    ("after_commit", true),
    ("after_heads", true),
];

/// One trial.
type Story = fn(&Point) -> Result<(), Wrong>;

/// Where a daemon is killed.
struct Point {
    name: String,
    committed: bool,
}

/// What signs the webhooks, and the notices: 24 bytes are the least of it.
const SECRET: &str = "It's a Secret to Everybody";

/// Further than any wait before a message is tried again after its first failure, in seconds: a sender's lease
/// is a minute.
const LATER: &str = "120";

const SCRIPT: &str = r#"
rules:
  - when: "^do (\\S+)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "echo $1 >> done"}}]
fallback: "Done."
"#;

const HOOK: &str =
    r#"  - {type: webhook, path: /hook, secret_env: HOOK_SECRET, prompt: "do {{ body.name }}"}"#;

/// Whether some table kills a daemon at this fail point.
pub(super) fn is_here(point: &str) -> bool {
    let verb = point.strip_prefix("store.").and_then(|rest| rest.split_once('.'));
    verb.is_some_and(|(verb, _)| STORIES.iter().any(|(name, ..)| *name == verb))
}

/// Kills a daemon once for each moment of each story.
pub fn table() -> Table {
    let mut plans = Vec::new();
    for (verb, what, story) in STORIES {
        for (moment, committed) in MOMENTS {
            let name = format!("store.{verb}.{moment}");
            plans.push((what, story, Point { name, committed }));
        }
    }
    let title = format!("Daemons killed at {} moments of what they write down", plans.len());
    let queue = Mutex::new(plans.into_iter());
    let rows = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let plan = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((what, story, point)) = plan else { return };
                    let mut row = Row::new(format!("{}, {what}", point.name));
                    row.count("one kill", story(&point));
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Table { title, rows }
}

/// Sent twice by a client who got no answer: one run.
fn webhook(point: &Point) -> Result<(), Wrong> {
    let home = home(HOOK, "");
    let daemon = Daemon::of(failing(&home, point));
    if let Ok(answer) = daemon.try_push("/hook", SECRET, r#"{"name": "x"}"#) {
        return Err(Wrong::untrue(format!("it answered {}, and dies before", answer.status)));
    }
    killed(daemon.end())?;
    let there = number(&home, "SELECT count(*) FROM runs");
    if there != i64::from(point.committed) {
        return Err(Wrong::lost(format!("there are {there} runs of it")));
    }
    let daemon = Daemon::of(command(&home));
    let answer = daemon.push("/hook", SECRET, r#"{"name": "x"}"#);
    let (status, repeated) = if point.committed { (200, true) } else { (202, false) };
    if (answer.status, answer.json()["repeated"].as_bool()) != (status, Some(repeated)) {
        return Err(Wrong::untrue(format!("it answered {}: {}", answer.status, answer.text())));
    }
    wait(&home, "the run has ended", "SELECT count(*) = 1 FROM runs WHERE state = 'completed'")?;
    drop(daemon.stop());
    done(&home, &["x"])
}

/// A heart that never beat before: nothing of it was missed, and each beat is one.
fn new_trigger(point: &Point) -> Result<(), Wrong> {
    let home = home("  - {type: heartbeat, every: 1s, prompt: \"do {{ time }}\"}", "");
    killed(failing(&home, point).start().wait())?;
    let marks = number(&home, "SELECT count(*) FROM trigger_marks");
    if marks != i64::from(point.committed) {
        return Err(Wrong::lost(format!("{marks} triggers have begun")));
    }
    let daemon = Daemon::of(command(&home));
    wait(&home, "it has beaten", "SELECT count(*) >= 2 FROM runs WHERE state = 'completed'")?;
    drop(daemon.stop());
    // What was begun when it stopped, another one ends.
    let rest = "SELECT count(*) = 0 FROM runs WHERE state IN ('queued', 'running', 'interrupted')";
    let daemon = Daemon::of(command(&home));
    wait(&home, "all have ended", rest)?;
    drop(daemon.stop());
    let beats = texts(&home, "SELECT substr(prompt, 4) FROM runs WHERE state = 'completed'");
    done(&home, &beats.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Times that were missed are passed over, as the role says, also by whoever comes after.
fn missed_times(point: &Point) -> Result<(), Wrong> {
    let home = home(
        "  - {type: cron, schedule: \"0 * * * *\", on_missed: skip, prompt: \"do {{ time }}\"}",
        "",
    );
    let begun = Daemon::of(command(&home));
    wait(&home, "it has begun", "SELECT count(*) = 1 FROM trigger_marks")?;
    drop(begun.stop());
    let hour = 3_600_000_000;
    let now = micros();
    // Half an hour off the full hour, so that none is due at this moment.
    let then = now - now % hour - 3 * hour + hour / 2;
    let moved = home.database().execute("UPDATE trigger_marks SET at = ?1", [then]);
    moved.map_err(|error| Wrong::untrue(error.to_string()))?;
    killed(failing(&home, point).start().wait())?;
    let moved = number(&home, &format!("SELECT at > {then} FROM trigger_marks"));
    if moved != i64::from(point.committed) {
        return Err(Wrong::lost("how far the clock has come is not what was written down"));
    }
    let daemon = Daemon::of(command(&home));
    wait(&home, "they are passed", &format!("SELECT at >= {} FROM trigger_marks", now - hour))?;
    drop(daemon.stop());
    // The full hour may come while this runs; what was missed are others.
    let full = i64::from(micros() / hour > now / hour);
    match number(&home, "SELECT count(*) FROM runs") {
        count if count <= full => Ok(()),
        count => Err(Wrong::Doubled(format!("{count} runs of times that were to be skipped"))),
    }
}

/// Microseconds since 1970.
fn micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or_default()
}

/// What has become of a message when the daemon dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// It was not sent.
    No,
    /// The server has taken it.
    Taken,
    /// The server was busy.
    Refused,
}

/// The end of a run is told to a server: once, and again only where nobody can know that it was told, under the
/// same name.
fn notice(point: &Point, sent: Sent) -> Result<(), Wrong> {
    let taken = || Answer::response("200 OK", &[], "");
    let busy = || Answer::response("503 Service Unavailable", &[], "");
    let first = if sent == Sent::Refused { busy() } else { taken() };
    let server = ModelStub::serve(vec![first, taken(), taken()]);
    let url = server.url();
    let notify = format!(
        "notify:\n  - {{webhook: {{url: \"{url}/told\", secret_env: HOOK_SECRET}}, on: [ended]}}\n"
    );
    let home = home(HOOK, &notify);
    let daemon = Daemon::of(failing(&home, point));
    let answer = daemon.push("/hook", SECRET, r#"{"name": "x"}"#);
    if answer.status != 202 {
        return Err(Wrong::untrue(format!("it answered {}: {}", answer.status, answer.text())));
    }
    killed(daemon.end())?;
    let before = server.requests().len();
    if before != usize::from(sent != Sent::No) {
        return Err(Wrong::untrue(format!("{before} messages were sent before the kill")));
    }
    let daemon = Daemon::of(with_secret(home.failing(WORDS)).env("INITRUNNER_CLOCK_OFFSET", LATER));
    let out = "SELECT count(*) = 1 AND count(delivered_at) = 1 FROM outbox";
    wait(&home, "the message is out", out)?;
    drop(daemon.stop());
    let requests = server.requests();
    let names: BTreeSet<&str> = requests.iter().filter_map(|it| header(it, "webhook-id")).collect();
    let again = match sent {
        Sent::No | Sent::Refused => true,
        Sent::Taken => !point.committed,
    };
    let wanted = before + usize::from(again);
    match requests.len() {
        0 => return Err(Wrong::lost("nobody was told")),
        count if count > wanted => {
            return Err(Wrong::Doubled(format!("{count} messages were sent, not {wanted}")));
        }
        count if count < wanted => {
            return Err(Wrong::lost(format!("{count} messages were sent, not {wanted}")));
        }
        _ if names.len() != 1 => {
            return Err(Wrong::Doubled(format!("one message has the names {names:?}")));
        }
        _ => {}
    }
    let ended = number(&home, "SELECT count(*) FROM runs WHERE state = 'completed'");
    match ended {
        1 => done(&home, &["x"]),
        count => Err(Wrong::lost(format!("{count} runs have completed"))),
    }
}

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A home with a role that has these triggers.
fn home(triggers: &str, rest: &str) -> Home {
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    let tools = "  - {type: shell, shell: true, approval: auto}";
    home.file(
        "ops.yaml",
        format!(
            "name: ops\nprompt: p\nmodel: scripted:script.yaml\ntools:\n{tools}\ntriggers:\n{triggers}\n{rest}"
        ),
    );
    home
}

const WORDS: [&str; 4] = ["daemon", "ops.yaml", "--port", "0"];

fn command(home: &Home) -> Start {
    with_secret(home.command(WORDS))
}

fn failing(home: &Home, point: &Point) -> Start {
    with_secret(home.failing(WORDS)).env("INITRUNNER_FAIL_POINT", &point.name)
}

fn with_secret(start: Start) -> Start {
    start.env("HOOK_SECRET", SECRET)
}

/// Whether it ended as it was ordered to.
fn killed(ran: Ran) -> Result<(), Wrong> {
    match ran.code {
        None => Ok(()),
        Some(_) => Err(Wrong::untrue(format!("it was not killed there:\n{ran}"))),
    }
}

/// Whether exactly these things happened, each once.
fn done(home: &Home, wanted: &[&str]) -> Result<(), Wrong> {
    let text = fs::read_to_string(home.work().join("done")).unwrap_or_default();
    let mut happened: Vec<&str> = text.lines().collect();
    let mut wanted = wanted.to_vec();
    happened.sort_unstable();
    wanted.sort_unstable();
    if happened == wanted {
        return Ok(());
    }
    let told = format!("{happened:?} happened, and {wanted:?} should have");
    match happened.len() > wanted.len() {
        true => Err(Wrong::Doubled(told)),
        false => Err(Wrong::lost(told)),
    }
}

fn number(home: &Home, question: &str) -> i64 {
    home.database().query_row(question, [], |row| row.get(0)).unwrap_or(-1)
}

fn texts(home: &Home, question: &str) -> Vec<String> {
    let database = home.database();
    let Ok(mut asked) = database.prepare(question) else { return Vec::new() };
    let rows = asked.query_map([], |row| row.get(0));
    rows.and_then(Iterator::collect).unwrap_or_default()
}

/// Waits until a question is answered with yes.
fn wait(home: &Home, what: &str, question: &str) -> Result<(), Wrong> {
    match try_until(|| {
        std::thread::sleep(Duration::from_millis(10));
        number(home, question) == 1
    }) {
        true => Ok(()),
        false => Err(Wrong::lost(format!("waited in vain until {what}"))),
    }
}
