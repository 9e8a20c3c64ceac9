//! What pages of other sites could have a browser send, and what it may not do.

use crate::desk::{Desk, posted};
use initrunner_tests::http_client::{Answer, Request};
use serde_json::json;

/// What is sent to change something, made of a request that carries the cookies.
type Attempt<'a> = (&'a str, Box<dyn Fn(Request) -> Request + 'a>);

#[test]
fn nothing_is_taken_from_elsewhere() {
    let desk = Desk::start();
    let visitor = desk.visitor("all");
    let other = desk.visitor("all");
    let (run, calls) = desk.paused("run echo x");
    let own = visitor.csrf.as_str();
    let theirs = other.csrf.as_str();
    assert_ne!(own, theirs);
    let decision = format!("decision.{}", calls[0]);
    let body = json!({&calls[0]: true}).to_string();
    let form = |token: Option<&str>| {
        let mut fields = vec![(decision.as_str(), "approve"), ("prompt", "run echo y")];
        fields.extend(token.map(|token| ("csrf", token)));
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
    };
    let send = |request: Request, fields: Vec<(String, String)>| {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        posted(request, &fields)
    };
    let forms: Vec<Attempt<'_>> = vec![
        ("no token", Box::new(|request| send(request, form(None)))),
        ("an empty token", Box::new(|request| send(request, form(Some(""))))),
        ("a wrong token", Box::new(|request| send(request, form(Some("x"))))),
        ("another session's", Box::new(|request| send(request, form(Some(theirs))))),
        (
            "another site's page",
            Box::new(|request| {
                send(request.header("Origin", "https://evil.example"), form(Some(own)))
            }),
        ),
        (
            "an opaque origin",
            Box::new(|request| send(request.header("Origin", "null"), form(Some(own)))),
        ),
        (
            "another port's page",
            Box::new(|request| {
                send(request.header("Origin", "http://127.0.0.1:1"), form(Some(own)))
            }),
        ),
        (
            "cross-site",
            Box::new(|request| {
                send(request.header("Sec-Fetch-Site", "cross-site"), form(Some(own)))
            }),
        ),
        (
            "same-site",
            Box::new(|request| {
                send(request.header("Sec-Fetch-Site", "same-site"), form(Some(own)))
            }),
        ),
        (
            "another name of this machine",
            Box::new(|request| send(request.host("evil.example"), form(Some(own)))),
        ),
        (
            "two origins",
            Box::new(|request| {
                send(
                    request.header("Origin", "http://a").header("Origin", "http://b"),
                    form(Some(own)),
                )
            }),
        ),
    ];
    let paths =
        ["/roles/free/runs".to_owned(), format!("/approvals/{run}"), "/sign-out".to_owned()];
    for path in &paths {
        for (what, attempt) in &forms {
            let answer = attempt(visitor.request("POST", path)).send();
            refused(path, what, &answer);
        }
        let plain = visitor.request("POST", path).header("Content-Type", "text/plain");
        let answer = plain.body(format!("csrf={own}")).send();
        assert_eq!(answer.status, 415, "{path}: {}", answer.text());
        let bare = visitor.request("POST", path).send();
        assert_eq!(bare.status, 415, "{path}: {}", bare.text());
    }
    let api = format!("/api/approvals/{run}");
    let json = |request: Request| request.json(&body);
    let token = |request: Request, token: &str| request.header("X-CSRF-Token", token);
    let attempts: Vec<Attempt<'_>> = vec![
        ("no token", Box::new(json)),
        ("a wrong token", Box::new(|request| json(token(request, "x")))),
        ("another session's", Box::new(|request| json(token(request, theirs)))),
        (
            "another site's page",
            Box::new(|request| json(token(request, own).header("Origin", "https://evil.example"))),
        ),
        (
            "cross-site",
            Box::new(|request| json(token(request, own).header("Sec-Fetch-Site", "cross-site"))),
        ),
        ("another name", Box::new(|request| json(token(request, own).host("evil.example")))),
    ];
    for (what, attempt) in &attempts {
        let answer = attempt(visitor.request("POST", &api)).send();
        refused(&api, what, &answer);
        assert!(answer.json()["error"]["message"].is_string(), "{}", answer.text());
    }
    // A key of a program signs nobody in, and a cookie is no key.
    let answer = desk.program("all", "POST", &api).json(&body).send();
    assert_eq!(answer.status, 401, "{}", answer.text());
    let answer = visitor.request("POST", &format!("/v1/approvals/{run}")).json(&body).send();
    assert_eq!(answer.status, 401, "{}", answer.text());
    // Nothing happened, and nobody is signed out.
    assert_eq!(desk.state(&run), "paused");
    let runs = desk.program("all", "GET", "/v1/runs").send().json();
    assert_eq!(runs["data"].as_array().unwrap().len(), 1);
    assert_eq!(visitor.request("GET", "/").send().status, 200);
    let origin = format!("http://{}", desk.server.address());
    let good = json(token(visitor.request("POST", &api), own))
        .header("Origin", origin)
        .header("Sec-Fetch-Site", "same-origin");
    assert_eq!(good.send().status, 200);
    assert_eq!(desk.state(&run), "completed");
}

#[track_caller]
fn refused(path: &str, what: &str, answer: &Answer) {
    let expected = if what == "two origins" { 400 } else { 403 };
    assert_eq!(answer.status, expected, "{path}, {what}: {}", answer.text());
}

#[test]
fn a_foreign_name_reads_nothing() {
    let desk = Desk::start();
    let visitor = desk.visitor("all");
    for path in ["/", "/sign-in", "/runs", "/api/approvals/pending", "/api/events"] {
        let answer = visitor.request("GET", path).host("evil.example").send();
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(!answer.text().contains("name=\"csrf\""), "{path}");
    }
}
