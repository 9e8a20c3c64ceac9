//! Clients that behave badly: they are slow, go away, come in crowds, or send everything at once.
//!
//! What the server does about them takes the seconds that it gives everybody; a test waits for what
//! happens, and not for time to pass.

use crate::roles::{self, ASKING, FREE, ask, asked};
use initrunner_tests::home::until;
use initrunner_tests::http_client::{Answer, Request, Wire};
use initrunner_tests::serve::Server;
use serde_json::{Value, json};
use std::time::Duration;

const COMPLETIONS: &str = "/v1/chat/completions";

/// Between two bytes of a slow client. A limit on silence alone would never end it.
const DRIP: Duration = Duration::from_millis(200);

/// Sends a byte now and then until the server hangs up, and gives what it said.
fn drip(server: &Server, begin: &[u8], byte: &[u8]) -> Vec<u8> {
    let mut wire = Wire::open(server.address());
    wire.write(begin).expect("a beginning that is taken");
    // What is sent to a connection that was closed is refused once the other end has said so.
    while wire.write(byte).is_ok() {
        std::thread::sleep(DRIP);
    }
    // A reset may have thrown the answer away.
    wire.rest().unwrap_or_default()
}

#[test]
fn slow_clients_are_hung_up_on_and_others_do_not_wait_for_them() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let key = format!("Authorization: Bearer {}\r\n", server.key());
    let head = format!("POST {COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\n{key}");
    let body = format!("{head}Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{{");
    let chunk =
        format!("{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::thread::scope(|scope| {
        let slow: Vec<_> = (0..20)
            .map(|number| {
                let (begin, byte): (&[u8], &[u8]) = match number % 4 {
                    0 => (b"G", b"E"),
                    1 => (head.as_bytes(), b"X"),
                    2 => (body.as_bytes(), b" "),
                    _ => (chunk.as_bytes(), b"1\r\n \r\n"),
                };
                let server = &server;
                scope.spawn(move || drip(server, begin, byte))
            })
            .collect();
        // Meanwhile everybody else is answered.
        for _ in 0..20 {
            assert_eq!(ask(&server, FREE, "run echo x").status, 200);
        }
        for slow in slow {
            let said = slow.join().expect("a slow client");
            let said = String::from_utf8_lossy(&said);
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
        }
    });
    assert_eq!(ask(&server, FREE, "run echo x").status, 200);
    // None of them has left a run.
    assert_eq!(runs(&server).len(), 21);
}

/// The runs that the server has, newest first.
fn runs(server: &Server) -> Vec<Value> {
    let listed = server.get("/v1/runs?limit=1000").json();
    listed["data"].as_array().unwrap_or_else(|| panic!("no list: {listed}")).clone()
}

/// Asks for a stream, reads its first words, and goes away.
fn leave_early(server: &Server, role: &str, text: &str) -> String {
    let mut body = asked(role, text);
    body["stream"] = json!(true);
    let request = server.request("POST", COMPLETIONS).json(body.to_string());
    let mut wire = Wire::open(server.address());
    wire.write(&request.bytes()).expect("a request that is taken");
    let (status, headers) = wire.answer_head().expect("an answer");
    assert_eq!(status, 200);
    let run = headers.iter().find(|(name, _)| name == "x-run-id").expect("a run").1.clone();
    until("the first word comes", || {
        let line = wire.line().expect("a stream").expect("a stream that has not ended");
        assert!(!line.contains("[DONE]"), "the run ended too early for this test");
        line.contains("word")
    });
    run
}

/// A model that says some words and then calls the shell, which waits until the test lets it go on.
const WAITING: &str = r#"
rules:
  - when: "^wait$"
    turn: 0
    reply: "word word"
    calls: [{tool: shell, arguments: {command: "while [ ! -e go ]; do sleep 0.02; done; echo done"}}]
  - when: "^ask$"
    turn: 0
    reply: "word word"
    calls: [{tool: shell, arguments: {command: "echo done"}}]
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
"#;

#[test]
fn a_run_whose_client_goes_away_ends_and_is_found_again() {
    let home = roles::home();
    home.file("script.yaml", WAITING);
    let server = Server::start(&home, ".");
    let run = leave_early(&server, FREE, "wait");
    assert_eq!(runs(&server)[0]["state"], "running");
    home.file("go", "");
    until("the run ends", || runs(&server)[0]["state"] == "completed");
    assert_eq!(runs(&server)[0]["run_id"], *run);
    let shown = server.get(&format!("/v1/runs/{run}")).json();
    assert!(shown.to_string().contains("Result: done"), "{shown}");
}

