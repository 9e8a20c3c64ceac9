//! The end of a server, and the next one's beginning: nothing that was under way is lost.

use crate::roles::{self, ASKING, FREE, asked};
use initrunner_tests::home::until;
use initrunner_tests::http_client::Wire;
use initrunner_tests::serve::Server;

/// Starts a run whose call takes long, and gives the run's id once the call is under way.
fn under_way(server: &Server, home: &initrunner_tests::home::Home) -> (Wire, String) {
    let body = asked(FREE, "run touch begun; sleep 1; echo done >> mark").to_string();
    let mut wire = Wire::open(server.address());
    wire.write(&server.request("POST", "/v1/chat/completions").json(body).bytes()).unwrap();
    until("the call is under way", || home.work().join("begun").exists());
    let runs = server.get("/v1/runs?state=running").json();
    (wire, runs["data"][0]["run_id"].as_str().unwrap().to_owned())
}

#[test]
fn a_server_that_is_asked_to_stop_hands_its_runs_back_and_the_next_goes_on() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let (mut wire, run) = under_way(&server, &home);
    assert_eq!(server.stop().code, Some(0));
    let answer = wire.answer().unwrap();
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, error["resumable"].as_bool()), (503, Some(true)), "{error}");
    assert_eq!(answer.header("x-run-id"), Some(run.as_str()));
    let server = Server::start(&home, ".");
    let path = format!("/v1/runs/{run}");
    until("the run ended", || server.get(&path).json()["state"] == "completed");
    assert_eq!(std::fs::read_to_string(home.work().join("mark")).unwrap(), "done\n");
}

#[test]
fn a_call_that_does_not_end_in_time_is_given_up_and_a_person_is_asked() {
    let home = roles::home();
    let server = Server::with(&home, ".", &["--drain-timeout", "0"]);
    let (mut wire, run) = under_way(&server, &home);
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(wire.answer().unwrap().status, 503);
    let server = Server::start(&home, ".");
    let asked = server.get("/v1/approvals?state=unknown").json();
    assert_eq!(asked["data"][0]["run_id"], run.as_str());
}

#[test]
fn a_server_that_was_killed_leaves_a_question_and_no_second_call() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let (_, run) = under_way(&server, &home);
    server.kill();
    let server = Server::start(&home, ".");
    // Whether the call happened is not known: a person says what is done.
    let path = format!("/v1/approvals/{run}");
    until("the question is there", || {
        server.get("/v1/approvals?state=unknown").json()["data"][0]["run_id"] == run.as_str()
    });
    let call = server.get("/v1/approvals?state=unknown").json()["data"][0]["tool_call_id"].clone();
    let call = call.as_str().unwrap();
    assert_eq!(server.post(&path, format!("{{\"{call}\": true}}")).status, 409);
    let told = format!("{{\"{call}\": {{\"decision\": \"report_unknown\"}}}}");
    let answer = server.post(&path, told);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let done = std::fs::read_to_string(home.work().join("mark")).unwrap_or_default();
    assert!(done.lines().count() <= 1, "{done}");
}

#[test]
fn whoever_leaves_early_ends_no_run() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let (wire, run) = under_way(&server, &home);
    drop(wire);
    let path = format!("/v1/runs/{run}");
    until("the run ended", || server.get(&path).json()["state"] == "completed");
    let mut wire = Wire::open(server.address());
    let mut body = asked(ASKING, "run echo a");
    body["stream"] = true.into();
    let request = server.request("POST", "/v1/chat/completions").json(body.to_string());
    wire.write(&request.bytes()).unwrap();
    wire.answer_head().unwrap();
    drop(wire);
    until("it waits", || server.get("/v1/approvals").json()["total"] == 1);
}
