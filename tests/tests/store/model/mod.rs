//! What a run and its calls must do, as a small machine of plain data.
//!
//! It is written from what is promised (the documentation of `trait Store`, and ARCHITECTURE.md), and
//! shares nothing with a store but the words for states and the text of rules. It predicts of each verb
//! whether it is accepted, or why it is refused, and what is true afterwards. `explore.rs` looks for an
//! order of verbs in which the machine itself breaks a law (`law.rs`); `property/` takes the store
//! through the same orders and has it agree at each step.

mod call;
mod decide;
pub mod explore;
mod finish;
pub mod law;
mod perform;
pub mod step;
mod verb;

pub use verb::{Answer, Asked, Refusal, Then, Verb};

use initrunner::domain::rule::{ApprovalRule, Escalation, OnExpiry, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;

/// The processes that drive runs: two are enough for one to take over from the other.
pub const PROCESSES: usize = 2;

/// Three reviewers, and somebody who is none. The first one starts the run.
pub const PEOPLE: [&str; 4] = ["os:alice", "os:bob", "os:carol", "os:mallory"];

/// Who decides where no person does.
pub const NOBODY: &str = "system";

/// Seconds until a question expires, in the rules that have a limit.
pub const LIMIT: u64 = 100;

/// Seconds until a second group of reviewers counts, in the rule that has one.
pub const DELAY: u64 = LIMIT / 2;

/// How often a call is started without a person being asked in between.
pub const MOST_ATTEMPTS: u32 = 3;

/// The rules that calls wait under.
pub fn rules() -> [ApprovalRule; 7] {
    let plain = ApprovalRule::required();
    let two_of_three = ApprovalRule {
        reviewers: PEOPLE[..3].iter().map(|name| (*name).to_owned()).collect(),
        quorum: 2,
        ..plain.clone()
    };
    [
        plain.clone(),
        two_of_three.clone(),
        ApprovalRule { remember: Remember::Run, ..plain.clone() },
        ApprovalRule { expires_after: Some(LIMIT), ..plain.clone() },
        ApprovalRule { expires_after: Some(LIMIT), on_expiry: OnExpiry::Fail, ..two_of_three },
        ApprovalRule { quorum: 2, not_requester: true, remember: Remember::Run, ..plain.clone() },
        ApprovalRule {
            reviewers: PEOPLE[..2].iter().map(|name| (*name).to_owned()).collect(),
            quorum: 2,
            escalate: Some(Escalation { after: DELAY, reviewers: vec![PEOPLE[2].to_owned()] }),
            ..plain
        },
    ]
}

/// One run, its calls, and whoever drives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub state: RunState,
    /// Which of all the owners there have been.
    pub owner: Option<usize>,
    pub fence: i64,
    pub calls: Vec<Call>,
    /// Every claim that was ever given, valid or not.
    pub claims: Vec<Held>,
    /// The living owners, one per process.
    pub processes: [usize; PROCESSES],
    /// How many owners there have been.
    pub owners: usize,
    /// How many requests for approval there have been: each is a version of a call, numbered from 1.
    pub requests: u32,
    /// Seconds that have passed.
    pub now: u64,
}

/// A claim, as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub owner: usize,
    pub fence: i64,
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub state: CallState,
    /// What it would do: calls of one kind have equal arguments.
    pub kind: u8,
    /// What an approval of it is for: equal numbers, equal bindings.
    pub bound: u8,
    /// What the model asked for.
    pub proposed: u8,
    pub edits: usize,
    /// The latest request and those before.
    pub versions: Vec<u32>,
    pub rule: Option<ApprovalRule>,
    /// Who approved the latest request without settling it.
    pub votes: Vec<&'static str>,
    /// What became of the latest request.
    pub settled: Option<Settled>,
    /// Whether people approved the latest request, which asked whether it may happen at all: an equal call
    /// is approved by that, as long as they are not asked anew.
    pub vouched: bool,
    /// When the latest request expires.
    pub expires: Option<u64>,
    /// When a second group of reviewers counts for it too.
    pub escalates: Option<u64>,
    /// Whether they do.
    pub escalated: bool,
    /// The call whose approval this one repeats.
    pub remembered_from: Option<usize>,
    pub attempts: u32,
    pub told: bool,
    pub result: Option<&'static str>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// By this identity.
    Decided(&'static str),
    /// Nobody decided in time.
    Expired,
}

impl Model {
    /// A run that was just written down by the first process.
    pub fn new() -> Self {
        let claim = Held { owner: 0, fence: 1 };
        Self {
            state: RunState::Running,
            owner: Some(claim.owner),
            fence: claim.fence,
            calls: Vec::new(),
            claims: vec![claim],
            processes: [0, 1],
            owners: PROCESSES,
            requests: 0,
            now: 0,
        }
    }

    /// How many calls need a person.
    pub fn waiting(&self) -> usize {
        if self.state.is_final() {
            return 0;
        }
        self.calls.iter().filter(|call| call.waits()).count()
    }

    /// Whether a run that says it is driven is not.
    pub fn is_orphaned(&self) -> bool {
        self.owner.is_some_and(|owner| !self.processes.contains(&owner))
    }
}
