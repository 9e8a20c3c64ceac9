//! What a request is refused with: one shape, OpenAI's, with the status in front.

use super::body::{ErrorBody, ErrorDetail};
use crate::domain::visible::one_line;
use crate::llm::ModelError;
use crate::ops::OpError;
use crate::store::{Conflict, StoreError};
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// The header that names the run, on every answer that has one.
pub(crate) const RUN_ID: HeaderName = HeaderName::from_static("x-run-id");

/// A refusal. Boxed: results are moved often, and refusals are rare.
#[derive(Debug, Clone)]
pub(crate) struct ApiError(Box<Refusal>);

#[derive(Debug, Clone)]
struct Refusal {
    status: StatusCode,
    /// A word for programs.
    code: &'static str,
    /// A sentence for people.
    message: String,
    /// Which part of the request it is about.
    param: Option<String>,
    /// What else programs can use.
    more: Map<String, Value>,
    /// Seconds after which it is worth trying again.
    retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let (message, param, more) = (message.into(), None, Map::new());
        Self(Box::new(Refusal { status, code, message, param, more, retry_after: None }))
    }

    /// The request cannot be understood, or asks for what there is not.
    pub(crate) fn bad(param: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(param)
    }

    /// It can be understood, and cannot be done.
    pub(crate) fn unprocessable(param: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", message).about(param)
    }

    pub(crate) fn about(mut self, param: &str) -> Self {
        self.0.param = Some(param.to_owned());
        self
    }

    /// It is worth trying again after so many seconds.
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// It is about this run.
    pub(crate) fn of_run(self, run: &str) -> Self {
        self.with("run_id", run)
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(key.to_owned(), value.into());
        self
    }
}

impl ApiError {
    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The body.
    pub(crate) fn body(self) -> ErrorBody {
        let Refusal { status, code, message, param, more, .. } = *self.0;
        let kind = match status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            400..500 => "invalid_request_error",
            _ => "server_error",
        };
        let error = ErrorDetail { message, r#type: kind, param, code, more };
        ErrorBody { error }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.0.status;
        let run = self.0.more.get("run_id").and_then(Value::as_str);
        let run = run.and_then(|run| HeaderValue::from_str(run).ok());
        let retry_after = self.0.retry_after;
        let mut response = (status, Json(self.body())).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(run) = run {
            response.headers_mut().insert(RUN_ID, run);
        }
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

pub(crate) async fn no_such_path() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "unknown_path", "there is nothing at this path")
}

pub(crate) async fn no_such_method() -> ApiError {
    let message = "this path does not take this method";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

impl From<OpError> for ApiError {
    fn from(error: OpError) -> Self {
        use StatusCode as S;
        let message = error.to_string();
        let (status, code) = match &error {
            OpError::Conflict(conflict) => return of_conflict(conflict, message),
            OpError::Store(StoreError::Fenced(_)) => (S::CONFLICT, "owned_elsewhere"),
            OpError::UnknownRun(_) => (S::NOT_FOUND, "unknown_run"),
            OpError::UnknownCall { .. } => (S::UNPROCESSABLE_ENTITY, "unknown_call"),
            OpError::Ambiguous { .. } | OpError::Id(_) => (S::NOT_FOUND, "unknown_run"),
            OpError::Calls { missing, unknown, .. } => {
                return Self::new(S::UNPROCESSABLE_ENTITY, "decisions_do_not_fit", message)
                    .with("missing", missing.clone())
                    .with("unknown", unknown.clone());
            }
            OpError::Edit { .. } => (S::UNPROCESSABLE_ENTITY, "edit_refused"),
            OpError::RefusedByPolicy { .. } => (S::FORBIDDEN, "refused_by_policy"),
            OpError::UnknownOutcome(_) => (S::CONFLICT, "unknown_outcome"),
            OpError::Undecided { .. } => (S::CONFLICT, "undecided"),
            OpError::NotPersisted => (S::NOT_IMPLEMENTED, "not_persisted"),
            OpError::Model(ModelError::NoKey { .. }) | OpError::MissingVariables { .. } => {
                (S::SERVICE_UNAVAILABLE, "not_configured")
            }
            OpError::Store(StoreError::Locked { .. }) => (S::SERVICE_UNAVAILABLE, "busy"),
            OpError::Role { .. }
            | OpError::Config { .. }
            | OpError::Component(_)
            | OpError::Model(_)
            | OpError::Setup { .. }
            | OpError::Store(_) => (S::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, code, message)
    }
}

fn of_conflict(conflict: &Conflict, message: String) -> ApiError {
    use StatusCode as S;
    let conflicting = |code| ApiError::new(S::CONFLICT, code, message.clone());
    match conflict {
        Conflict::AlreadyDecided { call, decision, by, at } => conflicting("already_decided")
            .with("tool_call_id", call.as_str())
            .with("decision", decision.as_str())
            .with("resolved_by", one_line(by))
            .with("resolved_at", at.to_string()),
        Conflict::Changed { call, edited_by, at, .. } => conflicting("changed")
            .with("tool_call_id", call.as_str())
            .with("edited_by", edited_by.as_deref().map(one_line))
            .with("at", at.to_string()),
        Conflict::Expired { call, at } => ApiError::new(S::GONE, "expired", message)
            .with("tool_call_id", call.as_str())
            .with("at", at.to_string()),
        Conflict::NotAReviewer { call, .. } | Conflict::IsRequester { call, .. } => {
            ApiError::new(S::FORBIDDEN, "not_a_reviewer", message)
                .with("tool_call_id", call.as_str())
        }
        Conflict::VotedBefore { call, at, .. } => conflicting("voted_before")
            .with("tool_call_id", call.as_str())
            .with("at", at.to_string()),
        Conflict::OwnedElsewhere { .. } => conflicting("owned_elsewhere"),
        Conflict::ConversationBusy { run, state } => {
            conflicting("conversation_busy").of_run(run.as_str()).with("state", state.as_str())
        }
        Conflict::DayFull { .. } => ApiError::new(S::TOO_MANY_REQUESTS, "day_full", message),
        Conflict::QueueFull { .. } => ApiError::new(S::SERVICE_UNAVAILABLE, "queue_full", message),
        Conflict::KeyReused => {
            ApiError::new(S::UNPROCESSABLE_ENTITY, "key_reused", message).about("Idempotency-Key")
        }
        Conflict::Cancelled { by, at, .. } => conflicting("cancelled")
            .with("resolved_by", one_line(by))
            .with("resolved_at", at.to_string()),
        _ => conflicting("wrong_state"),
    }
}
