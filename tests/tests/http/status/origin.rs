//! Pages of others, and other names for this machine.

use super::{COMPLETIONS, Table};
use crate::roles::{self, FREE, asked};
use expect_test::expect;
use initrunner_tests::serve::Server;

#[test]
fn doors_that_pages_of_others_find_shut() {
    let home = roles::home();
    let arguments = ["--cors-origin", "https://ours.example"];
    let server = Server::with(&home, ".", &arguments);
    let mut table = Table::of(home);
    let port = server.address().port();
    let body = asked(FREE, "hello").to_string();
    let post = || server.request("POST", COMPLETIONS);
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        "LOCALHOST".into(),
        "127.8.8.8".into(),
        "evil.example".into(),
        format!("evil.example:{port}"),
        "localhost.evil.example".into(),
        "127.0.0.1.evil.example".into(),
        "[::1".into(),
        "192.168.1.1".into(),
        String::new(),
    ] {
        let shown = host.replace(&port.to_string(), "PORT");
        table.row(
            &format!("Host: {shown}"),
            &server.request("GET", "/v1/models").host(&host).send(),
        );
    }
    for origin in [
        server.url(""),
        "https://ours.example".into(),
        "https://ours.example.evil".into(),
        "http://ours.example".into(),
        "http://evil.example".into(),
        format!("http://127.0.0.1:{}", port ^ 1),
        "null".into(),
        String::new(),
    ] {
        let shown =
            origin.replace(&port.to_string(), "PORT").replace(&(port ^ 1).to_string(), "OTHER");
        let answer = post().header("Origin", &origin).json(&body).send();
        table.row(&format!("Origin: {shown}"), &answer);
    }
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/plain; application/json",
        "",
    ] {
        let answer = post().header("Content-Type", kind).body(&body).send();
        table.row(&format!("Content-Type: {kind}"), &answer);
    }
    table.row("no Content-Type", &post().body(&body).send());
    table.check(expect![[r#"
        Host: localhost:PORT                   200
        Host: 127.0.0.1:PORT                   200
        Host: [::1]:PORT                       200
        Host: LOCALHOST                        200
        Host: 127.8.8.8                        200
        Host: evil.example                     403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: evil.example:PORT                403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: localhost.evil.example           403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: 127.0.0.1.evil.example           403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: [::1                             200
        Host: 192.168.1.1                      403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host:                                  403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Origin: http://127.0.0.1:PORT          200
        Origin: https://ours.example           200
        Origin: https://ours.example.evil      403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: http://ours.example            403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: http://evil.example            403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: http://127.0.0.1:OTHER         403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: null                           403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin:                                403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Content-Type: application/json         200
        Content-Type: application/json; charset=utf-8 200
        Content-Type: APPLICATION/JSON         200
        Content-Type: text/plain               415 not_json [-] send `Content-Type: application/json`
        Content-Type: application/x-www-form-urlencoded 415 not_json [-] send `Content-Type: application/json`
        Content-Type: multipart/form-data; boundary=x 415 not_json [-] send `Content-Type: application/json`
        Content-Type: application/jsonp        415 not_json [-] send `Content-Type: application/json`
        Content-Type: text/plain; application/json 415 not_json [-] send `Content-Type: application/json`
        Content-Type:                          415 not_json [-] send `Content-Type: application/json`
        no Content-Type                        415 not_json [-] send `Content-Type: application/json`
    "#]]);
}