#[test]
fn a_run_whose_client_goes_away_waits_and_is_found_again() {
    let home = roles::home();
    // Slow enough for the client to be gone before the call.
    home.file("script.yaml", format!("delay_ms: 300\n{WAITING}"));
    let server = Server::start(&home, ".");
    let run = leave_early(&server, ASKING, "ask");
    until("the run waits", || runs(&server)[0]["state"] == "paused");
    let queue = server.get("/v1/approvals").json();
    let call = queue["data"][0].clone();
    assert_eq!(call["run_id"], *run, "{queue}");
    let call = call["tool_call_id"].as_str().unwrap_or_else(|| panic!("no call: {queue}"));
    let decision = json!({call: true}).to_string();
    let answer = server.post(&format!("/v1/approvals/{run}"), decision).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Result: done", "{answer}");
}

#[test]
fn a_run_whose_client_goes_away_before_any_answer_is_found_again() {
    let home = roles::home();
    home.file("script.yaml", WAITING);
    let server = Server::start(&home, ".");
    let body = asked(FREE, "wait").to_string();
    let request = server.request("POST", COMPLETIONS).json(body);
    let mut wire = Wire::open(server.address());
    wire.write(&request.bytes()).expect("a request that is taken");
    until("there is a run", || !runs(&server).is_empty());
    drop(wire);
    home.file("go", "");
    until("the run ends", || runs(&server)[0]["state"] == "completed");
}

#[test]
fn half_a_body_starts_nothing() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let whole = server.request("POST", COMPLETIONS).json(asked(FREE, "hello").to_string()).bytes();
    // The connection ends after each byte of it in turn, some at the beginning and some at the end.
    for length in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
        let mut wire = Wire::open(server.address());
        wire.write(&whole[..length]).expect("bytes that are taken");
    }
    assert_eq!(ask(&server, FREE, "hello").status, 200);
    assert_eq!(runs(&server).len(), 1);
}

/// Connections of a crowd. Whoever runs the tests may have as few as 1,024 descriptors.
const CROWD: usize = 600;

#[test]
fn a_crowd_that_says_nothing_keeps_nobody_out() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut crowd: Vec<Wire> = (0..CROWD).map(|_| Wire::open(server.address())).collect();
    // Some have been answered, and stay.
    let models = server.request("GET", "/v1/models").kept_alive();
    for wire in crowd.iter_mut().step_by(2) {
        wire.write(&models).expect("a request that is taken");
        assert_eq!(wire.answer().expect("an answer").status, 200);
    }
    for _ in 0..10 {
        assert_eq!(ask(&server, FREE, "run echo x").status, 200);
    }
    // They are hung up on in the end, and leave no descriptor behind.
    for wire in &mut crowd {
        assert_eq!(wire.rest().expect("an end"), b"");
    }
    until("their descriptors are given back", || descriptors(&server) < 100);
}

/// How many files and connections the server has open.
fn descriptors(server: &Server) -> usize {
    let folder = format!("/proc/{}/fd", server.id());
    std::fs::read_dir(folder).expect("a running server").count()
}

#[test]
fn a_crowd_that_takes_every_descriptor_is_outlived() {
    let home = roles::home();
    // Compiling the component takes files too: it is done before.
    assert_eq!(home.run(["run", "free.yaml", "-p", "run echo x"]).code, Some(0));
    let few = home.command(["serve", ".", "--port", "0"]).after("ulimit -n 96");
    let server = Server::of(&home, few);
    let crowd: Vec<Wire> = (0..200).map(|_| Wire::open(server.address())).collect();
    // Its turn comes once some of the crowd have been hung up on. What it asks for takes files.
    let answers: Vec<Answer> = (0..5).map(|_| ask(&server, FREE, "run echo x")).collect();
    for answer in answers {
        assert!(matches!(answer.status, 200 | 502 | 503), "{}", answer.text());
    }
    drop(crowd);
    until("there is room again", || descriptors(&server) < 60);
    assert_eq!(ask(&server, FREE, "run echo x").status, 200);
}

