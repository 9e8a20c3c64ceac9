//! What a daemon costs that waits, how long a webhook takes until it is accepted, and what paused runs keep in
//! memory.

use crate::http::wire::Wire;
use crate::{raw_connection, resident_of, scratch};
use initrunner_tests::binary;
use initrunner_tests::daemon::mac;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Roles of the daemon that waits, with ten triggers each.
const ROLES: usize = 10;

/// How long nothing happens before it is looked at: whatever a start leaves to be done later is done by then.
const SETTLE: Duration = Duration::from_secs(5);

/// The same after runs have paused.
const BREATH: Duration = Duration::from_secs(1);

/// How long it is looked at.
const IDLE: Duration = Duration::from_secs(30);

/// Megabytes that it may have.
const MOST_MEMORY: f64 = 40.0;

/// Percent of one processor that it may use.
const MOST_PROCESSOR: f64 = 0.1;

/// Webhooks, one after the other.
const WEBHOOKS: usize = 1_000;

/// Milliseconds that the slowest of a hundred may take beyond a commit.
const MOST_BEYOND: f64 = 5.0;

/// Runs that pause before memory is looked at again.
const PAUSED: usize = 1_000;

/// How many times that is what the allocator and the database's pages take first (they grew until nine thousand, by
/// three megabytes in all), and how many times more it is looked at then.
const WARM_UP: usize = 10;
const LOOKS: usize = 3;

/// Kilobytes that a thousand of them may keep: a tenth of one for each, which is less than its id and its role.
const MOST_KEPT: f64 = 100.0;

/// What signs the webhooks.
const SECRET: &str = "It's a Secret to Everybody";

/// Everything.
pub fn daemon() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    idle();
    // With a run in the only place, so that nothing but the webhooks themselves goes on; and as it is in service,
    // where each begins a run at once.
    runtime.block_on(webhooks("alone            ", "until test -e go; do sleep 1; done"));
    runtime.block_on(webhooks("beside their runs", "true"));
    runtime.block_on(paused());
}

/// `initrunner daemon`, started for one measurement.
struct Kept {
    child: Child,
    address: SocketAddr,
    /// Held open: it may print more.
    _output: BufReader<std::process::ChildStdout>,
}

impl Kept {
    fn start(folder: &Path, roles: &str) -> Self {
        let mut child = Command::new(binary())
            .args(["daemon", roles, "--port", "0"])
            .env("INITRUNNER_HOME", folder.join("home"))
            .env("HOOK_SECRET", SECRET)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut address = None;
        loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "the daemon ended");
            match line.trim().strip_prefix("Listening for webhooks on http://") {
                Some(found) => address = Some(found.parse().unwrap()),
                None if line.trim() == "Waiting for triggers" => break,
                None => {}
            }
        }
        Self { child, address: address.expect("webhooks"), _output: output }
    }

    fn process(&self) -> String {
        self.child.id().to_string()
    }

    /// What all of its threads have used of the processors so far, in seconds. In nanoseconds, where
    /// `/proc/PID/stat` counts in hundredths of a second.
    fn processor_seconds(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let used = tasks.flatten().filter_map(|task| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        });
        used.sum::<f64>() / 1e9
    }

    fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    /// Its share of resident memory, in bytes: what it maps together with others is divided among them.
    fn share(&self) -> u64 {
        let file = format!("/proc/{}/smaps_rollup", self.child.id());
        let rollup = std::fs::read_to_string(file).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon of a hundred triggers to which nothing happens.
fn idle() {
    let folder = tempfile::tempdir_in(scratch("daemon")).unwrap();
    let roles = folder.path().join("roles");
    std::fs::create_dir_all(roles.join("inbox")).unwrap();
    std::fs::write(roles.join("script.yaml"), "fallback: Done.\n").unwrap();
    for role in 0..ROLES {
        let triggers: String = (0..10).map(|number| trigger(role, number)).collect();
        let text = format!(
            "name: role-{role}\nprompt: p\nmodel: scripted:script.yaml\ntools: [{{type: shell}}]\ntriggers:\n{triggers}"
        );
        std::fs::write(roles.join(format!("role-{role}.yaml")), text).unwrap();
    }
    // Compiles the component, as a machine does once.
    drop(Kept::start(folder.path(), "roles"));
    let kept = Kept::start(folder.path(), "roles");
    std::thread::sleep(SETTLE);
    let (began, before) = (Instant::now(), kept.processor_seconds());
    std::thread::sleep(IDLE);
    let used = (kept.processor_seconds() - before) / began.elapsed().as_secs_f64() * 100.0;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "daemon   idle: {} triggers in {ROLES} roles: {:.1} MB (at most {MOST_MEMORY} MB: {}; {:.1} MB with what it shares), {used:.3} % of a processor over {} s (at most {MOST_PROCESSOR} %: {}), {} threads",
        ROLES * 10,
        megabytes(kept.share()),
        kept_to(megabytes(kept.share()), MOST_MEMORY),
        megabytes(resident_of(&kept.process())),
        IDLE.as_secs(),
        kept_to(used, MOST_PROCESSOR),
        kept.threads(),
    );
}

/// One of ten triggers: three schedules, three webhooks, two patterns of files, two slow hearts.
fn trigger(role: usize, number: usize) -> String {
    let what = match number {
        0..3 => format!("type: cron, schedule: \"{number} 3 1 1 *\", timezone: Europe/Berlin"),
        3..6 => format!("type: webhook, path: /hook/{role}/{number}, secret_env: HOOK_SECRET"),
        6..8 => format!("type: file_watch, paths: [\"inbox/{role}.{number}.*\"]"),
        _ => "type: heartbeat, every: 12h".to_owned(),
    };
    format!("  - {{{what}, name: t{number}, prompt: p}}\n")
}

