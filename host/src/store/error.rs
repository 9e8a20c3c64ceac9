//! Why a verb did nothing.

use crate::domain::clock::Timestamp;
use crate::domain::ids::{CallId, RunId};
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use std::path::PathBuf;

/// Somebody else was first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The call was decided.
    #[error("call {call} was already decided: {decision} by {by} at {at}")]
    AlreadyDecided {
        /// The call.
        call: CallId,
        /// `approve`, `deny`, …
        decision: String,
        /// Who, as shown; where several approved, all of them.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The call is not as the person was shown it.
    #[error(
        "call {call} was {} since it was shown; look again with `initrunner show {run}`, then decide",
        what_changed(.edited_by.as_deref(), *.at)
    )]
    Changed {
        /// The run.
        run: RunId,
        /// The call.
        call: CallId,
        /// Who edited it; `None` where it was asked about anew, because something else changed.
        edited_by: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// Only other people may decide about the call.
    #[error("{identity} may not decide about call {call}: {reviewers}")]
    NotAReviewer {
        /// The call.
        call: CallId,
        /// Who tried.
        identity: String,
        /// Who may, in words: `os:alice may`.
        reviewers: String,
    },
    /// Whoever started the run may not decide about the call.
    #[error("{identity} started the run and may not decide about call {call}: {reviewers}")]
    IsRequester {
        /// The call.
        call: CallId,
        /// Who tried.
        identity: String,
        /// Who may, in words: `os:alice may`.
        reviewers: String,
    },
    /// The same person approved before.
    #[error("{identity} approved call {call} at {at} already; {standing}")]
    VotedBefore {
        /// The call.
        call: CallId,
        /// Who tried.
        identity: String,
        /// When they approved.
        at: Timestamp,
        /// How many approvals there are, and who may give the others.
        standing: String,
    },
    /// The call is in no state that can be decided.
    #[error("call {call} does not wait for a decision: it is {state}")]
    NotWaiting {
        /// The call.
        call: CallId,
        /// Its state.
        state: CallState,
    },
    /// A living process drives the run.
    #[error("run {run} is being driven by another process (pid {pid})")]
    OwnedElsewhere {
        /// The run.
        run: RunId,
        /// Its process.
        pid: u32,
    },
    /// Nobody decided about the call in time.
    #[error("call {call} expired at {at}; it was not executed")]
    Expired {
        /// The call.
        call: CallId,
        /// When that was written down.
        at: Timestamp,
    },
    /// A program that the unknown call started is still there, so trying again could do things twice.
    #[error(
        "call {call} cannot be tried again: its program (pid {pid}) still runs; wait for it or stop it"
    )]
    ProgramRuns {
        /// The call.
        call: CallId,
        /// The program's process.
        pid: u32,
    },
    /// The unknown call was tried as often as is done without a person.
    #[error("call {call} was tried {attempts} times, and its outcome is still unknown")]
    TriedOften {
        /// The call.
        call: CallId,
        /// How often.
        attempts: u32,
    },
    /// The call is in no state for this.
    #[error("call {call} is {state}")]
    WrongCallState {
        /// The call.
        call: CallId,
        /// Its state.
        state: CallState,
    },
    /// The history has the call's result already.
    #[error("the result of call {call} was told already")]
    AlreadyTold {
        /// The call.
        call: CallId,
    },
    /// The run cannot pause: its last decision came while it was still being driven. Whoever drives it
    /// goes on.
    #[error("nothing waits for a decision in run {run}")]
    NothingWaits {
        /// The run.
        run: RunId,
    },
    /// Somebody ended the run.
    #[error("run {run} was cancelled by {by} at {at}")]
    Cancelled {
        /// The run.
        run: RunId,
        /// Who, as shown.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The same request was sent before: what became of it is known of its run.
    #[error("the same request was sent before, and run {run} came of it")]
    Repeated {
        /// The run.
        run: RunId,
    },
    /// The latest run of the conversation has not ended, and only one goes on at a time.
    #[error("run {run} of this conversation is {state}; send the next message when it has ended")]
    ConversationBusy {
        /// The run.
        run: RunId,
        /// Its state.
        state: RunState,
    },
    /// As many runs of the role wait for their turn as may.
    #[error("{limit} runs of this role wait for their turn already; try again later")]
    QueueFull {
        /// How many may.
        limit: u32,
    },
    /// As many runs of the role were asked for as may be in a day.
    #[error("{limit} runs of this role were asked for today already; try again tomorrow")]
    DayFull {
        /// How many may.
        limit: u32,
    },
    /// Another request was sent under this key.
    #[error("the idempotency key was used for another request; give each new request a new key")]
    KeyReused,
    /// The run is in no state for this.
    #[error("run {run} is {state}")]
    WrongState {
        /// The run.
        run: RunId,
        /// Its state.
        state: RunState,
    },
}

fn what_changed(edited_by: Option<&str>, at: Timestamp) -> String {
    match edited_by {
        Some(name) => format!("edited by {name} at {at}"),
        None => format!("asked about anew at {at}"),
    }
}

/// Why a verb did nothing. Each leaves the store as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// There is no such run.
    #[error("there is no run `{0}`")]
    UnknownRun(String),
    /// The run has no such call.
    #[error("run {run} has no call `{call}`")]
    UnknownCall {
        /// The run.
        run: RunId,
        /// What was asked for.
        call: String,
    },
    /// A value that the run needs to go on is sealed and cannot be opened.
    #[error(
        "run {run} cannot go on: {reason}; restore the state folder's database and keys from one backup, \
         or end the run with `initrunner cancel {run}`"
    )]
    Sealed {
        /// The run.
        run: RunId,
        /// What is wrong.
        reason: String,
    },
    /// There is no such message.
    #[error("there is no message {0} to be delivered")]
    UnknownMessage(i64),
    /// Another process has claimed the run since.
    #[error("run {0} was cancelled or taken over by another process; nothing more was written")]
    Fenced(RunId),
    /// Another process held the database's lock for too long.
    #[error(
        "the database `{path}` is locked by another process; try again, or stop the program that holds it"
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder cannot be written.
    #[error(
        "the database `{path}` cannot be written: {reason}; make the file and its folder writable for this user"
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// The disk is full.
    #[error(
        "there is no space left for the database `{path}`; free some and try again, nothing is lost"
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a database of ours, or is damaged.
    #[error(
        "the database `{path}` is damaged or not a database: {reason}; restore a backup or move the file away"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file was written by an older program, and is opened for reading only.
    #[error(
        "the database `{path}` has schema {found}, and this program reads schema {known}; open it once for writing, which brings it up to date"
    )]
    OlderSchema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file was written by a newer program.
    #[error(
        "the database `{path}` has schema {found}, and this program knows up to {known}; use a newer initrunner"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Anything else that the disk or the database said.
    #[error("the database `{path}` failed: {reason}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
}