#[test]
fn requests_that_come_all_at_once_are_answered_in_turn() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let get = |path: &str| server.request("GET", path).kept_alive();
    let text = |text: &str| {
        let body = asked(FREE, text).to_string();
        server.request("POST", COMPLETIONS).json(body).kept_alive()
    };
    let all = [
        get("/v1/models"),
        text("first"),
        get("/v1/nothing"),
        server.request("POST", COMPLETIONS).json("{").kept_alive(),
        text("second"),
        text("run echo third"),
        get("/health"),
    ];
    let mut wire = Wire::open(server.address());
    wire.write(&all.concat()).expect("requests that are taken");
    let mut said = Vec::new();
    for _ in &all {
        let answer = wire.answer().expect("an answer");
        let content = &answer.json()["choices"][0]["message"]["content"];
        said.push(format!("{} {}", answer.status, content.as_str().unwrap_or("-")));
    }
    let expected = [
        "200 -",
        "200 You said: first",
        "404 -",
        "400 -",
        "200 You said: second",
        "200 Result: third",
        "200 -",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_hundred_requests_without_reading_one_answer() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let models = server.request("GET", "/v1/models").kept_alive();
    let mut wire = Wire::open(server.address());
    for _ in 0..100 {
        wire.write(&models).expect("a request that is taken");
    }
    for _ in 0..100 {
        assert_eq!(wire.answer().expect("an answer").status, 200);
    }
}

#[test]
fn a_body_that_is_refused_is_not_read_as_the_next_request() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    // The body of a refused request is itself a request: whoever reads it as one is smuggled past a proxy.
    let hidden = server.request("POST", COMPLETIONS).json(asked(FREE, "hidden").to_string());
    let outer = Request::new(server.address(), "POST", COMPLETIONS)
        .header("Content-Type", "text/plain")
        .body(hidden.kept_alive());
    let mut wire = Wire::open(server.address());
    wire.write(&outer.kept_alive()).expect("a request that is taken");
    assert_eq!(wire.answer().expect("an answer").status, 415);
    let models = server.request("GET", "/v1/models").bytes();
    // Either it is answered, or the connection has ended; the hidden one is not.
    let next = wire.write(&models).and_then(|()| wire.answer());
    assert!(next.is_err() || next.is_ok_and(|answer| answer.json()["object"] == "list"));
    assert_eq!(runs(&server), Vec::<Value>::new());
}

/// Clients that watch a run and hear nothing: as many as the descriptors let. It takes a while, and
/// 20,000 descriptors for this process and for the server; so it is only run when asked for.
#[test]
#[ignore = "takes 20,000 descriptors: `cargo test … --test http -- --ignored`"]
fn ten_thousand_idle_watchers_keep_nobody_out() {
    let home = roles::home();
    home.file("script.yaml", WAITING);
    let server = Server::start(&home, ".");
    let body = asked(FREE, "wait").to_string();
    let mut asking = Wire::open(server.address());
    let request = server.request("POST", COMPLETIONS).json(body);
    asking.write(&request.bytes()).expect("a request that is taken");
    until("there is a run", || !runs(&server).is_empty());
    let run = runs(&server)[0]["run_id"].as_str().expect("an id").to_owned();
    let before = (memory(&server), descriptors(&server));
    let watch = server.request("GET", &format!("/v1/runs/{run}/events")).bytes();
    let mut watchers: Vec<Wire> = (0..10_000)
        .map(|_| {
            let mut wire = Wire::open(server.address());
            wire.write(&watch).expect("a request that is taken");
            assert_eq!(wire.answer_head().expect("a head").0, 200);
            wire
        })
        .collect();
    let with = (memory(&server), descriptors(&server));
    println!("watchers: {}", watchers.len());
    println!("memory of the server: {} → {} MB", before.0 >> 10, with.0 >> 10);
    println!("descriptors of the server: {} → {}", before.1, with.1);
    assert_eq!(server.get("/v1/models").status, 200);
    home.file("go", "");
    // Each hears the end.
    for wire in &mut watchers {
        let said = String::from_utf8_lossy(&wire.rest().expect("an end")).into_owned();
        assert!(said.contains("run_ended"), "{said}");
    }
    drop(watchers);
    until("their descriptors are given back", || descriptors(&server) < 100);
}

/// Kilobytes that the server has in memory.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.expect("a running server");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_server_that_was_killed_goes_on_with_what_it_had_begun() {
    let home = roles::home();
    home.file("script.yaml", WAITING);
    let server = Server::start(&home, ".");
    let run = leave_early(&server, ASKING, "ask");
    until("the run waits", || runs(&server)[0]["state"] == "paused");
    server.kill();
    let server = Server::start(&home, ".");
    let waiting = server.get(&format!("/v1/approvals/{run}")).json();
    let call = waiting["pending_approvals"][0]["tool_call_id"].as_str();
    let call = call.unwrap_or_else(|| panic!("no call: {waiting}"));
    let decision = json!({call: true}).to_string();
    let answer = server.post(&format!("/v1/approvals/{run}"), decision).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Result: done", "{answer}");
}
