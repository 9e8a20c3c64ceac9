//! One answer, put together from the items of a stream or of a single body.
//!
//! The pieces of text are for people who watch. The answer is made of whole items as the provider ends
//! them, each in its own text.

use super::super::exchange::{Answer, Event, Problem, Stage, message};
use super::super::fields::Fields;
use super::super::{Delta, ModelError, Reply, ReplyCall, Sink};
use super::API;
use crate::domain::message::{RawMessage, Usage};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most items. 1024: an answer has at most some hundred calls, each perhaps with its reasoning.
const MOST: usize = 1024;

/// An event, with every field that one of them has.
#[derive(Deserialize)]
struct Told {
    r#type: String,
    output_index: Option<u64>,
    item: Option<Box<RawValue>>,
    delta: Option<Value>,
    response: Option<Response>,
}

/// A response, as far as it is told.
#[derive(Debug, Deserialize)]
struct Response {
    status: Option<String>,
    output: Option<Vec<Box<RawValue>>>,
    usage: Option<Value>,
    incomplete_details: Option<Value>,
    error: Option<Value>,
}

/// The answer, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    model: String,
    /// Whole items, by their place.
    items: BTreeMap<u64, Box<RawValue>>,
    /// The items that began and did not end, each with the tool that it calls.
    open: BTreeMap<u64, Option<String>>,
    shown: bool,
    known: bool,
    /// How it ended.
    end: Option<Response>,
}

impl Assembly {
    /// An answer of `model` of which nothing has come yet.
    pub(super) fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    fn finish(&mut self, response: Response) -> Result<(), Problem> {
        if response.status.as_deref() == Some("failed") {
            let words = response.error.as_ref().map(Value::to_string).unwrap_or_default();
            return Err(Problem::Reported(message(&words)));
        }
        self.end = Some(response);
        Ok(())
    }

    fn show(&mut self, text: &str, sink: &mut Sink<'_>) {
        if !text.is_empty() {
            self.shown = true;
            sink(Delta::Text(text));
        }
    }
}

/// What an item says: text, or a call.
enum Said {
    Text(String),
    Call(ReplyCall),
    /// Reasoning, and whatever is added later.
    Nothing,
}

fn read(item: &RawValue) -> Result<Said, Problem> {
    let fields: Fields = serde_json::from_str(item.get())?;
    Ok(match fields.text("type").as_deref() {
        Some("message") => {
            let parts = fields.get("content").map_or("[]", RawValue::get);
            let parts: Vec<Value> = serde_json::from_str(parts)?;
            // A refusal is what the person reads.
            let text = |part: &Value| {
                let text = part.get("text").or_else(|| part.get("refusal"))?;
                text.as_str().map(str::to_owned)
            };
            Said::Text(parts.iter().filter_map(text).collect())
        }
        Some("function_call") => Said::Call(ReplyCall {
            provider_id: fields.text("call_id").filter(|id| !id.is_empty()),
            tool: fields
                .text("name")
                .filter(|name| !name.is_empty())
                .ok_or(Problem::Faulty("it calls a tool without naming it"))?,
            arguments: fields.text("arguments").unwrap_or_default(),
        }),
        _ => Said::Nothing,
    })
}

