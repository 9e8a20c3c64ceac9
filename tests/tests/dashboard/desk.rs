//! A server with the dashboard, keys of several roles, and somebody who is signed in.

use initrunner_tests::browser::shots;
use initrunner_tests::home::Home;
use initrunner_tests::http_client::{Answer, Request};
use initrunner_tests::serve::Server;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;

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
    reply: "I will do **two** things."
    calls:
      - {tool: shell, arguments: {command: "$1 one"}}
      - {tool: shell, arguments: {command: "$1 two"}}
  - {from: tool, when: "(?s).*denied.*", reply: "I did not: $0"}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
fallback: "You said: $0"
"#;

/// The role that asks a person before each call.
pub(crate) const ASKING: &str = "asking";

/// The role that asks nobody.
pub(crate) const FREE: &str = "free";

/// A home with both roles, and nothing else.
pub(crate) fn home() -> Home {
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    role(&home, ASKING, "approval: required");
    role(&home, FREE, "approval: auto");
    home
}

/// Writes a role that has the shell with this key beside it.
pub(crate) fn role(home: &Home, name: &str, key: &str) {
    let text = format!(
        "name: {name}\ndescription: Runs what it is asked to run\nprompt: p\nmodel: scripted:script.yaml\n\
         tools:\n  - {{type: shell, shell: true, {key}}}\n"
    );
    home.file(&format!("{name}.yaml"), text);
}

/// Who may do what: the name of each key is the word for its role; `all` may do anything.
const KEYS: [(&str, &[&str]); 5] = [
    ("caller", &["caller"]),
    ("reviewer", &["reviewer"]),
    ("second", &["reviewer"]),
    ("admin", &["admin"]),
    ("all", &["caller", "reviewer", "admin"]),
];

/// A server with the dashboard, and its keys.
pub(crate) struct Desk {
    pub(crate) home: Home,
    pub(crate) server: Server,
    keys: BTreeMap<&'static str, (String, String)>,
}

impl Desk {
    pub(crate) fn start() -> Self {
        Self::of(home())
    }

    /// Of roles that a test has written.
    pub(crate) fn of(home: Home) -> Self {
        let mut keys = BTreeMap::new();
        for (name, roles) in KEYS {
            let words = ["key", name].into_iter();
            let ran = home.run(words.chain(roles.iter().flat_map(|role| ["--role", role])));
            let secret = ran.stderr.split_whitespace().find(|word| word.starts_with("irk_"));
            let secret = secret.unwrap_or_else(|| panic!("no key in {ran}")).to_owned();
            keys.insert(name, (secret, ran.raw));
        }
        let texts: Vec<&str> = keys.values().map(|(_, text)| text.as_str()).collect();
        home.file("keys.toml", texts.concat());
        let server = serve(&home, "0");
        Self { home, server, keys }
    }

    /// Leaves a key out of the file of keys.
    pub(crate) fn without_key(&self, name: &str) {
        let left = self.keys.iter().filter(|(known, _)| **known != name);
        self.home.file("keys.toml", left.map(|(_, (_, text))| text.as_str()).collect::<String>());
    }

    /// The secret of a key.
    pub(crate) fn key(&self, name: &str) -> &str {
        &self.keys[name].0
    }

    /// The same server once it was killed and started again, at the same address.
    pub(crate) fn started_again(self) -> Self {
        let Self { home, server, keys } = self;
        let port = server.address().port().to_string();
        server.kill();
        let server = serve(&home, &port);
        Self { home, server, keys }
    }

    /// Somebody who has signed in with the key of that name.
    #[track_caller]
    pub(crate) fn visitor(&self, name: &str) -> Visitor {
        let mut visitor = Visitor::new(self.server.address());
        let answer = visitor.sign_in(self.key(name), "/");
        assert_eq!(answer.status, 303, "{}", answer.text());
        visitor
    }

    /// A request of a program with the key of that name.
    pub(crate) fn program(&self, name: &str, method: &str, path: &str) -> Request {
        Request::new(self.server.address(), method, path)
            .header("Authorization", format!("Bearer {}", self.key(name)))
    }

    /// A run that waits, started by a program: its id, and those of its calls.
    #[track_caller]
    pub(crate) fn paused(&self, text: &str) -> (String, Vec<String>) {
        self.paused_of(ASKING, text)
    }

