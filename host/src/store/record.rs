//! What the verbs take and give: plain data, the same for every database.

use super::Conflict;
use crate::domain::approval::{Binding, Preview};
use crate::domain::budget::{Budgets, Spent};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::digest::Digest;
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::message::{Message, Usage};
use crate::domain::outbox::MessageKind;
use crate::domain::rule::{ApprovalRule, OnExpiry};
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallState, RefusedBy};
use data_encoding::HEXLOWER;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// How the outcome of a cancelled run begins; who cancelled it follows.
pub(super) const CANCELLED_BY: &str = "cancelled by ";

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
    /// Where to tell what becomes of it, such as `slack:C123/456`: opaque, and part of no decision.
    pub reply_to: Option<String>,
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
        /// Who must approve.
        rule: ApprovalRule,
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
    /// It waits for people: some call waits, and none is ready. It goes on all the same where every
    /// call that waits turns out to have been approved before.
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
        /// Who must approve.
        rule: ApprovalRule,
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
    /// What was said; each call must be waiting, or unknown.
    pub decisions: Vec<CallDecision>,
    /// Who.
    pub resolver: Resolver,
    /// The process that will drive the run if nothing waits any more.
    pub claim_as: OwnerId,
    /// When.
    pub at: Timestamp,
}

/// What was said of one call.
#[derive(Debug, Clone)]
pub struct CallDecision {
    /// The call.
    pub call: CallId,
    /// The request that the person was shown: refused with [`Conflict::Changed`] where the call has been
    /// edited or asked about anew since. `None`: whatever is asked now.
    ///
    /// [`Conflict::Changed`]: super::Conflict::Changed
    pub seen: Option<i64>,
    /// What was said.
    pub decision: Decision,
    /// What the call becomes first, where the person changed it: the decision is about that then.
    pub edit: Option<Edit>,
}

/// What a person makes of a waiting call, as the gate answered it: like a call of the model's, it waits.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The new canonical arguments.
    pub arguments: String,
    /// What the person sees.
    pub preview: Option<Preview>,
    /// What the approval will be for.
    pub binding: Binding,
    /// Who must approve.
    pub rule: ApprovalRule,
}

/// An approval that was not enough by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Who gave it.
    pub resolver: Resolver,
    /// When.
    pub at: Timestamp,
}

/// An edit, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The canonical arguments before.
    pub from: String,
    /// The canonical arguments after.
    pub to: String,
    /// Who made it.
    pub resolver: Resolver,
    /// When.
    pub at: Timestamp,
}

/// A recorded decision.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The claim, where no call of the turn waits any more and nobody owned the run.
    pub claim: Option<Claim>,
    /// The run as it now stands, for driving it on, where it is claimed: its whole history, and of its
    /// calls those of the latest turn and whatever is open of others.
    pub run: Option<Box<StoredRun>>,
    /// How many calls of the run still wait.
    pub waiting: usize,
}

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// The calls that people were warned about.
    pub warned: Vec<Expiring>,
    /// The calls that expired.
    pub expired: Vec<Expired>,
    /// The paused runs in which nothing waits any more: they can be resumed.
    pub freed: Vec<RunId>,
    /// By how many microseconds the clock was set since the last sweep, where it was.
    pub jumped: Option<i64>,
    /// In how many microseconds the next call is due, where one can expire.
    pub next: Option<i64>,
}

/// A call that waits and is about to expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// When, as the clock says now.
    pub expires_at: Timestamp,
}

/// A call that nobody decided in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// How many seconds it could wait.
    pub limit: u64,
    /// What that means for the run.
    pub on_expiry: OnExpiry,
    /// When that was written down.
    pub at: Timestamp,
}

/// Something to be told outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its number, to mark it by.
    pub n: i64,
    /// The same whenever it is sent: who receives it twice can tell.
    pub key: String,
    /// The run.
    pub run: RunId,
    /// What it is about.
    pub kind: MessageKind,
    /// Where it goes, as the run was given it.
    pub address: String,
    /// Canonical JSON: which calls, which state; no contents.
    pub body: String,
    /// How often it could not be sent.
    pub failures: u32,
    /// When it was written down.
    pub created_at: Timestamp,
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
    /// The components of the role's entries, in order.
    pub components: Vec<Digest>,
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

