//! Through a real component, which knows `wasi:http` and nothing else: what it is told, and what the
//! model and the person are told.

use super::server::{Answer, Server, ok, silent_port};
use super::{Names, wait};
use initrunner::plugin::CacheFolder;
use initrunner::plugin::egress::{EgressLimits, EgressOptions};
use initrunner_tests::probe;
use initrunner_tests::sandbox::Sandbox;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One cache for all tests: the probe is compiled once.
pub(crate) fn cache() -> CacheFolder {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("egress-cache");
    CacheFolder { folder, key: [3; 32] }
}

fn sandbox(names: Arc<Names>, limits: EgressLimits) -> Sandbox {
    let egress = EgressOptions { resolver: Some(names), limits, ..EgressOptions::default() };
    Sandbox::with_egress(Some(cache()), egress)
}

/// The probe with grants, as a role writes them, and further keys.
fn entry(grants: &str, settings: &str) -> String {
    let path = probe().display();
    let process = "process: [{program: 'true'}]";
    format!("  - component: {path}\n    name: probe\n    grants: {{{process}{grants}}}\n{settings}")
}

async fn call(sandbox: &Sandbox, entry: &str, action: &str, request: Value) -> String {
    let tools = match sandbox.open_with(entry, Path::new("/"), &SECRETS).await {
        Ok(tools) => tools,
        Err(problems) => panic!("{problems}"),
    };
    let arguments = json!({ "do": action, "text": request.to_string() });
    sandbox.call(&tools, "probe", &arguments.to_string()).await
}

const SECRETS: [(&str, &str); 1] = [("KEY", "a-value-of-a-secret")];

fn granted(port: u16) -> String {
    format!(
        ", http: [{{scheme: http, host: '*.example.com', ports: [{port}], networks: [127.0.0.1]}}], \
         secrets: [{{name: KEY, host: api.example.com}}]"
    )
}

fn names() -> Arc<Names> {
    Names::of(&[
        ("api.example.com", &[&["127.0.0.1"]]),
        ("moved.example.com", &[&["8.8.8.8", "169.254.169.254"]]),
    ])
}

#[test]
fn a_granted_request_is_sent_and_its_answer_read() {
    wait(async {
        let server = Server::start(|request| {
            let body = request.split_once("\r\n\r\n").map(|(_, body)| body.len()).unwrap_or(0);
            ok("X-A: b\r\nConnection: close\r\n", &format!("{body} bytes"))
        })
        .await;
        let port = server.port();
        let sandbox = sandbox(names(), EgressLimits::default());
        let grants = granted(port).replace("networks:", "methods: [GET, POST], networks:");
        let authority = format!("api.example.com:{port}");
        let request = json!({ "authority": authority, "headers": [["authorization", "Bearer {{secret:KEY}}"]] });
        let told = call(&sandbox, &entry(&grants, ""), "request", request).await;
        assert_eq!(told, "ok: status 200\nx-a: b\ncontent-length: 7\n\n0 bytes");
        assert!(server.seen()[0].contains("authorization: Bearer a-value-of-a-secret\r\n"));
        let request =
            json!({ "method": "POST", "authority": authority, "body": "x".repeat(300_000) });
        let told = call(&sandbox, &entry(&grants, ""), "request", request).await;
        assert_eq!(told, "ok: status 200\nx-a: b\ncontent-length: 12\n\n300000 bytes");
    });
}

