//! A turn: one answer of the model, with what the gate said of its calls.

use crate::domain::approval::{Binding, Preview};
use crate::domain::budget::Spent;
use crate::domain::clock::Timestamp;
use crate::domain::ids::CallId;
use crate::domain::message::{Message, Usage};
use crate::domain::policy::PolicyRecord;
use crate::domain::rule::ApprovalRule;
use crate::domain::tool_call::RefusedBy;

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
    /// What policies said of it.
    pub said: Vec<PolicyRecord>,
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
