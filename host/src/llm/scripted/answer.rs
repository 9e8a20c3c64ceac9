//! Which rule answers a history, and with what.

use super::parse::{Arguments, From, Json, Rule, Script};
use super::template::{Found, Template};
use crate::domain::message::Message;
use serde_json::{Map, Value};

/// What a script answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Tool and arguments of each call.
    pub(super) calls: Vec<(String, String)>,
}

/// What no rule matches.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unmatched {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// The end of a history, which is all that rules look at.
struct Situation<'h> {
    user: &'h str,
    /// Answers since the last user message.
    turn: usize,
    /// The results of the last calls: tool, text, whether it is an error.
    results: Vec<(&'h str, &'h str, bool)>,
}

impl<'h> Situation<'h> {
    fn of(messages: &'h [Message]) -> Self {
        let mut situation = Self { user: "", turn: 0, results: Vec::new() };
        for message in messages {
            match message {
                Message::User { text } => {
                    situation = Self { user: text, turn: 0, results: Vec::new() };
                }
                Message::Assistant { .. } => {
                    situation.turn += 1;
                    situation.results.clear();
                }
                Message::ToolResult { tool, content, is_error, .. } => {
                    situation.results.push((tool, content, *is_error));
                }
            }
        }
        situation
    }

    /// The text that a rule's `when` looks at; `None` where the rule answers something else.
    fn text_for(&self, from: &From) -> Option<String> {
        match from {
            From::User => self.results.is_empty().then(|| self.user.to_owned()),
            From::Tool { tool, is_error } => {
                let mut wanted = self.results.iter().filter(|(of, _, failed)| {
                    tool.as_ref().is_none_or(|tool| tool == of)
                        && is_error.is_none_or(|is_error| is_error == *failed)
                });
                let first = wanted.next()?.1.to_owned();
                Some(wanted.fold(first, |joined, (_, text, _)| joined + "\n" + text))
            }
        }
    }
}

/// Finds the answer.
pub(super) fn answer(script: &Script, messages: &[Message]) -> Result<Answer, Unmatched> {
    let situation = Situation::of(messages);
    if let Some(answer) = script.rules.iter().find_map(|rule| try_rule(rule, &situation)) {
        return Ok(answer);
    }
    let any_result = From::Tool { tool: None, is_error: None };
    let (kind, text) = match situation.text_for(&any_result) {
        Some(results) => ("tool result", results),
        None => ("user message", situation.user.to_owned()),
    };
    match &script.fallback {
        Some(fallback) => {
            let user_text = situation.user;
            let found = Found { when: None, text: &text, user: None, user_text };
            Ok(Answer { text: fallback.fill(&found), calls: Vec::new() })
        }
        None => Err(Unmatched { kind, text }),
    }
}

fn try_rule(rule: &Rule, situation: &Situation<'_>) -> Option<Answer> {
    if rule.turn.is_some_and(|turn| turn != situation.turn) {
        return None;
    }
    let text = situation.text_for(&rule.from)?;
    // Only a pattern that does not match keeps its rule from answering.
    let when = match &rule.when {
        Some(when) => Some(when.captures(&text)?),
        None => None,
    };
    let user = match &rule.user {
        Some(user) => Some(user.captures(situation.user)?),
        None => None,
    };
    let found = Found { when, text: &text, user, user_text: situation.user };
    let calls = rule.calls.iter().map(|call| {
        let arguments = match &call.arguments {
            Arguments::Text(text) => text.fill(&found),
            Arguments::Json(json) => fill(json, &found).to_string(),
        };
        (call.tool.fill(&found), arguments)
    });
    Some(Answer {
        text: rule.reply.as_ref().map(|reply: &Template| reply.fill(&found)).unwrap_or_default(),
        calls: calls.collect(),
    })
}

fn fill(json: &Json, found: &Found<'_>) -> Value {
    match json {
        Json::Value(value) => value.clone(),
        Json::Text(text) => Value::String(text.fill(found)),
        Json::List(items) => Value::Array(items.iter().map(|item| fill(item, found)).collect()),
        Json::Object(entries) => {
            let entry = |(key, value): &(String, Json)| (key.clone(), fill(value, found));
            Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
        }
    }
}
