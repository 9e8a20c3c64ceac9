//! Secrets: put in for one host and one header, refused everywhere else, and gone again from whatever
//! comes back.

use super::server::{Answer, Server, ok};
use super::{Desk, Names, Table, get, grant, refused, wait};
use initrunner::domain::grant::{HostPattern, SecretGrant};
use initrunner::domain::secret::Secrets;
use initrunner::plugin::egress::{Kind, Request};

const VALUE: &str = "s3cr3t/value+with=signs";
const NETWORKS: &[&str] = &["127.0.0.0/8"];

fn desk(port: u16) -> Desk {
    let names = Names::of(&[
        ("api.example.com", &[&["127.0.0.1"]]),
        ("other.example.com", &[&["127.0.0.1"]]),
    ]);
    let grants = vec![grant("*.example.com", port, NETWORKS)];
    let mut desk = Desk::new(names, grants);
    desk.secrets = Secrets::new([
        ("KEY".to_owned(), format!("{VALUE}\n")),
        ("OTHER".to_owned(), "another-secret-value".to_owned()),
        ("BROKEN".to_owned(), "a value\r\nwith: lines".to_owned()),
    ]);
    let granted = |name: &str, header: &str| SecretGrant {
        name: name.into(),
        host: HostPattern::parse("api.example.com").unwrap(),
        header: header.into(),
    };
    desk.grants.secrets = vec![granted("KEY", "authorization"), granted("BROKEN", "x-broken")];
    desk
}

fn request(port: u16, header: &str, value: &str) -> Request {
    Request {
        headers: vec![(header.into(), value.into())],
        ..get(&format!("api.example.com:{port}"), "/")
    }
}

#[test]
fn a_secret_goes_to_its_host_in_its_header_and_nowhere_else() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let port = server.port();
        let desk = desk(port);
        desk.send(request(port, "Authorization", "Bearer {{secret:KEY}}")).await.unwrap();
        let seen = server.seen().remove(0);
        assert!(seen.contains(&format!("authorization: Bearer {VALUE}\r\n")), "{seen}");
        assert!(seen.contains("accept-encoding: identity\r\n"), "{seen}");

        let mut table = Table::default();
        let plain = || get(&format!("api.example.com:{port}"), "/");
        let line = "grants: {secrets: [{name: KEY, host: 'api.example.com', header: x-key}]}";
        for (family, request, reason) in [
            ("another header", request(port, "X-Key", "{{secret:KEY}}"), line),
            (
                "another secret",
                request(port, "Authorization", "{{secret:OTHER}}"),
                "the secret `OTHER` may not go to `api.example.com` in the header `authorization`",
            ),
            (
                "a second secret beside it",
                request(port, "Authorization", "{{secret:KEY}}{{secret:OTHER}}"),
                "the secret `OTHER` may not go",
            ),
            (
                "another host",
                Request {
                    authority: format!("other.example.com:{port}"),
                    ..request(port, "Authorization", "{{secret:KEY}}")
                },
                "may not go to `other.example.com`",
            ),
            (
                "the path",
                Request { path: "/{{secret:KEY}}".into(), ..plain() },
                "cannot be part of a request's address",
            ),
            (
                "the path",
                Request { path: "/%7B%7Bsecret:KEY%7D%7D".into(), ..plain() },
                "cannot be part of a request's address",
            ),
            (
                "the path",
                Request { path: "/%7b%7bsecret%3aKEY%7d%7d".into(), ..plain() },
                "cannot be part of a request's address",
            ),
            (
                "the query",
                Request { path: "/?k={{secret:KEY}}".into(), ..plain() },
                "cannot be part of a request's address",
            ),
            (
                "the body",
                Request {
                    method: "POST".into(),
                    body: b"{\"k\": \"{{secret:KEY}}\"}".to_vec(),
                    ..plain()
                },
                "cannot be part of a request's body",
            ),
            (
                "the body",
                Request {
                    method: "POST".into(),
                    body: b"\xff{{secret:OTHER}}".to_vec(),
                    ..plain()
                },
                "cannot be part of a request's body",
            ),
            (
                "the host",
                Request { authority: format!("{{{{secret:KEY}}}}.example.com:{port}"), ..plain() },
                "has more in it than a host and a port",
            ),
            (
                "a value that is no header",
                request(port, "X-Broken", "{{secret:BROKEN}}"),
                "the value of the secret `BROKEN` cannot stand in a header",
            ),
        ] {
            let outcome = desk.send(request).await;
            let said = outcome.as_ref().unwrap_err().sentence.clone();
            assert!(!said.contains("s3cr3t") && !said.contains("lines"), "{said}");
            refused(outcome, Kind::Denied, reason);
            table.refused(family);
        }
        table.print();
        assert_eq!(server.seen().len(), 1);
    });
}

