//! Something to be told, whoever can tell it, and those who do so without a chat: by a signed request, by mail.

mod email;
mod webhook;
mod words;

pub use email::{EmailParts, open as email};
pub(in crate::trigger) use webhook::check_secret;
pub use webhook::{WebhookParts, open as webhook};

use crate::domain::ids::CallId;
use crate::domain::outbox::MessageKind;
use crate::store::{Posted, StoredRun};
use std::pin::Pin;

/// Something to be told.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The same whenever it is sent: who receives it twice can tell.
    pub key: String,
    /// The role's name.
    pub role: String,
    /// What it is about.
    pub kind: MessageKind,
    /// Where it goes: the address behind the role's and the trigger's name.
    pub place: String,
    /// The run, as it may be shown.
    pub run: StoredRun,
    /// The calls that it is about.
    pub calls: Vec<CallId>,
    /// What was sent to the same address about the run before, oldest first.
    pub posted: Vec<Posted>,
}

/// Why it could not be told. Neither may name a secret: the sentence is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// It is worth trying again, later.
    Later(String),
    /// It will never be.
    Never(String),
}

/// An answer that arrives when it is out; with what the service calls the message, where it has a name.
pub type Sending<'s> = Pin<Box<dyn Future<Output = Result<Option<String>, SendError>> + Send + 's>>;

/// Tells people of runs.
pub trait Sender: Send + Sync {
    /// Sends a notice. Whoever is told twice under one key is told once, as far as the service lets that be
    /// known.
    fn send(&self, notice: Notice) -> Sending<'_>;
}
