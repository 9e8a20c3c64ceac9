//! What was said: our own neutral history, and beside it the provider's raw assistant message.

use super::ids::CallId;
use serde::{Deserialize, Serialize};

/// One message of a run's history. The role's prompt is not one: it is read from the role each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// What the person, trigger or client asked.
    User {
        /// The text.
        text: String,
    },
    /// What the model answered.
    Assistant {
        /// The text, empty where it only called tools.
        text: String,
        /// The calls it asked for, in the order it emitted them.
        calls: Vec<ModelCall>,
        /// The provider's own message, replayed only to the same API and model.
        raw: Option<RawMessage>,
    },
    /// What became of one call.
    ToolResult {
        /// Our id of the call.
        call: CallId,
        /// The provider's id, mapped back toward the provider.
        provider_id: Option<String>,
        /// The tool as the model named it.
        tool: String,
        /// The text for the model.
        content: String,
        /// Whether the call did not do what was asked.
        is_error: bool,
    },
}

/// A call as the model asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCall {
    /// Our id.
    pub id: CallId,
    /// The provider's id, never a key: some servers send none, and some repeat them.
    pub provider_id: Option<String>,
    /// The tool as the model named it.
    pub tool: String,
    /// The arguments, the exact text the model emitted.
    pub arguments: String,
}

/// A provider's own message, kept byte for byte as JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawMessage {
    /// The protocol, such as `openai-chat`.
    pub api: String,
    /// The model that said it.
    pub model: String,
    /// The JSON text.
    pub json: String,
}

/// What one request to a model used, in tokens; zero where the provider did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}
