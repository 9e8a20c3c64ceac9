//! People's decisions on calls.

use super::claim::Claim;
use super::edit::Edit;
use super::idempotency::Idempotency;
use super::run::StoredRun;
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::policy::PolicyRecord;

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
    /// What tells it from the same decision sent again; `None`: each is a new one.
    pub idempotency: Option<Idempotency>,
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
    /// [`Conflict::Changed`]: crate::store::Conflict::Changed
    pub seen: Option<i64>,
    /// What was said.
    pub decision: Decision,
    /// What the call becomes first, where the person changed it: the decision is about that then.
    pub edit: Option<Edit>,
    /// What policies said of it: of the person, and of the call as the person changed it.
    pub said: Vec<PolicyRecord>,
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
