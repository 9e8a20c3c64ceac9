//! What was said: our own neutral history, and beside it the provider's raw assistant message.

use super::ids::CallId;
use serde::{Deserialize, Serialize};

/// One message of a run's history. The role's prompt is not one: it is read from the role each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "AnyMessage")]
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

/// Any message, as it is read: with every key of each kind. A kind that is looked for among the keys would
/// have the whole text read into a tree first, and a history is read each time its run goes on.
#[derive(Deserialize)]
struct AnyMessage {
    kind: Kind,
    text: Option<String>,
    calls: Option<Vec<ModelCall>>,
    raw: Option<RawMessage>,
    call: Option<CallId>,
    provider_id: Option<String>,
    tool: Option<String>,
    content: Option<String>,
    is_error: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    User,
    Assistant,
    ToolResult,
}

impl TryFrom<AnyMessage> for Message {
    type Error = String;

    fn try_from(any: AnyMessage) -> Result<Self, String> {
        fn needed<T>(key: &str, value: Option<T>) -> Result<T, String> {
            value.ok_or_else(|| format!("a message lacks its `{key}`"))
        }
        Ok(match any.kind {
            Kind::User => Message::User { text: needed("text", any.text)? },
            Kind::Assistant => Message::Assistant {
                text: needed("text", any.text)?,
                calls: needed("calls", any.calls)?,
                raw: any.raw,
            },
            Kind::ToolResult => Message::ToolResult {
                call: needed("call", any.call)?,
                provider_id: any.provider_id,
                tool: needed("tool", any.tool)?,
                content: needed("content", any.content)?,
                is_error: needed("is_error", any.is_error)?,
            },
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let id = CallId::from_random([7; 16]);
        let call = |provider_id: Option<&str>| ModelCall {
            id: id.clone(),
            provider_id: provider_id.map(str::to_owned),
            tool: "shell".into(),
            arguments: "{\"a\": 1.0e5}".into(),
        };
        let raw = RawMessage { api: "a".into(), model: "m".into(), json: "{\"kind\": 1}".into() };
        let result = |provider_id: Option<&str>| Message::ToolResult {
            call: id.clone(),
            provider_id: provider_id.map(str::to_owned),
            tool: "t".into(),
            content: "\u{0} \"ü".into(),
            is_error: true,
        };
        for message in [
            Message::User { text: String::new() },
            Message::Assistant { text: "t".into(), calls: vec![], raw: None },
            Message::Assistant {
                text: "t".into(),
                calls: vec![call(None), call(Some("x"))],
                raw: Some(raw),
            },
            result(None),
            result(Some("p")),
        ] {
            let text = serde_json::to_string(&message).unwrap_or_default();
            assert!(text.starts_with("{\"kind\":\""), "{text}");
            assert_eq!(serde_json::from_str::<Message>(&text).ok(), Some(message));
        }
    }

    #[test]
    fn what_lacks_a_key_is_no_message() {
        for text in [
            r#"{"text":"t"}"#,
            r#"{"kind":"other","text":"t"}"#,
            r#"{"kind":"user"}"#,
            r#"{"kind":"assistant","text":"t"}"#,
            r#"{"kind":"tool_result","text":"t"}"#,
        ] {
            assert!(serde_json::from_str::<Message>(text).is_err(), "{text}");
        }
    }
}
