//! `GET /v1/runs/{run}/events`: what happens to a run, as server-sent events (WHATWG HTML, section 9.2).
//!
//! Each is an entry of the run's journal, its number the event's id: whoever comes back with
//! `Last-Event-ID` misses nothing. When the run has ended the stream ends; whoever comes back after that is
//! answered 204, which tells clients to stay away.

use crate::domain::event::{Event, EventKind};
use crate::http::completions::name_run;
use crate::http::error::ApiError;
use crate::http::events::{ALIVE, Gone, about_run};
use crate::http::{Caller, Shared};
use crate::json;
use crate::ops::{OpError, look_at_run, watch_run};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// What clients send who come back.
const LAST: &str = "last-event-id";

pub(in crate::http) async fn watch(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = super::run_id(run)?;
    let found = look_at_run(&app.host, &run).await?.run;
    if !caller.sees(&found.requester) {
        return Err(OpError::UnknownRun(run.to_string()).into());
    }
    let last = match headers.get(LAST) {
        None => 0,
        Some(value) => {
            value.to_str().ok().and_then(|value| value.trim().parse().ok()).ok_or_else(|| {
                ApiError::bad("Last-Event-ID", "`Last-Event-ID` is no event's number")
            })?
        }
    };
    let mut events = watch_run(&app.host, &run, last).await?;
    if found.state.is_final() && events.is_at_end() {
        let mut response = StatusCode::NO_CONTENT.into_response();
        name_run(&mut response, run.as_str());
        return Ok(response);
    }
    let (sender, response) = about_run(run.as_str());
    let mut stop = app.stop.clone();
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                biased;
                _ = stop.wait_for(Option::is_some) => return,
                () = sender.closed() => return,
                event = tokio::time::timeout(ALIVE, events.next()) => event,
            };
            let sent = match event {
                Err(_) => sender.alive(),
                Ok(None) => return,
                Ok(Some(event)) => {
                    let sent =
                        sender.event(Some(event.sequence), &event.kind, &json::event(&event));
                    if ends(&event) {
                        return;
                    }
                    sent
                }
            };
            if let Err(Gone) = sent {
                return;
            }
        }
    });
    Ok(response)
}

/// Whether nothing of the run follows.
fn ends(event: &Event) -> bool {
    event.kind == EventKind::RunEnded.as_str()
}
