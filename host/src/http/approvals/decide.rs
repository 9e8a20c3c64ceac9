//! `POST /v1/approvals/{run}`: a decision about every call that waits.
//!
//! The body maps the id of each call to `true` or `false`, or to
//! `{"decision": "approve" | "deny" | "retry" | "report_unknown", "reason", "arguments", "version"}`.

use crate::http::completions::{Finished, finish};
use crate::http::error::ApiError;
use crate::http::{Caller, KeyRole, Shared, read_body};
use crate::ops::{Approved, Attended, CallAnswer, CallChoice, DecideRequest, decide_calls};
use crate::runner::Silent;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(in crate::http) async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    caller.may(KeyRole::Reviewer)?;
    if !app.host.persists() {
        return Err(crate::ops::OpError::NotPersisted.into());
    }
    let answers = answers(&read_body::object(body).await?)?;
    let request = DecideRequest { run, answers, note: caller.note.clone() };
    let (host, stop) = (app.host.acting_as(&caller.identity), app.stop.clone());
    // The run goes on whether or not whoever decided waits for it.
    let deciding = tokio::spawn(async move {
        let attended = Attended { reporter: &mut Silent, stop };
        decide_calls(&host, request, attended).await
    });
    let gone = |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", "the server stops");
    match deciding.await.map_err(gone)?? {
        Approved::Driven(driven) => finish(&app, Finished::Driven(*driven), None),
        Approved::Recorded(run) => finish(&app, Finished::Recorded(*run), None),
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
