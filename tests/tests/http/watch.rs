//! Reading along: the events of a run, whoever makes them.

use crate::roles::{self, paused};
use initrunner_tests::http_client::Wire;
use initrunner_tests::serve::Server;
use serde_json::json;

/// Reads events until one of this kind; gives their numbers and kinds.
fn read_to(wire: &mut Wire, last: &str) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut id = 0;
    while let Some(line) = wire.line().unwrap() {
        let line = line.trim_end();
        if let Some(number) = line.strip_prefix("id: ") {
            id = number.parse().unwrap();
        } else if let Some(kind) = line.strip_prefix("event: ") {
            found.push((id, kind.to_owned()));
            if kind == last {
                return found;
            }
        }
    }
    panic!("the stream ended without `{last}`: {found:?}")
}

fn open(server: &Server, run: &str, after: Option<i64>) -> Wire {
    let mut request = server.request("GET", &format!("/v1/runs/{run}/events"));
    if let Some(after) = after {
        request = request.header("Last-Event-ID", after.to_string());
    }
    let mut wire = Wire::open(server.address());
    wire.write(&request.bytes()).unwrap();
    let (status, headers) = wire.answer_head().unwrap();
    assert_eq!(status, 200);
    let kind = headers.iter().find(|(name, _)| name == "content-type");
    assert_eq!(kind.map(|(_, value)| value.as_str()), Some("text/event-stream"));
    wire
}

#[test]
fn who_reads_along_misses_nothing_whoever_acts() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let (path, _) = paused(&server, "twice echo a");
    let run = path.rsplit_once('/').unwrap().1;
    let mut early = open(&server, run, None);
    let before = read_to(&mut early, "run_paused");
    // Another process decides; who reads along sees it, and the pause after it.
    assert_eq!(home.run(["approve", run, "--all"]).code, Some(2));
    let then = read_to(&mut early, "run_paused");
    assert!(then.iter().any(|(_, kind)| kind == "approval_decided"), "{then:?}");
    // Who comes back goes on where it was.
    let mut late = open(&server, run, Some(before.last().unwrap().0));
    assert_eq!(read_to(&mut late, "run_paused"), then);
    let call = server.get(&path).json()["pending_approvals"][0]["tool_call_id"].clone();
    let yes = json!({ call.as_str().unwrap(): true }).to_string();
    assert_eq!(server.post(&path, yes).status, 200);
    let end = read_to(&mut early, "run_ended");
    assert_eq!(read_to(&mut late, "run_ended"), end);
    // The stream ends with the run, and whoever comes back then need not come again.
    assert!(early.rest().unwrap().ends_with(b"0\r\n\r\n"));
    let request = server.request("GET", &format!("/v1/runs/{run}/events"));
    let gone = request.header("Last-Event-ID", end.last().unwrap().0.to_string()).send();
    assert_eq!(gone.status, 204);
    let numbers: Vec<i64> =
        [before, then, end].concat().iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let stored = server.get(&format!("/v1/runs/{run}")).json();
    assert_eq!(stored["events"].as_array().unwrap().len(), numbers.len());
}

#[test]
fn many_read_along_and_the_server_ends_without_waiting_for_them() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let (path, calls) = paused(&server, "run echo a");
    let run = path.rsplit_once('/').unwrap().1;
    let mut wires: Vec<Wire> = (0..50).map(|_| open(&server, run, None)).collect();
    let (other, _) = paused(&server, "run echo b");
    let mut idle = open(&server, other.rsplit_once('/').unwrap().1, None);
    assert_eq!(server.post(&path, json!({ &calls[0]: true }).to_string()).status, 200);
    for wire in &mut wires {
        read_to(wire, "run_ended");
    }
    // Where nobody read along for a while somebody can again.
    drop(wires);
    read_to(&mut idle, "run_paused");
    assert_eq!(server.stop().code, Some(0));
    assert!(idle.rest().is_ok());
}
