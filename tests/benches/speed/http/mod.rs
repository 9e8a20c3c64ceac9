//! The program as a server under load, beside a bare server that asks the same model as often; what it keeps
//! after many requests; how late a stream begins.
//!
//! The load, the model and the server share the machine's processors, for the program and for the floor alike.

pub mod floor;
mod load;
mod model;
mod served;
pub mod wire;

use crate::{COMMITS, figures, raw_connection, scratch};
use floor::Floor;
use http_body_util::BodyExt;
use load::{Ask, Load};
use serde_json::{Value, json};
use served::Served;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use wire::Wire;

/// As many clients as a small service has at a time.
const CONNECTIONS: usize = 16;

/// Rounds of which the median counts, each with every line beside its floor.
const ROUNDS: usize = 5;

/// How long a line is measured in a round.
const SPELL: Duration = Duration::from_millis(1500);

/// Commits of a completion that calls one tool: the run, the model's turn, *started*, *finished* and *told*,
/// and the last turn with the end.
const COMMITS_OF_COMPLETION: usize = 5;

/// Commits of one that pauses: the run, and the model's turn with the pause.
const COMMITS_OF_PAUSE: usize = 2;

/// Requests after which memory and descriptors are looked at again, unless `--requests=N` says so.
const REQUESTS: usize = 20_000;

/// Everything.
pub fn http() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let model = model::serve().await;
        for (place, base) in [("tmpfs", PathBuf::from("/dev/shm")), ("disk ", scratch("http"))] {
            if base.is_dir() {
                let folder = tempfile::tempdir_in(&base).unwrap();
                rates(place, folder.path(), model).await;
            }
        }
        let base = if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { scratch("http") };
        let folder = tempfile::tempdir_in(base).unwrap();
        let served = Served::start(folder.path(), model);
        first_words(&served, model).await;
        growth(&served).await;
    });
}

/// What one line is measured by, a value for each round.
#[derive(Default)]
struct Line {
    rate: Vec<f64>,
    half: Vec<f64>,
    most: Vec<f64>,
    floor: Vec<f64>,
    raw: Vec<f64>,
    processor: Vec<f64>,
}

impl Line {
    fn add(&mut self, load: &Load, floor: f64, raw: f64, processor: f64) {
        self.rate.push(load.rate);
        self.half.push(load.percentile(50));
        self.most.push(load.percentile(99));
        self.floor.push(load.rate / floor);
        self.raw.push(load.rate / raw);
        self.processor.push(processor * 1e6 / load.took.len() as f64);
    }

