//! What is done to a run, and what comes back. Claims, calls and owners are numbers: the first is 0.

use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::{Conflict, StoreError};

/// A verb with everything that it is done to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    Turn {
        claim: usize,
        calls: Vec<Asked>,
        then: Then,
    },
    Start {
        claim: usize,
        call: usize,
    },
    Finish {
        claim: usize,
        call: usize,
        succeeded: bool,
    },
    /// The gate, asked again, refuses, or wants people to decide under a rule.
    Readmit {
        claim: usize,
        call: usize,
        ask: Option<(ApprovalRule, u8)>,
    },
    RetryUnknown {
        claim: usize,
        call: usize,
    },
    Tell {
        claim: usize,
        calls: Vec<usize>,
    },
    Pause {
        claim: usize,
    },
    Interrupt {
        claim: usize,
    },
    End {
        claim: usize,
        completed: bool,
    },
    Decide {
        process: usize,
        who: &'static str,
        said: Vec<Said>,
    },
    Claim {
        process: usize,
    },
    Cancel {
        process: usize,
        who: &'static str,
    },
    Adopt {
        process: usize,
    },
    Sweep {
        process: usize,
    },
    /// A process dies, and another takes its place.
    Crash {
        process: usize,
    },
    /// So many seconds pass.
    Wait {
        seconds: u64,
    },
    /// Somebody sets the clock by so many seconds; no time passes.
    SetClock {
        seconds: i64,
    },
}

/// The gate's answer to a call of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Ready,
    Refused,
    Waiting { rule: ApprovalRule, kind: u8 },
}

/// What becomes of a run with a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Continue,
    Pause,
    Complete,
}

/// What a person says of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub call: usize,
    /// The version that they were shown; `None`: whatever is asked now.
    pub shown: Option<u32>,
    pub approve: bool,
    pub edit: Option<Edit>,
}

/// What a person makes of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    pub rule: ApprovalRule,
    pub kind: u8,
}

/// What an accepted verb gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// The number of the attempt.
    Attempt(u32),
    /// Whether the run was claimed, and how many calls still wait.
    Decided {
        claimed: bool,
        waiting: usize,
    },
    /// Whether the run was taken from a dead owner.
    Adopted(bool),
    /// Whether the run was paused and can go on.
    Swept {
        freed: bool,
    },
}

/// Why a verb did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Fenced,
    WrongState(RunState),
    OwnedElsewhere,
    NothingWaits,
    UnknownCall,
    WrongCallState(CallState),
    AlreadyTold,
    TriedOften,
    AlreadyDecided,
    NotWaiting(CallState),
    /// The only refusal that may leave something behind: that the call expired.
    Expired,
    Changed,
    NotAReviewer,
    IsRequester,
    VotedBefore,
}

impl From<StoreError> for Refusal {
    /// # Panics
    /// Where a store gives an error that no order of verbs explains.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced(_) => Self::Fenced,
            StoreError::UnknownCall { .. } => Self::UnknownCall,
            StoreError::Conflict(conflict) => match conflict {
                Conflict::WrongState { state, .. } => Self::WrongState(state),
                Conflict::Cancelled { .. } => Self::WrongState(RunState::Cancelled),
                Conflict::OwnedElsewhere { .. } => Self::OwnedElsewhere,
                Conflict::NothingWaits { .. } => Self::NothingWaits,
                Conflict::WrongCallState { state, .. } => Self::WrongCallState(state),
                Conflict::AlreadyTold { .. } => Self::AlreadyTold,
                Conflict::TriedOften { .. } => Self::TriedOften,
                Conflict::AlreadyDecided { .. } => Self::AlreadyDecided,
                Conflict::NotWaiting { state, .. } => Self::NotWaiting(state),
                Conflict::Expired { .. } => Self::Expired,
                Conflict::Changed { .. } => Self::Changed,
                Conflict::NotAReviewer { .. } => Self::NotAReviewer,
                Conflict::IsRequester { .. } => Self::IsRequester,
                Conflict::VotedBefore { .. } => Self::VotedBefore,
                other @ Conflict::ProgramRuns { .. } => panic!("no program was started: {other}"),
                other @ (Conflict::QueueFull { .. } | Conflict::DayFull { .. }) => {
                    panic!("no run is queued: {other}")
                }
                other @ (Conflict::Repeated { .. }
                | Conflict::KeyReused
                | Conflict::ConversationBusy { .. }) => {
                    panic!("no request has a key or a conversation: {other}")
                }
            },
            other => panic!("the store failed: {other}"),
        }
    }
}
