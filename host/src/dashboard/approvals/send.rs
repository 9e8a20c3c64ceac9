//! `POST /approvals/{run}`: the decisions of a form, where no script sends them.
//!
//! For each call `decision.CALL` is `approve`, `deny`, `retry` or `report_unknown`; `version.CALL` is what the
//! person was shown; `reason.CALL` goes with a denial, and `arguments.CALL`, where they were changed, with an
//! approval.

use crate::dashboard::Desk;
use crate::dashboard::guard::{Posted, Visitor};
use crate::dashboard::refused::Refused;
use crate::domain::api_key::KeyRole;
use crate::http::error::ApiError;
use crate::http::runs::run_id;
use crate::http::texts::SaidSoFar;
use crate::ops::{Attended, CallAnswer, CallChoice, DecideRequest, OpError, decide_calls};
use crate::runner::{Progress, Reporter};
use axum::extract::{Path, State};
use axum::response::Redirect;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// # Errors
/// Where this visitor may not decide, or the decision does not count: who was first, when, and with what.
pub(in crate::dashboard) async fn send(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(run): Path<String>,
    posted: Posted,
) -> Result<Redirect, Refused> {
    visitor.who.may(KeyRole::Reviewer)?;
    if !desk.app.host.persists() {
        return Err(OpError::NotPersisted.into());
    }
    let run = run_id(run)?;
    let answers = answers(&posted)?;
    let request = DecideRequest { run: run.to_string(), answers, note: None, idempotency: None };
    let (host, stop) = (desk.app.host.acting_as(&visitor.who.identity), desk.app.stop.clone());
    let (resumed, recorded) = oneshot::channel();
    let said = desk.app.texts.of(&run);
    let deciding = tokio::spawn(Box::pin(async move {
        let mut told = Told { resumed: Some(resumed), said };
        decide_calls(&host, request, Attended { reporter: &mut told, stop }).await
    }));
    if recorded.await.is_err() {
        // It was recorded and no more, or it was not.
        match deciding.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(ApiError::bad("run", "the decision was given up").into()),
        }
    }
    Ok(Redirect::to(&format!("/runs/{run}")))
}

/// Tells that the decisions are recorded and the run goes on, and then what is said in it.
struct Told {
    resumed: Option<oneshot::Sender<()>>,
    said: SaidSoFar,
}

impl Reporter for Told {
    fn report(&mut self, progress: Progress<'_>) {
        if let (Progress::Resumed, Some(resumed)) = (progress, self.resumed.take()) {
            let _ = resumed.send(());
        }
        self.said.report(progress);
    }
}

/// # Errors
/// What of the form means nothing.
fn answers(posted: &Posted) -> Result<BTreeMap<String, CallAnswer>, ApiError> {
    let mut answers = BTreeMap::new();
    for (call, decision) in posted.under("decision.") {
        let field = |name: &str| {
            let text = posted.text(&format!("{name}.{call}")).unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let choice = match decision {
            "approve" => CallChoice::Approve(field("arguments")),
            "deny" => CallChoice::Deny(field("reason")),
            "retry" => CallChoice::Retry,
            "report_unknown" => CallChoice::ReportUnknown,
            _ => return Err(ApiError::bad("decision", "choose a decision of each call")),
        };
        let seen = field("version").map(|version| version.parse::<i64>()).transpose();
        let seen = seen.map_err(|_| ApiError::bad("version", "`version` is a whole number"))?;
        answers.insert(call.to_owned(), CallAnswer { choice, seen });
    }
    match answers.is_empty() {
        true => Err(ApiError::bad("decision", "choose a decision of each call")),
        false => Ok(answers),
    }
}
