//! The built-in `http`, from a role's entry to the bytes at a server.

use super::component::cache;
use super::server::{Server, ok};
use super::{Names, wait};
use expect_test::{Expect, expect};
use initrunner::plugin::egress::EgressOptions;
use initrunner_tests::sandbox::Sandbox;
use std::path::Path;

const SECRETS: [(&str, &str); 1] = [("API_KEY", "a-value-of-a-secret")];

fn sandbox() -> Sandbox {
    let names = Names::of(&[("api.example.com", &[&["127.0.0.1"]])]);
    Sandbox::with_egress(
        Some(cache()),
        EgressOptions { resolver: Some(names), ..EgressOptions::default() },
    )
}

async fn call(entry: &str, arguments: &str) -> String {
    let sandbox = sandbox();
    match sandbox.open_with(entry, Path::new("/"), &SECRETS).await {
        Ok(tools) => sandbox.call(&tools, "http", arguments).await,
        Err(problems) => problems,
    }
}

fn check(entry: &str, arguments: &str, expected: Expect) {
    let said = wait(call(&format!("  - type: http\n{entry}"), arguments));
    expected.assert_eq(&said);
}

fn entry(port: u16, more: &str) -> String {
    format!(
        "  - type: http\n    base_url: http://api.example.com:{port}/v1\n    networks: [127.0.0.0/8]\n{more}"
    )
}

