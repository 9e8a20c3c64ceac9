//! OpenAI-compatible chat completions: what most providers and every local server speak.
//!
//! `request` says what is sent, `send` sends it until it is answered, `receive` reads the answer and
//! `assemble` puts it together.

mod address;
mod assemble;
mod client;
mod extras;
mod fields;
mod ids;
mod receive;
mod refusal;
mod request;
mod send;
mod tool_calls;

use super::{Model, ModelError, ModelFuture, Request, Sink, Timing, show};
use crate::domain::role::ModelSpec;
use address::Address;
use std::sync::OnceLock;

/// What our raw messages of this protocol are marked with.
const API: &str = "openai-chat";

/// The shortest key that is looked for in foreign text: a shorter one would blot out ordinary words,
/// and is a placeholder for servers that check none.
const SHORTEST_REDACTED_KEY: usize = 8;

/// A model behind this protocol. It has no `Debug`: it holds the key.
pub(super) struct OpenAiChat {
    spec: ModelSpec,
    address: Address,
    /// The key and the variable it came from.
    key: Option<Key>,
    timing: Timing,
    /// Made for the first request: reading the system's certificates takes longer than all else that
    /// happens before it.
    client: OnceLock<reqwest::Client>,
}

struct Key {
    variable: String,
    text: String,
    header: reqwest::header::HeaderValue,
}

impl OpenAiChat {
    /// Makes the model; contacts nobody.
    pub(super) fn new(
        spec: &ModelSpec,
        env: &dyn Fn(&str) -> Option<String>,
        timing: Timing,
    ) -> Result<Self, ModelError> {
        let address = Address::parse(spec.base_url.as_deref())?;
        let variable = spec.key_variable().map(str::to_owned);
        let key = variable.map(|variable| Key::read(variable, env)).transpose()?;
        Ok(Self { spec: spec.clone(), address, key, timing, client: OnceLock::new() })
    }

    /// Foreign text for a sentence: clipped, made visible, and without the key, which some servers
    /// repeat when they refuse it.
    fn shown(&self, text: &str) -> String {
        match &self.key {
            Some(key) if key.text.len() >= SHORTEST_REDACTED_KEY => {
                show::visible(&text.replace(&key.text, "[key]"))
            }
            _ => show::visible(text),
        }
    }

    fn url(&self) -> String {
        self.address.shown.clone()
    }
}

impl Key {
    fn read(variable: String, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ModelError> {
        // Keys are pasted and read from files: a line end after one is never part of it.
        let text =
            env(&variable).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let Some(text) = text else { return Err(ModelError::NoKey { variable }) };
        match reqwest::header::HeaderValue::from_str(&format!("Bearer {text}")) {
            Ok(mut header) => {
                header.set_sensitive(true);
                Ok(Self { variable, text, header })
            }
            Err(_) => Err(ModelError::UnusableKey { variable }),
        }
    }
}

impl Model for OpenAiChat {
    fn respond<'a>(&'a self, request: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a> {
        Box::pin(async move {
            let body = request::body(&self.spec, &self.address, request);
            send::send(self, body, sink).await
        })
    }
}
