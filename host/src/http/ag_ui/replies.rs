//! What a request of AG-UI answers: the entries of its `resume`.

use crate::domain::ids::RunId;
use crate::domain::visible::one_line;
use crate::http::error::ApiError;
use crate::http::live::QuestionId;
use crate::ops::{CallAnswer, CallChoice};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Answers about calls of one run.
#[derive(Debug, PartialEq)]
pub(super) struct Replies {
    pub(super) run: RunId,
    pub(super) of: BTreeMap<QuestionId, Reply>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    Said(CallChoice),
    /// The person left it.
    GivenUp,
}

impl Reply {
    /// The decision that this is, by somebody who was shown this version of the question. A call is not
    /// executed because nobody answered.
    pub(super) fn answer(self, seen: Option<i64>) -> CallAnswer {
        let choice = match self {
            Self::Said(choice) => choice,
            Self::GivenUp => {
                CallChoice::Deny(Some("the question was left without an answer".into()))
            }
        };
        CallAnswer { choice, seen }
    }
}

/// The answers; nothing where there are none.
///
/// # Errors
/// What of them cannot be taken.
pub(super) fn replies(entries: &[Value]) -> Result<Option<Replies>, ApiError> {
    let mut of = BTreeMap::new();
    let mut calls = BTreeSet::new();
    let mut run: Option<RunId> = None;
    for (number, entry) in entries.iter().enumerate() {
        let place = format!("resume[{number}]");
        let (question, reply) = reply(&place, entry)?;
        if run.as_ref().is_some_and(|run| *run != question.run) {
            return Err(ApiError::unprocessable(&place, "the answers are about more than one run"));
        }
        run = Some(question.run.clone());
        if !calls.insert(question.call.clone()) {
            let message = format!("call {} is answered twice", question.call);
            return Err(ApiError::bad(&place, message));
        }
        of.insert(question, reply);
    }
    Ok(run.map(|run| Replies { run, of }))
}

fn reply(place: &str, entry: &Value) -> Result<(QuestionId, Reply), ApiError> {
    let bad = |message: String| ApiError::bad(place, message);
    let id = match entry.get("interruptId") {
        Some(Value::String(id)) => id,
        _ => return Err(bad(format!("`{place}.interruptId` is the `id` of an interrupt"))),
    };
    let Some(question) = QuestionId::parse(id) else {
        let id = one_line(id);
        return Err(ApiError::unprocessable(place, format!("there is no interrupt `{id}`")));
    };
    let payload = entry.get("payload").filter(|payload| !payload.is_null());
    match (entry.get("status").and_then(Value::as_str), payload) {
        (Some("cancelled"), None) => Ok((question, Reply::GivenUp)),
        (Some("cancelled"), Some(_)) => {
            Err(bad(format!("`{place}`: a question that was given up has no `payload`")))
        }
        (Some("resolved"), Some(Value::Object(payload))) => {
            Ok((question, Reply::Said(choice(place, payload)?)))
        }
        (Some("resolved"), _) => {
            Err(bad(format!("`{place}.payload` is an object such as `{{\"approved\": true}}`")))
        }
        _ => Err(bad(format!("`{place}.status` is `resolved` or `cancelled`"))),
    }
}

/// What the payload says, by the schema that the interrupt gave.
fn choice(place: &str, payload: &Map<String, Value>) -> Result<CallChoice, ApiError> {
    const KEYS: [&str; 4] = ["approved", "reason", "editedArgs", "decision"];
    let bad = |message: &str| ApiError::bad(place, format!("`{place}.payload`: {message}"));
    // One that we do not know might be a condition.
    if let Some(key) = payload.keys().find(|key| !KEYS.contains(&&***key)) {
        return Err(bad(&format!("unknown key `{}`", one_line(key))));
    }
    let given = |key: &str| payload.get(key).filter(|value| !value.is_null());
    let reason = match given("reason") {
        None => None,
        Some(Value::String(reason)) => Some(reason.clone()).filter(|text| !text.trim().is_empty()),
        Some(_) => return Err(bad("`reason` is a text")),
    };
    let edited = match given("editedArgs") {
        None => None,
        Some(edited @ Value::Object(_)) => Some(edited.to_string()),
        Some(_) => {
            return Err(bad(
                "`editedArgs` is an object: all arguments, and not those that changed",
            ));
        }
    };
    let nothing_else = reason.is_none() && edited.is_none();
    match (given("approved"), given("decision")) {
        (Some(Value::Bool(true)), None) if reason.is_none() => Ok(CallChoice::Approve(edited)),
        (Some(Value::Bool(true)), None) => Err(bad("only a denial has a `reason`")),
        (Some(Value::Bool(false)), None) if edited.is_none() => Ok(CallChoice::Deny(reason)),
        (Some(Value::Bool(false)), None) => Err(bad("only an approval has `editedArgs`")),
        (None, Some(Value::String(word))) if nothing_else && word == "retry" => {
            Ok(CallChoice::Retry)
        }
        (None, Some(Value::String(word))) if nothing_else && word == "report_unknown" => {
            Ok(CallChoice::ReportUnknown)
        }
        (None, Some(_)) => Err(bad("`decision` is `retry` or `report_unknown`, and stands alone")),
        _ => Err(bad("`approved` is `true` or `false`")),
    }
}
