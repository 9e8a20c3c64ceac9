//! Anthropic's messages: blocks of thinking, text and calls, kept in their order with their signatures.
//!
//! `request` says what is sent, `replay` turns a history into blocks, and `assemble` puts the answer
//! together from `block`s.

mod assemble;
mod block;
mod replay;
mod request;

use super::exchange::{Address, Answer, KeyHeader, Protocol, Remote, Site};
use super::{Model, ModelError, Request, Timing};
use crate::domain::role::ModelSpec;

/// What our raw messages of this protocol are marked with.
const API: &str = "anthropic-messages";

const SITE: Site = Site {
    default: "https://api.anthropic.com",
    example: "https://api.anthropic.com",
    version: "/v1",
    added: "/messages",
};

const KEY: KeyHeader = KeyHeader { name: "x-api-key", prefix: "" };

/// The only version there has been since 2023; without one the request is refused.
const HEADERS: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];

struct Messages(ModelSpec);

/// Makes the model; contacts nobody.
pub(super) fn connect(
    spec: &ModelSpec,
    env: &dyn Fn(&str) -> Option<String>,
    timing: Timing,
) -> Result<Box<dyn Model>, ModelError> {
    let address = Address::parse(spec.base_url.as_deref(), SITE, SITE.added)?;
    let protocol = Messages(spec.clone());
    Ok(Box::new(Remote::new(spec, (address, protocol), (KEY, HEADERS), env, timing)?))
}

impl Protocol for Messages {
    fn body(&self, request: Request<'_>) -> String {
        request::body(&self.0, request)
    }

    fn answer(&self) -> Box<dyn Answer> {
        Box::new(assemble::Assembly::of(&self.0.name))
    }

    fn expects(&self) -> (&'static str, &'static str) {
        ("message of Anthropic's", "it has no `message_start`")
    }
}
