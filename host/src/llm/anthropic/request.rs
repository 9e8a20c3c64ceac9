//! The body of a request.

use super::super::Request;
use super::super::ids::WireIds;
use super::replay::{Turn, Turns, turns};
use crate::domain::role::ModelSpec;
use serde::Serialize;

/// How many tokens an answer may have where the role says nothing: the protocol wants a number, and
/// every model that is offered takes this one.
const MOST_TOKENS: u32 = 8192;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<[System<'a>; 1]>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    stream: bool,
}

#[derive(Serialize)]
struct System<'a> {
    r#type: &'static str,
    text: &'a str,
    cache_control: Cache,
}

/// Asks the provider to keep what stands before this, and with it, for the next request of the run.
#[derive(Serialize)]
struct Cache {
    r#type: &'static str,
}

const KEEP: Cache = Cache { r#type: "ephemeral" };

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Cache>,
}

#[derive(Serialize)]
struct Thinking {
    r#type: &'static str,
    budget_tokens: u32,
}

/// Writes the body.
pub(super) fn body(spec: &ModelSpec, request: Request<'_>) -> String {
    let ids = WireIds::assign_plain(request.messages);
    let Turns { turns, are_own } = turns(request.messages, &spec.name, &ids);
    let sampling = &spec.sampling;
    let last = request.tools.len().saturating_sub(1);
    let tools = request.tools.iter().enumerate().map(|(at, tool)| Tool {
        name: &tool.name,
        description: &tool.description,
        input_schema: &tool.parameters,
        // One mark holds for all that stands before it.
        cache_control: (at == last).then_some(KEEP),
    });
    let thinking = sampling.thinking_tokens.unwrap_or_default();
    let body = Body {
        model: &spec.name,
        // Thinking counts among the tokens of an answer.
        max_tokens: sampling.max_tokens.unwrap_or(MOST_TOKENS.saturating_add(thinking)),
        system: (!request.prompt.trim().is_empty()).then_some([System {
            r#type: "text",
            text: request.prompt,
            cache_control: KEEP,
        }]),
        messages: turns,
        tools: tools.collect(),
        thinking: (thinking > 0 && are_own)
            .then_some(Thinking { r#type: "enabled", budget_tokens: thinking }),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: &sampling.stop,
        stream: true,
    };
    // Writing cannot fail: every key is a string and every raw value was read as JSON.
    serde_json::to_string(&body).unwrap_or_default()
}