#[test]
fn a_call_is_one_request_and_its_answer() {
    wait(async {
        let server = Server::start(|request| {
            let key = request.lines().find_map(|line| line.strip_prefix("authorization: "));
            ok(
                "Content-Type: application/json\r\nSet-Cookie: a=b\r\n",
                &format!("{{\"you\": {:?}, \"n\": 1.50}}", key.unwrap_or_default()),
            )
        })
        .await;
        let more =
            "    headers: {Authorization: 'Bearer ${API_KEY}'}\n    allowed_methods: [GET, POST]";
        let entry = entry(server.port(), more);
        let said = call(&entry, r#"{"path": "/users", "query": {"q": "a b", "n": 2}}"#).await;
        assert_eq!(
            said,
            r#"ok: {"body":{"n":1.5,"you":"Bearer {{secret:API_KEY}}"},"headers":{"content-type":"application/json"},"status":200}"#
        );
        let said = call(&entry, r#"{"method": "POST", "path": "users", "json": {"a": "ü"}}"#).await;
        assert!(said.starts_with("ok: "), "{said}");
        let seen = server.seen();
        let port = server.port();
        assert_eq!(
            seen[0],
            format!(
                "GET /v1/users?n=2&q=a%20b HTTP/1.1\r\nauthorization: Bearer a-value-of-a-secret\r\n\
                 user-agent: initrunner-http/0.1.0\r\naccept-encoding: identity\r\n\
                 host: api.example.com:{port}\r\nconnection: close\r\n\r\n"
            )
        );
        assert!(seen[1].starts_with("POST /v1/users HTTP/1.1\r\n"), "{}", seen[1]);
        assert!(seen[1].contains("idempotency-key: run_caibaeaqcaib/call_ibaeaqcaib\r\n"));
        assert!(seen[1].contains("content-type: application/json\r\n"));
        assert!(seen[1].ends_with("\r\n\r\n{\"a\":\"ü\"}"), "{}", seen[1]);
    });
}

#[test]
fn a_person_is_shown_the_request() {
    check(
        "    base_url: https://api.example.com/v1\n    headers: {Authorization: 'Bearer ${API_KEY}'}\n    allowed_methods: [POST]\n    approval: required",
        r#"{"path": "/users", "json": {"name": "x"}}"#,
        expect![[r#"
            waiting: POST https://api.example.com/v1/users
            Authorization: Bearer {{secret:API_KEY}}
            Content-Type: application/json
            Idempotency-Key: (one for each call)
            User-Agent: initrunner-http/0.1.0
            Accept-Encoding: identity

            {"name":"x"}"#]],
    );
}

#[test]
fn a_call_cannot_leave_what_the_role_names() {
    let role = "    base_url: https://api.example.com/v1\n    headers: {X-Key: '${API_KEY}'}";
    check(
        role,
        r#"{"path": "/../admin"}"#,
        expect!["failed: Invalid arguments: the path `/../admin` has a segment `.` or `..`"],
    );
    check(
        role,
        r#"{"path": "https://evil.example/"}"#,
        expect![
            "failed: Invalid arguments: the path `https://evil.example/` is a whole URL; give the path below the base URL only"
        ],
    );
    check(
        role,
        r#"{"method": "DELETE"}"#,
        expect![[
            r#"refused by Arguments: Invalid arguments: at `/method`: the value is not one of "GET" or "HEAD""#
        ]],
    );
    check(
        role,
        r#"{"headers": {"x-key": "mine"}}"#,
        expect!["failed: Invalid arguments: the header `x-key` is set by the role; leave it out"],
    );
    check(
        role,
        r#"{"headers": {"accept": "{{secret:API_KEY}}"}}"#,
        expect![[r#"
        failed: The tool failed: the request was refused, and was not sent
        (the host says: an HTTP request was refused: the secret `API_KEY` may not go to `api.example.com` in the header `accept`; to allow it, add `grants: {secrets: [{name: API_KEY, host: 'api.example.com', header: accept}]}` to the entry (for the built-in `http`: write it in the entry's `headers`))"#]],
    );
    check(
        role,
        r#"{"query": {"k": "{{secret:API_KEY}}"}}"#,
        expect![[r#"
        failed: The tool failed: the request was refused, and was not sent
        (the host says: an HTTP request was refused: the secret `API_KEY` cannot be part of a request's address, only the value of a header that the role grants for its host: `grants: {secrets: [{name: API_KEY, host: 'api.example.com', header: authorization}]}`)"#]],
    );
}

#[test]
fn a_private_server_needs_a_network() {
    check(
        "    base_url: http://127.0.0.1:9",
        "{}",
        expect![[r#"
        failed: The tool failed: the request was refused, and was not sent
        (the host says: an HTTP request was refused: `127.0.0.1` is not on the public internet (this machine itself); if that is meant, add `networks: ['127.0.0.1']` to the grant that covers it (for the built-in `http`: to its entry))"#]],
    );
}

#[test]
fn a_redirect_a_large_body_and_a_slow_server_are_told() {
    wait(async {
        let server = Server::start(|request| {
            if request.starts_with("GET /v1/large") {
                return ok("Content-Type: text/plain\r\n", &"x".repeat(50));
            }
            if request.starts_with("GET /v1/slow") {
                return super::server::Answer::Held(vec![]);
            }
            let head = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n";
            super::server::Answer::Bytes(head.as_bytes().to_vec())
        })
        .await;
        let entry = entry(server.port(), "    max_response_bytes: 10\n    timeout_seconds: 1");
        assert_eq!(
            call(&entry, "{}").await,
            r#"ok: {"headers":{"location":"http://169.254.169.254/"},"note":"the redirect was not followed","status":302}"#
        );
        assert_eq!(
            call(&entry, r#"{"path": "/large"}"#).await,
            r#"ok: {"body":"xxxxxxxxxx","headers":{"content-type":"text/plain"},"note":"the body has 50 bytes, of which 10 are told","status":200,"truncated":true}"#
        );
        let said = call(&entry, r#"{"path": "/slow"}"#).await;
        assert_eq!(
            said,
            "failed: The tool failed: there was no answer in time; the request may have been sent"
        );
    });
}

#[test]
fn what_a_role_cannot_mean_is_told_where_it_stands() {
    let open = |settings: &str| {
        let entry = format!("  - type: http\n{settings}");
        match wait(sandbox().open_with(&entry, Path::new("/"), &SECRETS)) {
            Ok(_) => "opened".to_owned(),
            Err(problems) => problems,
        }
    };
    let check = |settings: &str, expected: Expect| expected.assert_eq(&open(settings));
    check("    base_url: https://api.example.com", expect!["opened"]);
    check(
        "    name: http",
        expect![[
            r#"role.yaml:6:5: the configuration of `http` does not fit: "base_url" is a required property"#
        ]],
    );
    check(
        "    base_url: ftp://api.example.com",
        expect![[r#"
        role.yaml:7:5: `base_url` does not begin with `https://` or `http://`
          hint: write a server and a path, such as `https://api.example.com/v1`"#]],
    );
    check(
        "    base_url: https://u:p@api.example.com",
        expect![[r#"
        role.yaml:7:5: `base_url` has a user in it; put credentials into `headers`
          hint: write a server and a path, such as `https://api.example.com/v1`"#]],
    );
    check(
        "    base_url: https://api.example.com/../x",
        expect![[r#"
        role.yaml:7:5: `base_url` has a path that is not plain: no `.`, `..`, `//`, `%` and blanks
          hint: write a server and a path, such as `https://api.example.com/v1`"#]],
    );
    check(
        "    base_url: 'https://${API_KEY}.example.com'",
        expect![[r#"
        role.yaml:7:5: `base_url` holds the secret `API_KEY`
          hint: put it into `headers`: addresses are logged and shown"#]],
    );
    check(
        "    base_url: http://api.example.com\n    headers: {X-Key: '${API_KEY}'}",
        expect![[r#"
            role.yaml:7:5: the secret `API_KEY` would be sent over plain HTTP, where others can read it
              hint: begin `base_url` with `https://`"#]],
    );
    check(
        "    base_url: https://a.example\n    networks: [home]",
        expect![[r#"
        role.yaml:8:5: `networks` has an item that is no network
          hint: write an address and the length of its prefix, such as `10.0.0.0/8`"#]],
    );
    check(
        "    base_url: https://a.example\n    headers: {Host: b}",
        expect![
            "role.yaml:6:5: the entry `http` cannot be used: `headers`: `Host` cannot be set: it is the host's, or this tool's own"
        ],
    );
    check(
        "    base_url: https://a.example\n    allowed_methods: [CONNECT]",
        expect![[
            r#"role.yaml:8:5: the configuration of `http` does not fit at `allowed_methods/0`: the value is not one of "GET", "HEAD" or 5 other candidates"#
        ]],
    );
    check(
        "    base_url: https://a.example\n    timeout: 3",
        expect![[r#"
        role.yaml:8:5: the tool `http` has no key `timeout`
          hint: it knows `base_url`, `allowed_methods`, `headers`, `allowed_headers`, `timeout_seconds`, `max_response_bytes`, `networks`"#]],
    );
    check(
        "    base_url: https://a.example\n    grants: {http: [{host: b.example}]}",
        expect![[r#"
            role.yaml:6:11: the built-in `http` takes no `grants`
              hint: what it may reach follows from its own configuration"#]],
    );
}
