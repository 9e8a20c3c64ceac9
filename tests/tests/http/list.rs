//! Lists: pages, filters, and who sees what.

use crate::roles::{self, ASKING, FREE, ask, paused};
use initrunner_tests::serve::Server;
use serde_json::Value;

/// Every row of a list, read in pages of this many.
fn all(server: &Server, path: &str, limit: usize, id: &str) -> Vec<String> {
    let (mut rows, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{path}limit={limit}{after}")).json();
        let data = page["data"].as_array().unwrap_or_else(|| panic!("no page: {page}"));
        assert!(data.len() <= limit);
        rows.extend(data.iter().map(|row| row[id].as_str().unwrap().to_owned()));
        match &page["next"] {
            Value::String(next) => after = format!("&after={next}"),
            _ => return rows,
        }
    }
}

#[test]
fn pages_of_any_size_have_the_same_rows() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    for number in 0..7 {
        paused(&server, &format!("run echo {number}"));
        ask(&server, FREE, "hello");
    }
    let runs = all(&server, "/v1/runs?", 1000, "run_id");
    let queue = all(&server, "/v1/approvals?", 1000, "tool_call_id");
    assert_eq!((runs.len(), queue.len()), (14, 7));
    for limit in 1..5 {
        assert_eq!(all(&server, "/v1/runs?", limit, "run_id"), runs);
        assert_eq!(all(&server, "/v1/approvals?", limit, "tool_call_id"), queue);
    }
    let reversed = |rows: &[String]| rows.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(all(&server, "/v1/runs?order=oldest&", 3, "run_id"), reversed(&runs));
    let newest = all(&server, "/v1/approvals?order=newest&", 3, "tool_call_id");
    assert_eq!(newest, reversed(&queue));
    // None of them expires.
    assert_eq!(all(&server, "/v1/approvals?order=expiring&", 3, "tool_call_id"), queue);
    assert_eq!(server.get("/v1/runs?order=expiring").status, 400);
    let check = |query: &str, count: usize| {
        assert_eq!(all(&server, &format!("{query}&"), 2, "run_id").len(), count, "{query}");
    };
    check(&format!("/v1/runs?role={FREE}"), 7);
    check("/v1/runs?state=paused", 7);
    check("/v1/runs?state=paused,completed", 14);
    check("/v1/runs?state=failed", 0);
    check("/v1/runs?requester=key:local", 14);
    check("/v1/runs?since=1h", 14);
    check("/v1/runs?until=2020-01-01T00:00:00Z", 0);
    check(&format!("/v1/approvals?role={ASKING}&tool=shell&state=waiting"), 7);
    check("/v1/approvals?tool=other", 0);
    check("/v1/approvals?requester=somebody", 0);
    check("/v1/approvals?until=1h", 0);
    let one = all(&server, "/v1/runs?state=paused&", 1, "run_id").remove(0);
    check(&format!("/v1/approvals?run={one}"), 1);
    assert_eq!(server.get("/v1/approvals?limit=2").json()["total"], 7);
}

#[test]
fn who_only_calls_sees_their_own_runs() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let (path, _) = paused(&server, "run echo theirs");
    let keyless = |method: &str, path: &str| server.request(method, path).without("Authorization");
    let own = keyless("POST", "/v1/chat/completions").json(roles::asked(FREE, "hi").to_string());
    let own = own.send().header("x-run-id").unwrap().to_owned();
    let seen = keyless("GET", "/v1/runs").send().json();
    let seen: Vec<&str> = seen["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["run_id"].as_str().unwrap())
        .collect();
    assert_eq!(seen, [own.as_str()]);
    assert_eq!(keyless("GET", "/v1/runs?requester=key:local").send().status, 400);
    assert_eq!(keyless("GET", &format!("/v1/runs/{own}")).send().status, 200);
    let other = path.rsplit_once('/').unwrap().1;
    for path in [format!("/v1/runs/{other}"), format!("/v1/runs/{other}/events"), path.clone()] {
        assert_eq!(keyless("GET", &path).send().status, 404, "{path}");
    }
    let cancel = format!("/v1/runs/{other}/cancel");
    assert_eq!(keyless("POST", &cancel).json("{}").send().status, 404);
    assert_eq!(server.post(&cancel, "{}").status, 200);
    assert_eq!(server.post(&cancel, "{}").status, 409);
}