#[test]
fn a_secret_is_not_sent_in_the_clear_to_another_machine() {
    wait(async {
        // The address of a test network, granted: nothing is there, and nothing is tried.
        let names = Names::of(&[("api.example.com", &[&["127.0.0.1", "10.1.2.3"]])]);
        let mut desk = Desk { ..desk(80) };
        let options = initrunner::plugin::egress::EgressOptions {
            resolver: Some(names),
            ..Default::default()
        };
        desk.egress = initrunner::plugin::egress::Egress::new(options);
        desk.grants.http = vec![grant("api.example.com", 80, &["0.0.0.0/0"])];
        let request = Request {
            headers: vec![("authorization".into(), b"{{secret:KEY}}".to_vec())],
            ..get("api.example.com", "/")
        };
        refused(
            desk.send(request).await,
            Kind::Denied,
            "would go to `api.example.com` over plain HTTP",
        );
    });
}

/// A server that repeats what it was told, in every form and wherever it can.
#[test]
fn a_value_that_comes_back_is_a_placeholder_again() {
    wait(async {
        let server = Server::start(|request| {
            let told = request
                .lines()
                .find_map(|line| line.strip_prefix("authorization: "))
                .unwrap_or_default()
                .to_owned();
            let (half, rest) = told.split_at(told.len() / 2);
            let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
            let chunks = chunk("begin ") + &chunk(half) + &chunk(rest) + &chunk(" end czNjcjN0L3ZhbHVlK3dpdGg9c2lnbnM= s3cr3t%2Fvalue%2Bwith%3Dsigns {\"k\":\"s3cr3t\\/value+with=signs\"}");
            Answer::Bytes(
                format!(
                    "HTTP/1.1 401 {told}\r\nX-Echo: got {told}!\r\nWWW-Authenticate: Bearer error=\"{told}\"\r\n\
                     Set-Cookie: k={told}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
                )
                .into_bytes(),
            )
        })
        .await;
        let port = server.port();
        let response =
            desk(port).send(request(port, "Authorization", "{{secret:KEY}}")).await.unwrap();
        let header = |name: &str| {
            let value = response.headers.iter().find(|(own, _)| own == name).unwrap();
            String::from_utf8(value.1.clone()).unwrap()
        };
        assert_eq!(header("x-echo"), "got {{secret:KEY}}!");
        assert_eq!(header("www-authenticate"), "Bearer error=\"{{secret:KEY}}\"");
        assert_eq!(header("set-cookie"), "k={{secret:KEY}}");
        assert_eq!(
            String::from_utf8(response.body).unwrap(),
            "begin {{secret:KEY}} end {{secret:KEY}} {{secret:KEY}} {\"k\":\"{{secret:KEY}}\"}"
        );
    });
}

#[test]
fn the_length_is_that_of_what_is_handed_on() {
    wait(async {
        let server = Server::start(|_| ok("", VALUE)).await;
        let port = server.port();
        let response =
            desk(port).send(request(port, "Authorization", "{{secret:KEY}}")).await.unwrap();
        assert_eq!(response.body, b"{{secret:KEY}}");
        assert_eq!(response.headers, [("content-length".to_owned(), b"14".to_vec())]);
    });
}

#[test]
fn a_compressed_answer_to_a_secret_is_refused() {
    wait(async {
        for coding in ["gzip", "br", "x-unknown", "identity, gzip"] {
            let server =
                Server::start(move |_| ok(&format!("Content-Encoding: {coding}\r\n"), "x")).await;
            let port = server.port();
            let desk = desk(port);
            let outcome = desk.send(request(port, "Authorization", "{{secret:KEY}}")).await;
            refused(outcome, Kind::Protocol, &format!("the content coding `{coding}`"));
            // Without a secret it is the component's to undo.
            assert!(desk.send(request(port, "X-A", "b")).await.is_ok());
        }
    });
}