impl Answer for Assembly {
    fn add(&mut self, event: &Event, sink: &mut Sink<'_>) -> Result<(), Problem> {
        if event.data.trim() == "[DONE]" {
            return Ok(());
        }
        let told: Told = serde_json::from_str(&event.data).map_err(|error| {
            // What an error looks like is not always the protocol's.
            if event.name == "error" || event.data.contains("\"error\"") {
                return Problem::Reported(message(&event.data));
            }
            Problem::Json(error)
        })?;
        let place = told.output_index.unwrap_or_default();
        self.known |= told.r#type.starts_with("response.");
        match told.r#type.as_str() {
            "response.output_item.added" => {
                if self.open.len() + self.items.len() >= MOST {
                    return Err(Problem::Faulty("it has too many items"));
                }
                let tool = match told.item.as_deref().map(read).transpose()? {
                    Some(Said::Call(call)) => Some(call.tool),
                    _ => None,
                };
                if let Some(tool) = &tool {
                    self.shown = true;
                    sink(Delta::CallStarted { tool });
                }
                self.open.insert(place, tool);
            }
            "response.output_text.delta" | "response.refusal.delta" => {
                let text = told.delta.as_ref().and_then(Value::as_str).unwrap_or_default();
                self.show(text, sink);
            }
            "response.output_item.done" => {
                self.open.remove(&place);
                let item = told.item.ok_or(Problem::Faulty("an item ends that never came"))?;
                if self.items.insert(place, item).is_some() || self.items.len() > MOST {
                    return Err(Problem::Faulty("it has too many items"));
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                let Some(mut response) = told.response else {
                    return Err(Problem::Faulty("it ends without its response"));
                };
                let status = told.r#type.trim_start_matches("response.");
                response.status = Some(status.to_owned());
                self.finish(response)?;
            }
            "error" => return Err(Problem::Reported(message(&event.data))),
            _ => {}
        }
        Ok(())
    }

    fn add_whole(&mut self, body: &str, _: &mut Sink<'_>) -> Result<(), Problem> {
        let response: Response = serde_json::from_str(body)?;
        if response.status.is_none() && response.error.is_some() {
            return Err(Problem::Reported(message(body)));
        }
        self.known = response.output.is_some();
        self.finish(response)
    }

    fn stage(&self) -> Stage {
        if self.end.is_some() { Stage::Over } else { Stage::Coming }
    }

    fn is_known(&self) -> bool {
        self.known
    }

    fn reply(mut self: Box<Self>, sink: &mut Sink<'_>) -> Result<Reply, Problem> {
        let end = self.end.take();
        let (output, usage, why) = match end {
            Some(end) => (end.output, end.usage, end.incomplete_details),
            None => (None, None, None),
        };
        let why = why.as_ref().and_then(|why| why.get("reason")).and_then(Value::as_str);
        let is_cut = why == Some("max_output_tokens");
        if !self.open.is_empty() && !is_cut {
            return Err(Problem::Faulty("it ended within an item"));
        }
        // Each item was sent by itself; a body, and some servers, have them only at the end.
        let items: Vec<Box<RawValue>> = if self.items.is_empty() {
            output.unwrap_or_default()
        } else {
            std::mem::take(&mut self.items).into_values().collect()
        };
        let (mut text, mut calls) = (String::new(), Vec::new());
        let mut ends_with_call = None;
        for item in &items {
            ends_with_call = None;
            match read(item)? {
                Said::Text(more) => text.push_str(&more),
                Said::Call(call) => {
                    ends_with_call = Some(call.tool.clone());
                    calls.push(call);
                }
                Said::Nothing => {}
            }
        }
        let open = std::mem::take(&mut self.open);
        ends_with_call = open.into_values().last().flatten().or(ends_with_call);
        if !self.shown {
            self.show(&text, sink);
            for call in &calls {
                sink(Delta::CallStarted { tool: &call.tool });
            }
        }
        let model = self.model;
        let stopped = match (why, ends_with_call) {
            (Some("content_filter"), _) => Some(ModelError::Filtered { model: model.clone() }),
            (Some(_), Some(tool)) => Some(ModelError::CallCutOff { model: model.clone(), tool }),
            (Some(_), None) if text.is_empty() => {
                Some(ModelError::NothingSaid { model: model.clone() })
            }
            _ => None,
        };
        if let Some(error) = stopped {
            return Err(Problem::Stopped(error));
        }
        let count = |name| usage.as_ref().and_then(|usage| usage.get(name)?.as_u64());
        let usage = Usage {
            input_tokens: count("input_tokens").unwrap_or_default(),
            output_tokens: count("output_tokens").unwrap_or_default(),
        };
        let json = serde_json::to_string(&items).ok();
        let raw = json.map(|json| RawMessage { api: API.into(), model, json });
        Ok(Reply { text, calls, raw, usage })
    }
}
