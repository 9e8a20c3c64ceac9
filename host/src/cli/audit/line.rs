//! What an event's body says, for people and for columns.

use crate::domain::event::Event;
use crate::domain::visible::one_line;
use serde_json::{Map, Value};

/// An event's body.
pub(super) struct Details(Map<String, Value>);

impl Details {
    pub(super) fn of(event: &Event) -> Self {
        match serde_json::from_str(&event.body) {
            Ok(Value::Object(body)) => Self(body),
            // Another program's event: shown, not understood.
            _ => Self(Map::from_iter([("body".to_owned(), Value::String(event.body.clone()))])),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// The identity that did it.
    pub(super) fn who(&self) -> Option<&str> {
        self.text("authenticated_as").or_else(|| self.text("requester"))
    }

    /// What they called themselves.
    pub(super) fn shown_as(&self) -> Option<&str> {
        self.text("by")
    }

    /// What was decided.
    pub(super) fn decision(&self) -> Option<&str> {
        self.text("decision")
    }

    /// All of it on one line: what, by whom, and the rest as it is. Digests and counters are for
    /// machines.
    pub(super) fn in_words(&self) -> String {
        const ELSEWHERE: [&str; 8] = [
            "authenticated_as",
            "by",
            "checkpoints",
            "contents",
            "decision",
            "requester",
            "spent",
            "used",
        ];
        let mut words: Vec<String> = Vec::new();
        words.extend(self.decision().map(one_line));
        match (self.shown_as(), self.who()) {
            (Some(note), Some(who)) if note != who => {
                words.push(format!("by {} ({})", one_line(note), one_line(who)));
            }
            (_, Some(who)) | (Some(who), None) => words.push(format!("by {}", one_line(who))),
            (None, None) => {}
        }
        for (key, value) in &self.0 {
            match value {
                Value::Null => {}
                _ if ELSEWHERE.contains(&key.as_str()) => {}
                Value::String(text) => words.push(format!("{key} `{}`", one_line(text))),
                other => words.push(format!("{key} {}", one_line(&other.to_string()))),
            }
        }
        words.join(", ")
    }
}
