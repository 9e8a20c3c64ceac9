//! Servers that send too much, too slowly, nothing, or what is not HTTP.

use super::server::{Answer, Server, ok, silent_port};
use super::{Desk, Names, Table, get, grant, refused, wait};
use initrunner::plugin::egress::{EgressLimits, Kind, Pass, Refusal, Request, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LIMITS: EgressLimits = EgressLimits {
    headers: 20,
    request_head: 1 << 10,
    path: 1 << 10,
    request_body: 1 << 10,
    response_head: 8 << 10,
    response_body: 1 << 10,
    requests: 10,
    received: 1 << 20,
    at_a_time: 2,
    connections: 2,
};

async fn ask(answer: Answer, method: &str, time: Duration) -> Result<Response, Refusal> {
    let answer = std::sync::Mutex::new(Some(answer));
    let server =
        Server::start(move |_| answer.lock().unwrap().take().unwrap_or(Answer::Held(vec![]))).await;
    let port = server.port();
    let mut desk =
        Desk::limited(Names::of(&[]), vec![grant("127.0.0.1", port, &["127.0.0.1/32"])], LIMITS);
    desk.time = time;
    let request = Request { method: method.into(), ..get(&format!("127.0.0.1:{port}"), "/") };
    desk.send(request).await
}

async fn raw(bytes: &str) -> Result<Response, Refusal> {
    ask(Answer::Bytes(bytes.as_bytes().to_vec()), "GET", Duration::from_secs(20)).await
}

#[test]
fn a_response_has_limits() {
    wait(async {
        let mut table = Table::default();
        let size = Kind::ResponseSize;
        let protocol = Kind::Protocol;
        let many: String = (0..30).map(|at| format!("x-{at}: y\r\n")).collect();
        let long = "x".repeat(9 << 10);
        let body = "x".repeat(1025);
        for (family, answer, kind, reason) in [
            ("bodies", format!("HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n{body}"), size, "larger than 1024 bytes"),
            ("bodies", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".into(), size, "larger than 1024 bytes"),
            ("bodies", format!("HTTP/1.1 200 OK\r\n\r\n{body}"), size, "larger than 1024 bytes"),
            ("bodies", format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n{body}\r\n0\r\n\r\n"), size, "larger than 1024 bytes"),
            ("headers", format!("HTTP/1.1 200 OK\r\n{many}\r\n"), size, "more than 20 headers"),
            ("headers", format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n"), size, "8192 bytes of them"),
            ("what is no HTTP", "SSH-2.0-OpenSSH_9.9\r\n".into(), protocol, "no answer that is HTTP"),
            ("what is no HTTP", "HTTP/1.1 2000 OK\r\n\r\n".into(), protocol, "no answer that is HTTP"),
            ("what is no HTTP", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into(), protocol, "no answer that is HTTP"),
            ("what is no HTTP", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab".into(), protocol, "no answer that is HTTP"),
            ("what is no HTTP", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(), protocol, "no answer that is HTTP"),
            ("what is no HTTP", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".into(), protocol, "a transfer coding that is not"),
            ("what is no HTTP", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), protocol, "no answer that is HTTP"),
            ("what breaks off", String::new(), protocol, "before its answer was complete"),
            ("what breaks off", "HTTP/1.1 200 OK\r\nContent-Le".into(), protocol, "before its answer was complete"),
            ("what breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".into(), protocol, "before its answer was complete"),
            ("other protocols", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".into(), protocol, "changing the protocol"),
        ] {
            refused(raw(&answer).await, kind, reason);
            table.refused(family);
        }
        table.print();
    });
}

#[test]
fn a_slow_server_takes_no_longer_than_the_call() {
    wait(async {
        let time = Duration::from_millis(400);
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec();
        let mut hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".to_vec();
        hints.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        for answer in [
            Answer::Held(vec![]),
            Answer::Held(b"HTTP/1.1 200".to_vec()),
            Answer::Held(head.clone()),
            Answer::Drip(b"x".to_vec(), Duration::from_millis(20)),
            Answer::Drip(head, Duration::from_millis(20)),
            Answer::Drip(hints, Duration::ZERO),
        ] {
            let began = Instant::now();
            let outcome = ask(answer, "GET", time).await;
            // A server that never stops naming headers is too large before it is too slow.
            assert!(outcome.is_err());
            assert!(began.elapsed() < Duration::from_secs(5), "{outcome:?}");
            let refusal = outcome.unwrap_err();
            assert!(
                matches!(refusal.kind, Kind::Slow | Kind::Protocol | Kind::ResponseSize),
                "{refusal}"
            );
        }
        // Nothing listens there and nothing answers: a port that takes no connection.
        let (_socket, port) = silent_port();
        let desk = Desk::new(Names::of(&[]), vec![grant("127.0.0.1", port, &["127.0.0.1/32"])]);
        let outcome = desk.send(get(&format!("127.0.0.1:{port}"), "/")).await;
        refused(outcome, Kind::Unreachable, "connection refused");
    });
}

#[test]
fn a_component_may_ask_for_less_time() {
    wait(async {
        let server = Server::start(|request| match request.starts_with("GET /head") {
            true => Answer::Held(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab".to_vec()),
            false => Answer::Held(vec![]),
        })
        .await;
        let port = server.port();
        let desk = Desk::new(Names::of(&[]), vec![grant("127.0.0.1", port, &["127.0.0.1/32"])]);
        let short = Some(Duration::from_millis(100));
        for (path, first_byte, between_bytes) in [("/", short, None), ("/head", None, short)] {
            let pass = Pass {
                grants: &desk.grants,
                secrets: &desk.secrets,
                until: Instant::now() + Duration::from_secs(60),
                connect: short,
                first_byte,
                between_bytes,
            };
            let request = get(&format!("127.0.0.1:{port}"), path);
            let outcome = desk.egress.exchange(pass, request).await.outcome;
            refused(outcome, Kind::Slow, "within the time that the component gave it");
        }
    });
}

#[test]
fn connections_are_limited_over_all_calls_and_given_back() {
    wait(async {
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (now, peak) = (Arc::clone(&open), Arc::clone(&most));
        let server = Server::start(move |request| {
            if request.starts_with("GET /hold") {
                return Answer::Held(vec![]);
            }
            let count = now.fetch_add(1, Ordering::SeqCst) + 1;
            peak.fetch_max(count, Ordering::SeqCst);
            now.fetch_sub(1, Ordering::SeqCst);
            ok("", "here")
        })
        .await;
        let port = server.port();
        let authority = format!("127.0.0.1:{port}");
        let grants = vec![grant("127.0.0.1", port, &["127.0.0.1/32"])];
        let mut desk = Desk::limited(Names::of(&[]), grants, LIMITS);
        // Two hold both connections until their time is up; a third has less time and waits in vain.
        desk.time = Duration::from_secs(1);
        let held = || desk.send(get(&authority, "/hold"));
        let waiting = desk.send_within(get(&authority, "/"), Duration::from_millis(200));
        let (one, two, three) = tokio::join!(held(), held(), waiting);
        for outcome in [one, two, three] {
            refused(outcome, Kind::Slow, "did not answer within the time of the call");
        }
        assert_eq!(server.seen().len(), 2);
        // They were given back.
        desk.time = Duration::from_secs(20);
        for _ in 0..3 {
            assert_eq!(desk.send(get(&authority, "/")).await.unwrap().body, b"here");
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn what_belongs_to_the_connection_stays_there() {
    wait(async {
        let response = raw("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\
             Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\
             Proxy-Authenticate: Basic\r\nTrailer: X-Late\r\nX-Own: a\r\nX-Own: b\r\n\
             Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n")
        .await
        .unwrap();
        let owned = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        assert_eq!(
            response.headers,
            [owned("x-own", "a"), owned("x-own", "b"), owned("content-encoding", "gzip")]
        );
        // As it came: what says that it is compressed is not decompressed.
        assert_eq!(response.body, b"abc");
        let head = ask(
            Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec()),
            "HEAD",
            Duration::from_secs(20),
        );
        let head = head.await.unwrap();
        assert_eq!(head.body, b"");
        assert_eq!(head.headers, [owned("content-length", "99999999")]);
    });
}
