//! What answers are made of. Their schemas are the ones in `/openapi.json`.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A chat completion, as OpenAI's clients read it, with what the page on approvals adds to a paused one.
#[derive(Serialize, ToSchema)]
pub(super) struct Completion {
    /// `chatcmpl-` and the run's id.
    pub(super) id: String,
    /// `chat.completion`.
    pub(super) object: &'static str,
    /// When the run was written down, in seconds since 1970.
    pub(super) created: i64,
    /// The role's name.
    pub(super) model: String,
    /// One.
    pub(super) choices: Vec<Choice>,
    pub(super) usage: TokenUsage,
    /// The run, where it waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_id: Option<String>,
    /// The calls that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pending_approvals: Option<Vec<PendingApproval>>,
    /// `false` where nothing is kept, so that a decision cannot be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resumable: Option<bool>,
}

/// The one answer.
#[derive(Serialize, ToSchema)]
pub(super) struct Choice {
    pub(super) index: u32,
    pub(super) message: AnswerMessage,
    /// Always `null`.
    #[schema(value_type = Option<Object>)]
    pub(super) logprobs: (),
    /// `stop`, or `tool_calls_pending_approval` where the run waits.
    pub(super) finish_reason: &'static str,
}

/// The model's text.
#[derive(Serialize, ToSchema)]
pub(super) struct AnswerMessage {
    /// `assistant`.
    pub(super) role: &'static str,
    /// What the model said; of a paused run, where it said nothing, one line that says what is awaited.
    pub(super) content: String,
    /// Always `null`.
    #[schema(value_type = Option<String>)]
    pub(super) refusal: (),
}

/// What the run has used so far.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenUsage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) total_tokens: u64,
}

/// A call that waits for a person.
#[derive(Serialize, ToSchema)]
pub(super) struct PendingApproval {
    pub(super) tool_call_id: String,
    pub(super) tool_name: String,
    #[schema(value_type = Object)]
    pub(super) arguments: Value,
}

/// A refusal.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    pub(super) error: ErrorDetail,
}

/// Why, for people and for programs.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorDetail {
    /// A sentence for people.
    pub(super) message: String,
    /// OpenAI's word for the kind.
    pub(super) r#type: &'static str,
    /// Which part of the request it is about.
    pub(super) param: Option<String>,
    /// A word for programs.
    pub(super) code: &'static str,
    /// What else there is to know, such as `run_id`, `tool_call_id`, `resolved_by` and `resolved_at`.
    #[serde(flatten)]
    #[schema(value_type = Object, additional_properties)]
    pub(super) more: Map<String, Value>,
}

/// The roles.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelList {
    /// `list`.
    pub(super) object: &'static str,
    pub(super) data: Vec<Model>,
}

/// A role, as clients see it.
#[derive(Serialize, ToSchema)]
pub(super) struct Model {
    /// The role's name.
    pub(super) id: String,
    /// `model`.
    pub(super) object: &'static str,
    /// Always 0: a role has no such time.
    pub(super) created: u32,
    /// `initrunner`.
    pub(super) owned_by: &'static str,
}

/// A run that goes on while nobody waits for it.
#[derive(Serialize, ToSchema)]
pub(super) struct Accepted {
    pub(super) run_id: String,
    /// `running`.
    pub(super) state: &'static str,
    /// Where to look for what becomes of it.
    pub(super) url: String,
}
