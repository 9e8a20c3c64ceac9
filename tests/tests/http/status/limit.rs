//! Limits of a request, and heads that two servers would read differently.

use super::{COMPLETIONS, Table};
use crate::roles::{self, FREE, asked};
use expect_test::expect;
use initrunner_tests::http_client::{Answer, Wire};
use initrunner_tests::serve::Server;

/// Bytes of a body that are taken: see `http::LARGEST_BODY`.
const LARGEST_BODY: usize = 4 << 20;

#[test]
fn limits_of_a_request() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let of_length = |length: usize| {
        let empty = asked(FREE, "").to_string();
        asked(FREE, &"x".repeat(length - empty.len())).to_string()
    };
    table.row("a body of 4 MiB", &server.post(COMPLETIONS, of_length(LARGEST_BODY)));
    let over = of_length(LARGEST_BODY + 1);
    table.row("one byte more", &server.post(COMPLETIONS, &over));
    let key = format!("Bearer {}", server.key());
    let head = format!(
        "POST {COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {key}\r\n\
         Content-Type: application/json\r\n"
    );
    // What is said to come is refused before it comes.
    let announced = format!("{head}Content-Length: {}\r\n\r\n", LARGEST_BODY + 1);
    table.row("the same, announced", &sent(&server, announced.as_bytes()));
    let huge = format!("{head}Content-Length: {}\r\n\r\n", u64::MAX);
    table.row("18 exabytes, announced", &sent(&server, huge.as_bytes()));
    let waits =
        format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", LARGEST_BODY + 1);
    table.row("the same, expecting leave", &sent(&server, waits.as_bytes()));
    let chunks =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{over}\r\n0\r\n\r\n", over.len());
    table.row("the same in chunks", &sent(&server, chunks.as_bytes()));
    let many = "1\r\n \r\n".repeat(LARGEST_BODY / 64) + "2\r\n{}\r\n0\r\n\r\n";
    let many = format!("{head}Transfer-Encoding: chunked\r\n\r\n{many}");
    table.row("65,536 chunks of a byte", &sent(&server, many.as_bytes()));

    let models = |header: usize| {
        server.request("GET", "/v1/models").header("X-Long", "x".repeat(header)).send()
    };
    table.row("a header of 16 KiB", &models(16 << 10));
    table.row("a header of 64 KiB", &models(64 << 10));
    table.row("a header of 4 MiB", &models(4 << 20));
    let headers = |count: usize| {
        let mut request = server.request("GET", "/v1/models");
        for number in 0..count {
            request = request.header(&format!("X-{number}"), "x");
        }
        request.send()
    };
    table.row("50 headers", &headers(50));
    table.row("1,000 headers", &headers(1000));
    let long = |length: usize| server.get(&format!("/v1/models/{}", "x".repeat(length)));
    let mut unknown = long(8 << 10);
    unknown.body.clear();
    table.row("a path of 8 KiB", &unknown);
    table.row("a path of 64 KiB", &long(64 << 10));
    table.check(expect![[r#"
        a body of 4 MiB                        200
        one byte more                          413 too_large [body] the body is larger than 4 MiB
        the same, announced                    413 too_large [body] the body is larger than 4 MiB
        18 exabytes, announced                 431
        the same, expecting leave              413 too_large [body] the body is larger than 4 MiB
        the same in chunks                     413 too_large [body] the body is larger than 4 MiB
        65,536 chunks of a byte                400 invalid_request [model] `model` is the name of a role, as a text
        a header of 16 KiB                     200
        a header of 64 KiB                     431
        a header of 4 MiB                      431
        50 headers                             200
        1,000 headers                          431
        a path of 8 KiB                        404
        a path of 64 KiB                       431
    "#]]);
}

/// Sends these bytes and reads an answer; where there is none, that is its status.
fn sent(server: &Server, bytes: &[u8]) -> Answer {
    let mut wire = Wire::open(server.address());
    let _ = wire.write(bytes);
    let none = Answer { status: 0, headers: Vec::new(), body: Vec::new() };
    wire.answer().unwrap_or(none)
}

#[test]
fn heads_that_two_servers_would_read_differently() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let body = asked(FREE, "hello").to_string();
    let length = body.len();
    let chunk = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let key =
        format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", server.key());
    let line = format!("POST {COMPLETIONS} HTTP/1.1\r\n");
    let head = format!("{line}Host: localhost\r\nConnection: close\r\n{key}");
    for (what, bytes) in [
        ("as it should be", format!("{head}Content-Length: {length}\r\n\r\n{body}")),
        (
            "two lengths",
            format!("{head}Content-Length: {length}\r\nContent-Length: 5\r\n\r\n{body}"),
        ),
        ("a length below zero", format!("{head}Content-Length: -1\r\n\r\n{body}")),
        ("a length with a sign", format!("{head}Content-Length: +{length}\r\n\r\n{body}")),
        ("a length in letters", format!("{head}Content-Length: ten\r\n\r\n{body}")),
        ("a length beyond 64 bits", format!("{head}Content-Length: 1{length:020}\r\n\r\n{body}")),
        ("in chunks", format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}")),
        (
            "in chunks, with a length",
            format!("{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
        ),
        ("in chunks, spelt wrong", format!("{head}Transfer-Encoding: xchunked\r\n\r\n{chunk}")),
        ("a chunk of no size", format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{chunk}")),
        (
            "a chunk of too much",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{chunk}", u128::MAX),
        ),
        ("a space before the colon", format!("{head}Content-Length : {length}\r\n\r\n{body}")),
        ("a folded header", format!("{head}X: a\r\n b\r\nContent-Length: {length}\r\n\r\n{body}")),
        (
            "a line feed in a value",
            format!("{head}X: a\nY: b\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        ("a zero in a value", format!("{head}X: a\0b\r\nContent-Length: {length}\r\n\r\n{body}")),
        (
            "no Host",
            format!("{line}Connection: close\r\n{key}Content-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "two Hosts",
            format!("{head}Host: evil.example\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "two keys",
            format!("{head}Authorization: Bearer x\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "two types",
            format!("{head}Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "a whole address",
            format!(
                "POST http://evil.example{COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 {key}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        ("another protocol", "GET / SPDY/3\r\n\r\n".into()),
        ("no protocol", "hello\r\n\r\n".into()),
        ("HTTP/2, at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n".into()),
    ] {
        table.row(what, &sent(&server, bytes.as_bytes()));
    }
    table.check(expect![[r#"
        as it should be                        200
        two lengths                            400
        a length below zero                    400
        a length with a sign                   400
        a length in letters                    400
        a length beyond 64 bits                400
        in chunks                              200
        in chunks, with a length               200
        in chunks, spelt wrong                 400
        a chunk of no size                     400 invalid_request [body] the body ended early
        a chunk of too much                    400 invalid_request [body] the body ended early
        a space before the colon               400
        a folded header                        400
        a line feed in a value                 200
        a zero in a value                      400
        no Host                                403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        two Hosts                              400 invalid_request [Host] `Host` is sent twice
        two keys                               400 invalid_request [Authorization] `Authorization` is sent twice
        two types                              400 invalid_request [Content-Type] `Content-Type` is sent twice
        a whole address                        403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        another protocol                       400
        no protocol                            400
        HTTP/2, at once                        0
        TLS                                    400
    "#]]);
}
