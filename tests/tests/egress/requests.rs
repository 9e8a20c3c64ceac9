//! Requests that are not what they seem: in their headers, their path, their method, their length.

use super::server::{Server, ok};
use super::{Desk, Names, Table, get, grant, refused, wait};
use initrunner::domain::grant::HttpGrant;
use initrunner::plugin::egress::{EgressLimits, Kind, Request};

const HERE: &[&str] = &["127.0.0.1/32"];

fn with(name: &str, value: &[u8]) -> Request {
    Request { headers: vec![(name.into(), value.into())], ..get("", "/") }
}

#[test]
fn nothing_can_be_smuggled_in_a_request() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let authority = format!("127.0.0.1:{port}");
        let desk = Desk::new(Names::of(&[]), vec![grant("127.0.0.1", port, HERE)]);
        let mut table = Table::default();
        let mut cases: Vec<(&str, Request, Kind, &str)> = Vec::new();
        let denied = Kind::Denied;

        for name in [
            "Host",
            "host",
            "HOST",
            "Connection",
            "Keep-Alive",
            "Proxy-Connection",
            "Upgrade",
            "HTTP2-Settings",
            "Transfer-Encoding",
            "transfer_encoding",
            "TE",
            "Trailer",
            "Expect",
            "Proxy-Authorization",
            "Proxy-Authenticate",
        ] {
            let reason = "cannot be set: ";
            cases.push((
                "headers of the host and the connection",
                with(name, b"x"),
                denied,
                reason,
            ));
        }
        for name in [
            "X-HTTP-Method-Override",
            "X_HTTP_METHOD_OVERRIDE",
            "X-HTTP-Method",
            "X-Method-Override",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-Forwarded-Host",
            "X-Original-Host",
            "Forwarded",
        ] {
            let reason = "than the one that is granted";
            cases.push(("headers that name another request", with(name, b"x"), denied, reason));
        }
        for value in ["1", "00", "0, 0", "-0", "0x0", "+0", " 0", "0 ", "99999999999999999999"] {
            let reason = "it is not the one length of the body";
            cases.push((
                "lengths that are not the body's",
                with("Content-Length", value.as_bytes()),
                denied,
                reason,
            ));
        }
        let twice = vec![("content-length".into(), b"0".to_vec()); 2];
        cases.push((
            "lengths that are not the body's",
            Request { headers: twice, ..get("", "/") },
            denied,
            "it is not the one length",
        ));
        for value in
            [&b"a\r\nX: y"[..], b"a\nX: y", b"a\rX: y", b"a\0b", b"a\r\n\r\nGET / HTTP/1.1"]
        {
            let reason = "a line break or another control character";
            cases.push(("line breaks in headers", with("X-A", value), denied, reason));
        }
        for name in ["", "X A", "X-A:", "X-A\r\nHost", ":authority", ":path", "X\0A", "Ä"] {
            cases.push(("names that are none", with(name, b"x"), denied, "it is no name"));
        }
        for path in [
            "x",
            "*",
            "http://127.0.0.1/",
            "//../x y",
            "/x y",
            "/x\r\nHost: a",
            "/x\n",
            "/x\0",
            "/ä",
            "/x#y",
            "/x\\y",
            "/x HTTP/1.1\r\nHost: a\r\n\r\nGET /y",
        ] {
            cases.push(("paths that end a line or are none", get("", path), denied, "the path `"));
        }
        for method in ["CONNECT", "TRACE", "TRACK"] {
            let request = Request { method: method.into(), ..get("", "/") };
            cases.push(("methods that nobody may use", request, denied, "cannot be used"));
        }
        for method in
            ["get", "Post", "DELETE", "PATCH", "GET / HTTP/1.1\r\nX:", "GET ", "", "PROPFIND"]
        {
            let request = Request { method: method.into(), ..get("", "/") };
            cases.push(("methods that are not granted", request, denied, "is not granted for"));
        }
        for scheme in ["ftp", "file", "gopher", "HTTP", "ws", "", "http:", "dict", "unix"] {
            let request = Request { scheme: scheme.into(), ..get("", "/") };
            cases.push((
                "schemes that are none",
                request,
                denied,
                "cannot be used: a request goes over",
            ));
        }
        cases.push((
            "schemes that are not granted",
            Request { scheme: "https".into(), ..get("", "/") },
            denied,
            "is not granted; add `grants: {http: [{host: 127.0.0.1",
        ));
        for (family, request, kind, reason) in cases {
            let request = Request { authority: authority.clone(), ..request };
            refused(desk.send(request).await, kind, reason);
            table.refused(family);
        }
        for port in [port.wrapping_add(1), 80, 22, 6379] {
            let outcome = desk.send(get(&format!("127.0.0.1:{port}"), "/")).await;
            refused(
                outcome,
                denied,
                "is not granted; add `grants: {http: [{scheme: http, host: 127.0.0.1",
            );
            table.refused("ports that are not granted");
        }
        table.print();
        assert_eq!(server.seen(), Vec::<String>::new());
    });
}