#[test]
fn what_is_refused_is_told_to_the_component_the_model_and_the_person() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let sandbox = sandbox(names(), EgressLimits::default());
        let api = format!("api.example.com:{port}");
        let denied = "ErrorCode::HttpRequestDenied";
        let prohibited = "ErrorCode::DestinationIpProhibited";
        let mut count = 0;
        for (request, code, reason) in [
            (
                json!({ "authority": "127.0.0.1:1" }),
                denied,
                "`http://127.0.0.1:1` is not granted; add `grants: {http: [{scheme: http, host: 127.0.0.1, ports: [1]}]}` to the entry to allow it",
            ),
            (json!({ "authority": "2130706433:1" }), denied, "`http://127.0.0.1:1` is not granted"),
            (
                json!({ "authority": "[::ffff:7f00:1]" }),
                denied,
                "`http://[::ffff:7f00:1]:80` is not granted",
            ),
            (json!({ "authority": "u:p@api.example.com" }), denied, "has a user before its host"),
            (
                json!({ "authority": format!("moved.example.com:{port}") }),
                prohibited,
                "`moved.example.com` has the address `169.254.169.254`, which is not on the public internet (a cloud's metadata service); if that is meant, add `networks: ['169.254.169.254']`",
            ),
            (
                json!({ "authority": api, "method": "POST" }),
                denied,
                "the method `POST` is not granted",
            ),
            (
                json!({ "authority": api, "method": "CONNECT" }),
                denied,
                "the method `CONNECT` cannot be used",
            ),
            (
                json!({ "authority": api, "method": "TRACE" }),
                denied,
                "the method `TRACE` cannot be used",
            ),
            (
                json!({ "authority": api, "scheme": "gopher" }),
                denied,
                "the scheme `gopher` cannot be used",
            ),
            (
                json!({ "authority": api, "headers": [["Host", "evil.example"]] }),
                denied,
                "the header `host` cannot be set",
            ),
            (
                json!({ "authority": api, "headers": [["Transfer-Encoding", "chunked"]] }),
                denied,
                "the header `transfer-encoding` cannot be set",
            ),
            (
                json!({ "authority": api, "headers": [["Proxy-Authorization", "x"]] }),
                denied,
                "the header `proxy-authorization` cannot be set",
            ),
            (
                json!({ "authority": api, "headers": [["x-key", "{{secret:KEY}}"]] }),
                denied,
                "add `grants: {secrets: [{name: KEY, host: 'api.example.com', header: x-key}]}`",
            ),
            (json!({ "authority": api, "trailers": true }), denied, "its body has trailers"),
        ] {
            let entry = entry(&granted(port), "");
            let told = call(&sandbox, &entry, "request", request.clone()).await;
            assert_eq!(told, format!("ok: refused: {code}"), "{request}");
            let told = call(&sandbox, &entry, "request-fail", request.clone()).await;
            let begin = format!(
                "failed: The tool failed: refused: {code}\n(the host says: an HTTP request was refused: "
            );
            assert!(told.starts_with(&begin) && told.contains(reason), "{told}");
            let told = call(&sandbox, &entry, "request-crash", request.clone()).await;
            assert!(told.contains("the tool was stopped: an HTTP request was refused: "), "{told}");
            assert!(told.contains(reason), "{told}");
            count += 1;
        }
        assert_eq!(server.seen(), Vec::<String>::new());
        println!("through a component: {count} refused, each told to component, model and person");
    });
}

#[test]
fn without_a_grant_nothing_is_sent_and_preparing_sends_nothing_either() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let sandbox = sandbox(names(), EgressLimits::default());
        let request = json!({ "authority": format!("api.example.com:{port}") });
        let told = call(&sandbox, &entry("", ""), "request-fail", request.clone()).await;
        assert!(
            told.contains(&format!("`http://api.example.com:{port}` is not granted")),
            "{told}"
        );

        let asking = entry(&granted(port), "    approval: required");
        let tools = sandbox.open_with(&asking, Path::new("/"), &SECRETS).await.unwrap();
        let arguments = json!({ "prepare": "request", "text": request.to_string() });
        let told = sandbox.call(&tools, "probe", &arguments.to_string()).await;
        assert!(told.contains("none may be sent while a call is only being prepared"), "{told}");
        assert_eq!(server.seen(), Vec::<String>::new());
    });
}

