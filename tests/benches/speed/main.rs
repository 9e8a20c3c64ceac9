//! What a call, a pause and a list cost, each as a ratio or a difference against a baseline from the
//! same run. One command, in the profile that `cargo build` gives:
//!
//! ```console
//! $ cargo build && cargo bench -p initrunner -p initrunner-tests --features initrunner-tests/bench --profile dev --bench speed
//! ```
//!
//! A word after `--` picks one part: `call`, `spin`, `pool`, `pause`, `pending`, `cycle`, `verify`, `secret`,
//! `threads`, `load`, `compile`, `growth`, `policies`, `http`, `daemon`. With `--requests=N` the server of `http`
//! has taken that many requests when its memory is looked at again.

mod daemon;
mod http;
mod policies;

use initrunner::domain::component::ComponentBytes;
use initrunner::domain::decision::Decision;
use initrunner::domain::digest::Digest;
use initrunner::domain::secret::{Secrets, any_shape};
use initrunner::ops::{
    ApproveRequest, Approved, Attended, Choice, Home, Host, HostOptions, RunRequest, Selection,
    approve_run, run_role,
};
use initrunner::plugin::{CacheFolder, Pool};
use initrunner::runner::{Ended, Progress, Reporter};
use initrunner_tests::filled::fill;
use initrunner_tests::sandbox::Sandbox;
use initrunner_tests::{binary, probe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    if let Ok(model) = std::env::var(http::floor::IS_FLOOR) {
        return http::floor::be(&model);
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let parts: [(&str, fn()); 15] = [
        ("call", call),
        ("spin", spin),
        ("pool", pool),
        ("pause", pause),
        ("pending", pending),
        ("cycle", cycle),
        ("verify", verify),
        ("secret", secret),
        ("threads", threads),
        ("load", load),
        ("compile", compile),
        ("growth", growth),
        ("policies", policies::policies),
        ("http", http::http),
        ("daemon", daemon::daemon),
    ];
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            part();
        }
    }
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("speed").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn cache() -> CacheFolder {
    CacheFolder { folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("speed-cache"), key: [5; 32] }
}

