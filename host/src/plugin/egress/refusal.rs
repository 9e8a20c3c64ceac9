//! Why a request has no response.

use super::Request;
use crate::domain::secret::Secrets;
use crate::domain::visible::one_line;

/// What kind of reason it is. The first two are the guard's own; the others are what the world is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No grant covers it, or it is not a request that may be sent.
    Denied,
    /// Its host is at an address that the grant does not name.
    Address,
    /// The host's name has no address.
    Name,
    /// No connection.
    Unreachable,
    /// No trusted connection.
    Tls,
    /// It took too long.
    Slow,
    /// More than may be sent.
    RequestSize,
    /// More than may be received.
    ResponseSize,
    /// The server does not speak HTTP as it should.
    Protocol,
}

/// Why a request has no response: one sentence, for the model and for the person, with the cure where
/// there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// What kind.
    pub kind: Kind,
    /// The sentence.
    pub sentence: String,
}

impl Refusal {
    pub(super) fn new(kind: Kind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    pub(super) fn denied(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Denied, sentence)
    }

    pub(super) fn slow(request: &Request, when: &str) -> Self {
        let server = clip(&request.authority);
        Self::new(Kind::Slow, format!("`{server}` did not answer {when}"))
    }

    pub(super) fn redacted(self, secrets: &Secrets) -> Self {
        Self { sentence: secrets.redacted(self.sentence), ..self }
    }

    /// Whether it was the guard that refused, so that the same request will be refused again.
    pub fn is_by_guard(&self) -> bool {
        matches!(self.kind, Kind::Denied | Kind::Address | Kind::RequestSize)
    }
}

/// Untrusted text inside a sentence: short, on one line, without anything invisible.
pub(super) fn clip(text: &str) -> String {
    // Two lines of a terminal: enough to recognise an address.
    const LONGEST: usize = 160;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    one_line(&short)
}
