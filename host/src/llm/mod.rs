//! Talking to models: one trait, the protocols that implement it, and the scripted model.
//!
//! Nothing else in the host sends requests to models. What a model says passes through unchanged:
//! the text of a call's arguments is what a person approves, so no protocol here parses and rewrites
//! it, and an answer counts only when the protocol said that it is complete.

mod anthropic;
mod error;
mod exchange;
mod fallback;
mod fields;
mod gemini;
mod history;
mod ids;
mod lane;
mod ollama;
mod openai_chat;
mod openai_responses;
mod redact;
mod scripted;
mod show;
mod timing;

pub use error::ModelError;
pub use redact::redacted;
pub use scripted::ScriptError;
pub use timing::Timing;

use crate::domain::message::{Message, RawMessage, Usage};
use crate::domain::role::{ModelSpec, Provider};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

/// What a model is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The role's prompt: read from the role each time, never part of the history.
    pub prompt: &'a str,
    /// The history. Every call in it must have its result, or providers reject the request.
    pub messages: &'a [Message],
    /// The tools on offer.
    pub tools: &'a [ToolSpec],
}

/// A tool as the model is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// The name that the model calls it by.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// One complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text, empty where the model only called tools.
    pub text: String,
    /// The calls, in the order the model emitted them.
    pub calls: Vec<ReplyCall>,
    /// The provider's own message, to be replayed to it in later requests.
    pub raw: Option<RawMessage>,
    /// What the answer used.
    pub usage: Usage,
}

/// A call as the model asked for it; the run gives it our id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyCall {
    /// The provider's id as sent: it may be missing, and it may repeat.
    pub provider_id: Option<String>,
    /// The tool as the model named it, which may be none that exists.
    pub tool: String,
    /// The exact text of the arguments as emitted, which may be empty or no JSON at all.
    pub arguments: String,
}

/// What happens while an answer arrives; for people who watch, never for the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delta<'a> {
    /// More text.
    Text(&'a str),
    /// The model began to write a call of this tool.
    CallStarted {
        /// The tool as the model named it.
        tool: &'a str,
    },
    /// The request failed and will be sent again. Only ever before the first text or call.
    Retrying {
        /// After how long.
        after: Duration,
        /// What went wrong, as a clause.
        why: &'a str,
    },
}

/// Where deltas go.
pub type Sink<'s> = dyn FnMut(Delta<'_>) + Send + 's;

/// An answer that is on its way. Dropping it abandons the request.
pub type ModelFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, ModelError>> + Send + 'a>>;

/// Something that answers.
pub trait Model: Send + Sync {
    /// Asks, tells `sink` what arrives, and gives the whole answer.
    fn respond<'a>(&'a self, request: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a>;
}

/// Makes the model that a role names, without contacting it.
///
/// `files` holds the texts that the role names, by the path it names them with; `env` reads an
/// environment variable.
///
/// # Errors
/// [`ModelError`] for what is already certain: a missing key, an unusable address, a faulty script.
pub fn connect(
    spec: &ModelSpec,
    files: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Box<dyn Model>, ModelError> {
    connect_with(spec, files, env, Timing::default())
}

/// [`connect`] with other time limits: what tests use to fail fast.
///
/// # Errors
/// As [`connect`].
pub fn connect_with(
    spec: &ModelSpec,
    files: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
    timing: Timing,
) -> Result<Box<dyn Model>, ModelError> {
    if spec.fallback.is_empty() {
        return connect_one(spec, files, env, timing);
    }
    let models = spec.all().map(|spec| {
        let model = connect_one(spec, files, env, timing.clone())?;
        Ok((spec.label(), model))
    });
    Ok(Box::new(fallback::Fallback::new(models.collect::<Result<_, ModelError>>()?)))
}

fn connect_one(
    spec: &ModelSpec,
    files: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
    timing: Timing,
) -> Result<Box<dyn Model>, ModelError> {
    let model = match spec.provider {
        // The scripted model touches no network code: a run with it starts within milliseconds.
        Provider::Scripted => Box::new(scripted::Scripted::load(spec, files)?),
        Provider::OpenAi => openai_chat::connect(spec, env, timing)?,
        Provider::OpenAiResponses => openai_responses::connect(spec, env, timing)?,
        Provider::Anthropic => anthropic::connect(spec, env, timing)?,
        Provider::Gemini => gemini::connect(spec, env, timing)?,
        Provider::Ollama => ollama::connect(spec, env, timing)?,
    };
    Ok(match spec.concurrency {
        Some(most) => Box::new(lane::OneLane::new(spec, most, model)),
        None => model,
    })
}