#[test]
fn a_socket_and_a_look_up_are_refused_with_what_to_use() {
    wait(async {
        let sandbox = sandbox(names(), EgressLimits::default());
        for (action, what) in
            [("connect-fail", "open a TCP socket"), ("resolve-fail", "look a name up")]
        {
            let told = call(&sandbox, &entry("", ""), action, json!("localhost")).await;
            let note = format!(
                "(the host says: it tried to {what}, which nothing grants; a component reaches servers by \
                 HTTP, through `wasi:http` and `grants: {{http: [{{host: NAME}}]}}` in the entry)"
            );
            assert!(told.ends_with(&note), "{told}");
        }
    });
}

#[test]
fn a_connection_that_fails_is_told() {
    wait(async {
        let sandbox = sandbox(names(), EgressLimits::default());
        let (_socket, port) = silent_port();
        let request = json!({ "authority": format!("api.example.com:{port}") });
        let told = call(&sandbox, &entry(&granted(port), ""), "request-fail", request).await;
        let reason = format!(
            "(the host says: an HTTP request failed: nothing answers at port {port} of `api.example.com` (127.0.0.1: connection refused))"
        );
        assert!(told.contains(&reason), "{told}");
    });
}

#[test]
fn a_flood_of_requests_and_one_that_never_ends_stay_within_the_call() {
    wait(async {
        let server = Server::start(|request| match request.starts_with("GET /silent") {
            true => Answer::Held(vec![]),
            false => ok("", "x"),
        })
        .await;
        let port = server.port();
        let limits = EgressLimits { requests: 20, at_a_time: 3, ..EgressLimits::default() };
        let sandbox = sandbox(names(), limits);
        let request = json!({ "authority": format!("api.example.com:{port}") });
        let told =
            call(&sandbox, &entry(&granted(port), ""), "request-flood", request.clone()).await;
        assert_eq!(told, "ok: 20 answered, 180 refused");
        assert_eq!(server.seen().len(), 20);

        // Each answer has one byte, and all of them may have seven.
        let limits = EgressLimits { requests: 20, received: 7, ..EgressLimits::default() };
        let narrow = self::sandbox(names(), limits);
        let told =
            call(&narrow, &entry(&granted(port), ""), "request-flood", request.clone()).await;
        assert_eq!(told, "ok: 7 answered, 193 refused");

        let silent = json!({ "authority": format!("api.example.com:{port}"), "path": "/silent" });
        let short = entry(&granted(port), "    limits: {timeout_seconds: 1}");
        for (action, request) in
            [("request", &silent), ("request-hold", &request), ("request-flood", &silent)]
        {
            let began = Instant::now();
            let told = call(&sandbox, &short, action, request.clone()).await;
            assert!(began.elapsed() < Duration::from_secs(20), "{told}");
            let ended = [
                "HttpResponseTimeout",
                "it was not waited for",
                "0 answered, 200 refused",
                "took longer than its 1 s",
            ];
            assert!(ended.iter().any(|end| told.contains(end)), "{told}");
        }
        // And the next call works.
        let told = call(&sandbox, &entry(&granted(port), ""), "request", request).await;
        assert_eq!(told, "ok: status 200\ncontent-length: 1\n\nx");
    });
}

#[test]
fn a_body_beyond_the_limit_is_refused_while_it_is_written() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let limits = EgressLimits { request_body: 10_000, ..EgressLimits::default() };
        let sandbox = sandbox(names(), limits);
        let grants = granted(port).replace("networks:", "methods: [POST], networks:");
        let body = "x".repeat(200_000);
        let request = json!({ "method": "POST", "authority": format!("api.example.com:{port}"), "body": body });
        let told = call(&sandbox, &entry(&grants, ""), "request-fail", request).await;
        assert!(told.contains("the body of the request is larger than 10000 bytes"), "{told}");
        assert_eq!(server.seen().len(), 0);
    });
}
