//! What can go wrong between us and a model, as one sentence each with its cure.

use super::scripted::ScriptError;
use std::time::Duration;

/// Why a model gave no answer. Foreign text in it is clipped, and never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The key's variable is not set.
    #[error("the model's key is missing: set the environment variable `{variable}`")]
    NoKey {
        /// The variable.
        variable: String,
    },
    /// The key cannot be sent.
    #[error(
        "the environment variable `{variable}` does not hold a usable key: it has characters that \
         no HTTP header can carry"
    )]
    UnusableKey {
        /// The variable.
        variable: String,
    },
    /// The role's address is none.
    #[error("`{url}` cannot be the model's `base_url`: {why}")]
    BaseUrl {
        /// What the role says, without a password.
        url: String,
        /// What is wrong with it, and the cure.
        why: String,
    },
    /// No connection.
    #[error(
        "the model server at `{url}` cannot be reached: {why}; check that it runs and that the \
         role's `base_url` is right"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// The system's words.
        why: String,
    },
    /// A connection that ended before an answer began.
    #[error("the model server at `{url}` gave no answer: {why}; resume to ask again")]
    Disconnected {
        /// The address.
        url: String,
        /// The system's words.
        why: String,
    },
    /// Nothing came for too long.
    #[error("the model server at `{url}` sent nothing for {}; resume to ask again", time(*waited))]
    Silent {
        /// The address.
        url: String,
        /// For how long.
        waited: Duration,
    },
    /// The whole answer took too long.
    #[error(
        "the model server at `{url}` did not finish its answer within {}; resume to ask again",
        time(*allowed)
    )]
    TooSlow {
        /// The address.
        url: String,
        /// How long it had.
        allowed: Duration,
    },
    /// The server asks for a longer wait than ours.
    #[error(
        "the model server at `{url}` asks to wait {} (status {status}): {message}; resume after that",
        time(*wait)
    )]
    AskedToWait {
        /// The address.
        url: String,
        /// 429 or 503, mostly.
        status: u16,
        /// Its words.
        message: String,
        /// How long.
        wait: Duration,
    },
    /// Busy or broken, also after every attempt.
    #[error(
        "the model server at `{url}` failed {}with status {status}: {message}; resume to try again",
        times(*attempts)
    )]
    Unavailable {
        /// The address.
        url: String,
        /// 429 or 5xx.
        status: u16,
        /// Its words.
        message: String,
        /// How often it was asked.
        attempts: u32,
    },
    /// The key is wrong, may not do this, or has no credit left.
    #[error("the model server at `{url}` refused access (status {status}): {message}; {cure}")]
    NoAccess {
        /// The address.
        url: String,
        /// 401, 402, 403, or 429 without credit.
        status: u16,
        /// Its words.
        message: String,
        /// What to do, naming the key's variable.
        cure: String,
    },
    /// The request itself is wrong: sending it again changes nothing.
    #[error(
        "the model server at `{url}` rejected the request (status {status}): {message}; check the \
         role's `model`"
    )]
    Rejected {
        /// The address.
        url: String,
        /// The status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The server reported an error in the place of an answer, or within one.
    #[error("the model server at `{url}` broke off with an error: {message}; resume to ask again")]
    BrokeOff {
        /// The address.
        url: String,
        /// Its words.
        message: String,
    },
    /// The answer ended before the protocol said so.
    #[error("the answer of the model server at `{url}` was cut short; resume to ask again")]
    CutShort {
        /// The address.
        url: String,
    },
    /// A faulty answer of this protocol.
    #[error("the answer of the model server at `{url}` cannot be read: {why}; resume to ask again")]
    Unreadable {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Not an answer of this protocol: a web page, or another protocol.
    #[error(
        "the model server at `{url}` sent what is no {what}: {why}; check the role's `base_url`"
    )]
    NoAnswer {
        /// The address.
        url: String,
        /// What an answer of this protocol is called.
        what: &'static str,
        /// What came instead.
        why: String,
    },
    /// The answer is larger than the host takes.
    #[error(
        "the answer of the model server at `{url}` is larger than {limit_mib} MiB; lower the role's \
         `max_tokens`"
    )]
    TooLarge {
        /// The address.
        url: String,
        /// What the host takes.
        limit_mib: usize,
    },
    /// The token limit fell within a call's arguments, which are thus not what the model meant.
    #[error(
        "the model `{model}` reached its token limit within a call of `{tool}`; raise the role's \
         `max_tokens`"
    )]
    CallCutOff {
        /// The model.
        model: String,
        /// The last call's tool.
        tool: String,
    },
    /// The token limit fell before any text.
    #[error(
        "the model `{model}` reached its token limit before it answered; raise the role's \
         `max_tokens`"
    )]
    NothingSaid {
        /// The model.
        model: String,
    },
    /// The provider withheld the answer.
    #[error(
        "the provider's content filter stopped the answer of the model `{model}`; ask in other words"
    )]
    Filtered {
        /// The model.
        model: String,
    },
    /// A list of models is empty.
    #[error("there is no model to ask; name one in the role's `model`")]
    NoModel,
    /// The scripted model's file is faulty.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The role names no script.
    #[error("a scripted model needs its file: add `script: FILE` to the role's `model`")]
    NoScript,
    /// The script's text is not at hand.
    #[error("the script `{path}` was not read; check that the file exists beside the role")]
    ScriptNotRead {
        /// The path that the role names.
        path: String,
    },
    /// No rule of the script fits.
    #[error(
        "the script `{path}` has no rule for the {kind} `{text}`; add a rule that matches it, or a \
         `fallback`"
    )]
    NoRule {
        /// The path that the role names.
        path: String,
        /// `user message` or `tool result`.
        kind: &'static str,
        /// Its beginning.
        text: String,
    },
}

