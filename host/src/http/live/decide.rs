//! A decision from a page, and going on with the run for whoever reads along.

use super::{Event, Live, Teller, undecided};
use crate::domain::visible::one_line;
use crate::http::error::ApiError;
use crate::http::guard::Guarded;
use crate::http::runs::visible;
use crate::http::{KeyRole, Shared};
use crate::ops::{Approved, Attended, CallAnswer, DecideRequest, OpError, decide_calls};
use crate::store::StoredRun;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// The run that somebody decides about, as it stands.
///
/// # Errors
/// Where this caller may not decide; where there is no such run of this role, as far as they are
/// concerned; where the run cannot be gone on with, because nothing of it is kept.
pub(in crate::http) async fn look(
    app: &Shared,
    caller: &Guarded,
    role: &str,
    run: &str,
) -> Result<StoredRun, ApiError> {
    caller.may(KeyRole::Reviewer)?;
    if app.roles.find(role).is_none() {
        return Err(no_such_role(app, role));
    }
    if !app.host.persists() {
        return Err(OpError::NotPersisted.into());
    }
    let story = visible(&app.host, caller, run.to_owned()).await?;
    match story.run.run.role_name == role {
        true => Ok(story.run),
        false => Err(OpError::UnknownRun(run.to_owned()).into()),
    }
}

/// Records the decisions about the calls of a run that was looked at, and goes on with it.
///
/// # Errors
/// Where they cannot be recorded: then none of them is.
pub(in crate::http) async fn decide(
    app: &Shared,
    caller: &Guarded,
    run: &StoredRun,
    answers: BTreeMap<String, CallAnswer>,
) -> Result<Live, ApiError> {
    let id = run.run.id.to_string();
    let note = caller.note.clone();
    let request = DecideRequest { run: id.clone(), answers, note, idempotency: None };
    let turns = run.calls.iter().map(|call| call.turn).max().unwrap_or_default();
    let (sender, mut events) = mpsc::unbounded_channel();
    let (host, stop) = (app.host.acting_as(&caller.identity), app.stop.clone());
    let running = tokio::spawn(async move {
        let mut teller = Teller(sender);
        let attended = Attended { reporter: &mut teller, stop };
        decide_calls(&host, request, attended).await
    });
    let live = |events, running| Live { run: id, turns, used: run.run.usage, events, running };
    match events.recv().await {
        Some(Event::Began(_)) => Ok(live(events, running)),
        // It is recorded and no more, or it is not.
        _ => match running.await {
            Ok(Ok(recorded)) => Ok(live(events, tokio::spawn(async move { Ok(recorded) }))),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(super::given_up()),
        },
    }
}

/// Whether any of these calls was asked about anew after its person was shown it. They answered another
/// question than the one that is open, and are told that one.
pub(in crate::http) fn asked_anew(run: &StoredRun, answers: &BTreeMap<String, CallAnswer>) -> bool {
    run.calls.iter().filter(|call| undecided(call)).any(|call| {
        let seen = answers.get(call.id.as_str()).and_then(|answer| answer.seen);
        seen.is_some_and(|seen| call.request.is_some_and(|asked| seen < asked))
    })
}

/// A run that was looked at and that nothing is done with: what waits of it, or where it stands.
pub(in crate::http) fn stand_still(run: StoredRun) -> Live {
    let (_, events) = mpsc::unbounded_channel();
    let (id, used) = (run.run.id.to_string(), run.run.usage);
    let running = tokio::spawn(async move { Ok(Approved::Recorded(Box::new(run))) });
    Live { run: id, turns: 0, used, events, running }
}

/// What is answered where a path names a role that is not served.
pub(super) fn no_such_role(app: &Shared, role: &str) -> ApiError {
    let known: Vec<String> =
        app.roles.all().iter().map(|file| format!("`{}`", file.role.name)).collect();
    let message =
        format!("there is no role `{}`; this server has {}", one_line(role), known.join(", "));
    ApiError::new(StatusCode::NOT_FOUND, "unknown_role", message)
}
