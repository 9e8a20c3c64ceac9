//! Requests that are sent again: by their key, at the same moment and later, and after the server was
//! killed.

use crate::roles::{self, ASKING, FREE, asked, paused};
use initrunner_tests::http_client::{Answer, Request};
use initrunner_tests::serve::Server;
use serde_json::{Value, json};

const COMPLETIONS: &str = "/v1/chat/completions";

fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> Request {
    server.request("POST", path).header("Idempotency-Key", key).json(body.to_string())
}

fn run_of(answer: &Answer) -> String {
    answer.header("x-run-id").unwrap_or_else(|| panic!("no run: {}", answer.text())).to_owned()
}

fn runs(server: &Server) -> usize {
    server.get("/v1/runs").json()["data"].as_array().unwrap().len()
}

#[test]
fn a_completion_that_is_sent_again_is_the_same_one() {
    let home = roles::home();
    let mark = home.work().join("mark");
    let mut server = Server::start(&home, ".");
    let body = asked(FREE, "run echo once >> mark");
    let first = keyed(&server, COMPLETIONS, "k", &body).send();
    assert_eq!(first.status, 200, "{}", first.text());
    for again in 0..3 {
        if again == 2 {
            server.kill();
            server = Server::start(&home, ".");
        }
        let answer = keyed(&server, COMPLETIONS, "k", &body).send();
        assert_eq!((answer.status, answer.text()), (200, first.text()));
        assert_eq!(run_of(&answer), run_of(&first));
    }
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let answer = keyed(&server, COMPLETIONS, "k", &streamed).send();
    assert_eq!(answer.status, 422, "that is another request: {}", answer.text());
    let other = keyed(&server, COMPLETIONS, "k2", &streamed).send();
    let again = keyed(&server, COMPLETIONS, "k2", &streamed).send();
    assert_eq!(run_of(&other), run_of(&again));
    let text = |answer: &Answer| -> String {
        let events = answer.events();
        assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
        let pieces = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
        pieces
            .filter_map(|piece| Some(piece["choices"][0]["delta"]["content"].as_str()?.to_owned()))
            .collect()
    };
    assert_eq!(text(&other), text(&again));
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "once\nonce\n");
    assert_eq!(runs(&server), 2);
}

#[test]
fn of_many_that_come_at_the_same_moment_one_is_done() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let body = asked(FREE, "run echo once >> mark; sleep 0.2");
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let send = || keyed(&server, COMPLETIONS, "k", &body).send();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (200, answers[0].text()));
    }
    assert_eq!(std::fs::read_to_string(home.work().join("mark")).unwrap(), "once\n");
    assert_eq!(runs(&server), 1);
}

#[test]
fn a_decision_that_is_sent_again_is_the_same_one() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let (path, calls) = paused(&server, "run echo once >> mark");
    let yes = json!({ &calls[0]: true });
    let first = keyed(&server, &path, "k", &yes).send();
    assert_eq!(first.status, 200, "{}", first.text());
    let again = keyed(&server, &path, "k", &yes).send();
    assert_eq!((again.status, again.text()), (200, first.text()));
    let no = json!({ &calls[0]: false });
    assert_eq!(keyed(&server, &path, "k", &no).send().status, 422);
    assert_eq!(keyed(&server, &path, "k2", &yes).send().status, 409);
    assert_eq!(std::fs::read_to_string(home.work().join("mark")).unwrap(), "once\n");
}

#[test]
fn who_does_not_wait_is_told_where_to_look() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let body = asked(ASKING, "run echo a").to_string();
    let request = server.request("POST", COMPLETIONS).header("Prefer", "respond-async");
    let answer = request.json(body).send();
    assert_eq!(answer.status, 202, "{}", answer.text());
    let url = answer.header("location").unwrap().to_owned();
    assert_eq!(answer.json()["url"], json!(url));
    initrunner_tests::home::until("it waits", || server.get(&url).json()["state"] == "paused");
    let call = server.get(&url).json()["calls"][0]["tool_call_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/approvals/{}", run_of(&answer));
    let yes = json!({ call: true }).to_string();
    let decided = server.request("POST", &path).header("Prefer", "respond-async").json(yes).send();
    assert_eq!(decided.status, 202, "{}", decided.text());
    initrunner_tests::home::until("it ends", || server.get(&url).json()["state"] == "completed");
}
