//! The `http` tool in a whole run: reads happen, a write waits for a person who sees the request, and the
//! role's secret is at the server and nowhere else.

use expect_test::expect;
use initrunner_tests::home::{Home, Ran};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

const TOKEN: &str = "t0ken/with ü & more";

/// Answers each request with what it was told, and keeps it.
fn server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = Vec::new();
            let mut buffer = [0; 4096];
            // Every request of these tests has less than a packet's bytes.
            while !String::from_utf8_lossy(&bytes).contains("\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&bytes).into_owned();
            let key = request.lines().find_map(|line| line.strip_prefix("authorization: "));
            let body = format!("you are {}", key.unwrap_or("nobody"));
            let length = body.len();
            kept.lock().unwrap().push(request);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n";
            let _ = write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}");
        }
    });
    (port, seen)
}

const MODEL: &str = r#"
rules:
  - {when: "^look$", turn: 0, calls: [{tool: api, arguments: {path: /users}}]}
  - {when: "^add$", turn: 0, calls: [{tool: change, arguments: {path: /users, json: {name: x}}}]}
  - {when: "^leave$", turn: 0, calls: [{tool: api, arguments: {path: /../admin}}]}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
"#;

fn home(port: u16) -> Home {
    let home = Home::new();
    home.file("script.yaml", MODEL);
    let server = format!(
        "base_url: http://127.0.0.1:{port}/v1\n    networks: [127.0.0.1]\n    \
         headers: {{Authorization: 'Bearer ${{TOKEN}}'}}"
    );
    home.file(
        "role.yaml",
        format!(
            "name: test\nprompt: p\nmodel: scripted:script.yaml\nsecrets: [TOKEN]\ntools:\n  \
             - type: http\n    name: api\n    {server}\n  \
             - type: http\n    name: change\n    allowed_methods: [POST]\n    approval: required\n    {server}\n"
        ),
    );
    home
}

fn run(home: &Home, words: &[&str]) -> Ran {
    let ran = home.command(words.iter().copied()).env("TOKEN", TOKEN).run();
    assert!(!format!("{}{}", ran.raw, ran.stderr).contains(TOKEN), "{ran}");
    ran
}

/// Searches every file of the state folder for the value.
fn assert_free(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "cache" {
                assert_free(&path);
            }
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let holds = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!holds, "{}", path.display());
    }
}

#[test]
fn a_read_runs_and_a_write_waits_for_a_person_who_sees_it() {
    let (port, seen) = server();
    let home = home(port);
    run(&home, &["run", "role.yaml", "-p", "look"]).check(expect![[r#"
        Result: {"body":"you are Bearer {{secret:TOKEN}}","headers":{"content-type":"text/plain; charset=utf-8"},"status":200}
        = 0
    "#]]);
    assert!(seen.lock().unwrap()[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")));

    let ran = run(&home, &["run", "role.yaml", "-p", "add"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stdout.contains(&format!("POST http://127.0.0.1:{port}/v1/users")), "{ran}");
    assert!(ran.stdout.contains("Authorization: Bearer {{secret:TOKEN}}"), "{ran}");
    assert_eq!(seen.lock().unwrap().len(), 1, "nothing was sent before anybody decided");
    let ran = run(&home, &["approve", "RUN", "--all"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let last = seen.lock().unwrap()[1].clone();
    assert!(last.starts_with("POST /v1/users HTTP/1.1\r\n"), "{last}");
    assert!(last.contains("idempotency-key: run_"), "{last}");
    assert_free(&home.state());
}

#[test]
fn what_is_refused_is_the_models_to_read() {
    let (port, seen) = server();
    run(&home(port), &["run", "role.yaml", "-p", "leave"]).check(expect![[r#"
        Result: Invalid arguments: the path `/../admin` has a segment `.` or `..`
        = 0
    "#]]);
    assert_eq!(seen.lock().unwrap().len(), 0);
}
