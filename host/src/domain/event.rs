//! What the journal records: one event for each thing that happened to a run or a call.

use super::clock::Timestamp;
use super::ids::{CallId, RunId};
use serde::{Deserialize, Serialize};

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A run was written down.
    RunCreated,
    /// A process took a run over, under a new fencing number.
    RunClaimed,
    /// The model answered, and the gate answered for each call.
    TurnRecorded,
    /// A person must decide a call.
    ApprovalRequested,
    /// A person approved a call, and more of them are needed.
    ApprovalVoted,
    /// A person decided a call.
    ApprovalDecided,
    /// A person changed a call's arguments; earlier votes are void.
    ApprovalEdited,
    /// A call was approved as an equal one of the same run had been.
    ApprovalRemembered,
    /// A recorded approval no longer fits what would happen; the call waits again.
    ApprovalVoided,
    /// A policy was asked about a call.
    PolicyDecided,
    /// The gate refused a call at resume.
    CallRefused,
    /// A call is about to be invoked.
    CallStarted,
    /// A call gave its result.
    CallFinished,
    /// A call was started and its outcome is not known.
    CallUnknown,
    /// The results of a turn entered the history.
    ResultsTold,
    /// The run waits for people.
    RunPaused,
    /// The process or the model went away.
    RunInterrupted,
    /// The run ended.
    RunEnded,
    /// A call that waits is about to expire.
    ApprovalExpiring,
    /// Nobody decided a call in time; it will not happen.
    ApprovalExpired,
    /// Nobody decided a call for a while: a second group of reviewers counts too.
    ApprovalEscalated,
    /// A call is about to run a program.
    ProgramStarted,
    /// The host tries a call again whose outcome is unknown, as its role says.
    UnknownRetried,
    /// The clock was set: it and the machine's uptime no longer agree.
    ClockJumped,
    /// A decision, or a person's word, set the run going again.
    RunResumed,
    /// Events of runs that ended long ago were removed.
    JournalPruned,
}

impl EventKind {
    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::RunCreated => "run_created",
            EventKind::RunClaimed => "run_claimed",
            EventKind::TurnRecorded => "turn_recorded",
            EventKind::ApprovalRequested => "approval_requested",
            EventKind::ApprovalVoted => "approval_voted",
            EventKind::ApprovalDecided => "approval_decided",
            EventKind::ApprovalEdited => "approval_edited",
            EventKind::ApprovalRemembered => "approval_remembered",
            EventKind::ApprovalVoided => "approval_voided",
            EventKind::PolicyDecided => "policy_decided",
            EventKind::CallRefused => "call_refused",
            EventKind::CallStarted => "call_started",
            EventKind::CallFinished => "call_finished",
            EventKind::CallUnknown => "call_unknown",
            EventKind::ResultsTold => "results_told",
            EventKind::RunPaused => "run_paused",
            EventKind::RunInterrupted => "run_interrupted",
            EventKind::RunEnded => "run_ended",
            EventKind::ApprovalExpiring => "approval_expiring",
            EventKind::ApprovalExpired => "approval_expired",
            EventKind::ApprovalEscalated => "approval_escalated",
            EventKind::ProgramStarted => "program_started",
            EventKind::UnknownRetried => "unknown_retried",
            EventKind::ClockJumped => "clock_jumped",
            EventKind::RunResumed => "run_resumed",
            EventKind::JournalPruned => "journal_pruned",
        }
    }
}

/// One line of the journal, as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the chain, from 1.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// Which run; `None` where it is about the journal itself.
    pub run: Option<RunId>,
    /// Which call, where it is about one.
    pub call: Option<CallId>,
    /// The kind's word; a newer host may know kinds that this one does not.
    pub kind: String,
    /// The details: canonical JSON.
    pub body: String,
}