impl RunRecord {
    /// What somebody is told who comes when the run has ended: by whom, where that was a person.
    pub fn over(&self) -> Conflict {
        match self.outcome.as_deref().and_then(|outcome| outcome.strip_prefix(CANCELLED_BY)) {
            Some(by) if self.state == RunState::Cancelled => {
                Conflict::Cancelled { run: self.id.clone(), by: by.to_owned(), at: self.updated_at }
            }
            _ => Conflict::WrongState { run: self.id.clone(), state: self.state },
        }
    }
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
    /// The canonical arguments: what is decided about, and what happens.
    pub arguments: String,
    /// The canonical arguments that the model asked for, where a person changed them.
    pub proposed: Option<String>,
    /// The changes that people made, oldest first.
    pub edits: Vec<Edited>,
    /// Where it stands.
    pub state: CallState,
    /// The number of the latest request for approval: the version that a person is shown and decides
    /// about.
    pub request: Option<i64>,
    /// Who must approve, where somebody was asked.
    pub rule: Option<ApprovalRule>,
    /// Approvals of the latest request that were not enough by themselves, oldest first.
    pub votes: Vec<Vote>,
    /// The call of the same run whose approval this one repeats.
    pub remembered_from: Option<CallId>,
    /// What the person saw.
    pub preview: Option<Preview>,
    /// What the approval is for; `None` where none was asked for, or the result was told.
    pub binding: Option<Binding>,
    /// What a person said.
    pub decision: Option<Decision>,
    /// Who said it.
    pub resolver: Option<Resolver>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// What changed since it was last approved, where it waits again.
    pub changed: Vec<String>,
    /// When it expires, as the clock said when it began to wait; `None`: never, or it does not wait.
    pub expires_at: Option<Timestamp>,
    /// How many times it was started.
    pub attempts: u32,
    /// The process of a program that it started and that still runs, where its outcome is unknown.
    pub running: Option<u32>,
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
    /// The number of the request: the version that a person is shown and decides about.
    pub request: i64,
    /// Who must approve.
    pub rule: ApprovalRule,
    /// Who started the run; `None` under the plain rule, which asks for nobody in particular.
    pub requester: Option<String>,
    /// Approvals that were not enough by themselves, oldest first.
    pub votes: Vec<Vote>,
    /// When it began to wait.
    pub created_at: Timestamp,
    /// The canonical arguments.
    pub arguments: String,
    /// What a person sees.
    pub preview: Option<Preview>,
    /// What changed since it was last approved.
    pub changed: Vec<String>,
    /// When it expires, as the clock said when it began to wait; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// The process of a program that it started and that still runs, where its outcome is unknown.
    pub running: Option<u32>,
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

/// An event of the journal and its code: kept elsewhere, it shows whether the journal was rolled back.
///
/// As text, the number and 64 hexadecimal digits, as in the file of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHead {
    /// The event's number; 0 for a journal without events.
    pub sequence: i64,
    /// Its code.
    pub code: [u8; 32],
}

impl JournalHead {
    /// Reads a line; words before the two are skipped, so that a line of the program's own output
    /// will do. `None` for any other text.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().rev();
        let (code, sequence) = (words.next()?, words.next()?);
        let code = HEXLOWER.decode(code.as_bytes()).ok()?.try_into().ok()?;
        let sequence = sequence.parse().ok().filter(|sequence| *sequence >= 0)?;
        Some(Self { sequence, code })
    }
}

impl fmt::Display for JournalHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sequence, HEXLOWER.encode(&self.code))
    }
}

/// What a check of the journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCheck {
    /// Events read.
    pub events: u64,
    /// The last event.
    pub head: JournalHead,
    /// The first thing that does not fit, in words; `None`: everything does.
    pub broken: Option<String>,
    /// The next few.
    pub also: Vec<String>,
    /// How many more there are.
    pub left_out: u64,
}

/// Which events are wanted: those that fit everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// A start or a resumption of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// The event that tells of it.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
    /// `cli`, …; `resume` where the run had been started before.
    pub trigger_type: String,
    /// The role's name; `None` where it is not known any more.
    pub role: Option<String>,
    /// Who started it, as shown.
    pub who: String,
    /// What was asked; of a resumption, the decisions that led to it.
    pub prompt: Option<String>,
}

/// An approval that was asked for and is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedApproval {
    /// Its number.
    pub request: i64,
    /// The run, which may be gone.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// The role's name.
    pub agent: String,
    /// The canonical arguments.
    pub arguments: String,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it was resolved.
    pub resolved_at: Timestamp,
    /// `approve`, `deny`, …; `None` where the run ended first.
    pub decision: Option<String>,
    /// Who decided, as shown.
    pub resolved_by: Option<String>,
    /// The identity that counts.
    pub authenticated_as: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What to prune.
#[derive(Debug, Clone)]
pub struct PruneRequest {
    /// Runs that ended before this moment.
    pub before: Timestamp,
    /// Who prunes.
    pub resolver: Resolver,
    /// Only count.
    pub dry_run: bool,
    /// At most so many runs at once: others wait meanwhile.
    pub limit: usize,
    /// When.
    pub at: Timestamp,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Messages of theirs.
    pub messages: u64,
    /// Calls of theirs, with their results.
    pub calls: u64,
    /// Events.
    pub events: u64,
}

impl CallRecord {
    /// The identities that approved the latest request so far.
    pub fn voters(&self) -> Vec<&str> {
        voters(&self.votes)
    }

    /// The arguments as the model asked for them.
    pub fn as_proposed(&self) -> &str {
        self.proposed.as_deref().unwrap_or(&self.arguments)
    }
}

impl PendingCall {
    /// The identities that approved it so far.
    pub fn voters(&self) -> Vec<&str> {
        voters(&self.votes)
    }
}

fn voters(votes: &[Vote]) -> Vec<&str> {
    votes.iter().map(|vote| vote.resolver.authenticated_as.as_str()).collect()
}
