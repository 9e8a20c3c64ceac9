//! One answer, put together from the lines of a stream; a single body is one line.

use super::super::exchange::{Answer, Event, Problem, Stage, message};
use super::super::fields::Fields;
use super::super::{Delta, ModelError, Reply, ReplyCall, Sink};
use super::API;
use super::request::said;
use crate::domain::message::{RawMessage, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The most calls of one answer. 256: as for every protocol, far above a run's budget.
const MOST: usize = 256;

#[derive(Deserialize)]
struct Line {
    message: Option<Piece>,
    done: Option<bool>,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Piece {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Box<RawValue>>>,
}

/// The answer as it is sent back.
#[derive(Serialize)]
struct Own<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    #[serde(skip_serializing_if = "<[Box<RawValue>]>::is_empty")]
    tool_calls: &'a [Box<RawValue>],
}

/// The answer, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    model: String,
    text: String,
    thinking: String,
    /// Every call in its own text.
    raw_calls: Vec<Box<RawValue>>,
    calls: Vec<ReplyCall>,
    reason: Option<String>,
    usage: Usage,
    known: bool,
    done: bool,
}

impl Assembly {
    /// An answer of `model` of which nothing has come yet.
    pub(super) fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    fn add_call(&mut self, raw: Box<RawValue>, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let call: Fields = serde_json::from_str(raw.get())?;
        let function = call.get("function").map_or("{}", RawValue::get);
        let function: Fields = serde_json::from_str(function)?;
        let name = function.text("name").filter(|name| !name.is_empty());
        let tool = name.ok_or(Problem::Faulty("it calls a tool without naming it"))?;
        if self.calls.len() == MOST {
            return Err(Problem::Faulty("it has too many calls"));
        }
        sink(Delta::CallStarted { tool: &tool });
        let provider_id = call.text("id").filter(|id| !id.is_empty());
        self.calls.push(ReplyCall { provider_id, tool, arguments: said(&function) });
        self.raw_calls.push(raw);
        Ok(())
    }
}

impl Answer for Assembly {
    fn add(&mut self, event: &Event, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let line: Line = serde_json::from_str(&event.data)?;
        if line.error.is_some() {
            return Err(Problem::Reported(message(&event.data)));
        }
        self.known |= line.message.is_some();
        if let Some(piece) = line.message {
            if let Some(text) = piece.content.filter(|text| !text.is_empty()) {
                sink(Delta::Text(&text));
                self.text.push_str(&text);
            }
            self.thinking.push_str(&piece.thinking.unwrap_or_default());
            for call in piece.tool_calls.into_iter().flatten() {
                self.add_call(call, sink)?;
            }
        }
        self.usage.input_tokens = line.prompt_eval_count.unwrap_or(self.usage.input_tokens);
        self.usage.output_tokens = line.eval_count.unwrap_or(self.usage.output_tokens);
        self.reason = line.done_reason.or(self.reason.take());
        self.done |= line.done == Some(true);
        Ok(())
    }

    fn add_whole(&mut self, body: &str, sink: &mut Sink<'_>) -> Result<(), Problem> {
        self.add(&Event { name: String::new(), data: body.to_owned() }, sink)
    }

    fn stage(&self) -> Stage {
        if self.done { Stage::Over } else { Stage::Coming }
    }

    fn is_known(&self) -> bool {
        self.known
    }

    fn reply(self: Box<Self>, _: &mut Sink<'_>) -> Result<Reply, Problem> {
        let Self { model, text, thinking, raw_calls, calls, reason, usage, .. } = *self;
        if reason.as_deref() == Some("length") {
            let model = || model.clone();
            if let Some(call) = calls.last() {
                let tool = call.tool.clone();
                return Err(Problem::Stopped(ModelError::CallCutOff { model: model(), tool }));
            }
            if text.is_empty() {
                return Err(Problem::Stopped(ModelError::NothingSaid { model: model() }));
            }
        }
        let own =
            Own { role: "assistant", content: &text, thinking: &thinking, tool_calls: &raw_calls };
        let json = serde_json::to_string(&own).ok();
        let raw = json.map(|json| RawMessage { api: API.into(), model, json });
        Ok(Reply { text, calls, raw, usage })
    }
}
