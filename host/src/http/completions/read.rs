//! What a request for a completion means.

use crate::domain::message::Message;
use crate::domain::visible::one_line;
use crate::http::error::ApiError;
use crate::http::live::{MOST_MESSAGES, of_application};
use serde_json::{Map, Value};

/// A request that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The role's name.
    pub(super) model: String,
    /// What was said, as the client tells it, in order.
    said: Vec<Said>,
    /// Whether the answer is wanted as it arrives.
    pub(super) stream: bool,
    /// Whether the end of a stream tells what was used.
    pub(super) usage: bool,
}

/// One message of a client.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    /// A text.
    Text(Message),
    /// What the application says to the model.
    Data(String),
    /// About a tool: this server's tools answer to nobody else.
    OfTool,
}

/// What a run begins with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beginning {
    /// The client's texts before the last one.
    pub(super) history: Vec<Message>,
    /// The client's last text.
    pub(super) prompt: String,
}

impl Wanted {
    /// What a run begins with that stands alone: everything.
    ///
    /// # Errors
    /// Where a message is about a tool, or the last one is not the user's.
    pub(super) fn whole(self) -> Result<Beginning, ApiError> {
        beginning(self.said.into_iter().enumerate())
    }

    /// What a run begins with that continues a conversation, of which `turns` messages of the user are
    /// stored: what comes after them. A client that does not send them again sends what is new: what comes
    /// after the model's last text. The model's own texts are stored, and taken from there.
    ///
    /// # Errors
    /// As [`Wanted::whole`], of the messages that are taken.
    pub(super) fn after(self, turns: usize) -> Result<Beginning, ApiError> {
        // What an application says is stored as the user's.
        let by_user =
            |said: &Said| matches!(said, Said::Text(Message::User { .. }) | Said::Data(_));
        let by_model = |said: &Said| matches!(said, Said::Text(Message::Assistant { .. }));
        let users: Vec<usize> =
            (0..self.said.len()).filter(|at| by_user(&self.said[*at])).collect();
        let from = match turns {
            0 => 0,
            _ if users.len() > turns => users[turns - 1] + 1,
            _ => self.said.iter().rposition(by_model).map_or(0, |at| at + 1),
        };
        let new = self.said.into_iter().enumerate().skip(from);
        beginning(new.filter(|(_, said)| turns == 0 || !by_model(said)))
    }
}

fn beginning(said: impl Iterator<Item = (usize, Said)>) -> Result<Beginning, ApiError> {
    let mut history = Vec::new();
    let mut last_is_users = false;
    for (number, said) in said {
        last_is_users = matches!(said, Said::Text(Message::User { .. }));
        match said {
            Said::Text(message) => history.push(message),
            Said::Data(text) => history.push(Message::User { text }),
            Said::OfTool => {
                return Err(ApiError::unprocessable(
                    &format!("messages[{number}]"),
                    "results of tools come from this server and not from its clients: send texts alone",
                ));
            }
        }
    }
    match history.pop() {
        Some(Message::User { text: prompt }) if last_is_users => Ok(Beginning { history, prompt }),
        _ => Err(ApiError::bad("messages", "the last message is the user's, and it is not")),
    }
}

/// Keys that say nothing about the answer: whatever they hold is fine.
pub(in crate::http) const IGNORED: [&str; 7] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "parallel_tool_calls",
];

/// Options of sampling: a role's own hold, and a client that asks for others should know.
const SAMPLING: [&str; 14] = [
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "response_format",
    "reasoning_effort",
    "verbosity",
];

