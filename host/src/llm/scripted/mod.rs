//! The scripted model: a file of patterns and replies that answers like a model, needing no network
//! and no key. For trying roles out, for examples and for tests.

mod answer;
mod parse;
mod template;
#[cfg(test)]
mod tests;

use super::{Delta, Model, ModelError, ModelFuture, Reply, ReplyCall, Request, Sink, show};
use crate::domain::message::{Message, Usage};
use crate::domain::role::ModelSpec;
use crate::domain::yaml::Position;
use std::collections::BTreeMap;
use tokio::time::sleep;

/// How much of a text that no rule matches is shown: enough to tell it from others.
const LONGEST_SHOWN: usize = 120;

/// What is wrong with a script, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the script `{path}` is faulty at line {line}, column {column}: {problem}")]
pub struct ScriptError {
    /// The path that the role names.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// A clause, with the cure where there is one to name.
    pub problem: String,
}

impl ScriptError {
    /// An error in a script whose path the caller fills in.
    fn at(at: Position, problem: impl Into<String>) -> Self {
        Self { path: String::new(), line: at.line, column: at.column, problem: problem.into() }
    }
}

/// A model that follows a script.
#[derive(Debug)]
pub(super) struct Scripted {
    path: String,
    script: parse::Script,
}

impl Scripted {
    /// Reads the script that the role names.
    pub(super) fn load(
        spec: &ModelSpec,
        files: &BTreeMap<String, String>,
    ) -> Result<Self, ModelError> {
        let path = spec.script.clone().ok_or(ModelError::NoScript)?;
        let Some(text) = files.get(&path) else { return Err(ModelError::ScriptNotRead { path }) };
        match parse::parse(text) {
            Ok(script) => Ok(Self { path, script }),
            Err(error) => Err(ModelError::Script(ScriptError { path, ..error })),
        }
    }
}

impl Model for Scripted {
    fn respond<'a>(&'a self, request: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a> {
        Box::pin(async move {
            let answer = answer::answer(&self.script, request.messages).map_err(|unmatched| {
                ModelError::NoRule {
                    path: self.path.clone(),
                    kind: unmatched.kind,
                    text: show::visible_up_to(&unmatched.text, LONGEST_SHOWN),
                }
            })?;
            for word in answer.text.split_inclusive(char::is_whitespace) {
                sink(Delta::Text(word));
                if !self.script.delay.is_zero() {
                    sleep(self.script.delay).await;
                }
            }
            for (tool, _) in &answer.calls {
                sink(Delta::CallStarted { tool });
            }
            let calls = answer.calls.iter();
            let output = words(&answer.text) + calls.map(|(_, text)| words(text)).sum::<u64>();
            let usage = Usage { input_tokens: words_of(request), output_tokens: output };
            let reply = |(tool, arguments)| ReplyCall { provider_id: None, tool, arguments };
            let calls = answer.calls.into_iter().map(reply).collect();
            Ok(Reply { text: answer.text, calls, raw: None, usage })
        })
    }
}

/// Words stand in for tokens.
fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

fn words_of(request: Request<'_>) -> u64 {
    let messages = request.messages.iter().map(|message| match message {
        Message::User { text } => words(text),
        Message::Assistant { text, calls, .. } => {
            words(text) + calls.iter().map(|call| words(&call.arguments)).sum::<u64>()
        }
        Message::ToolResult { content, .. } => words(content),
    });
    words(request.prompt) + messages.sum::<u64>()
}
