//! What a call, a pause and a list cost, each as a ratio or a difference against a baseline from the
//! same run. One command, in the profile that `cargo build` gives:
//!
//! ```console
//! $ cargo build && cargo bench -p initrunner -p initrunner-tests --features initrunner-tests/bench --profile dev --bench speed
//! ```
//!
//! A word after `--` picks one part: `call`, `spin`, `pool`, `pause`, `pending`.

use initrunner::domain::approval::{Binding, BindingPart};
use initrunner::domain::budget::{Budgets, Spent};
use initrunner::domain::clock::Timestamp;
use initrunner::domain::digest::Digest;
use initrunner::domain::ids::{CallId, OwnerId, RunId};
use initrunner::domain::message::{Message, ModelCall, Usage};
use initrunner::domain::rule::ApprovalRule;
use initrunner::plugin::{CacheFolder, Pool};
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{Admission, AfterTurn, NewCall, NewRun, Store, TurnRecord};
use initrunner_tests::sandbox::Sandbox;
use initrunner_tests::{binary, probe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let parts: [(&str, fn()); 5] =
        [("call", call), ("spin", spin), ("pool", pool), ("pause", pause), ("pending", pending)];
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
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
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

/// `pending --json --limit 10000` over ten thousand pending calls.
fn pending() {
    const CALLS: usize = 10_000;
    let folder = scratch("pending");
    fill(&folder, CALLS);
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

/// Writes down so many paused runs with one waiting call each.
fn fill(folder: &Path, count: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let store =
            SqliteStore::open(OpenOptions::new(folder.join("audit.db"), folder.join("keys")))
                .unwrap();
        let store = std::sync::Arc::new(store);
        let owner = store.register_owner(OwnerId::from_random([1; 16])).unwrap();
        let mut tasks = Vec::new();
        for number in 0..count as u128 {
            let (store, owner) = (std::sync::Arc::clone(&store), owner.id().clone());
            // Spread, as random ids are.
            let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
            let task = async move {
                let id = RunId::from_random(seed);
                let claim = store.create_run(new_run(id, owner)).await.unwrap();
                store.record_turn(&claim, turn(CallId::from_random(seed))).await.unwrap();
            };
            tasks.push(tokio::spawn(task));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn new_run(id: RunId, owner: OwnerId) -> NewRun {
    NewRun {
        id,
        owner,
        role_name: "demo".into(),
        role_text: "name: demo".into(),
        role_path: "/roles/demo.yaml".into(),
        files: Default::default(),
        components: vec![],
        prompt: "delete ./scratch".into(),
        trigger: "cli".into(),
        requester: "os:alice".into(),
        budgets: Budgets::default(),
        reply_to: None,
        at: Timestamp(1_777_040_468_947_991),
    }
}

fn turn(id: CallId) -> TurnRecord {
    let digest = Digest::of(b"part").hex();
    let parts =
        [BindingPart::Component, BindingPart::Tool, BindingPart::Arguments, BindingPart::Preview];
    let call = ModelCall {
        id: id.clone(),
        provider_id: None,
        tool: "shell".into(),
        arguments: r#"{"command":"rm -rf ./scratch"}"#.into(),
    };
    TurnRecord {
        assistant: Message::Assistant { text: String::new(), calls: vec![call], raw: None },
        calls: vec![NewCall {
            id,
            entry: "shell".into(),
            tool: "shell".into(),
            model_tool: "shell".into(),
            provider_id: None,
            arguments: r#"{"command":"rm -rf ./scratch"}"#.into(),
            admission: Admission::Waiting {
                preview: None,
                binding: Binding {
                    parts: parts.into_iter().map(|part| (part, digest.clone())).collect(),
                    details: Default::default(),
                },
                rule: ApprovalRule::required(),
            },
        }],
        usage: Usage::default(),
        spent: Spent { requests: 1, tool_calls: 1, wall_ms: 3 },
        then: AfterTurn::Pause,
        at: Timestamp(1_777_040_468_947_991),
    }
}
