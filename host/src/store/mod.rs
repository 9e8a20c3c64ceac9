//! What is written down, as about twenty coarse verbs: each one atomic transaction, answered only
//! after it is durable. Nothing above this layer knows SQL.
//!
//! Every write of a run carries a [`Claim`]; a claim that another process has replaced is refused, so
//! that a process which slept through its own adoption can do no harm.

pub mod key;
pub mod owner;
pub mod sqlite;

use crate::domain::approval::{Binding, Preview};
use crate::domain::budget::{Budgets, Spent};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::digest::Digest;
use crate::domain::event::Event;
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::message::{Message, Usage};
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallState, RefusedBy};
use owner::Owner;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;

/// What every verb gives: an answer that arrives after the transaction is durable. The verb is under
/// way from the moment it is called, whether or not anybody waits for the answer.
pub type StoreFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// The right to drive one run: held by one process at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// The process.
    pub owner: OwnerId,
    /// Grows with every claim of the run; every write compares it.
    pub fence: i64,
}

/// A run to write down, claimed by its creator.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Who drives it.
    pub owner: OwnerId,
    /// The role's name.
    pub role_name: String,
    /// The role's text as read, variables unresolved.
    pub role_text: String,
    /// The role file's absolute path: relative paths in the role start from its folder.
    pub role_path: PathBuf,
    /// Other texts that the role names, by the path it names them with, such as a model's script.
    pub files: BTreeMap<String, String>,
    /// The components that the role's entries use.
    pub components: Vec<(Digest, Cow<'static, [u8]>)>,
    /// What was asked.
    pub prompt: String,
    /// What started it: `cli`, `api`, `cron`, …
    pub trigger: String,
    /// Who started it: an authenticated identity, such as `os:alice`.
    pub requester: String,
    /// Its limits.
    pub budgets: Budgets,
    /// When.
    pub at: Timestamp,
}

/// What the gate said of one call of a turn.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// Our id.
    pub id: CallId,
    /// The entry's name; empty where the model named no tool of the role.
    pub entry: String,
    /// The tool as the component names it; as the model named it where there is none.
    pub tool: String,
    /// The tool as the model named it.
    pub model_tool: String,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// The canonical arguments; the model's own text where they were refused as invalid.
    pub arguments: String,
    /// The gate's answer.
    pub admission: Admission,
}

/// The gate's answer, as stored.
#[derive(Debug, Clone)]
pub enum Admission {
    /// Refused, with the result for the model.
    Refused {
        /// By whom.
        by: RefusedBy,
        /// The text for the model.
        result: String,
    },
    /// A person must decide.
    Waiting {
        /// What the person sees; `None` where the tool has no preview.
        preview: Option<Preview>,
        /// What the approval will be for.
        binding: Binding,
    },
    /// Admitted without a person.
    Ready,
}

/// One answer of the model, gated whole.
#[derive(Debug, Clone)]
pub struct TurnRecord {
    /// The model's message.
    pub assistant: Message,
    /// Its calls, in emitted order.
    pub calls: Vec<NewCall>,
    /// What the request used.
    pub usage: Usage,
    /// What the run has used so far, this turn included.
    pub spent: Spent,
    /// What becomes of the run in the same transaction.
    pub then: AfterTurn,
    /// When.
    pub at: Timestamp,
}

/// What becomes of a run with the turn that is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterTurn {
    /// It goes on.
    Continue,
    /// It waits for people: some call waits, and none is ready.
    Pause,
    /// It is over: the model called nothing.
    Complete {
        /// The model's text.
        answer: String,
    },
}

/// What the gate says of a call again, at resume.
#[derive(Debug, Clone)]
pub enum Readmission {
    /// Refused now.
    Refused {
        /// By whom.
        by: RefusedBy,
        /// The text for the model.
        result: String,
    },
    /// A person must decide again.
    Waiting {
        /// What the person sees now.
        preview: Option<Preview>,
        /// What the new approval will be for.
        binding: Binding,
        /// What changed, in words, old beside new; empty where it had not been decided before.
        changed: Vec<String>,
    },
}

/// What became of an invocation.
#[derive(Debug, Clone)]
pub struct CallOutcome {
    /// Whether the component gave a result.
    pub succeeded: bool,
    /// The text for the model.
    pub result: String,
}

