//! OpenAI-compatible chat completions: what most providers and every local server speak.
//!
//! `request` says what is sent, and `assemble` puts the answer together.

mod assemble;
mod extras;
mod request;
mod tool_calls;

use super::exchange::{Address, Answer, BEARER, Protocol, Remote, Site};
use super::{Model, ModelError, Request, Timing};
use crate::domain::role::ModelSpec;

/// What our raw messages of this protocol are marked with.
const API: &str = "openai-chat";

/// Where OpenAI answers.
const SITE: Site = Site {
    default: "https://api.openai.com/v1",
    example: "http://127.0.0.1:11434/v1",
    version: "",
    added: "/chat/completions",
};

struct Chat {
    spec: ModelSpec,
    /// Whether this is OpenAI itself, which has renamed a field that all others keep.
    is_openai: bool,
}

/// Makes the model; contacts nobody.
pub(super) fn connect(
    spec: &ModelSpec,
    env: &dyn Fn(&str) -> Option<String>,
    timing: Timing,
) -> Result<Box<dyn Model>, ModelError> {
    let address = Address::parse(spec.base_url.as_deref(), SITE, SITE.added)?;
    let is_openai = address.host() == Some("api.openai.com");
    let chat = Chat { spec: spec.clone(), is_openai };
    Ok(Box::new(Remote::new(spec, (address, chat), (BEARER, &[]), env, timing)?))
}

impl Protocol for Chat {
    fn body(&self, request: Request<'_>) -> String {
        request::body(&self.spec, self.is_openai, request)
    }

    fn answer(&self) -> Box<dyn Answer> {
        Box::new(assemble::Assembly::of(&self.spec.name))
    }

    fn expects(&self) -> (&'static str, &'static str) {
        ("chat completion", "it has no `choices`")
    }
}