fn entry() -> String {
    let grants = "grants: {process: [{program: 'true'}]}";
    format!(
        "  - component: {}\n    name: probe\n    {grants}\n    limits: {{timeout_seconds: 5}}",
        probe().display()
    )
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Median, lowest and highest, in microseconds.
struct Figures {
    median: f64,
    low: f64,
    high: f64,
}

fn figures(mut times: Vec<Duration>) -> Figures {
    times.sort();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    Figures {
        median: micros(times[times.len() / 2]),
        low: micros(times[0]),
        high: micros(times[times.len() - 1]),
    }
}

/// One call through the gate in a fresh sandbox, against a bare instantiation and call of the same
/// component in the same engine; in turn, so that drift of the machine falls on both.
fn call() {
    const ROUNDS: usize = 3_000;
    runtime().block_on(async {
        let sandbox = Sandbox::new(Some(cache()));
        let tools = sandbox.open(&entry(), Path::new("/")).await.unwrap();
        let arguments = r#"{"do": "echo", "text": "hello"}"#;
        let (mut gate, mut bare) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS + 200 {
            let began = Instant::now();
            assert_eq!(sandbox.call(&tools, "probe", arguments).await, "ok: hello");
            let through = began.elapsed();
            let began = Instant::now();
            assert!(sandbox.gate.bare(&tools, arguments).await.unwrap());
            let without = began.elapsed();
            // The first ones warm caches and the pool's slots.
            if round >= 200 {
                gate.push(through);
                bare.push(without);
            }
        }
        let (gate, bare) = (figures(gate), figures(bare));
        println!(
            "call     gate {:.1} µs, bare {:.1} µs: ratio {:.2} (median of {ROUNDS} each)",
            gate.median,
            bare.median,
            gate.median / bare.median
        );
    });
}

/// How much two spinning calls delay a third.
fn spin() {
    const TRIALS: usize = 20;
    for (name, runtime) in [
        ("1 thread ", runtime()),
        (
            "2 threads",
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
        ),
    ] {
        let times = runtime.block_on(async {
            let sandbox = Sandbox::new(Some(cache()));
            let tools = sandbox.open(&entry(), Path::new("/")).await.unwrap();
            let alone = {
                let began = Instant::now();
                sandbox.call(&tools, "probe", r#"{"do": "nothing"}"#).await;
                began.elapsed()
            };
            let spinning = async {
                let spin = || sandbox.call(&tools, "probe", r#"{"do": "loop"}"#);
                tokio::join!(spin(), spin())
            };
            let third = async {
                let mut times = Vec::new();
                for _ in 0..TRIALS {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let began = Instant::now();
                    sandbox.call(&tools, "probe", r#"{"do": "nothing"}"#).await;
                    times.push(began.elapsed().saturating_sub(alone));
                }
                times
            };
            tokio::select! {
                _ = spinning => panic!("the spinning calls ended before the trials"),
                times = third => times,
            }
        });
        let figures = figures(times);
        println!(
            "spin     {name}: a third call is delayed by {:.1} ms (median), {:.1} ms (longest of {TRIALS})",
            figures.median / 1e3,
            figures.high / 1e3
        );
    }
}

/// Calls per second by the pool's settings, on one thread and on two, and the memory they keep.
fn pool() {
    const SECONDS: f64 = 1.0;
    let settings = [
        (true, 0),
        (true, 4 << 20),
        (false, 0),
        (false, 64 << 10),
        (false, 1 << 20),
        (false, 4 << 20),
        (false, 8 << 20),
    ];
    for (copy_on_write, keep_resident) in settings {
        let pool = Pool { instances: 64, keep_resident, copy_on_write };
        let name = format!(
            "{}, keep {:4} KiB",
            if copy_on_write { "copy-on-write" } else { "copied       " },
            keep_resident >> 10
        );
        let sandbox = Sandbox::with_pool(Some(cache()), pool);
        let tools = runtime().block_on(sandbox.open(&entry(), Path::new("/"))).unwrap();
        let rate = |threads: usize| {
            let began = Instant::now();
            let calls: usize = std::thread::scope(|scope| {
                let work = || {
                    runtime().block_on(async {
                        let mut calls = 0;
                        while began.elapsed().as_secs_f64() < SECONDS {
                            sandbox.call(&tools, "probe", r#"{"do": "nothing"}"#).await;
                            calls += 1;
                        }
                        calls
                    })
                };
                let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                handles.into_iter().map(|handle| handle.join().unwrap()).sum()
            });
            calls as f64 / began.elapsed().as_secs_f64()
        };
        let (one, two) = (rate(1), rate(2));
        println!(
            "pool     {name}: {one:.0}/s on 1 thread, {two:.0}/s on 2; resident {} MiB",
            resident() >> 20
        );
    }
}

fn resident() -> u64 {
    resident_of("self")
}

/// The same of another process.
fn resident_of(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// `initrunner run` from process start to *paused* and exited, against a process that only makes the
/// same two commits, and its peak memory.
fn pause() {
    const RUNS: usize = 60;
    for (place, base) in [("disk ", scratch("pause")), ("tmpfs", PathBuf::from("/dev/shm"))] {
        if !base.is_dir() {
            continue;
        }
        let folder = tempfile::tempdir_in(&base).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/first-run");
        let role = folder.path().join("role.yaml");
        for name in ["role.yaml", "script.yaml"] {
            std::fs::copy(example.join(name), folder.path().join(name)).unwrap();
        }
        let run = || {
            let mut command = Command::new(binary());
            command.args(["run", role.to_str().unwrap(), "-p", "delete ./scratch"]);
            command.env("INITRUNNER_HOME", folder.path().join("home"));
            timed(command, 2)
        };
        let bare = || {
            let mut command = Command::new(binary());
            command.arg("--version");
            timed(command, 0)
        };
        let database = folder.path().join("raw.db");
        let commits = || {
            let began = Instant::now();
            let db = rusqlite::Connection::open(&database).unwrap();
            db.pragma_update(None, "journal_mode", "wal").unwrap();
            db.pragma_update(None, "synchronous", "full").unwrap();
            db.execute_batch("CREATE TABLE IF NOT EXISTS t(x)").unwrap();
            for _ in 0..2 {
                let row = "x".repeat(2_000);
                db.execute("INSERT INTO t VALUES (?1)", [row]).unwrap();
            }
            drop(db);
            began.elapsed()
        };
        run();
        let (mut runs, mut disks, mut bares) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            runs.push(run());
            disks.push(commits());
            bares.push(bare());
        }
        let (run, disk, bare) = (figures(runs), figures(disks), figures(bares));
        println!(
            "pause    {place}: {:.1} ms ({:.1} to {:.1}), of which two raw commits {:.1} ms and starting the program {:.1} ms: {:.1} ms beyond the commits (median of {RUNS})",
            run.median / 1e3,
            run.low / 1e3,
            run.high / 1e3,
            disk.median / 1e3,
            bare.median / 1e3,
            (run.median - disk.median) / 1e3
        );
    }
    println!(
        "pause    peak memory {:.1} MB (largest of all runs)",
        peak_of_children() as f64 / 1e3
    );
}

fn timed(mut command: Command, code: i32) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(code), "{command:?}");
    took
}

/// Peak resident size of `initrunner run`, in kilobytes, as the kernel accounts a finished child.
fn peak_of_children() -> u64 {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/first-run/role.yaml");
    let folder = tempfile::tempdir().unwrap();
    let script = "import os,resource,subprocess,sys\nsubprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\nsubprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\nprint(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let cold = Command::new(binary())
        .args(["validate", example.to_str().unwrap()])
        .env("INITRUNNER_HOME", folder.path())
        .output()
        .unwrap();
    assert!(cold.status.success(), "{cold:?}");
    let output = Command::new("python3")
        .args([
            "-c",
            script,
            binary().to_str().unwrap(),
            "run",
            example.to_str().unwrap(),
            "-p",
            "delete ./x",
        ])
        .env("INITRUNNER_HOME", folder.path())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0)
}

/// Commits that one cycle of pause, decision and resumption makes: the decision, *started*, *finished* and
/// *told*, and the next turn with its pause.
const COMMITS: usize = 4;

/// Cycles of one run: as many calls as a role's default budget allows.
const CYCLES: usize = 20;

/// Cycles of pause, decision and resumption in one process with a component that does nothing: one run
/// after the other, and 64 at a time; against a raw SQLite loop that makes as many commits.
fn cycle() {
    for (place, base) in [("disk ", scratch("cycle")), ("tmpfs", PathBuf::from("/dev/shm"))] {
        if !base.is_dir() {
            continue;
        }
        let folder = tempfile::tempdir_in(&base).unwrap();
        let host = Arc::new(cycle_host(folder.path()));
        let role = folder.path().join("role.yaml");
        std::fs::write(&role, cycle_role()).unwrap();
        std::fs::write(folder.path().join("script.yaml"), CYCLE_SCRIPT).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        runtime.block_on(approve_all(&host, &start_paused(&runtime, &host, &role, 1)[0]));

        let raw = raw_connection(&folder.path().join("raw.db"));
        // In turn, so that drift of the machine falls on both.
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        let mut cpu = 0.0;
        for _ in 0..20 {
            let run = &start_paused(&runtime, &host, &role, 1)[0];
            let (began, used) = (Instant::now(), processor_seconds());
            runtime.block_on(approve_all(&host, run));
            cpu += processor_seconds() - used;
            ours.push(began.elapsed() / CYCLES as u32);
            let began = Instant::now();
            for _ in 0..CYCLES * COMMITS {
                raw.execute("INSERT INTO t VALUES (?1)", ["x".repeat(400)]).unwrap();
            }
            bare.push(began.elapsed() / CYCLES as u32);
        }
        let (ours, bare) = (figures(ours), figures(bare));
        let one = 1e6 / ours.median;
        println!(
            "cycle    {place}: one at a time {one:.0}/s ({:.0} µs, {:.0} to {:.0}), a raw loop of {COMMITS} commits {:.0}/s: ratio {:.2} (median of 20 runs of {CYCLES} cycles; {:.0} µs of processor time each)",
            ours.median,
            ours.low,
            ours.high,
            1e6 / bare.median,
            bare.median / ours.median,
            cpu * 1e6 / (20 * CYCLES) as f64
        );

        let runs = start_paused(&runtime, &host, &role, 64);
        let began = Instant::now();
        runtime.block_on(async {
            let tasks: Vec<_> = runs
                .into_iter()
                .map(|run| {
                    let host = Arc::clone(&host);
                    tokio::spawn(async move { approve_all(&host, &run).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let many = (64 * CYCLES) as f64 / began.elapsed().as_secs_f64();
        println!("cycle    {place}: 64 at a time {many:.0}/s: {:.1} times", many / one);
    }
}

/// Calls the tool again after each result, until the role's budget of calls is spent.
const CYCLE_SCRIPT: &str = r#"
rules:
  - turn: 20
    reply: "done"
    from: tool
    when: "(?s).*"
  - from: tool
    when: "(?s).*"
    calls: [{tool: probe, arguments: {do: nothing}}]
  - when: "(?s).*"
    calls: [{tool: probe, arguments: {do: nothing}}]
"#;

fn cycle_role() -> String {
    format!(
        "name: cycle\nprompt: p\nmodel: scripted:script.yaml\ntools:\n  - component: {}\n    name: probe\n    approval: required\n    grants: {{process: [{{program: 'true'}}]}}\n",
        probe().display()
    )
}

fn cycle_host(home: &Path) -> Host {
    let home = Home::find(&|_| Some(home.join("home").display().to_string())).unwrap();
    Host::new(HostOptions::new(home, "os:alice", |_| None))
}

struct Silent;

impl Reporter for Silent {
    fn report(&mut self, _progress: Progress<'_>) {}
}

/// Starts so many runs, each to its first pause.
fn start_paused(
    runtime: &tokio::runtime::Runtime,
    host: &Host,
    role: &Path,
    count: usize,
) -> Vec<String> {
    runtime.block_on(async {
        let mut runs = Vec::new();
        for _ in 0..count {
            let request =
                RunRequest { role: role.to_owned(), prompt: "go".into(), trigger: "cli".into() };
            let (_keep, stop) = tokio::sync::watch::channel(None);
            let attended = Attended { reporter: &mut Silent, stop };
            let driven = run_role(host, request, attended).await.unwrap();
            assert_eq!(driven.ended, Ended::Paused);
            runs.push(driven.run.run.id.to_string());
        }
        runs
    })
}

/// Approves a run's call, and the next one, until the run has ended.
async fn approve_all(host: &Host, run: &str) {
    for cycle in 1..=CYCLES {
        let request = ApproveRequest {
            run: run.to_owned(),
            selection: Selection::All,
            choice: Choice::Decide(Decision::Approve),
            keep_others: false,
            seen: None,
            note: None,
        };
        let (_keep, stop) = tokio::sync::watch::channel(None);
        let attended = Attended { reporter: &mut Silent, stop };
        let Approved::Driven(driven) = approve_run(host, request, attended).await.unwrap() else {
            panic!("not driven on")
        };
        match driven.ended {
            Ended::Paused => assert!(cycle < CYCLES),
            Ended::Completed { .. } => assert_eq!(cycle, CYCLES),
            other => panic!("{other:?}"),
        }
    }
}

/// What this process has used of the processors so far, by the kernel's clock ticks (proc(5), fields
/// 14 and 15; a hundred a second on every Linux).
fn processor_seconds() -> f64 {
    processor_seconds_of("self")
}

/// The same of another process.
fn processor_seconds_of(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|tick| tick.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn raw_connection(path: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(path).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.pragma_update(None, "synchronous", "full").unwrap();
    db.execute_batch("CREATE TABLE t(x)").unwrap();
    db
}

/// `pending --json --limit 10000` over ten thousand pending calls.
fn pending() {
    const CALLS: usize = 10_000;
    let folder = scratch("pending");
    fill(&folder, CALLS);
    let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    println!(
        "pending  a paused run with one call takes {} bytes of the database and {} of the heads beside it (mean of {CALLS})",
        size("audit.db") / CALLS as u64,
        size("audit.db.heads") / CALLS as u64
    );
    let list = || {
        let mut command = Command::new(binary());
        command.args(["pending", "--json", "--limit", "10000"]).env("INITRUNNER_HOME", &folder);
        timed(command, 0)
    };
    list();
    let times = figures((0..20).map(|_| list()).collect());
    println!(
        "pending  {CALLS} calls as JSON: {:.1} ms ({:.1} to {:.1}, median of 20)",
        times.median / 1e3,
        times.low / 1e3,
        times.high / 1e3
    );
}

/// `audit verify` over ten thousand paused runs, beside reading every row of theirs and nothing else.
fn verify() {
    const RUNS: usize = 10_000;
    let folder = scratch("verify");
    fill(&folder, RUNS);
    let check = || {
        let mut command = Command::new(binary());
        command.args(["audit", "verify"]).env("INITRUNNER_HOME", &folder);
        timed(command, 0)
    };
    check();
    let times = figures((0..9).map(|_| check()).collect());
    let conn = rusqlite::Connection::open(folder.join("audit.db")).unwrap();
    let events: i64 = conn.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    let read = || {
        let started = Instant::now();
        for table in ["events", "runs", "messages", "calls", "pending_approvals"] {
            let mut statement = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    std::hint::black_box(row.get_ref(column).unwrap());
                }
            }
        }
        started.elapsed()
    };
    read();
    let raw = figures((0..9).map(|_| read()).collect());
    println!(
        "verify   {events} events of {RUNS} paused runs: {:.0} ms ({:.0} to {:.0}, median of 9), {:.0} events/s; reading the rows alone {:.0} ms",
        times.median / 1e3,
        times.low / 1e3,
        times.high / 1e3,
        events as f64 / (times.median / 1e6),
        raw.median / 1e3
    );
}

/// Looking for secrets in a text that holds none, with reading its bytes once as the baseline.
fn secret() {
    const SIZE: usize = 1 << 20;
    let prose =
        "The build in ./target/debug failed: see https://example.com/a?b=c, line 12 of task-3.\n";
    let json =
        r#"{"arguments":{"command":"git log --oneline -n 5"},"id":"call_0123456789ab","n":1}"#;
    let values = |count: usize| {
        let value = |n: usize| (format!("NAME{n}"), format!("value-{n}-0123456789abcdef"));
        Secrets::new((0..count).map(value))
    };
    for (name, line) in [("prose", prose), ("json", json)] {
        let text = line.repeat(SIZE / line.len());
        let kib = text.len() as f64 / 1024.0;
        let per_kib = |work: &dyn Fn()| {
            let once = || {
                let began = Instant::now();
                work();
                began.elapsed()
            };
            figures((0..21).map(|_| once()).collect()).median * 1000.0 / kib
        };
        let sum =
            |text: &str| text.bytes().fold(0u64, |sum, byte| sum.rotate_left(1) ^ u64::from(byte));
        let baseline = per_kib(&|| assert!(std::hint::black_box(sum(&text)) != 1));
        let shapes = per_kib(&|| assert!(!any_shape(&text)));
        let (none, three) = (values(0), values(3));
        let nothing = per_kib(&|| assert!(none.redact(&text) == text.as_str()));
        let declared = per_kib(&|| assert!(three.redact(&text) == text.as_str()));
        println!(
            "secret {name}: each byte once {baseline:.0} ns per KiB, shapes {shapes:.0}, \
             none declared {nothing:.0}, three declared {declared:.0}"
        );
    }
    let began = Instant::now();
    let three = values(3);
    println!("secret: three values made ready in {:.0} µs", began.elapsed().as_secs_f64() * 1e6);
    assert!(!three.is_empty());
}

/// Calls per second on two threads against one, in the pool that a process for many runs has; in turn, so
/// that drift of the machine falls on both.
fn threads() {
    const ROUNDS: usize = 7;
    const SECONDS: f64 = 0.5;
    let sandbox = Sandbox::new(Some(cache()));
    let tools = runtime().block_on(sandbox.open(&entry(), Path::new("/"))).unwrap();
    let rate = |threads: usize| {
        let began = Instant::now();
        let work = || {
            runtime().block_on(async {
                let mut calls = 0;
                while began.elapsed().as_secs_f64() < SECONDS {
                    let said = sandbox.call(&tools, "probe", r#"{"do": "nothing"}"#).await;
                    assert_eq!(said, "ok: nothing");
                    calls += 1;
                }
                calls
            })
        };
        let calls: usize = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).sum()
        });
        calls as f64 / began.elapsed().as_secs_f64()
    };
    rate(2);
    let (mut ones, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (one, two) = (rate(1), rate(2));
        ones.push(one);
        ratios.push(two / one);
    }
    ones.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    println!(
        "threads  {:.0}/s on one; two threads make {:.2} times as many ({:.2} to {:.2}, median of {ROUNDS})",
        ones[ROUNDS / 2],
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    );
}

/// The first-party components by their size, largest first.
fn carried() -> Vec<(&'static str, Digest, ComponentBytes)> {
    let found = initrunner::plugin::carried::names().filter_map(|name| {
        let (digest, bytes) = initrunner::plugin::carried::find(name)?;
        Some((name, digest, bytes))
    });
    let mut all: Vec<_> = found.collect();
    all.sort_by_key(|(.., bytes)| std::cmp::Reverse(bytes.size()));
    all
}

fn plugin_runtime(cache: Option<CacheFolder>) -> initrunner::plugin::Runtime {
    let options = initrunner::plugin::RuntimeOptions::new(cache, Pool::ONE_RUN);
    initrunner::plugin::Runtime::new(options).unwrap()
}

/// Loading each first-party component that was compiled before, in an engine that has not seen it; with
/// reading its file as the baseline.
fn load() {
    const ROUNDS: usize = 31;
    let cache = CacheFolder { folder: scratch("load"), key: [5; 32] };
    for (name, digest, bytes) in carried() {
        plugin_runtime(Some(cache.clone())).load(digest, &bytes, name).unwrap();
        let file = std::fs::read_dir(&cache.folder).unwrap().map(|file| file.unwrap().path());
        let file = file.max_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap());
        let (mut loads, mut reads) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let runtime = plugin_runtime(Some(cache.clone()));
            let began = Instant::now();
            runtime.load(digest, &bytes, name).unwrap();
            loads.push(began.elapsed());
            let began = Instant::now();
            std::hint::black_box(std::fs::read(file.as_ref().unwrap()).unwrap());
            reads.push(began.elapsed());
        }
        let (load, read) = (figures(loads), figures(reads));
        println!(
            "load     {name}: {:.2} ms from the cache ({:.2} to {:.2}, median of {ROUNDS}); reading the file {:.2} ms",
            load.median / 1e3,
            load.low / 1e3,
            load.high / 1e3,
            read.median / 1e3
        );
    }
}

/// Compiling each first-party component, as a machine does once.
fn compile() {
    const ROUNDS: usize = 5;
    for (name, digest, bytes) in carried() {
        let once = || {
            let runtime = plugin_runtime(None);
            let began = Instant::now();
            runtime.load(digest, &bytes, name).unwrap();
            began.elapsed()
        };
        let times = figures((0..ROUNDS).map(|_| once()).collect());
        println!(
            "compile  {name} ({} KiB): {:.2} s ({:.2} to {:.2}, median of {ROUNDS})",
            bytes.size() >> 10,
            times.median / 1e6,
            times.low / 1e6,
            times.high / 1e6
        );
    }
}

/// What a hundred thousand calls leave in the host's memory, on two threads; every hundredth call runs into
/// a limit or crashes.
fn growth() {
    const CALLS: usize = 100_000;
    let sandbox = Sandbox::new(Some(cache()));
    let tools = runtime().block_on(sandbox.open(&entry(), Path::new("/"))).unwrap();
    let calls = |count: usize| {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    runtime().block_on(async {
                        for number in 0..count / 2 {
                            let arguments = match number % 200 {
                                0 => r#"{"do": "handles"}"#,
                                100 => r#"{"do": "panic"}"#,
                                _ => r#"{"do": "echo", "text": "hello"}"#,
                            };
                            sandbox.call(&tools, "probe", arguments).await;
                        }
                    });
                });
            }
        });
    };
    // The pool's slots and the allocator take what they keep.
    calls(CALLS / 20);
    let before = resident();
    let began = Instant::now();
    calls(CALLS);
    let (after, took) = (resident(), began.elapsed());
    println!(
        "growth   {CALLS} calls in {:.1} s: resident {:.1} MB before and {:.1} MB after, {:+.2} MB",
        took.as_secs_f64(),
        before as f64 / 1e6,
        after as f64 / 1e6,
        after as f64 / 1e6 - before as f64 / 1e6
    );
}