fn kept_to(value: f64, most: f64) -> &'static str {
    if value <= most { "kept" } else { "MISSED" }
}

/// Writes a role whose webhook has a command run, where it is asked to, or asks a person about one.
fn write_role(folder: &Path, approval: &str, limits: &str) {
    let script = "rules:\n  - when: \"run (.*)$\"\n    turn: 0\n    calls: [{tool: shell, arguments: {command: \"$1\"}}]\nfallback: Done.\n";
    std::fs::write(folder.join("script.yaml"), script).unwrap();
    let role = format!(
        "name: ops\nprompt: p\nmodel: scripted:script.yaml\ntools:\n  - {{type: shell, shell: true, approval: {approval}}}\ntriggers:\n  - {{type: webhook, path: /hook, secret_env: HOOK_SECRET, rate_limit: 1000000, prompt: \"{{{{ body.ask }}}}\"}}\ndaemon: {{max_queued_runs: 100000, {limits}}}\n"
    );
    std::fs::write(folder.join("ops.yaml"), role).unwrap();
}

/// Sends a signed webhook, and waits until it is accepted.
async fn push(wire: &mut Wire, ask: &str, number: usize) {
    let body = format!("{{\"ask\": \"{ask}\", \"number\": {number}}}");
    let signature = mac(SECRET.as_bytes(), body.as_bytes());
    let signature = format!("sha256={}", data_encoding::HEXLOWER.encode(&signature));
    let (status, answer) =
        wire.ask_signed("/hook", body.into(), ("x-hub-signature-256", &signature)).await;
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
}

/// Webhooks, one after the other, on a connection that stays open. In turn with commits of a raw SQLite loop on
/// the same disk, so that drift of the machine falls on both.
async fn webhooks(how: &str, first: &str) {
    let folder = tempfile::tempdir_in(scratch("daemon")).unwrap();
    write_role(folder.path(), "auto", "max_concurrent_runs: 1");
    let kept = Kept::start(folder.path(), "ops.yaml");
    let raw = raw_connection(&folder.path().join("raw.db"));
    let mut wire = Wire::connect(kept.address, None).await;
    push(&mut wire, &format!("run {first}"), 0).await;
    until(folder.path(), "SELECT count(*) > 0 FROM calls WHERE state <> 'proposed'").await;
    let (mut ours, mut disk) = (Vec::new(), Vec::new());
    for number in 1..=WEBHOOKS + 100 {
        let began = Instant::now();
        push(&mut wire, "nothing", number).await;
        let took = began.elapsed();
        let began = Instant::now();
        raw.execute("INSERT INTO t VALUES (?1)", ["x".repeat(2_000)]).unwrap();
        // The first ones open what stays open.
        if number > 100 {
            ours.push(took);
            disk.push(began.elapsed());
        }
    }
    let at = |times: &mut Vec<Duration>, of_hundred: usize| {
        times.sort();
        times[times.len() * of_hundred / 100].as_secs_f64() * 1e3
    };
    let [half, most] = [50, 99].map(|of_hundred| at(&mut ours, of_hundred));
    let [disk_half, disk_most] = [50, 99].map(|of_hundred| at(&mut disk, of_hundred));
    println!(
        "daemon   webhook {how}: p50 {half:.2} ms, p99 {most:.2} ms; a raw commit p50 {disk_half:.2} ms, p99 {disk_most:.2} ms: {:.2} ms beyond it at p50, {:.2} ms at p99 (at most {MOST_BEYOND} ms: {}) ({WEBHOOKS} webhooks, one at a time)",
        half - disk_half,
        most - disk_most,
        kept_to(most - disk_most, MOST_BEYOND),
    );
}

/// Runs that wait for a person, a thousand after the other.
async fn paused() {
    let folder = tempfile::tempdir_in(scratch("daemon")).unwrap();
    write_role(folder.path(), "required", "max_concurrent_runs: 4");
    let kept = Kept::start(folder.path(), "ops.yaml");
    let mut wire = Wire::connect(kept.address, None).await;
    let mut memory = Vec::new();
    for thousand in 0..WARM_UP + LOOKS {
        for number in 0..PAUSED {
            push(&mut wire, "run true", thousand * PAUSED + number).await;
        }
        let wanted = (thousand + 1) * PAUSED;
        let all = format!("SELECT count(*) >= {wanted} FROM runs WHERE state = 'paused'");
        until(folder.path(), &all).await;
        tokio::time::sleep(BREATH).await;
        memory.push(resident_of(&kept.process()) as f64 / 1e6);
    }
    let (before, after) = (memory[WARM_UP - 1], memory[WARM_UP + LOOKS - 1]);
    let grown = (after - before) * 1e3 / LOOKS as f64;
    let all: Vec<String> = memory.iter().map(|one| format!("{one:.2}")).collect();
    println!(
        "daemon   paused: {before:.2} MB with {} runs that wait for a person, {after:.2} MB with {}: {grown:+.0} KB for a thousand (at most {MOST_KEPT} KB: {}); after each thousand {}",
        WARM_UP * PAUSED,
        (WARM_UP + LOOKS) * PAUSED,
        kept_to(grown, MOST_KEPT),
        all.join(", "),
    );
}

/// Waits until a question to the database is answered with yes.
async fn until(folder: &Path, question: &str) {
    let database = rusqlite::Connection::open(folder.join("home/audit.db")).unwrap();
    database.busy_timeout(Duration::from_secs(60)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    while !database.query_row(question, [], |row| row.get::<_, bool>(0)).unwrap() {
        assert!(Instant::now() < deadline, "waited in vain: {question}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
