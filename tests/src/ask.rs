//! Asking a model and showing what came, line by line.

use initrunner::domain::ids::CallId;
use initrunner::domain::message::{Message, ModelCall};
use initrunner::domain::role::{ModelSpec, Provider};
use initrunner::llm::{Delta, Model, ModelError, Reply, Request, ToolSpec};
use std::fmt::Write as _;

/// A model behind chat completions, as a role with only `base_url` names it.
pub fn spec(base_url: &str) -> ModelSpec {
    spec_of(Provider::OpenAi, base_url)
}

/// A model behind any protocol, as a role with only `base_url` names it.
pub fn spec_of(provider: Provider, base_url: &str) -> ModelSpec {
    ModelSpec { base_url: Some(base_url.into()), ..ModelSpec::new(provider, "test-model") }
}

/// What a person says.
pub fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

/// A reply as the history keeps it: each call with an id of ours.
pub fn said(reply: &Reply) -> Message {
    let call = |(n, call): (usize, &initrunner::llm::ReplyCall)| ModelCall {
        id: CallId::from_random([u8::try_from(n).unwrap_or(u8::MAX); 16]),
        provider_id: call.provider_id.clone(),
        tool: call.tool.clone(),
        arguments: call.arguments.clone(),
    };
    let calls = reply.calls.iter().enumerate().map(call).collect();
    Message::Assistant { text: reply.text.clone(), calls, raw: reply.raw.clone() }
}

/// The results of all calls of a message, each with the same text.
pub fn results(message: &Message, content: &str) -> Vec<Message> {
    let Message::Assistant { calls, .. } = message else { return Vec::new() };
    let result = |call: &ModelCall| Message::ToolResult {
        call: call.id.clone(),
        provider_id: call.provider_id.clone(),
        tool: call.tool.clone(),
        content: content.into(),
        is_error: false,
    };
    calls.iter().map(result).collect()
}

/// Asks with one tool on offer. Gives what a watcher saw, then what came of it, and the reply.
///
/// # Panics
/// Where no runtime can be made.
pub fn ask(
    model: &Result<Box<dyn Model>, ModelError>,
    messages: &[Message],
) -> (String, Option<Reply>) {
    let mut shown = String::new();
    let mut sink = |delta: Delta<'_>| {
        let _ = match delta {
            Delta::Text(text) => writeln!(shown, "> {text:?}"),
            Delta::CallStarted { tool } => writeln!(shown, "+ {tool}"),
            Delta::Retrying { after, why } => writeln!(shown, "~ {after:?}: {why}"),
        };
    };
    let tools = [ToolSpec {
        name: "shell".into(),
        description: "Runs a command".into(),
        parameters: serde_json::json!({"type": "object"}),
    }];
    let outcome = match model {
        Err(error) => Err(error.clone()),
        Ok(model) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let request = Request { prompt: "Be brief.", messages, tools: &tools };
            runtime.expect("a runtime").block_on(model.respond(request, &mut sink))
        }
    };
    let _ = match &outcome {
        Ok(reply) => {
            for call in &reply.calls {
                let id = call.provider_id.as_deref().unwrap_or("-");
                let _ = writeln!(shown, "call {id} {} {}", call.tool, call.arguments);
            }
            let usage = reply.usage;
            writeln!(shown, "= {:?} {}/{}", reply.text, usage.input_tokens, usage.output_tokens)
        }
        Err(error) => {
            let kind = if error.is_temporary() { "temporary" } else { "permanent" };
            writeln!(shown, "! {error} ({kind})")
        }
    };
    (shown, outcome.ok())
}