/// How a run ends.
#[derive(Debug, Clone)]
pub enum RunEnd {
    /// The model answered.
    Completed {
        /// Its text.
        answer: String,
    },
    /// It cannot go on.
    Failed {
        /// The sentence.
        error: String,
    },
}

/// A decision to record.
#[derive(Debug, Clone)]
pub struct DecisionRequest {
    /// The run.
    pub run: RunId,
    /// Which calls, and what was said; each must be waiting.
    pub decisions: Vec<(CallId, Decision)>,
    /// Who.
    pub resolver: Resolver,
    /// The process that will drive the run if nothing waits any more.
    pub claim_as: OwnerId,
    /// When.
    pub at: Timestamp,
}

/// A recorded decision.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The claim, where no call of the turn waits any more and nobody owned the run.
    pub claim: Option<Claim>,
    /// How many calls of the run still wait.
    pub waiting: usize,
}

/// A run, as stored.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Where it stands.
    pub state: RunState,
    /// The process driving it.
    pub owner: Option<OwnerId>,
    /// The last fencing number given.
    pub fence: i64,
    /// The role's name.
    pub role_name: String,
    /// The role's text.
    pub role_text: String,
    /// The role file's absolute path.
    pub role_path: PathBuf,
    /// Other texts the role names.
    pub files: BTreeMap<String, String>,
    /// What was asked.
    pub prompt: String,
    /// What started it.
    pub trigger: String,
    /// Who started it.
    pub requester: String,
    /// Its limits.
    pub budgets: Budgets,
    /// What it has used.
    pub spent: Spent,
    /// Tokens used.
    pub usage: Usage,
    /// The answer, or why it failed or was interrupted.
    pub outcome: Option<String>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A call, as stored.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Our id.
    pub id: CallId,
    /// Its run.
    pub run: RunId,
    /// Which turn of the run, from 1.
    pub turn: i64,
    /// Its place in the turn, from 0.
    pub position: i64,
    /// The entry's name.
    pub entry: String,
    /// The tool as the component names it.
    pub tool: String,
    /// The tool as the model named it.
    pub model_tool: String,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// The canonical arguments.
    pub arguments: String,
    /// Where it stands.
    pub state: CallState,
    /// What the person saw.
    pub preview: Option<Preview>,
    /// What the approval is for.
    pub binding: Option<Binding>,
    /// What a person said.
    pub decision: Option<Decision>,
    /// Who said it.
    pub resolver: Option<Resolver>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// What changed since it was last approved, where it waits again.
    pub changed: Vec<String>,
    /// How many times it was started.
    pub attempts: u32,
    /// The text for the model.
    pub result: Option<String>,
    /// Whether the history holds its result.
    pub told: bool,
    /// When it was written down.
    pub created_at: Timestamp,
}

/// Everything about one run.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// The run.
    pub run: RunRecord,
    /// The history, in order.
    pub messages: Vec<Message>,
    /// Every call, by turn and position.
    pub calls: Vec<CallRecord>,
}

/// One row of the approvals queue.
#[derive(Debug, Clone)]
pub struct PendingCall {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// The role's name.
    pub agent: String,
    /// Waiting, or unknown.
    pub state: CallState,
    /// When it began to wait.
    pub created_at: Timestamp,
    /// The canonical arguments.
    pub arguments: String,
    /// What a person sees.
    pub preview: Option<Preview>,
    /// What changed since it was last approved.
    pub changed: Vec<String>,
}

/// One row of the list of runs.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// The role's name.
    pub role_name: String,
    /// Where it stands.
    pub state: RunState,
    /// How many of its calls wait.
    pub waiting: usize,
    /// What was asked.
    pub prompt: String,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

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
        /// Who, as shown.
        by: String,
        /// When.
        at: Timestamp,
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
    /// The run is in no state for this.
    #[error("run {run} is {state}")]
    WrongState {
        /// The run.
        run: RunId,
        /// Its state.
        state: RunState,
    },
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

/// What a check of the journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCheck {
    /// Events read.
    pub events: u64,
    /// The first thing that does not fit, in words; `None`: the chain holds.
    pub broken: Option<String>,
}

/// Where runs are written down. One implementation per database, one suite of tests for all.
pub trait Store: Send + Sync {
    /// Registers this process as a driver of runs under `id`: its claims hold until the [`Owner`] is
    /// dropped or the process ends. Claims of an id that is not registered are a dead owner's.
    ///
    /// # Errors
    /// [`StoreError`] where the registration cannot be written.
    fn register_owner(&self, id: OwnerId) -> Result<Owner, StoreError>;

