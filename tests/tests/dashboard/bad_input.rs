//! Input that means nothing: it is refused with a sentence, and never a failure of ours.

use crate::desk::{Desk, encoded, posted};
use std::collections::BTreeMap;

/// What is put wherever something is expected.
const NONSENSE: [&str; 16] = [
    "",
    " ",
    "\0",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "\u{202e}\u{2066}x",
    "<script>alert(1)</script>",
    "' or 1=1 --",
    "-1",
    "999999999999999999999999",
    "null",
    "{\"a\":1}",
    "run_aaaaaaaaaaaa",
    "\r\nX: y",
    "\u{1f4a9}\u{ffff}",
];

#[test]
fn nonsense_is_refused_and_never_a_failure() {
    let desk = Desk::start();
    let (run, calls) = desk.paused("run echo x");
    let mut visitor = desk.visitor("all");
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    let mut look = |what: &str, status: u16| {
        assert!(status < 500, "{what}: {status}");
        *seen.entry(status).or_default() += 1;
    };
    let long = "x".repeat(10_000);
    for text in NONSENSE.iter().copied().chain([long.as_str()]) {
        let text = encoded(text);
        for path in [
            format!("/roles/{text}"),
            format!("/runs/{text}"),
            format!("/runs/{text}/panel"),
            format!("/api/approvals/{text}"),
            format!("/assets/{text}/style.css"),
            format!("/assets/x/{text}"),
            format!("/runs?state={text}"),
            format!("/runs?role={text}"),
            format!("/runs?after={text}"),
            format!("/runs?limit={text}"),
            format!("/runs?{text}=1"),
            format!("/approvals?role={text}&tool={text}&requester={text}"),
            format!("/approvals?after={text}"),
            format!("/api/approvals/pending?count_only={text}"),
            format!("/api/approvals/pending?limit={text}"),
            format!("/sign-in?next={text}"),
            format!("/sign-in?link={text}"),
            format!("/{text}"),
        ] {
            look(&path, visitor.get(&path).status);
        }
    }
    // Not text in UTF-8.
    look("bytes", visitor.get("/runs/%ff%fe").status);
    look("bytes in a query", visitor.get("/runs?role=%ff").status);
    let call = &calls[0];
    for text in NONSENSE.iter().copied().chain([long.as_str()]) {
        let path = format!("/approvals/{run}");
        let decision = format!("decision.{call}");
        for fields in [
            vec![(decision.as_str(), text)],
            vec![(text, "approve")],
            vec![(decision.as_str(), "deny"), (&format!("version.{call}"), text), ("x", "y")],
            vec![(&format!("decision.{text}"), "approve")],
            vec![(decision.as_str(), "approve"), (&format!("version.{call}"), "77"), (text, text)],
        ] {
            // An empty version says nothing, and would decide.
            if text.trim().is_empty() && fields.len() == 3 {
                continue;
            }
            look(&format!("{fields:?}"), visitor.form(&path, &fields).status);
        }
        look(
            text,
            visitor
                .form(&format!("/approvals/{}", encoded(text)), &[(&decision, "approve")])
                .status,
        );
        look(
            text,
            visitor.form(&format!("/roles/{}/runs", encoded(text)), &[("prompt", "x")]).status,
        );
        let request = visitor.request("POST", &format!("/api/approvals/{run}"));
        let request = request.header("X-CSRF-Token", &visitor.csrf).json(text);
        look(text, request.send().status);
        let cookie = text.replace(['\0', '\r', '\n'], "");
        let request = visitor.request("GET", "/").without("Cookie").header("Cookie", cookie);
        look("a cookie", request.send().status);
    }
    look("an empty prompt", visitor.form("/roles/free/runs", &[("prompt", " \n")]).status);
    look("no prompt", visitor.form("/roles/free/runs", &[]).status);
    let large = "x".repeat(5 << 20);
    let fields = [("csrf", visitor.csrf.as_str()), ("prompt", large.as_str())];
    look(
        "a large form",
        posted(visitor.request("POST", "/roles/free/runs"), &fields).send().status,
    );
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        for path in ["/", "/sign-in", "/approvals", "/api/approvals/pending"] {
            let request = visitor.request(method, path).header("X-CSRF-Token", &visitor.csrf);
            look(method, request.json("{}").send().status);
        }
    }
    println!("answers by status: {seen:?}");
    assert_eq!(desk.state(&run), "paused");
    assert_eq!(visitor.get("/").status, 200, "and it still answers");
}