#[test]
fn no_path_leads_out_of_the_granted_one() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let granted = HttpGrant { path: "/v1".into(), ..grant("127.0.0.1", port, HERE) };
        let desk = Desk::new(Names::of(&[]), vec![granted]);
        let mut table = Table::default();
        let outside = "is not granted, only what is below `/v1`";
        let dots = "has a segment `.` or `..`";
        for (family, path, reason) in [
            ("other paths", "/", outside),
            ("other paths", "/v10", outside),
            ("other paths", "/v", outside),
            ("other paths", "/V1/x", outside),
            ("other paths", "/v1.", outside),
            ("other paths", "/v1;x", outside),
            ("other paths", "/%76%31", outside),
            ("other paths", "/?/v1", outside),
            ("dots", "/v1/..", dots),
            ("dots", "/v1/../admin", dots),
            ("dots", "/v1/./../admin", dots),
            ("dots", "/../v1/x", dots),
            ("encoded dots", "/v1/%2e%2e/admin", dots),
            ("encoded dots", "/v1/%2E%2e/admin", dots),
            ("encoded dots", "/v1/.%2e/admin", dots),
            ("encoded dots", "/v1/%2e./admin", dots),
            ("encoded dots", "/v1/%252e%252e/admin", "is percent-encoded twice"),
            ("encoded slashes", "/v1/..%2fadmin", "an encoded `/`"),
            ("encoded slashes", "/v1%2f..%2fadmin", "an encoded `/`"),
            ("encoded slashes", "/v1/..%5cadmin", "has a backslash"),
            ("encoded slashes", "/v1/%252f..%252fadmin", "is percent-encoded twice"),
            ("parameters in segments", "/v1/..;/admin", dots),
            ("parameters in segments", "/v1/..;a=b/admin", dots),
            ("parameters in segments", "/v1/%2e%2e;/admin", dots),
            ("parameters in segments", "/v1/..%3b/admin", dots),
            ("empty segments", "/v1//admin", "has an empty segment"),
            ("empty segments", "//v1/admin", "has an empty segment"),
            ("empty segments", "//evil.example/v1", "has an empty segment"),
            ("encoded control characters", "/v1/x%00.png", "an encoded control character"),
            ("encoded control characters", "/v1/x%0d%0aHost:%20a", "an encoded control character"),
        ] {
            let outcome = desk.send(get(&format!("127.0.0.1:{port}"), path)).await;
            refused(outcome, Kind::Denied, reason);
            table.refused(family);
        }
        table.print();
        assert_eq!(server.seen(), Vec::<String>::new());
        for path in ["/v1", "/v1?x=/../y", "/v1/", "/v1/a/b.c", "/v1/%C3%BC"] {
            desk.send(get(&format!("127.0.0.1:{port}"), path)).await.unwrap();
        }
        assert_eq!(server.seen().len(), 5);
    });
}

#[test]
fn a_request_is_sent_as_the_guard_reads_it() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let desk = Desk::new(Names::of(&[]), vec![grant("127.0.0.1", port, HERE)]);
        let request = Request {
            method: "POST".into(),
            headers: vec![
                ("X-One".into(), b"1".to_vec()),
                ("content-length".into(), b"5".to_vec()),
                ("x-one".into(), b"2".to_vec()),
            ],
            body: b"hello".to_vec(),
            ..get(&format!("0x7f.1:{port}"), "?q=%20&r")
        };
        desk.send(request).await.unwrap();
        let seen = server.seen().remove(0);
        assert_eq!(
            seen,
            format!(
                "POST /?q=%20&r HTTP/1.1\r\nx-one: 1\r\nx-one: 2\r\ncontent-length: 5\r\n\
                 host: 127.0.0.1:{port}\r\nconnection: close\r\n\r\nhello"
            )
        );
    });
}

#[test]
fn a_request_has_limits() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let limits = EgressLimits {
            headers: 3,
            request_head: 64,
            path: 16,
            request_body: 10,
            ..EgressLimits::default()
        };
        let desk = Desk::limited(Names::of(&[]), vec![grant("127.0.0.1", port, HERE)], limits);
        let request = get(&format!("127.0.0.1:{port}"), "/");
        let headers = |count: usize, size: usize| Request {
            headers: (0..count).map(|at| (format!("x-{at}"), vec![b'x'; size])).collect(),
            ..request.clone()
        };
        let size = Kind::RequestSize;
        desk.send(headers(3, 1)).await.unwrap();
        refused(desk.send(headers(4, 1)).await, size, "more than 3 headers");
        refused(desk.send(headers(1, 64)).await, size, "larger than 64 bytes");
        let path = Request { path: format!("/{}", "x".repeat(16)), ..request.clone() };
        refused(desk.send(path).await, size, "longer than 16 bytes");
        let body =
            |length| Request { method: "POST".into(), body: vec![0; length], ..request.clone() };
        desk.send(body(10)).await.unwrap();
        refused(desk.send(body(11)).await, size, "larger than 10 bytes");
        assert_eq!(server.seen().len(), 2);
    });
}
