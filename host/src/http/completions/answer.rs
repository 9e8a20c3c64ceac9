//! What a run is answered with that ended or paused: a chat completion, or the paused shape.

use crate::domain::message::Message;
use crate::domain::tool_call::CallState;
use crate::domain::visible::one_line;
use crate::http::error::ApiError;
use crate::http::{FinishReason, Shared};
use crate::runner::{Driven, Ended};
use crate::store::{CallRecord, StoredRun};
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The header that names the run, on every answer that has one.
pub(in crate::http) const RUN_ID: HeaderName = HeaderName::from_static("x-run-id");

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
        Ended::Completed { answer } => completion(&run, answer, "stop"),
        Ended::Paused => {
            let reason = reason.unwrap_or(app.options.finish_reason);
            let mut body = completion(&run, &paused_text(app, &run), reason.as_str());
            body["run_id"] = json!(run.run.id.as_str());
            body["pending_approvals"] = pending(&run);
            if !app.host.persists() {
                body["resumable"] = json!(false);
            }
            body
        }
        Ended::Failed { .. } | Ended::Interrupted { .. } => {
            let mut response = failed(&run, &ended).into_response();
            name_run(&mut response, run.run.id.as_str());
            return Ok(response);
        }
    };
    let mut response = Json(body).into_response();
    name_run(&mut response, run.run.id.as_str());
    Ok(response)
}

/// Puts the run's id into the headers.
pub(super) fn name_run(response: &mut Response, run: &str) {
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
        .with("run_id", run.run.id.as_str())
        .with("resumable", matches!(ended, Ended::Interrupted { .. }))
}

/// The id of a run's completion.
pub(super) fn id(run: &str) -> String {
    format!("chatcmpl-{run}")
}

fn completion(run: &StoredRun, text: &str, reason: &str) -> Value {
    json!({
        "id": id(run.run.id.as_str()),
        "object": "chat.completion",
        "created": run.run.created_at.0 / 1_000_000,
        "model": run.run.role_name,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": null},
            "logprobs": null,
            "finish_reason": reason,
        }],
        "usage": usage(run),
    })
}

/// What the run has used, in OpenAI's words.
pub(super) fn usage(run: &StoredRun) -> Value {
    let usage = &run.run.usage;
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
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
pub(super) fn pending(run: &StoredRun) -> Value {
    let call = |call: &CallRecord| {
        let arguments: Value = serde_json::from_str(&call.arguments)
            .unwrap_or_else(|_| Value::String(call.arguments.clone()));
        json!({
            "tool_call_id": call.id.as_str(),
            "tool_name": call.model_tool,
            "arguments": arguments,
        })
    };
    waiting(run).map(call).collect()
}
