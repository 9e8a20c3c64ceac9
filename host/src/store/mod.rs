//! What is written down, as about twenty coarse verbs: each one atomic transaction, answered only
//! after it is durable. Nothing above this layer knows SQL.
//!
//! Every write of a run carries a [`Claim`]; a claim that another process has replaced is refused, so
//! that a process which slept through its own adoption can do no harm.

mod error;
pub mod key;
pub mod owner;
mod program;
mod record;
pub mod sqlite;
mod texts;

pub use error::{Conflict, StoreError};
pub use program::Program;
pub use record::{
    Admission, AfterTurn, CallDecision, CallOutcome, CallRecord, Claim, Conversation,
    ConversationRecord, Decided, DecisionRequest, Edit, Edited, Escalated, EventFilter, Expired,
    Expiring, Idempotency, JournalCheck, JournalHead, NewCall, NewRun, Order, OutboxMessage, Page,
    PendingCall, PendingFilter, PendingPage, Position, Posted, PruneRequest, Pruned, QueueTerms,
    Readmission, ResolvedApproval, RunEnd, RunFilter, RunPage, RunRecord, RunStart, RunSummary,
    StoredRun, Swept, TurnRecord, Used, Vote,
};
pub use texts::{Texts, Visit};

use crate::domain::budget::Spent;
use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;
use crate::domain::digest::Digest;
use crate::domain::event::Event;
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::message::Message;
use crate::domain::policy::PolicyRecord;
use owner::Owner;
use std::pin::Pin;
use tokio::sync::watch;

/// What every verb gives: an answer that arrives after the transaction is durable. The verb is under
/// way from the moment it is called, whether or not anybody waits for the answer.
pub type StoreFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// Where runs are written down. One implementation per database, one suite of tests for all.
pub trait Store: Send + Sync {
    /// Registers this process as a driver of runs under `id`: its claims hold until the [`Owner`] is
    /// dropped or the process ends. Claims of an id that is not registered are a dead owner's.
    ///
    /// # Errors
    /// [`StoreError`] where the registration cannot be written.
    fn register_owner(&self, id: OwnerId) -> Result<Owner, StoreError>;

    /// Writes a run down: state running, claimed by its creator, the user's message after what was said
    /// before. Refused with [`Conflict::Repeated`] where the same request was sent before, with
    /// [`Conflict::KeyReused`] where another one was sent under its key, and with
    /// [`Conflict::ConversationBusy`] where the latest run of its conversation has not ended.
    fn create_run(&self, run: NewRun, owner: &OwnerId) -> StoreFuture<'_, Claim>;

    /// Writes a run down that waits for its turn: nobody drives it until [`Store::claim_run`]. It may follow
    /// a run of its conversation that has not ended. Refused with [`Conflict::QueueFull`] where too many
    /// wait, with [`Conflict::DayFull`] where too many were asked for, and as by [`Store::create_run`] where the same was sent before.
    fn queue_run(&self, run: NewRun, terms: QueueTerms) -> StoreFuture<'_, RunId>;

