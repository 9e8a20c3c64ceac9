//! Reading rows back. The columns that say where something stands are matched together: what no
//! program of ours writes is refused with a sentence, not guessed at.

use super::fault::Fault;
use crate::domain::approval::{Preview, PreviewFormat};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver, SYSTEM};
use crate::domain::digest::Digest;
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;

/// A run's state and owner: exactly the running ones have one.
pub(super) fn standing(
    id: &RunId,
    state: &str,
    owner: Option<String>,
) -> Result<(RunState, Option<OwnerId>), Fault> {
    let owner = owner.as_deref().map(owner_id).transpose()?;
    match (run_state(state)?, owner) {
        (RunState::Running, Some(owner)) => Ok((RunState::Running, Some(owner))),
        (RunState::Running, None) => {
            Err(Fault::Inconsistent(format!("run {id} is running and has no owner")))
        }
        (state, None) => Ok((state, None)),
        (state, Some(_)) => {
            Err(Fault::Inconsistent(format!("run {id} is {state} and has an owner")))
        }
    }
}

/// What became of the latest approval that was asked for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// None was.
    Never,
    /// It waits.
    Open,
    /// A person decided.
    Decided { decision: Decision, resolver: Resolver, at: Timestamp },
    /// Nobody decided in time.
    Expired { at: Timestamp },
    /// The run ended first.
    Closed,
}

/// The columns of a request that say what became of it.
#[derive(Debug)]
pub(super) struct AskedColumns {
    pub(super) request: Option<i64>,
    pub(super) resolved_at: Option<i64>,
    pub(super) resolved_by: Option<String>,
    pub(super) authenticated_as: Option<String>,
    pub(super) decision: Option<String>,
    pub(super) reason: Option<String>,
}

/// What became of a request.
pub(super) fn asked(columns: AskedColumns) -> Result<Asked, Fault> {
    let AskedColumns { request, resolved_at, resolved_by, authenticated_as, decision, reason } =
        columns;
    let decided = |decision, by: String, authenticated_as: String, at| {
        let note = (by != authenticated_as).then_some(by);
        Asked::Decided {
            decision,
            resolver: Resolver { authenticated_as, note },
            at: Timestamp(at),
        }
    };
    match (request, resolved_at, resolved_by, authenticated_as, decision.as_deref(), reason) {
        (None, None, None, None, None, None) => Ok(Asked::Never),
        (Some(_), None, None, None, None, None) => Ok(Asked::Open),
        (Some(_), Some(_), None, None, None, None) => Ok(Asked::Closed),
        (Some(_), Some(at), Some(by), Some(identity), Some("expired"), None)
            if by == SYSTEM && identity == SYSTEM =>
        {
            Ok(Asked::Expired { at: Timestamp(at) })
        }
        (Some(_), Some(at), Some(by), Some(identity), Some("approve"), None) => {
            Ok(decided(Decision::Approve, by, identity, at))
        }
        (Some(_), Some(at), Some(by), Some(identity), Some("deny"), reason) => {
            Ok(decided(Decision::Deny { reason }, by, identity, at))
        }
        (request, ..) => Err(Fault::Inconsistent(format!(
            "approval request {} is neither open nor decided",
            request.unwrap_or_default()
        ))),
    }
}

/// Checks that a call's columns fit together.
pub(super) fn check_call(
    id: &CallId,
    state: CallState,
    asked: &Asked,
    has_result: bool,
    attempts: u32,
    told: bool,
) -> Result<(), Fault> {
    use Asked::{Closed, Decided, Expired, Never, Open};
    use CallState as S;
    use Decision::{Approve, Deny};
    // Asked never, or approved the last time.
    let admitted = matches!(asked, Never | Decided { decision: Approve, .. });
    let fits = match (state, asked, has_result, attempts > 0) {
        (S::Refused(_), _, true, _) => admitted,
        (S::Waiting, Open, false, _) => true,
        (S::Ready, Never, false, false) => true,
        (S::Approved, Decided { decision: Approve, .. }, false, _) => true,
        (S::Denied, Decided { decision: Deny { .. }, .. }, false, _) => true,
        (S::Expired, Closed | Expired { .. }, false, _) => true,
        (S::Started, _, false, true) => admitted,
        (S::Succeeded, _, true, true) => admitted,
        // Denied, or the run ended, while it was unknown.
        (S::Failed, Decided { .. } | Closed | Never, true, true) => true,
        // Without an open request only in a run that was cancelled while it ran.
        (S::Unknown, Open, false, true) => true,
        (S::Unknown, _, false, true) => admitted,
        _ => false,
    };
    if fits && (!told || state.is_final()) {
        return Ok(());
    }
    Err(Fault::Inconsistent(format!(
        "call {id} is {state}, which does not fit its approval, its result or its {attempts} attempts"
    )))
}

/// A preview from its two columns.
pub(super) fn preview(
    format: Option<String>,
    text: Option<String>,
) -> Result<Option<Preview>, Fault> {
    match (format, text) {
        (None, None) => Ok(None),
        (Some(word), Some(text)) => {
            let format = FORMATS.into_iter().find(|format| format_word(*format) == word);
            format
                .map(|format| Some(Preview { format, text }))
                .ok_or_else(|| Fault::Inconsistent(format!("there is no preview format `{word}`")))
        }
        _ => Err(Fault::Inconsistent("a preview lacks its format or its text".into())),
    }
}

const FORMATS: [PreviewFormat; 5] = [
    PreviewFormat::Plain,
    PreviewFormat::Command,
    PreviewFormat::Sql,
    PreviewFormat::Diff,
    PreviewFormat::Http,
];

/// The word stored for a preview's format.
pub(super) const fn format_word(format: PreviewFormat) -> &'static str {
    match format {
        PreviewFormat::Plain => "plain",
        PreviewFormat::Command => "command",
        PreviewFormat::Sql => "sql",
        PreviewFormat::Diff => "diff",
        PreviewFormat::Http => "http",
    }
}

pub(super) fn changed(text: Option<String>) -> Result<Vec<String>, Fault> {
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
}

pub(super) fn run_id(text: &str) -> Result<RunId, Fault> {
    RunId::parse(text).map_err(|error| Fault::Inconsistent(error.to_string()))
}

pub(super) fn call_id(text: &str) -> Result<CallId, Fault> {
    CallId::parse(text).map_err(|error| Fault::Inconsistent(error.to_string()))
}

pub(super) fn owner_id(text: &str) -> Result<OwnerId, Fault> {
    OwnerId::parse(text).map_err(|error| Fault::Inconsistent(error.to_string()))
}

pub(super) fn run_state(word: &str) -> Result<RunState, Fault> {
    RunState::parse(word)
        .ok_or_else(|| Fault::Inconsistent(format!("there is no run state `{word}`")))
}

pub(super) fn call_state(word: &str) -> Result<CallState, Fault> {
    CallState::parse(word)
        .ok_or_else(|| Fault::Inconsistent(format!("there is no call state `{word}`")))
}

pub(super) fn digest(bytes: Vec<u8>) -> Result<Digest, Fault> {
    bytes
        .try_into()
        .map(Digest::from_bytes)
        .map_err(|_| Fault::Inconsistent("a stored digest has another length".into()))
}

/// A count as SQLite holds it. Beyond 2^63 there is nothing that we count.
pub(super) fn to_stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count read back; what is stored is never negative.
pub(super) fn from_stored(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
