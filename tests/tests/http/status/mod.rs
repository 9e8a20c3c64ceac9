//! What a request is refused with. Each test is a table: what was sent, the status, OpenAI's `code`, what
//! it is about, and the sentence. With `--nocapture` they are printed.

mod body;
mod completion;
mod decision;
mod key;
mod limit;
mod origin;
mod path;

use crate::roles::{FREE, asked};
use expect_test::Expect;
use initrunner_tests::home::Home;
use initrunner_tests::http_client::Answer;
use initrunner_tests::stable::Placeholders;
use serde_json::Value;
use std::fmt::Write as _;

const COMPLETIONS: &str = "/v1/chat/completions";

/// A table that is being made.
struct Table {
    text: String,
    seen: Placeholders,
    home: Home,
}

impl Table {
    fn of(home: Home) -> Self {
        Self { text: String::new(), seen: Placeholders::default(), home }
    }

    /// Adds a line; a status of 0 stands for a connection that was closed without a word. Whatever a client
    /// sends is not the server's failure: a 500 is a fault of ours.
    #[track_caller]
    fn row(&mut self, what: &str, answer: &Answer) {
        assert_ne!(answer.status, 500, "{what}: {}", answer.text());
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let mut line = format!("{what:<38} {}", answer.status);
        if let Value::Object(mut error) = said["error"].clone() {
            let mut take = |key: &str| match error.shift_remove(key) {
                Some(Value::String(text)) => text,
                _ => "-".to_owned(),
            };
            let (message, code, param) = (take("message"), take("code"), take("param"));
            take("type");
            let _ = write!(line, " {code} [{param}] {message}");
            if !error.is_empty() {
                let _ = write!(line, " {}", Value::Object(error));
            }
        } else if answer.status >= 400 {
            let _ = write!(line, " {}", answer.text());
        }
        let line = self.seen.hide(&line, self.home.root());
        println!("{line}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    #[track_caller]
    fn check(self, expected: Expect) {
        expected.assert_eq(&self.text);
    }
}

/// A request for a completion with these keys besides.
fn with(more: Value) -> Value {
    let mut body = asked(FREE, "hello");
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}
