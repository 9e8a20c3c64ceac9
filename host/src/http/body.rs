//! What answers are made of. Their schemas are the ones in `/openapi.json`.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A chat completion, as OpenAI's clients read it, with what the page on approvals adds to a paused one.
#[derive(Serialize, ToSchema)]
pub(crate) struct Completion {
    /// `chatcmpl-` and the run's id.
    pub(crate) id: String,
    /// `chat.completion`.
    pub(crate) object: &'static str,
    /// When the run was written down, in seconds since 1970.
    pub(crate) created: i64,
    /// The role's name.
    pub(crate) model: String,
    /// One.
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: TokenUsage,
    /// The run, where it waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_id: Option<String>,
    /// The calls that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending_approvals: Option<Vec<PendingApproval>>,
    /// `false` where nothing is kept, so that a decision cannot be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resumable: Option<bool>,
}

/// The one answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Choice {
    pub(crate) index: u32,
    pub(crate) message: AnswerMessage,
    /// Always `null`.
    #[schema(value_type = Option<Object>)]
    pub(crate) logprobs: (),
    /// `stop`, or `tool_calls_pending_approval` where the run waits.
    pub(crate) finish_reason: &'static str,
}

/// The model's text.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnswerMessage {
    /// `assistant`.
    pub(crate) role: &'static str,
    /// What the model said; of a paused run, where it said nothing, one line that says what is awaited.
    pub(crate) content: String,
    /// Always `null`.
    #[schema(value_type = Option<String>)]
    pub(crate) refusal: (),
}

/// What the run has used so far.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenUsage {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) total_tokens: u64,
}

/// A call that waits for a person.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingApproval {
    pub(crate) tool_call_id: String,
    pub(crate) tool_name: String,
    #[schema(value_type = Object)]
    pub(crate) arguments: Value,
}

/// A refusal.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
}

/// Why, for people and for programs.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// A sentence for people.
    pub(crate) message: String,
    /// OpenAI's word for the kind.
    pub(crate) r#type: &'static str,
    /// Which part of the request it is about.
    pub(crate) param: Option<String>,
    /// A word for programs.
    pub(crate) code: &'static str,
    /// What else there is to know, such as `run_id`, `tool_call_id`, `resolved_by` and `resolved_at`.
    #[serde(flatten)]
    #[schema(value_type = Object, additional_properties)]
    pub(crate) more: Map<String, Value>,
}

/// The roles.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// `list`.
    pub(crate) object: &'static str,
    pub(crate) data: Vec<Model>,
}

/// A role, as clients see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Model {
    /// The role's name.
    pub(crate) id: String,
    /// `model`.
    pub(crate) object: &'static str,
    /// Always 0: a role has no such time.
    pub(crate) created: u32,
    /// `initrunner`.
    pub(crate) owned_by: &'static str,
}

/// A run that goes on while nobody waits for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    pub(crate) run_id: String,
    /// `running`.
    pub(crate) state: &'static str,
    /// Where to look for what becomes of it.
    pub(crate) url: String,
}
