//! One question to a model server over HTTP, whatever protocol it speaks.
//!
//! `send` sends a request until it is answered, `receive` reads the answer as it arrives and `refusal`
//! what stands in its place. A protocol says what is sent, and puts the answer together.

mod address;
mod client;
mod key;
mod lines;
mod receive;
mod refusal;
mod retry;
mod send;
mod sse;

pub(super) use address::{Address, Site};
pub(super) use key::{BEARER, KeyHeader};
pub(super) use refusal::message;
pub(super) use sse::Event;

use super::{Model, ModelError, ModelFuture, Reply, Request, Sink, Timing, show};
use crate::domain::role::ModelSpec;
use key::Key;
use std::sync::OnceLock;

/// The shortest key that is looked for in foreign text: a shorter one would blot out ordinary words,
/// and is a placeholder for servers that check none.
const SHORTEST_REDACTED_KEY: usize = 8;

/// What differs from protocol to protocol.
pub(super) trait Protocol: Send + Sync {
    /// The body of a request.
    fn body(&self, request: Request<'_>) -> String;
    /// An answer of which nothing has come yet.
    fn answer(&self) -> Box<dyn Answer>;
    /// What an answer is called, such as `chat completion`, and the clause for what lacks its mark.
    fn expects(&self) -> (&'static str, &'static str);
    /// How a stream is divided.
    fn framing(&self) -> Framing {
        Framing::Events
    }
}

/// How a stream is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON object a line.
    Lines,
}

/// An answer, put together as it arrives.
pub(super) trait Answer: Send {
    /// Takes an event, or a line.
    fn add(&mut self, event: &Event, sink: &mut Sink<'_>) -> Result<(), Problem>;
    /// Takes the whole body of a server that does not stream.
    fn add_whole(&mut self, body: &str, sink: &mut Sink<'_>) -> Result<(), Problem>;
    /// How far it is.
    fn stage(&self) -> Stage;
    /// Whether anything of this protocol came: otherwise the server speaks another.
    fn is_known(&self) -> bool;
    /// The whole answer. Only for one that is complete.
    fn reply(self: Box<Self>, sink: &mut Sink<'_>) -> Result<Reply, Problem>;
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// More must come.
    Coming,
    /// It is whole; only token counts may follow.
    Finished,
    /// Nothing follows.
    Over,
}

/// Why an answer, or a part of it, cannot be used.
#[derive(Debug)]
pub(super) enum Problem {
    /// It is not JSON, or not as the protocol has it.
    Json(serde_json::Error),
    /// It breaks the protocol: a clause.
    Faulty(&'static str),
    /// It is an error of the server's, in its words.
    Reported(String),
    /// The provider stopped it on purpose.
    Stopped(ModelError),
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// A server and how it is reached. It has no `Debug`: it holds the key.
struct Server {
    address: Address,
    key: Option<Key>,
    /// Sent with every request.
    headers: &'static [(&'static str, &'static str)],
    timing: Timing,
    /// Made for the first request: reading the system's certificates takes longer than all else that
    /// happens before it.
    client: OnceLock<reqwest::Client>,
}

impl Server {
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

/// A model behind a protocol.
pub(super) struct Remote<P> {
    server: Server,
    protocol: P,
}

impl<P: Protocol> Remote<P> {
    /// Makes the model; contacts nobody.
    pub(super) fn new(
        spec: &ModelSpec,
        (address, protocol): (Address, P),
        (key, headers): (KeyHeader, &'static [(&'static str, &'static str)]),
        env: &dyn Fn(&str) -> Option<String>,
        timing: Timing,
    ) -> Result<Self, ModelError> {
        let key = Key::read(&spec.key_variables(), key, env)?;
        let server = Server { address, key, headers, timing, client: OnceLock::new() };
        Ok(Self { server, protocol })
    }
}

impl<P: Protocol> Model for Remote<P> {
    fn respond<'a>(&'a self, request: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a> {
        Box::pin(async move {
            let body = self.protocol.body(request);
            send::send(&self.server, &self.protocol, body, sink).await
        })
    }
}
