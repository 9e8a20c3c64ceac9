//! What every answer tells browsers to refuse, and how much a page is.

use crate::desk::{ASKING, Desk};
use initrunner_tests::http_client::{Answer, Wire};
use std::collections::BTreeSet;

/// What a page with everything that it loads may weigh, in bytes.
const LARGEST: usize = 100_000;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types initrunner";

#[track_caller]
fn guarded(path: &str, headers: &[(String, String)]) {
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    assert_eq!(header("content-security-policy"), POLICY, "{path}");
    assert!(!POLICY.contains("unsafe"));
    assert_eq!(header("x-frame-options"), "DENY", "{path}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(header("referrer-policy"), "same-origin", "{path}");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
    assert_eq!(header("access-control-allow-origin"), "", "{path}: no other site reads it");
    match path.starts_with("/assets/") && !header("content-type").is_empty() {
        true => {
            assert_eq!(header("cache-control"), "public, max-age=31536000, immutable", "{path}")
        }
        false => {
            assert!(header("cache-control").contains("no-store") || path == "/api/events", "{path}")
        }
    }
}

/// The addresses that a page loads.
fn loads(page: &Answer) -> BTreeSet<String> {
    let text = page.text();
    let quoted = text.split('"').map(str::to_owned);
    quoted.filter(|part| part.starts_with("/assets/")).collect()
}

/// What a script imports: each by a name beside it.
fn imports(script: &str) -> Vec<&str> {
    let parts = script.split("from \"./").skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_answer_refuses_what_does_not_belong() {
    let desk = Desk::start();
    let (run, _) = desk.paused("run echo x");
    let mut visitor = desk.visitor("all");
    for path in [
        "/".to_owned(),
        "/roles".into(),
        format!("/roles/{ASKING}"),
        "/roles/none".into(),
        "/runs".into(),
        format!("/runs/{run}"),
        format!("/runs/{run}/panel"),
        "/runs/none".into(),
        "/approvals".into(),
        "/api/approvals/pending".into(),
        format!("/api/approvals/{run}"),
        "/assets/x/style.css".into(),
        "/sign-in?next=/".into(),
        "/runs?nothing=1".into(),
    ] {
        let answer = visitor.get(&path);
        guarded(&path, &answer.headers);
        let text = answer.text();
        if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            for inline in ["<style", " style=", "<script>", " onclick", " onload", "javascript:"] {
                assert!(!text.contains(inline), "{path} has {inline}: {text}");
            }
            for part in text.split("src=\"").skip(1).chain(text.split("href=\"").skip(1)) {
                assert!(
                    part.starts_with(['/', '#', '?']),
                    "{path} leads elsewhere: {}",
                    &part[..60]
                );
            }
        }
    }
    let mut wire = Wire::open(desk.server.address());
    wire.write(&visitor.request("GET", "/api/events").bytes()).unwrap();
    let (status, headers) = wire.answer_head().unwrap();
    assert_eq!(status, 200);
    guarded("/api/events", &headers);
    visitor.cookies.clear();
    for path in ["/", "/sign-in", "/sign-in?link=x", "/api/approvals/pending", "/runs/none"] {
        let answer = visitor.get(path);
        guarded(path, &answer.headers);
    }
}

#[test]
fn a_page_with_all_that_it_loads_is_small() {
    let desk = Desk::start();
    let (run, _) = desk.paused("both echo x");
    let mut visitor = desk.visitor("all");
    let mut table = String::new();
    for path in
        ["/", "/roles", "/roles/asking", "/runs", &format!("/runs/{run}"), "/approvals", "/sign-in"]
    {
        if path == "/sign-in" {
            visitor.cookies.clear();
        }
        let page = visitor.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let mut open: Vec<String> = loads(&page).into_iter().collect();
        assert!(!open.is_empty(), "{path}");
        let mut known: BTreeSet<String> = open.iter().cloned().collect();
        let mut bytes = page.body.len();
        while let Some(address) = open.pop() {
            let asset = visitor.get(&address);
            assert_eq!(asset.status, 200, "{address}");
            guarded(&address, &asset.headers);
            bytes += asset.body.len();
            let folder = address.rsplit_once('/').unwrap().0;
            for name in imports(&asset.text()) {
                let address = format!("{folder}/{name}");
                if known.insert(address.clone()) {
                    open.push(address);
                }
            }
        }
        table.push_str(&format!("{bytes:>7} bytes  {}\n", path.replace(&run, "RUN")));
        assert!(bytes <= LARGEST, "{path} is {bytes} bytes with what it loads");
    }
    println!("{table}");
}
