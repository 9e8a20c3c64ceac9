//! Gemini's generated content: parts in their order, each with the signature of the thought behind it.
//!
//! `request` says what is sent, and `assemble` puts the answer together.

mod assemble;
mod request;

use super::exchange::{Address, Answer, KeyHeader, Protocol, Remote, Site};
use super::{Model, ModelError, Request, Timing};
use crate::domain::role::ModelSpec;

/// What our raw messages of this protocol are marked with.
const API: &str = "gemini";

const SITE: Site = Site {
    default: "https://generativelanguage.googleapis.com",
    example: "https://generativelanguage.googleapis.com",
    version: "/v1beta",
    added: ":streamGenerateContent",
};

/// Never the address, where errors and logs would repeat it.
const KEY: KeyHeader = KeyHeader { name: "x-goog-api-key", prefix: "" };

struct Contents(ModelSpec);

/// Makes the model; contacts nobody.
pub(super) fn connect(
    spec: &ModelSpec,
    env: &dyn Fn(&str) -> Option<String>,
    timing: Timing,
) -> Result<Box<dyn Model>, ModelError> {
    // `models/NAME` and `tunedModels/NAME` are names, too.
    let folder = if spec.name.contains('/') { "" } else { "models/" };
    let path = format!("/{folder}{}{}", spec.name, SITE.added);
    let address = Address::parse(spec.base_url.as_deref(), SITE, &path)?.with("alt", "sse");
    let protocol = Contents(spec.clone());
    Ok(Box::new(Remote::new(spec, (address, protocol), (KEY, &[]), env, timing)?))
}

impl Protocol for Contents {
    fn body(&self, request: Request<'_>) -> String {
        request::body(&self.0, request)
    }

    fn answer(&self) -> Box<dyn Answer> {
        Box::new(assemble::Assembly::of(&self.0.name))
    }

    fn expects(&self) -> (&'static str, &'static str) {
        ("content of Gemini's", "it has no `candidates`")
    }
}
