//! Names: resolved once, every answer looked at, and the address that was looked at is the one that is
//! connected to. Redirects are answers, and following one is another request.

use super::server::{Answer, Server, ok, twins};
use super::{Desk, Names, get, grant, refused, wait};
use initrunner::plugin::egress::Kind;

#[test]
fn an_answer_that_changes_between_check_and_connection_changes_nothing() {
    wait(async {
        // 127.0.0.2 is granted and looked at; the second answer, which nobody asks for, is this machine.
        let (here, there) = twins("127.0.0.1", "127.0.0.2").await;
        let server = Server::on(here, None, |_| ok("", "another"));
        let other = Server::on(there, None, |_| ok("", "the one that was looked at"));
        let port = server.port();
        let names = Names::of(&[("api.example.com", &[&["127.0.0.2"], &["127.0.0.1"]])]);
        let desk =
            Desk::new(names.clone(), vec![grant("api.example.com", port, &["127.0.0.2/32"])]);
        let authority = format!("api.example.com:{port}");
        let body = desk.send(get(&authority, "/")).await.unwrap().body;
        assert_eq!(body, b"the one that was looked at");
        assert_eq!(names.asked(), 1, "a name is resolved once for a request");
        assert!(other.seen()[0].contains(&format!("host: {authority}\r\n")), "{:?}", other.seen());
        // The next request is looked at anew, and its answer is not granted.
        refused(desk.send(get(&authority, "/")).await, Kind::Address, "this machine itself");
        assert_eq!(names.asked(), 2);
        assert_eq!(server.seen().len(), 0);
    });
}

#[test]
fn one_address_that_is_not_public_is_enough() {
    wait(async {
        for answer in [
            &["8.8.8.8", "127.0.0.1"][..],
            &["127.0.0.1", "8.8.8.8"],
            &["8.8.8.8", "1.1.1.1", "::1"],
            &["2606:4700::1111", "::ffff:10.0.0.1"],
        ] {
            let names = Names::of(&[("api.example.com", &[answer])]);
            let desk = Desk::new(names, vec![grant("api.example.com", 80, &[])]);
            refused(
                desk.send(get("api.example.com", "/")).await,
                Kind::Address,
                "not on the public",
            );
        }
    });
}

#[test]
fn a_name_without_an_address_is_told() {
    wait(async {
        let names = Names::of(&[("none.example.com", &[&[]])]);
        let desk = Desk::new(names.clone(), vec![grant("*.example.com", 80, &[])]);
        refused(desk.send(get("none.example.com", "/")).await, Kind::Name, "has no address");
        refused(
            desk.send(get("other.example.com", "/")).await,
            Kind::Name,
            "the name `other.example.com` cannot be resolved: no such name",
        );
        // What is not granted is not even asked for.
        let asked = names.asked();
        refused(
            desk.send(get("secret-data.evil.example", "/")).await,
            Kind::Denied,
            "is not granted",
        );
        refused(desk.send(get("a.b.example.com", "/")).await, Kind::Denied, "is not granted");
        assert_eq!(names.asked(), asked);
    });
}

#[test]
fn a_redirect_is_an_answer_and_its_target_another_request() {
    wait(async {
        let inner = Server::start(|_| ok("", "inside")).await;
        let target = format!("http://127.0.0.1:{}/", inner.port());
        for status in [301, 302, 303, 307, 308] {
            let target = target.clone();
            let server = Server::at("127.0.0.2:0", None, move |_| {
                Answer::Bytes(
                    format!(
                        "HTTP/1.1 {status} Go\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
                    )
                    .into_bytes(),
                )
            })
            .await;
            let port = server.port();
            let names = Names::of(&[("api.example.com", &[&["127.0.0.2"]])]);
            let desk = Desk::new(names, vec![grant("api.example.com", port, &["127.0.0.2/32"])]);
            let response = desk.send(get(&format!("api.example.com:{port}"), "/")).await.unwrap();
            assert_eq!(response.status, status);
            let location = response.headers.iter().find(|(name, _)| name == "location").unwrap();
            assert_eq!(location.1, inner_url(&inner).into_bytes());
            // The component follows it: that is a request to a server that is not granted.
            let hop = desk.send(get(&format!("127.0.0.1:{}", inner.port()), "/")).await;
            refused(
                hop,
                Kind::Denied,
                &format!(
                    "add `grants: {{http: [{{scheme: http, host: 127.0.0.1, ports: [{}]}}]}}`",
                    inner.port()
                ),
            );
        }
        assert_eq!(inner.seen().len(), 0);
    });
}

fn inner_url(server: &Server) -> String {
    format!("http://127.0.0.1:{}/", server.port())
}

#[test]
fn no_proxy_is_used() {
    // Set for a process of its own: another test of this one must not see it.
    let exe = std::env::current_exe().unwrap();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = std::process::Command::new(exe);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        command.env(name, &address);
    }
    let test = "addresses::a_granted_network_is_reached_and_no_other";
    let output = command.args(["--exact", test]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert!(proxy.accept().is_err(), "the proxy was asked");
}