    /// The runs of some roles, by the roles' names, that wait for their turn and whose turn has come, oldest first, at
    /// most `limit`, each with its role's name. Of a conversation the first that has not ended is one.
    fn queued_runs(
        &self,
        roles: Vec<String>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(RunId, String)>>;

    /// The interrupted runs of some roles, by the roles' names, oldest first, at most `limit`, each with its
    /// role's name and what started it.
    fn interrupted_runs(
        &self,
        roles: Vec<String>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(RunId, String, String)>>;

    /// What the runs of a role have used since a moment: how many were asked for at `since` or later, and the
    /// tokens of those with which something was done since then.
    fn used_since(&self, role: &str, since: Timestamp) -> StoreFuture<'_, Used>;

    /// Up to when a trigger of a role that follows the clock has been seen to.
    fn trigger_mark(&self, role: &str, trigger: &str) -> StoreFuture<'_, Option<Timestamp>>;

    /// Notes that a trigger has been seen to; a mark never moves back.
    fn mark_trigger(&self, role: &str, trigger: &str, at: Timestamp) -> StoreFuture<'_, ()>;

    /// Appends the model's message and the gate's answers; pauses or ends the run in the same transaction
    /// if asked. A call whose rule remembers, and whose binding equals that of a call which people approved
    /// in this run and were not asked about anew, is approved by that; where nothing else waits, the run does
    /// not pause. Gives the calls as they are now stored.
    fn record_turn(&self, claim: &Claim, turn: TurnRecord) -> StoreFuture<'_, Vec<CallRecord>>;

    /// Writes down that a call is about to be invoked: from ready or approved, once per attempt; with it
    /// what policies `said` just now, where they were asked again. Gives the number of the attempt.
    fn record_call_started(
        &self,
        claim: &Claim,
        call: &CallId,
        said: Vec<PolicyRecord>,
        at: Timestamp,
    ) -> StoreFuture<'_, u32>;

    /// Writes down that a started call is about to run a program, so that somebody who finds the call's
    /// outcome unknown can tell whether the program still runs.
    fn record_program_started(
        &self,
        claim: &Claim,
        call: &CallId,
        attempt: u32,
        program: Program,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Lets an unknown call be tried again by nobody's decision, because its role says so. Refused with
    /// [`Conflict::TriedOften`] after [`MOST_ATTEMPTS`], and with [`Conflict::ProgramRuns`] where a program
    /// that it started still runs.
    ///
    /// [`MOST_ATTEMPTS`]: crate::domain::tool_call::MOST_ATTEMPTS
    fn retry_unknown(&self, claim: &Claim, call: &CallId, at: Timestamp) -> StoreFuture<'_, ()>;

    /// Writes down what became of a started call.
    fn record_call_finished(
        &self,
        claim: &Claim,
        call: &CallId,
        outcome: CallOutcome,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Writes down that the gate, asked again, does not admit a ready or approved call, and what policies
    /// `said` of it.
    fn readmit_call(
        &self,
        claim: &Claim,
        call: &CallId,
        readmission: Readmission,
        said: Vec<PolicyRecord>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Writes down what policies said of a call where nothing else comes of it: they refused the person who
    /// would decide, or what that person would make of the call.
    fn record_policies(
        &self,
        run: &RunId,
        call: &CallId,
        said: Vec<PolicyRecord>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Appends the results of a turn to the history, in order, and marks their calls as told.
    fn tell_results(
        &self,
        claim: &Claim,
        results: Vec<Message>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Ends a claim with the run waiting for people; calls that were started and not finished become
    /// unknown, so that a person decides about them too. Refused with [`Conflict::NothingWaits`] where the
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
    /// Only what the call's rule lets count is recorded; an approval that is not enough by itself leaves
    /// the call waiting. Claims the run where nothing waits any more and nobody owns it.
    ///
    /// A call whose time is up expires, however late that is noticed: then no decision is recorded, and
    /// the answer is [`Conflict::Expired`]. Likewise the second group of reviewers counts from its time on. A request that was sent before is refused as by
    /// [`Store::create_run`], and nothing is recorded.
    fn decide(&self, request: DecisionRequest) -> StoreFuture<'_, Decided>;

    /// Claims a queued, paused or interrupted run, or a running one whose owner is dead, which is adopted
    /// first; `by` is whoever has it go on. A queued one is refused with [`Conflict::ConversationBusy`] where
    /// one before it in its conversation has not ended.
    fn claim_run(
        &self,
        run: &RunId,
        owner: &OwnerId,
        by: &Resolver,
        at: Timestamp,
    ) -> StoreFuture<'_, Claim>;

    /// Ends a run that has not ended, whoever drives it; its waiting calls are denied by `resolver`, and
    /// whoever drives it is shut out.
    fn cancel_run(&self, run: &RunId, resolver: Resolver, at: Timestamp) -> StoreFuture<'_, ()>;

    /// Interrupts the running runs whose owner is dead: calls that were started become unknown, and a
    /// run with calls that wait becomes paused. Gives the runs changed.
    fn adopt_orphans(&self, at: Timestamp) -> StoreFuture<'_, Vec<RunId>>;

    /// Warns about the calls that wait and are about to expire, has a second group of reviewers count for
    /// those that nobody decided for a while, and expires those that nobody decided in time: by the machine's uptime where it is known, so that setting the clock expires nothing. Of a
    /// decision and an expiry at the same moment one is first.
    fn sweep(&self, at: Timestamp) -> StoreFuture<'_, Swept>;

    /// Takes messages that are due and whose address begins with one of the `roles` and `/`, oldest first, at
    /// most `limit`. Nobody else is given them within [`LEASE`], in which each is to be marked: at least once
    /// is promised, and no more.
    ///
    /// [`LEASE`]: crate::domain::outbox::LEASE
    fn due_messages(
        &self,
        roles: Vec<String>,
        limit: usize,
        now: Timestamp,
    ) -> StoreFuture<'_, Vec<OutboxMessage>>;

    /// Notes that a message is out, and what the service calls it; it is not due again.
    fn mark_delivered(
        &self,
        message: i64,
        receipt: Option<String>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()>;

    /// Notes that a message could not be sent; gives when it is due again, each time later, up to an hour.
    fn mark_failed(&self, message: i64, error: &str, at: Timestamp) -> StoreFuture<'_, Timestamp>;

    /// The runs that have not ended and that nobody drives, oldest first.
    fn unfinished(&self, limit: usize) -> StoreFuture<'_, Vec<RunId>>;

    /// Everything about one run, as it may be shown: secrets that were recognised are tokens. Of a run of a
    /// conversation the history begins with what was said in the runs before it.
    fn load_run(&self, run: &RunId) -> StoreFuture<'_, StoredRun>;

    /// The same without what it took to get there: no messages, and of the calls those of the latest turn
    /// and those whose result was not told. A decision needs no more, however long the run has become.
    fn load_turn(&self, run: &RunId) -> StoreFuture<'_, StoredRun>;

    /// All of it as it was, for driving the run on: what was sealed is opened. A run that has ended is
    /// given as for showing: nothing of it is kept sealed. So are earlier runs of its conversation. Refused with [`StoreError::Sealed`] where a
    /// value is missing, was changed, or has lost its key.
    fn load_to_drive(&self, run: &RunId) -> StoreFuture<'_, StoredRun>;

    /// How far a conversation of a role, by the role's name, goes; `None` where nothing of it is stored.
    fn conversation(
        &self,
        role_name: &str,
        conversation: &Conversation,
    ) -> StoreFuture<'_, Option<ConversationRecord>>;

    /// The run that came of a request, where it was sent before; refused with [`Conflict::KeyReused`] where
    /// another one was sent under its key. Whoever asks saves the work of a request that would be refused;
    /// whether one is, the verbs that write decide. A key is known for a day at least, unless its run is
    /// pruned.
    fn find_repeated(&self, sent: &Idempotency) -> StoreFuture<'_, Option<RunId>>;

    /// The runs whose id starts with `prefix` (a whole id, or the beginning with its type), at most ten.
    fn find_runs(&self, prefix: &str) -> StoreFuture<'_, Vec<RunId>>;

    /// The calls that wait for a person, oldest first, and how many there are in all.
    fn pending(&self, limit: usize) -> StoreFuture<'_, (Vec<PendingCall>, usize)>;

    /// The runs, newest first.
    fn runs(&self, limit: usize) -> StoreFuture<'_, Vec<RunSummary>>;

    /// A page of the calls that wait for a person and are wanted. Where calls begin to wait between two
    /// pages, none is given twice, and none that waited before is left out.
    fn list_pending(&self, filter: PendingFilter, page: Page) -> StoreFuture<'_, PendingPage>;

    /// A page of the runs that are wanted; the same of runs.
    fn list_runs(&self, filter: RunFilter, page: Page) -> StoreFuture<'_, RunPage>;

    /// Gives a counter that moves when something happened, as the journal has it, by this process or another,
    /// so that whoever shows what is stored knows when to look again. It says nothing of what happened, and
    /// may move more often than that. Other processes' writes are looked for five times a second, and only as long as
    /// somebody holds a receiver. It is closed with the store.
    ///
    /// # Errors
    /// [`StoreError`] where the database cannot be opened once more to look.
    fn changes(&self) -> Result<watch::Receiver<u64>, StoreError>;

    /// The runs of roles of this name that something happened to since a moment, in the order in which they
    /// were written down, at most `limit`: those after the one at the place `after` (0: from the first), each
    /// with its place. Pruned ones are not there.
    fn runs_of(
        &self,
        role: &str,
        since: Timestamp,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(i64, RunId)>>;

    /// The journal of one run, in order.
    fn events(&self, run: &RunId) -> StoreFuture<'_, Vec<Event>>;

    /// A component's bytes.
    fn component(&self, digest: &Digest) -> StoreFuture<'_, Option<Vec<u8>>>;

    /// Walks the whole journal: checks its chain, the heads beside it and the ones that were `kept`
    /// elsewhere, and compares every other table with what the events say of it.
    fn check_journal(&self, kept: Vec<JournalHead>) -> StoreFuture<'_, JournalCheck>;

    /// The first events after the one numbered `after`, in order, at most `limit`. Pruned ones are not
    /// there.
    fn events_after(
        &self,
        filter: EventFilter,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Event>>;

    /// The number of the last event; 0 where there is none.
    fn last_event(&self) -> StoreFuture<'_, i64>;

    /// Starts and resumptions of runs, newest first, as far as they were not pruned: of a run that was,
    /// the resumptions are left.
    fn starts(&self, limit: usize) -> StoreFuture<'_, Vec<RunStart>>;

    /// The approvals that are resolved, newest first; those of pruned runs too.
    fn approvals(&self, limit: usize) -> StoreFuture<'_, Vec<ResolvedApproval>>;

    /// The runs in the journal whose id starts with `prefix`, as [`Store::find_runs`]: pruned ones too,
    /// as long as an approval of theirs is kept.
    fn find_recorded(&self, prefix: &str) -> StoreFuture<'_, Vec<RunId>>;

    /// Removes runs that ended long ago, with their messages, calls and events, and leaves a checkpoint
    /// for what was removed. The runs of a conversation go together, when the latest ended long ago. Approvals, and the events that tell of them, stay.
    fn prune(&self, request: PruneRequest) -> StoreFuture<'_, Pruned>;

    /// Gives the space of removed rows back; gives the size before and after, in bytes. Nobody can write
    /// meanwhile.
    fn give_back(&self) -> StoreFuture<'_, (u64, u64)>;
}
