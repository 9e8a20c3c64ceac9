//! The roles that pages talk to, and the pages: scripts of `tests/clients`, each against a server of its own.

use expect_test::Expect;
use initrunner_tests::home::Home;
use initrunner_tests::http_client::{Answer, Request};
use initrunner_tests::serve::Server;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A model that calls the shell with what it is asked to run.
const SCRIPT: &str = r#"
rules:
  - when: "^run (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  # Calls again with what it got.
  - when: "^twice (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  - from: tool
    turn: 1
    user: "^twice (.*)$"
    calls: [{tool: shell, arguments: {command: "${user.1} again"}}]
  # Says something beside its calls.
  - when: "^both (.*)$"
    turn: 0
    reply: "I will do two things."
    calls:
      - {tool: shell, arguments: {command: "$1 one"}}
      - {tool: shell, arguments: {command: "$1 two"}}
  - when: "^mixed (.*)$"
    turn: 0
    calls:
      - {tool: shell, arguments: {command: "$1 one"}}
      - {tool: free, arguments: {command: "$1 two"}}
  - {from: tool, when: "(?s).*denied.*", reply: "I did not: $0"}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
fallback: "You said: $0"
"#;

/// A home with the roles `asking`, `free`, `mixed` and `two`, and nothing else.
pub(crate) fn home() -> Home {
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    let asking = "{type: shell, shell: true, approval: required}";
    let free = "{type: shell, shell: true}";
    let beside = "{type: shell, name: free, shell: true}";
    for (name, tools) in [
        ("asking", asking.to_owned()),
        ("free", free.to_owned()),
        ("mixed", format!("{asking}\n  - {beside}")),
        ("two", "{type: shell, shell: true, approval: {mode: required, quorum: 2}}".to_owned()),
    ] {
        let model = "scripted:script.yaml";
        let text = format!("name: {name}\nprompt: p\nmodel: {model}\ntools:\n  - {tools}\n");
        home.file(&format!("{name}.yaml"), text);
    }
    home
}

/// Runs a script of `tests/clients` against a server of these roles.
pub(crate) fn check(script: &str, expected: Expect) {
    let home = home();
    let server = Server::start(&home, ".");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let installed = script.with_file_name("node_modules").exists();
    assert!(installed, "the clients are not installed: run `./tests/run --install`");
    let ran = Command::new("node")
        .arg(&script)
        .env("INITRUNNER_URL", server.url(""))
        .env("INITRUNNER_KEY", server.key())
        .output()
        .expect("Node.js 20 or later must be installed as `node`");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", text(&ran.stdout), text(&ran.stderr));
    println!("{}:\n{said}", script.display());
    assert!(ran.status.success(), "{said}");
    expected.assert_eq(&said);
}

/// A server whose callers may not decide, and whose reviewers may not call.
pub(crate) struct Keyed {
    pub(crate) home: Home,
    pub(crate) server: Server,
    keys: [(&'static str, String); 4],
}

/// How such a server is started.
const KEYS: [&str; 2] = ["--api-key-file", "keys.toml"];

impl Keyed {
    pub(crate) fn start() -> Self {
        let home = home();
        let mut file = String::new();
        let mut key = |name: &'static str, role: &str| {
            let ran = home.run(["key", name, "--role", role]);
            file.push_str(&ran.raw);
            let secret = ran.stderr.split_whitespace().find(|word| word.starts_with("irk_"));
            (name, secret.unwrap_or_else(|| panic!("no key in {ran}")).to_owned())
        };
        let keys = [
            key("caller", "caller"),
            key("another", "caller"),
            key("reviewer", "reviewer"),
            key("second", "reviewer"),
        ];
        home.file("keys.toml", file);
        let server = Server::with(&home, ".", &KEYS);
        Self { home, server, keys }
    }

    /// The same after a power cut.
    pub(crate) fn killed(self) -> Self {
        let Self { home, server, keys } = self;
        server.kill();
        let server = Server::with(&home, ".", &KEYS);
        Self { home, server, keys }
    }

    /// Sends a body with the key of that name.
    #[track_caller]
    pub(crate) fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.request(key, path, body).send()
    }

    /// The same, not sent yet.
    #[track_caller]
    pub(crate) fn request(&self, key: &str, path: &str, body: &Value) -> Request {
        let secret = self.keys.iter().find(|(name, _)| *name == key).map(|(_, secret)| secret);
        let secret = secret.expect("a key of this name");
        Request::new(self.server.address(), "POST", path)
            .header("Authorization", format!("Bearer {secret}"))
            .json(body.to_string())
    }
}

/// What a server says of a body that is wrong: its status, the word for programs, the sentence.
pub(crate) fn refusal(answer: &Answer) -> String {
    let body = match answer.status {
        200 => return format!("200 {}\n", answer.events().last().cloned().unwrap_or_default()),
        _ => answer.json(),
    };
    let text = |key: &str| body["error"][key].as_str().unwrap_or_default();
    // Without the time that some say.
    let message = text("message").split(" at 20").next().unwrap_or_default();
    format!("{} {}: {message}\n", answer.status, text("code"))
}

/// The last event of a stream that has one of this type.
#[track_caller]
pub(crate) fn event(answer: &Answer, kind: &str) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let events = answer.events();
    let read = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let last = read.rev().find(|event| event["type"] == kind);
    last.unwrap_or_else(|| panic!("no {kind} in {}", answer.text()))
}

/// The text that a model of these roles is asked with, in the words of each protocol.
pub(crate) fn asked_ag_ui(text: &str) -> Value {
    json!({
        "threadId": "t", "runId": "r", "state": {}, "tools": [], "context": [], "forwardedProps": {},
        "messages": [{"id": "m", "role": "user", "content": text}],
    })
}

/// The same.
pub(crate) fn asked_ai_sdk(text: &str) -> Value {
    json!({
        "id": "c", "trigger": "submit-message",
        "messages": [{"id": "m", "role": "user", "parts": [{"type": "text", "text": text}]}],
    })
}
