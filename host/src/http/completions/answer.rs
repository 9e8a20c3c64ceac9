//! What a run is answered with that ended or paused: a chat completion, or the paused shape.

use crate::domain::message::Message;
use crate::domain::tool_call::CallState;
use crate::domain::visible::one_line;
use crate::http::body::{AnswerMessage, Choice, Completion, PendingApproval, TokenUsage};
use crate::http::error::{ApiError, RUN_ID};
use crate::http::{FinishReason, Shared};
use crate::runner::{Driven, Ended};
use crate::store::{CallRecord, StoredRun};
use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// What there is to answer with.
pub(in crate::http) enum Finished {
    /// The run was driven here.
    Driven(Driven),
    /// Something was recorded, and the run waits for others, or goes on elsewhere.
    Recorded(StoredRun),
}

/// The answer, whole.
///
/// # Errors
/// Where the run failed or was interrupted.
pub(in crate::http) fn finish(
    app: &Shared,
    finished: Finished,
    reason: Option<FinishReason>,
) -> Result<Response, ApiError> {
    let (run, ended) = match finished {
        Finished::Driven(Driven { ended, run }) => (run, ended),
        Finished::Recorded(run) => (run, Ended::Paused),
    };
    let body = match &ended {
        Ended::Completed { answer } => completion(&run, answer.clone(), "stop"),
        Ended::Paused => {
            let reason = reason.unwrap_or(app.options.finish_reason);
            Completion {
                run_id: Some(run.run.id.to_string()),
                pending_approvals: Some(pending(&run)),
                resumable: (!app.host.persists()).then_some(false),
                ..completion(&run, paused_text(app, &run), reason.as_str())
            }
        }
        Ended::Failed { .. } | Ended::Interrupted { .. } => {
            return Err(failed(&run, &ended));
        }
    };
    let mut response = Json(body).into_response();
    name_run(&mut response, run.run.id.as_str());
    Ok(response)
}

/// An answer about a run that is no completion.
pub(in crate::http) fn about_run(run: &str, body: Value) -> Response {
    let mut response = Json(body).into_response();
    name_run(&mut response, run);
    response
}

/// Puts the run's id into the headers.
pub(in crate::http) fn name_run(response: &mut Response, run: &str) {
    if let Ok(value) = HeaderValue::from_str(run) {
        response.headers_mut().insert(RUN_ID, value);
    }
}

/// Why a run gave no answer, as an error.
pub(super) fn failed(run: &StoredRun, ended: &Ended) -> ApiError {
    let (status, code, why) = match ended {
        Ended::Interrupted { reason, .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "interrupted", reason.as_str())
        }
        Ended::Failed { error } => (StatusCode::BAD_GATEWAY, "run_failed", error.as_str()),
        Ended::Paused | Ended::Completed { .. } => (StatusCode::OK, "", ""),
    };
    ApiError::new(status, code, one_line(why))
        .of_run(run.run.id.as_str())
        .with("resumable", matches!(ended, Ended::Interrupted { .. }))
}

/// The id of a run's completion.
pub(super) fn id(run: &str) -> String {
    format!("chatcmpl-{run}")
}

fn completion(run: &StoredRun, text: String, reason: &'static str) -> Completion {
    let message = AnswerMessage { role: "assistant", content: text, refusal: () };
    Completion {
        id: id(run.run.id.as_str()),
        object: "chat.completion",
        created: run.run.created_at.0 / 1_000_000,
        model: run.run.role_name.clone(),
        choices: vec![Choice { index: 0, message, logprobs: (), finish_reason: reason }],
        usage: usage(run),
        run_id: None,
        pending_approvals: None,
        resumable: None,
    }
}

/// What the run has used, in OpenAI's words.
pub(super) fn usage(run: &StoredRun) -> TokenUsage {
    let usage = &run.run.usage;
    TokenUsage {
        prompt_tokens: usage.input_tokens,
        completion_tokens: usage.output_tokens,
        total_tokens: usage.input_tokens + usage.output_tokens,
    }
}

/// The text of a paused answer: what the model said in this turn, or what is awaited.
pub(super) fn paused_text(app: &Shared, run: &StoredRun) -> String {
    let last = run.messages.iter().rev().find_map(|message| match message {
        Message::Assistant { text, .. } => Some(text.as_str()),
        Message::User { .. } | Message::ToolResult { .. } => None,
    });
    match last {
        Some(text) if !text.trim().is_empty() => text.to_owned(),
        _ if app.options.empty_content => String::new(),
        _ => awaiting(app, run),
    }
}

/// The line that says what is awaited.
pub(super) fn awaiting(app: &Shared, run: &StoredRun) -> String {
    let count = waiting(run).count();
    match app.host.persists() {
        true => format!(
            "Awaiting approval for {count} tool call(s). Resume: initrunner approve {} --all",
            run.run.id
        ),
        false => format!(
            "Awaiting approval for {count} tool call(s). This run is not persisted, so it cannot be resumed."
        ),
    }
}

fn waiting(run: &StoredRun) -> impl Iterator<Item = &CallRecord> {
    let undecided = |call: &&CallRecord| {
        matches!(call.state, CallState::Waiting | CallState::Unknown) && !call.told
    };
    run.calls.iter().filter(undecided)
}

/// The calls that wait, with the keys that the page on approvals gives.
pub(super) fn pending(run: &StoredRun) -> Vec<PendingApproval> {
    let call = |call: &CallRecord| PendingApproval {
        tool_call_id: call.id.to_string(),
        tool_name: call.model_tool.clone(),
        arguments: serde_json::from_str(&call.arguments)
            .unwrap_or_else(|_| Value::String(call.arguments.clone())),
    };
    waiting(run).map(call).collect()
}