/// # Errors
/// What of it cannot be done, by the name of the key.
pub(super) fn read(body: Map<String, Value>) -> Result<Wanted, ApiError> {
    let model = match body.get("model") {
        Some(Value::String(model)) => model.clone(),
        _ => return Err(ApiError::bad("model", "`model` is the name of a role, as a text")),
    };
    for (key, value) in &body {
        check_key(key, value)?;
    }
    let stream = flag(&body, "stream")?;
    let usage = match body.get("stream_options") {
        None | Some(Value::Null) => false,
        Some(Value::Object(options)) => {
            if let Some(key) = options
                .keys()
                .find(|key| !matches!(&***key, "include_usage" | "include_obfuscation"))
            {
                let message = format!("`stream_options.{}` is not known", one_line(key));
                return Err(ApiError::bad("stream_options", message));
            }
            flag(options, "include_usage")?
        }
        Some(_) => return Err(ApiError::bad("stream_options", "`stream_options` is an object")),
    };
    let Some(Value::Array(messages)) = body.get("messages") else {
        return Err(ApiError::bad("messages", "`messages` is a list of messages"));
    };
    if messages.len() > MOST_MESSAGES {
        let message = format!("there are more than {MOST_MESSAGES} messages");
        return Err(ApiError::bad("messages", message));
    }
    let mut said = Vec::with_capacity(messages.len());
    for (number, message) in messages.iter().enumerate() {
        said.push(read_message(number, message)?);
    }
    Ok(Wanted { model, said, stream, usage })
}

fn check_key(key: &str, value: &Value) -> Result<(), ApiError> {
    let absent = matches!(value, Value::Null);
    match key {
        "model" | "messages" | "stream" | "stream_options" => Ok(()),
        "n" if absent || value.as_u64() == Some(1) => Ok(()),
        "n" => Err(ApiError::bad("n", "`n` is 1: a run has one answer")),
        "tools" | "functions" if absent || value.as_array().is_some_and(Vec::is_empty) => Ok(()),
        "tools" | "tool_choice" | "functions" | "function_call" if !absent => Err(ApiError::bad(
            key,
            format!("`{key}` cannot be given: the tools are those of the role"),
        )),
        key if absent || IGNORED.contains(&key) => Ok(()),
        key if SAMPLING.contains(&key) => Err(ApiError::bad(
            key,
            format!("`{key}` cannot be given here: the role's `model` says it"),
        )),
        key => {
            let key = one_line(key);
            Err(ApiError::bad(&key, format!("`{key}` is not known")))
        }
    }
}

fn flag(body: &Map<String, Value>, key: &str) -> Result<bool, ApiError> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(ApiError::bad(key, format!("`{key}` is `true` or `false`"))),
    }
}

fn read_message(number: usize, message: &Value) -> Result<Said, ApiError> {
    let place = format!("messages[{number}]");
    let bad = |message: String| ApiError::bad(&place, message);
    let Value::Object(message) = message else {
        return Err(bad(format!("`{place}` is an object with `role` and `content`")));
    };
    let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
    if matches!(role, "tool" | "function") || message.get("tool_calls").is_some_and(has_some) {
        return Ok(Said::OfTool);
    }
    let text = content(message.get("content"))
        .ok_or_else(|| bad(format!("`{place}.content` is a text, or a list of parts of text")))?;
    match role {
        "user" => Ok(Said::Text(Message::User { text })),
        "assistant" => Ok(Said::Text(Message::Assistant { text, calls: Vec::new(), raw: None })),
        // Below the role's own prompt, and as what it is: the client's words.
        "system" | "developer" => Ok(Said::Data(of_application(&text))),
        other => {
            let other = one_line(other);
            Err(bad(format!(
                "`{place}.role` is `user`, `assistant` or `system`, and not `{other}`"
            )))
        }
    }
}

fn has_some(value: &Value) -> bool {
    !matches!(value, Value::Null) && !value.as_array().is_some_and(Vec::is_empty)
}

fn content(content: Option<&Value>) -> Option<String> {
    match content? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let mut whole = String::new();
            for part in parts {
                if part.get("type")?.as_str()? != "text" {
                    return None;
                }
                whole.push_str(part.get("text")?.as_str()?);
            }
            Some(whole)
        }
        _ => None,
    }
}
