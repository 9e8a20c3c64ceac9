//! Ollama's own chat: one JSON object a line, arguments as objects.
//!
//! `request` says what is sent, and `assemble` puts the answer together.

mod assemble;
mod request;

use super::exchange::{Address, Answer, BEARER, Framing, Protocol, Remote, Site};
use super::{Model, ModelError, Request, Timing};
use crate::domain::role::ModelSpec;

/// What our raw messages of this protocol are marked with.
const API: &str = "ollama";

const SITE: Site = Site {
    default: "http://127.0.0.1:11434",
    example: "http://127.0.0.1:11434",
    version: "",
    added: "/api/chat",
};

struct Chat(ModelSpec);

/// Makes the model; contacts nobody.
pub(super) fn connect(
    spec: &ModelSpec,
    env: &dyn Fn(&str) -> Option<String>,
    timing: Timing,
) -> Result<Box<dyn Model>, ModelError> {
    let address = Address::parse(spec.base_url.as_deref(), SITE, SITE.added)?;
    let protocol = Chat(spec.clone());
    Ok(Box::new(Remote::new(spec, (address, protocol), (BEARER, &[]), env, timing)?))
}

impl Protocol for Chat {
    fn body(&self, request: Request<'_>) -> String {
        request::body(&self.0, request)
    }

    fn answer(&self) -> Box<dyn Answer> {
        Box::new(assemble::Assembly::of(&self.0.name))
    }

    fn expects(&self) -> (&'static str, &'static str) {
        ("chat of Ollama's", "it has no `message`")
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }
}
