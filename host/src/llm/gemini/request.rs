//! The body of a request.

use super::super::Request;
use super::super::fields::Fields;
use super::super::history::{object, own};
use super::API;
use crate::domain::ids::CallId;
use crate::domain::message::{Message, ModelCall, RawMessage};
use crate::domain::role::{ModelSpec, Sampling};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What stands for the signature of a call that another model made: models since 3 refuse a call
/// without one.
const OF_ANOTHER_MODEL: &str = "skip_thought_signature_validator";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<System<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[Tools<'a>; 1]>,
    generation_config: Config<'a>,
}

#[derive(Serialize)]
struct System<'a> {
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Said { role: &'static str, parts: Vec<Part<'a>> },
    Replayed(Box<RawValue>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Text(Text<'a>),
    #[serde(rename_all = "camelCase")]
    Call {
        function_call: Call<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<&'static str>,
    },
    #[serde(rename_all = "camelCase")]
    Result {
        function_response: Answered<'a>,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    name: &'a str,
    args: Box<RawValue>,
}

#[derive(Serialize)]
struct Answered<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    response: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome<'a> {
    Output(&'a str),
    Error(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    /// A whole JSON Schema; `parameters` takes a dialect only.
    parameters_json_schema: &'a serde_json::Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thinking>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Thinking {
    thinking_budget: u32,
}

/// Writes the body.
pub(super) fn body(spec: &ModelSpec, request: Request<'_>) -> String {
    let declarations = request.tools.iter().map(|tool| Declaration {
        name: &tool.name,
        description: &tool.description,
        parameters_json_schema: &tool.parameters,
    });
    let tools = Tools { function_declarations: declarations.collect() };
    let body = Body {
        system_instruction: (!request.prompt.is_empty())
            .then_some(System { parts: [Text { text: request.prompt }] }),
        contents: contents(request.messages, &spec.name),
        tools: (!request.tools.is_empty()).then_some([tools]),
        generation_config: config(&spec.sampling),
    };
    // Writing cannot fail: every key is a string and every raw value was read as JSON.
    serde_json::to_string(&body).unwrap_or_default()
}

fn config(sampling: &Sampling) -> Config<'_> {
    Config {
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        seed: sampling.seed,
        presence_penalty: sampling.presence_penalty,
        frequency_penalty: sampling.frequency_penalty,
        stop_sequences: &sampling.stop,
        max_output_tokens: sampling.max_tokens,
        thinking_config: sampling
            .thinking_tokens
            .map(|thinking_budget| Thinking { thinking_budget }),
    }
}

fn contents<'a>(messages: &'a [Message], model: &str) -> Vec<Content<'a>> {
    let mut contents: Vec<Content<'a>> = Vec::with_capacity(messages.len());
    // The ids that stand in the request: results name them, and no others.
    let mut ids: BTreeMap<&CallId, &str> = BTreeMap::new();
    for message in messages {
        match message {
            Message::User { text } => say(&mut contents, Part::Text(Text { text })),
            Message::ToolResult { call, tool, content, is_error, .. } => {
                let outcome = if *is_error { Outcome::Error } else { Outcome::Output };
                let id = ids.get(call).copied();
                let function_response = Answered { id, name: tool, response: outcome(content) };
                say(&mut contents, Part::Result { function_response });
            }
            Message::Assistant { text, calls, raw } => {
                if let Some(raw) = own(raw.as_ref(), API, model).and_then(|raw| replay(raw, calls))
                {
                    let named = calls.iter().filter_map(|call| {
                        Some((&call.id, call.provider_id.as_deref().filter(|id| !id.is_empty())?))
                    });
                    ids.extend(named);
                    contents.push(Content::Replayed(raw));
                    continue;
                }
                let parts = rebuild(text, calls, model);
                // A content without parts is refused, and says nothing.
                if !parts.is_empty() {
                    contents.push(Content::Said { role: "model", parts });
                }
            }
        }
    }
    contents
}

/// Adds a part of the person's side: all results of one answer stand in one content.
fn say<'a>(contents: &mut Vec<Content<'a>>, part: Part<'a>) {
    if let Some(Content::Said { role: "user", parts }) = contents.last_mut() {
        parts.push(part);
        return;
    }
    contents.push(Content::Said { role: "user", parts: vec![part] });
}

/// The model's own content. `None` where it does not say what the history says: then the history
/// counts.
fn replay(raw: &RawMessage, calls: &[ModelCall]) -> Option<Box<RawValue>> {
    let content: Fields = serde_json::from_str(&raw.json).ok()?;
    let parts: Vec<Fields> = serde_json::from_str(content.get("parts")?.get()).ok()?;
    let mut calls = calls.iter();
    for part in &parts {
        let Some(function) = part.get("functionCall") else { continue };
        let function: Fields = serde_json::from_str(function.get()).ok()?;
        let call = calls.next()?;
        let args = function.get("args").map_or("{}", RawValue::get);
        if function.text("name")? != call.tool || args != call.arguments {
            return None;
        }
    }
    match calls.next() {
        None => RawValue::from_string(raw.json.clone()).ok(),
        Some(_) => None,
    }
}

fn rebuild<'a>(text: &'a str, calls: &'a [ModelCall], model: &str) -> Vec<Part<'a>> {
    let text = Some(text).filter(|text| !text.is_empty()).map(|text| Part::Text(Text { text }));
    let signs = model.rsplit('/').next().unwrap_or(model).starts_with("gemini-3");
    // The first call of an answer has the signature for all of them.
    let calls = calls.iter().enumerate().map(|(at, call)| Part::Call {
        function_call: Call { name: &call.tool, args: object(&call.arguments) },
        thought_signature: (signs && at == 0).then_some(OF_ANOTHER_MODEL),
    });
    text.into_iter().chain(calls).collect()
}