    /// The same of any role.
    #[track_caller]
    pub(crate) fn paused_of(&self, role: &str, text: &str) -> (String, Vec<String>) {
        let body = json!({"model": role, "messages": [{"role": "user", "content": text}]});
        let asked = self.program("all", "POST", "/v1/chat/completions").json(body.to_string());
        let answer = asked.send().json();
        let run = answer["run_id"].as_str().unwrap_or_else(|| panic!("no pause: {answer}"));
        let calls = answer["pending_approvals"].as_array().into_iter().flatten();
        let id = |call: &Value| call["tool_call_id"].as_str().expect("an id").to_owned();
        (run.to_owned(), calls.map(id).collect())
    }

    /// The whole story of a run.
    #[track_caller]
    pub(crate) fn story(&self, run: &str) -> Value {
        self.program("all", "GET", &format!("/v1/runs/{run}")).send().json()
    }

    /// The state of a run.
    #[track_caller]
    pub(crate) fn state(&self, run: &str) -> String {
        let story = self.story(run);
        let state = story["state"].as_str().or_else(|| story["run"]["state"].as_str());
        state.unwrap_or_else(|| panic!("no state in {story}")).to_owned()
    }

    /// What a script of a browser is given, with what else it needs.
    pub(crate) fn given(&self, more: Value) -> Value {
        let keys: BTreeMap<&str, &str> =
            self.keys.iter().map(|(name, (secret, _))| (*name, secret.as_str())).collect();
        let mut given = json!({"url": self.server.url(""), "keys": keys, "shots": shots()});
        for (name, value) in more.as_object().into_iter().flatten() {
            given[name] = value.clone();
        }
        given
    }
}

fn serve(home: &Home, port: &str) -> Server {
    let words = ["dashboard", "--no-open", "--api-key-file", "keys.toml", "--port", port];
    Server::of(home, home.command(words))
}

/// Somebody with a browser, as far as HTTP goes: cookies are kept and sent.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    address: SocketAddr,
    pub(crate) cookies: BTreeMap<String, String>,
    /// What forms of the last page carry.
    pub(crate) csrf: String,
}

impl Visitor {
    /// Somebody who is not signed in.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new(), csrf: String::new() }
    }

    /// A request with the cookies.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let request = Request::new(self.address, method, path);
        let pairs: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        match pairs.is_empty() {
            true => request,
            false => request.header("Cookie", pairs.join("; ")),
        }
    }

    /// Keeps what an answer sets.
    pub(crate) fn keep(&mut self, answer: Answer) -> Answer {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, rules) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            match rules.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let text = answer.text();
        // Of a page who is signed in, else the form's own.
        for before in ["name=\"csrf\" content=\"", "name=\"csrf\" value=\""] {
            if let Some(found) = text.split(before).nth(1).and_then(|rest| rest.split('"').next()) {
                self.csrf = found.to_owned();
                break;
            }
        }
        answer
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let answer = self.request("GET", path).send();
        self.keep(answer)
    }

    /// Sends a form, with its token.
    pub(crate) fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let all: Vec<(&str, &str)> =
            [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        let answer = posted(self.request("POST", path), &all).send();
        self.keep(answer)
    }

    /// Sends JSON, with the token.
    pub(crate) fn json(&mut self, path: &str, body: &Value) -> Answer {
        let request = self.request("POST", path).header("X-CSRF-Token", &self.csrf);
        let answer = request.json(body.to_string()).send();
        self.keep(answer)
    }

    /// Signs in, and looks at the first page where that succeeds.
    pub(crate) fn sign_in(&mut self, key: &str, next: &str) -> Answer {
        self.get("/sign-in");
        let answer = self.form("/sign-in", &[("key", key), ("next", next)]);
        if answer.status == 303 {
            self.get("/");
        }
        answer
    }
}

/// A form's fields in a request.
pub(crate) fn posted(request: Request, fields: &[(&str, &str)]) -> Request {
    let text: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    request.header("Content-Type", "application/x-www-form-urlencoded").body(text.join("&"))
}

/// A text as forms and queries carry it.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                all.push(char::from(byte))
            }
            _ => all.push_str(&format!("%{byte:02X}")),
        }
        all
    })
}