impl ModelError {
    /// Whether the fault is in what the role says: its script, or its model's address.
    pub const fn is_role_fault(&self) -> bool {
        matches!(
            self,
            Self::Script(_) | Self::NoScript | Self::ScriptNotRead { .. } | Self::BaseUrl { .. }
        )
    }

    /// Whether the model is only not to be had for now, so that another may be asked in its place. A
    /// wrong key or request is not that: the other would hide it.
    pub const fn is_unavailability(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Disconnected { .. }
            | Self::Silent { .. }
            | Self::TooSlow { .. }
            | Self::AskedToWait { .. }
            | Self::Unavailable { .. }
            | Self::BrokeOff { .. }
            | Self::CutShort { .. } => true,
            // An account without credit.
            Self::NoAccess { status, .. } => matches!(status, 402 | 429),
            _ => false,
        }
    }

    /// Whether asking again can help, so that the run is interrupted and can be resumed; otherwise the
    /// same request would fail the same way for ever.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoKey { .. }
            | Self::UnusableKey { .. }
            | Self::Unreachable { .. }
            | Self::Disconnected { .. }
            | Self::Silent { .. }
            | Self::TooSlow { .. }
            | Self::AskedToWait { .. }
            | Self::Unavailable { .. }
            | Self::NoAccess { .. }
            | Self::BrokeOff { .. }
            | Self::CutShort { .. }
            | Self::Unreadable { .. }
            | Self::NoAnswer { .. } => true,
            Self::BaseUrl { .. }
            | Self::Rejected { .. }
            | Self::TooLarge { .. }
            | Self::CallCutOff { .. }
            | Self::NothingSaid { .. }
            | Self::Filtered { .. }
            | Self::NoModel
            | Self::Script(_)
            | Self::NoScript
            | Self::ScriptNotRead { .. }
            | Self::NoRule { .. } => false,
        }
    }
}

/// A duration as people write it: `0.3 s`, `60 s`.
fn time(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    if tenths.is_multiple_of(10) {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

fn times(attempts: u32) -> String {
    if attempts > 1 { format!("{attempts} times, lastly ") } else { String::new() }
}
