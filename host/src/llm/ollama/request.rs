//! The body of a request.

use super::super::Request;
use super::super::fields::{Fields, string};
use super::super::history::{arguments, object, own};
use super::API;
use crate::domain::message::{Message, ModelCall, RawMessage};
use crate::domain::role::ModelSpec;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Wire<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    stream: bool,
    options: Options<'a>,
}

#[derive(Serialize)]
struct Options<'a> {
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
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u32>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Wire<'a> {
    Said {
        role: &'static str,
        content: &'a str,
    },
    Assistant {
        role: &'static str,
        content: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Replayed(Box<RawValue>),
    Result {
        role: &'static str,
        content: &'a str,
        tool_name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_id: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: Box<RawValue>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: ToolFunction<'a>,
}

#[derive(Serialize)]
struct ToolFunction<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a serde_json::Value,
}

/// Writes the body.
pub(super) fn body(spec: &ModelSpec, request: Request<'_>) -> String {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.prompt.is_empty() {
        messages.push(Wire::Said { role: "system", content: request.prompt });
    }
    messages.extend(request.messages.iter().map(|message| wire(message, &spec.name)));
    let tools = request.tools.iter().map(|tool| Tool {
        r#type: "function",
        function: ToolFunction {
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
        },
    });
    let sampling = &spec.sampling;
    let body = Body {
        model: &spec.name,
        messages,
        tools: tools.collect(),
        stream: true,
        options: Options {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            seed: sampling.seed,
            presence_penalty: sampling.presence_penalty,
            frequency_penalty: sampling.frequency_penalty,
            stop: &sampling.stop,
            num_predict: sampling.max_tokens,
        },
    };
    // Writing cannot fail: every key is a string and every raw value was read as JSON.
    serde_json::to_string(&body).unwrap_or_default()
}

/// The provider's id, where it gave one: most versions know none and go by the order.
fn id(provider_id: &Option<String>) -> Option<&str> {
    provider_id.as_deref().filter(|id| !id.is_empty())
}

fn wire<'a>(message: &'a Message, model: &str) -> Wire<'a> {
    match message {
        Message::User { text } => Wire::Said { role: "user", content: text },
        Message::ToolResult { provider_id, tool, content, .. } => {
            Wire::Result { role: "tool", content, tool_name: tool, tool_call_id: id(provider_id) }
        }
        Message::Assistant { text, calls, raw } => {
            if let Some(raw) = own(raw.as_ref(), API, model).and_then(|raw| replay(raw, calls)) {
                return Wire::Replayed(raw);
            }
            let tool_calls = calls.iter().map(|call| Call {
                id: id(&call.provider_id),
                function: Function { name: &call.tool, arguments: object(&call.arguments) },
            });
            Wire::Assistant { role: "assistant", content: text, tool_calls: tool_calls.collect() }
        }
    }
}

/// The model's own message. `None` where it does not say what the history says: then the history
/// counts.
fn replay(raw: &RawMessage, calls: &[ModelCall]) -> Option<Box<RawValue>> {
    let message: Fields = serde_json::from_str(&raw.json).ok()?;
    let raw_calls: Vec<Fields> = match message.get("tool_calls") {
        Some(list) => serde_json::from_str(list.get()).ok()?,
        None => Vec::new(),
    };
    if raw_calls.len() != calls.len() {
        return None;
    }
    for (raw_call, call) in raw_calls.iter().zip(calls) {
        let function: Fields = serde_json::from_str(raw_call.get("function")?.get()).ok()?;
        if function.text("name")? != call.tool
            || arguments(&said(&function)) != arguments(&call.arguments)
        {
            return None;
        }
    }
    RawValue::from_string(raw.json.clone()).ok()
}

/// The exact text of a call's arguments, whichever way it came.
pub(super) fn said(function: &Fields) -> String {
    let Some(emitted) = function.get("arguments") else { return String::new() };
    string(emitted).unwrap_or_else(|| emitted.get().to_owned())
}
