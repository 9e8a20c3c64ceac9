//! The body of a request.

use super::super::Request;
use super::super::fields::{Fields, raw_string};
use super::super::history::{arguments, own};
use super::super::ids::WireIds;
use super::API;
use crate::domain::message::{Message, ModelCall, RawMessage};
use crate::domain::role::ModelSpec;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// What is asked for besides the answer, so that reasoning can be sent back.
const ENCRYPTED: &str = "reasoning.encrypted_content";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instructions: &'a str,
    input: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    store: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    include: Option<[&'static str; 1]>,
    stream: bool,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    effort: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Said { role: &'static str, content: &'a str },
    Call { r#type: &'static str, call_id: &'a str, name: &'a str, arguments: &'a str },
    Result { r#type: &'static str, call_id: &'a str, output: &'a str },
    Replayed(Box<RawValue>),
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a serde_json::Value,
    /// Strict schemas are a dialect of their own, and arguments are checked here anyway.
    strict: bool,
}

/// Writes the body.
pub(super) fn body(spec: &ModelSpec, request: Request<'_>) -> String {
    let ids = WireIds::assign_plain(request.messages);
    let mut input = Vec::with_capacity(request.messages.len());
    for message in request.messages {
        add(&mut input, message, &spec.name, &ids);
    }
    let tools = request.tools.iter().map(|tool| Tool {
        r#type: "function",
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.parameters,
        strict: false,
    });
    let sampling = &spec.sampling;
    let body = Body {
        model: &spec.name,
        instructions: request.prompt,
        input,
        tools: tools.collect(),
        reasoning: sampling.reasoning_effort.as_deref().map(|effort| Reasoning { effort }),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        max_output_tokens: sampling.max_tokens,
        store: false,
        include: may_reason(&spec.name).then_some([ENCRYPTED]),
        stream: true,
    };
    // Writing cannot fail: every key is a string and every raw value was read as JSON.
    serde_json::to_string(&body).unwrap_or_default()
}

/// Whether a model may have reasoning to send. OpenAI refuses to be asked for it of models that have
/// none: those up to 4.1, and the ones named after its chat.
fn may_reason(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let without = ["gpt-3", "gpt-4", "chatgpt-"];
    !without.iter().any(|start| name.starts_with(start)) && !name.contains("-chat")
}

fn add<'a>(input: &mut Vec<Item<'a>>, message: &'a Message, model: &str, ids: &'a WireIds<'a>) {
    match message {
        Message::User { text } => input.push(Item::Said { role: "user", content: text }),
        Message::ToolResult { call, content, .. } => input.push(Item::Result {
            r#type: "function_call_output",
            call_id: ids.of(call),
            output: content,
        }),
        Message::Assistant { text, calls, raw } => {
            let own = own(raw.as_ref(), API, model).and_then(|raw| replay(raw, calls, ids));
            if let Some(items) = own {
                input.extend(items.into_iter().map(Item::Replayed));
                return;
            }
            if !text.is_empty() || calls.is_empty() {
                input.push(Item::Said { role: "assistant", content: text });
            }
            input.extend(calls.iter().map(|call| Item::Call {
                r#type: "function_call",
                call_id: ids.of(&call.id),
                name: &call.tool,
                arguments: arguments(&call.arguments),
            }));
        }
    }
}

/// The model's own items with the ids of this request. `None` where they do not say what the history
/// says, or cannot be sent back whole: then the history counts.
fn replay(raw: &RawMessage, calls: &[ModelCall], ids: &WireIds<'_>) -> Option<Vec<Box<RawValue>>> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(&raw.json).ok()?;
    let mut calls = calls.iter();
    let mut replayed = Vec::with_capacity(items.len());
    for item in items {
        let mut fields: Fields = serde_json::from_str(item.get()).ok()?;
        match fields.text("type").as_deref() {
            // The provider has kept nothing: reasoning without its content would be looked for there.
            Some("reasoning") if fields.get("encrypted_content").is_none() => return None,
            Some("function_call") => {
                let call = calls.next()?;
                let said = fields.text("arguments").unwrap_or_default();
                if fields.text("name")? != call.tool || said != call.arguments {
                    return None;
                }
                let id = ids.of(&call.id);
                if fields.text("call_id").as_deref() != Some(id) || said.trim().is_empty() {
                    fields.set("call_id", raw_string(id));
                    fields.set("arguments", raw_string(arguments(&said)));
                    replayed.push(to_raw_value(&fields).ok()?);
                    continue;
                }
            }
            _ => {}
        }
        replayed.push(item);
    }
    (calls.next().is_none() && !replayed.is_empty()).then_some(replayed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_asked_for_where_the_model_may_have_any() {
        for (name, expected) in [
            ("gpt-5", true),
            ("o4-mini", true),
            ("openai/gpt-5.1-codex", true),
            ("gpt-oss:20b", true),
            ("gpt-4o-mini", false),
            ("openai/gpt-4.1", false),
            ("gpt-5-chat-latest", false),
            ("chatgpt-4o-latest", false),
        ] {
            assert_eq!(may_reason(name), expected, "{name}");
        }
    }
}