    fn print(self, place: &str, name: &str, floors: &[f64], raws: &[f64]) {
        println!(
            "http     {place} {name}: {:.0}/s ({:.0} to {:.0}), p50 {:.1} ms, p99 {:.1} ms, {:.0} µs of processor time each; \
             floor {:.0}/s: ratio {:.2}; raw loop {:.0}/s: ratio {:.2} (median of {ROUNDS} at {CONNECTIONS} connections)",
            median(&self.rate),
            self.rate.iter().copied().fold(f64::INFINITY, f64::min),
            self.rate.iter().copied().fold(0.0, f64::max),
            median(&self.half),
            median(&self.most),
            median(&self.processor),
            median(floors),
            median(&self.floor),
            median(raws),
            median(&self.raw),
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Completions, pauses and approvals per second, in turn with their floors and with a raw SQLite loop of as many
/// commits, so that drift of the machine falls on all.
async fn rates(place: &str, folder: &Path, model: SocketAddr) {
    let served = Served::start(folder, model);
    let floor = Floor::start(model);
    let raw = Mutex::new(raw_connection(&folder.join("raw.db")));
    // Compiles the component, opens the roles, and warms whatever keeps something.
    for role in ["works", "waits"] {
        spell(&served, role, Duration::from_millis(500)).await;
    }
    let (mut works, mut waits, mut approves) = (Line::default(), Line::default(), Line::default());
    let (mut twice, mut once) = (Vec::new(), Vec::new());
    let mut commits = Vec::new();
    for _ in 0..ROUNDS {
        let two = floor_rate(&floor, 2).await;
        let one = floor_rate(&floor, 1).await;
        let per_second = tokio::task::block_in_place(|| raw_commits(&raw));
        let (load, processor) = watched(&served, spell(&served, "works", SPELL)).await;
        works.add(&load, two, per_second / COMMITS_OF_COMPLETION as f64, processor);
        let (load, processor) = watched(&served, spell(&served, "waits", SPELL)).await;
        waits.add(&load, one, per_second / COMMITS_OF_PAUSE as f64, processor);
        let (load, processor) = watched(&served, approve_all(&served, &load.answers)).await;
        approves.add(&load, one, per_second / COMMITS as f64, processor);
        twice.push(two);
        once.push(one);
        commits.push(per_second);
    }
    let raws = |count: usize| commits.iter().map(|all| all / count as f64).collect::<Vec<_>>();
    works.print(place, "completion with one tool call", &twice, &raws(COMMITS_OF_COMPLETION));
    waits.print(place, "completion that pauses", &once, &raws(COMMITS_OF_PAUSE));
    approves.print(place, "approval", &once, &raws(COMMITS));
}

/// What a piece of work gives, and what the server used of the processors meanwhile.
async fn watched(served: &Served, work: impl Future<Output = Load>) -> (Load, f64) {
    let before = served.processor_seconds();
    let load = work.await;
    (load, served.processor_seconds() - before)
}

fn question(role: &str, stream: bool) -> bytes::Bytes {
    let message = json!({"role": "user", "content": "Please see to it."});
    json!({"model": role, "messages": [message], "stream": stream}).to_string().into()
}

/// Completions of a role, for a while.
async fn spell(served: &Served, role: &str, time: Duration) -> Load {
    let body = question(role, false);
    let until = Instant::now() + time;
    let next = move || {
        let ask = || Ask { path: "/v1/chat/completions".into(), body: body.clone() };
        (Instant::now() < until).then(ask)
    };
    load::make(served.address, Some(&served.key), CONNECTIONS, next).await
}

/// Approves every call of these paused completions.
async fn approve_all(served: &Served, paused: &[bytes::Bytes]) -> Load {
    let ask = |answer: &bytes::Bytes| {
        let answer: Value = serde_json::from_slice(answer).unwrap();
        let run = answer["run_id"].as_str().expect("a paused run");
        let call = answer["pending_approvals"][0]["tool_call_id"].as_str().unwrap();
        Ask { path: format!("/v1/approvals/{run}"), body: json!({call: true}).to_string().into() }
    };
    let asks = Mutex::new(paused.iter().map(ask).collect::<Vec<_>>());
    let next = move || asks.lock().unwrap().pop();
    load::make(served.address, Some(&served.key), CONNECTIONS, next).await
}

/// What the floor does that asks the model so often for each answer.
async fn floor_rate(floor: &Floor, times: u8) -> f64 {
    let body = question("works", false);
    let until = Instant::now() + SPELL;
    let next = move || {
        let ask = || Ask { path: format!("/{times}"), body: body.clone() };
        (Instant::now() < until).then(ask)
    };
    load::make(floor.address, None, CONNECTIONS, next).await.rate
}

/// Commits per second of a loop that does nothing else.
fn raw_commits(raw: &Mutex<rusqlite::Connection>) -> f64 {
    let raw = raw.lock().unwrap();
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < SPELL / 3 {
        raw.execute("INSERT INTO t VALUES (?1)", ["x".repeat(400)]).unwrap();
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// How much later than the model's own first words a stream's first words arrive.
async fn first_words(served: &Served, model: SocketAddr) {
    const TIMES: usize = 200;
    let asked_of_model = bytes::Bytes::from(
        json!({"model": "stub", "messages": [{"role": "user", "content": "hello"}], "stream": true})
            .to_string(),
    );
    let (mut ours, mut own) = (Vec::new(), Vec::new());
    let mut wire = Wire::connect(served.address, Some(&served.key)).await;
    let mut bare = Wire::connect(model, None).await;
    for round in 0..TIMES + 20 {
        let here = words(&mut wire, question("talks", true)).await;
        let there = words(&mut bare, asked_of_model.clone()).await;
        if round >= 20 {
            ours.push(here);
            own.push(there);
        }
    }
    let (ours, own) = (figures(ours), figures(own));
    println!(
        "http     stream: first words after {:.2} ms ({:.2} to {:.2}), the model's own after {:.2} ms: {:.2} ms later (median of {TIMES}, one at a time)",
        ours.median / 1e3,
        ours.low / 1e3,
        ours.high / 1e3,
        own.median / 1e3,
        (ours.median - own.median) / 1e3
    );
}

/// When the model's first words came; reads the answer to its end.
async fn words(wire: &mut Wire, body: bytes::Bytes) -> Duration {
    let began = Instant::now();
    let mut response = wire.send("/v1/chat/completions", body).await;
    assert_eq!(response.status(), 200);
    let (mut text, mut words) = (Vec::new(), None);
    while let Some(frame) = response.frame().await {
        text.extend_from_slice(frame.unwrap().data_ref().unwrap());
        if words.is_none() && String::from_utf8_lossy(&text).contains(model::FIRST_WORDS.trim()) {
            words = Some(began.elapsed());
        }
    }
    words.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&text)))
}

/// What many requests leave in the server's memory and of its descriptors.
async fn growth(served: &Served) {
    let wanted = std::env::args().find_map(|word| word.strip_prefix("--requests=")?.parse().ok());
    let requests: usize = wanted.unwrap_or(REQUESTS);
    let ask = |count: usize| {
        let left = Mutex::new(count);
        let body = question("works", false);
        load::make(served.address, Some(&served.key), CONNECTIONS, move || {
            let mut left = left.lock().unwrap();
            *left = left.checked_sub(1)?;
            Some(Ask { path: "/v1/chat/completions".into(), body: body.clone() })
        })
    };
    // The pool's slots, the database's pages and the allocator take what they keep.
    ask(requests.div_ceil(4)).await;
    let (memory, descriptors) = (served.resident(), settled(served).await);
    let began = Instant::now();
    ask(requests).await;
    let took = began.elapsed();
    let (after, left) = (served.resident(), settled(served).await);
    println!(
        "http     growth: {requests} completions in {:.1} s: resident {:.1} MB before and {:.1} MB after ({:+.1} %), {descriptors} and {left} descriptors",
        took.as_secs_f64(),
        memory as f64 / 1e6,
        after as f64 / 1e6,
        (after as f64 / memory as f64 - 1.0) * 100.0
    );
}

/// The descriptors of a server whose clients are gone: it hears of that a moment later.
async fn settled(served: &Served) -> usize {
    tokio::time::sleep(Duration::from_millis(300)).await;
    served.descriptors()
}
