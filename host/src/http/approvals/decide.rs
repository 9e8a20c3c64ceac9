//! `POST /v1/approvals/{run}`: a decision about every call that waits.
//!
//! The body maps the id of each call to `true` or `false`, or to
//! `{"decision": "approve" | "deny" | "retry" | "report_unknown", "reason", "arguments", "version"}`.

use crate::domain::ids::RunId;
use crate::http::completions::{
    Finished, accepted, finish, finish_reason, refuse_when_stopping, too_long,
};
use crate::http::error::ApiError;
use crate::http::prefer::respond_async;
use crate::http::runs::run_id;
use crate::http::texts::SaidSoFar;
use crate::http::{Caller, FinishReason, KeyRole, Shared, idempotency, read_body};
use crate::ops::{
    Approved, Attended, CallAnswer, CallChoice, DecideRequest, OpError, decide_calls, follow_run,
};
use crate::runner::{Progress, Reporter};
use crate::store::Conflict;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

pub(crate) async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.may(KeyRole::Reviewer)?;
    if !app.host.persists() {
        return Err(OpError::NotPersisted.into());
    }
    let run = run_id(run)?;
    let reason = finish_reason(&headers)?;
    let object = read_body::object(body).await?;
    let what = json!(["decision", run.as_str()]);
    let idempotency = idempotency::sent(&headers, &caller, &what, &object)?;
    let answers = answers(&object)?;
    refuse_when_stopping(&app)?;
    let note = caller.note.clone();
    let request = DecideRequest { run: run.to_string(), answers, note, idempotency };
    let (host, stop) = (app.host.acting_as(&caller.identity), app.stop.clone());
    let (resumed, mut recorded) = mpsc::unbounded_channel();
    let text = app.texts.of(&run);
    // The run goes on whether or not whoever decided waits for it.
    let deciding = tokio::spawn(Box::pin(async move {
        let attended = Attended { reporter: &mut Noticed(Some(resumed), text), stop };
        decide_calls(&host, request, attended).await
    }));
    // The channel is closed by the decision's end, or by the run's going on.
    if respond_async(&headers) && recorded.recv().await.is_some() {
        return Ok(accepted(run.as_str()));
    }
    let Ok(decided) = tokio::time::timeout(app.options.patience, deciding).await else {
        return Err(too_long(&app, run.as_str()));
    };
    let gone = |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", "the server stops");
    let finished = match decided.map_err(gone)? {
        Ok(Approved::Driven(driven)) => Finished::Driven(*driven),
        Ok(Approved::Recorded(run)) => Finished::Recorded(*run),
        Err(OpError::Conflict(Conflict::Repeated { run })) => {
            return again(&app, &run, reason, &headers).await;
        }
        Err(error) => return Err(ApiError::from(error).of_run(run.as_str())),
    };
    if respond_async(&headers) {
        return Ok(accepted(run.as_str()));
    }
    finish(&app, finished, reason)
}

/// What became of the run of a decision that was sent before.
async fn again(
    app: &Shared,
    run: &RunId,
    reason: Option<FinishReason>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    if respond_async(headers) {
        return Ok(accepted(run.as_str()));
    }
    let following = follow_run(&app.host, run, app.stop.clone());
    let Ok(found) = tokio::time::timeout(app.options.patience, following).await else {
        return Err(too_long(app, run.as_str()));
    };
    match found? {
        Some(driven) => finish(app, Finished::Driven(driven), reason),
        None => {
            refuse_when_stopping(app)?;
            Err(too_long(app, run.as_str()))
        }
    }
}

/// Tells that the decisions are recorded and the run goes on.
struct Noticed(Option<mpsc::UnboundedSender<()>>, SaidSoFar);

impl Reporter for Noticed {
    fn report(&mut self, progress: Progress<'_>) {
        self.1.report(progress);
        if let (Progress::Resumed, Some(sender)) = (progress, &self.0) {
            // Whoever decided may be gone.
            let _ = sender.send(());
            self.0 = None;
        }
    }
}

fn answers(body: &Map<String, Value>) -> Result<BTreeMap<String, CallAnswer>, ApiError> {
    if body.is_empty() {
        return Err(ApiError::bad("body", "no decision is in the body: `{\"CALL\": true}`"));
    }
    body.iter().map(|(call, said)| Ok((call.clone(), answer(call, said)?))).collect()
}

fn answer(call: &str, said: &Value) -> Result<CallAnswer, ApiError> {
    let bad = |message: String| ApiError::bad(call, message);
    let choice = match said {
        Value::Bool(true) => CallChoice::Approve(None),
        Value::Bool(false) => CallChoice::Deny(None),
        Value::Object(said) => return rich(call, said),
        other => {
            return Err(bad(format!(
                "a decision is `true`, `false` or an object, and not {}",
                kind(other)
            )));
        }
    };
    Ok(CallAnswer { choice, seen: None })
}

fn rich(call: &str, said: &Map<String, Value>) -> Result<CallAnswer, ApiError> {
    const KEYS: [&str; 4] = ["decision", "reason", "arguments", "version"];
    let bad = |message: String| ApiError::bad(call, message);
    if let Some(key) = said.keys().find(|key| !KEYS.contains(&&***key)) {
        let key = crate::domain::visible::one_line(key);
        return Err(bad(format!("unknown key `{key}`; there are {}", quoted(&KEYS))));
    }
    let text = |key: &str| match said.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(bad(format!("`{key}` is a text, and not {}", kind(other)))),
    };
    let reason = text("reason")?;
    let arguments = match said.get("arguments") {
        None | Some(Value::Null) => None,
        Some(arguments @ Value::Object(_)) => Some(arguments.to_string()),
        Some(other) => {
            return Err(bad(format!("`arguments` is an object, and not {}", kind(other))));
        }
    };
    let seen = match said.get("version") {
        None | Some(Value::Null) => None,
        Some(version) => Some(version.as_i64().ok_or_else(|| {
            bad(format!("`version` is a whole number, and not {}", kind(version)))
        })?),
    };
    let decision = text("decision")?;
    let choice = match (decision.as_deref(), reason, arguments) {
        (Some("approve"), None, arguments) => CallChoice::Approve(arguments),
        (Some("deny"), reason, None) => CallChoice::Deny(reason),
        (Some("retry"), None, None) => CallChoice::Retry,
        (Some("report_unknown"), None, None) => CallChoice::ReportUnknown,
        (Some("approve" | "retry" | "report_unknown"), Some(_), _) => {
            return Err(bad("only a denial has a `reason`".into()));
        }
        (Some("deny" | "retry" | "report_unknown"), _, Some(_)) => {
            return Err(bad("only an approval has other `arguments`".into()));
        }
        _ => {
            let words = quoted(&["approve", "deny", "retry", "report_unknown"]);
            return Err(bad(format!("`decision` is one of {words}")));
        }
    };
    Ok(CallAnswer { choice, seen })
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
