//! OpenAI's responses, with nothing kept at the provider: what it needs to go on with, its encrypted
//! reasoning among it, is sent back to it as it came.
//!
//! `request` says what is sent, and `assemble` puts the answer together.

mod assemble;
mod request;

use super::exchange::{Address, Answer, BEARER, Protocol, Remote, Site};
use super::{Model, ModelError, Request, Timing};
use crate::domain::role::ModelSpec;

/// What our raw messages of this protocol are marked with.
const API: &str = "openai-responses";

const SITE: Site = Site {
    default: "https://api.openai.com/v1",
    example: "https://api.openai.com/v1",
    version: "",
    added: "/responses",
};

struct Responses(ModelSpec);

/// Makes the model; contacts nobody.
pub(super) fn connect(
    spec: &ModelSpec,
    env: &dyn Fn(&str) -> Option<String>,
    timing: Timing,
) -> Result<Box<dyn Model>, ModelError> {
    let address = Address::parse(spec.base_url.as_deref(), SITE, SITE.added)?;
    let protocol = Responses(spec.clone());
    Ok(Box::new(Remote::new(spec, (address, protocol), (BEARER, &[]), env, timing)?))
}

impl Protocol for Responses {
    fn body(&self, request: Request<'_>) -> String {
        request::body(&self.0, request)
    }

    fn answer(&self) -> Box<dyn Answer> {
        Box::new(assemble::Assembly::of(&self.0.name))
    }

    fn expects(&self) -> (&'static str, &'static str) {
        ("response of OpenAI's", "it has no `response`")
    }
}