    /// Writes a run down: state running, claimed by its creator, the user's message first.
    fn create_run(&self, run: NewRun) -> StoreFuture<'_, Claim>;

    /// Appends the model's message and the gate's answers; pauses in the same transaction if asked.
    fn record_turn(&self, claim: &Claim, turn: TurnRecord) -> StoreFuture<'_, ()>;

    /// Writes down that a call is about to be invoked: from ready or approved, once per attempt. Gives
    /// the number of the attempt.
    fn record_call_started(
        &self,
        claim: &Claim,
        call: &CallId,
        at: Timestamp,
    ) -> StoreFuture<'_, u32>;

    /// Writes down what became of a started call.
    fn record_call_finished(
        &self,
        claim: &Claim,
        call: &CallId,
        outcome: CallOutcome,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Writes down that the gate, asked again, does not admit a ready or approved call.
    fn readmit_call(
        &self,
        claim: &Claim,
        call: &CallId,
        readmission: Readmission,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Appends the results of a turn to the history, in order, and marks their calls as told.
    fn tell_results(
        &self,
        claim: &Claim,
        results: Vec<Message>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Ends a claim with the run waiting for people. Refused with [`Conflict::NothingWaits`] where the
    /// last decision came meanwhile: the claim stays, and the run goes on.
    fn pause_run(&self, claim: &Claim, spent: Spent, at: Timestamp) -> StoreFuture<'_, ()>;

    /// Ends a claim with the run resumable; calls that were started and not finished become unknown. The
    /// run is interrupted, or paused where a person must decide a call first; both keep `reason`.
    fn interrupt_run(
        &self,
        claim: &Claim,
        reason: String,
        spent: Spent,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Ends a claim and the run. Calls that still wait expire, and unknown ones are reported as such.
    fn end_run(
        &self,
        claim: &Claim,
        end: RunEnd,
        spent: Spent,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Records decisions, all or none, each on a call that waits or is unknown: of an unknown one,
    /// *approve* means to try it again and *deny* to tell the model that its outcome is not known.
    /// Claims the run where nothing waits any more and nobody owns it.
    fn decide(&self, request: DecisionRequest) -> StoreFuture<'_, Decided>;

    /// Claims a paused or interrupted run, or a running one whose owner is dead, which is adopted first.
    fn claim_run(&self, run: &RunId, owner: &OwnerId, at: Timestamp) -> StoreFuture<'_, Claim>;

    /// Ends a run that has not ended, whoever drives it; its waiting calls are denied by `resolver`, and
    /// whoever drives it is shut out.
    fn cancel_run(&self, run: &RunId, resolver: Resolver, at: Timestamp) -> StoreFuture<'_, ()>;

    /// Interrupts the running runs whose owner is dead: calls that were started become unknown, and a
    /// run with calls that wait becomes paused. Gives the runs changed.
    fn adopt_orphans(&self, at: Timestamp) -> StoreFuture<'_, Vec<RunId>>;

    /// Everything about one run.
    fn load_run(&self, run: &RunId) -> StoreFuture<'_, StoredRun>;

    /// The runs whose id starts with `prefix` (a whole id, or the beginning with its type), at most ten.
    fn find_runs(&self, prefix: &str) -> StoreFuture<'_, Vec<RunId>>;

    /// The calls that wait for a person, oldest first, and how many there are in all.
    fn pending(&self, limit: usize) -> StoreFuture<'_, (Vec<PendingCall>, usize)>;

    /// The runs, newest first.
    fn runs(&self, limit: usize) -> StoreFuture<'_, Vec<RunSummary>>;

    /// The journal of one run, in order.
    fn events(&self, run: &RunId) -> StoreFuture<'_, Vec<Event>>;

    /// A component's bytes.
    fn component(&self, digest: &Digest) -> StoreFuture<'_, Option<Vec<u8>>>;

    /// The digests of the components a run was created with, in order.
    fn run_components(&self, run: &RunId) -> StoreFuture<'_, Vec<Digest>>;

    /// Walks the whole journal and checks its chain and the heads beside it.
    fn check_journal(&self) -> StoreFuture<'_, JournalCheck>;
}
