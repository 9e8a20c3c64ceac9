//! What the verbs take and give: plain data, the same for every database. One file per thing that is
//! written down.

mod call;
mod claim;
mod conversation;
mod decision;
mod edit;
mod expiry;
mod history;
mod idempotency;
mod journal;
mod list;
mod outbox;
mod pending;
mod prune;
mod run;
mod turn;
mod vote;

pub use call::{CallOutcome, CallRecord, Readmission};
pub use claim::Claim;
pub use conversation::{Conversation, ConversationRecord};
pub use decision::{CallDecision, Decided, DecisionRequest};
pub use edit::{Edit, Edited};
pub use expiry::{Escalated, Expired, Expiring, Swept};
pub use history::{ResolvedApproval, RunStart};
pub use idempotency::Idempotency;
pub use journal::{EventFilter, JournalCheck, JournalHead};
pub use list::{Order, Page, PendingFilter, PendingPage, Position, RunFilter, RunPage};
pub use outbox::{OutboxMessage, Posted};
pub use pending::PendingCall;
pub use prune::{PruneRequest, Pruned};
pub use run::{NewRun, QueueTerms, RunEnd, RunRecord, RunSummary, StoredRun, Used};
pub use turn::{Admission, AfterTurn, NewCall, TurnRecord};
pub use vote::Vote;

pub(super) use run::{CANCELLED_BY, over};
