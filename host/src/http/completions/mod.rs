//! `POST /v1/chat/completions`: runs a role, as OpenAI's clients ask a model.

mod answer;
mod read;
mod stream;

pub(super) use answer::{Finished, RUN_ID, finish};

use super::error::ApiError;
use super::{Caller, FinishReason, KeyRole, Shared, models, read_body};
use crate::ops::{Attended, OpError, RoleFile, StartRequest, start_run};
use crate::runner::{Driven, Progress, Reporter};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What arrives while a run goes on.
#[derive(Debug)]
enum Event {
    /// The run is written down.
    Created(String),
    /// A request to the model begins: what it says next is another text.
    Turn,
    /// More text.
    Text(String),
}

/// The header by which one request chooses the `finish_reason` of a pause: `pending` or `stop`.
const FINISH_REASON: &str = "x-finish-reason";

pub(super) async fn complete(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.may(KeyRole::Caller)?;
    let reason = finish_reason(&headers)?;
    let wanted = read::read(read_body::object(body).await?)?;
    let Some(file) = app.roles.find(&wanted.model) else {
        return Err(models::no_such_model(&app, &wanted.model));
    };
    if let Some(why) = app.stop.borrow().as_ref() {
        let message = format!("the server is being stopped: {why}");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message));
    }
    let (sender, mut events) = mpsc::unbounded_channel();
    let start =
        StartRequest { prompt: wanted.prompt, history: wanted.history, trigger: "http".to_owned() };
    let running = run(&app, Arc::clone(file), &caller.identity, start, sender);
    if !wanted.stream {
        // Nobody reads along; the channel is emptied with the run's end.
        let driven = joined(running.await)?;
        return finish(&app, Finished::Driven(driven), reason);
    }
    // What is wrong before the run begins has a status of its own.
    match events.recv().await {
        Some(Event::Created(run)) => {
            Ok(stream::stream(app, wanted.model, run, wanted.usage, reason, events, running))
        }
        _ => {
            let driven = joined(running.await)?;
            finish(&app, Finished::Driven(driven), reason)
        }
    }
}

/// A run under way. It goes on whether or not anybody waits for its answer.
type Running = JoinHandle<Result<Driven, OpError>>;

fn run(
    app: &Shared,
    file: Arc<RoleFile>,
    identity: &str,
    request: StartRequest,
    sender: mpsc::UnboundedSender<Event>,
) -> Running {
    let (host, stop) = (app.host.acting_as(identity), app.stop.clone());
    tokio::spawn(async move {
        let mut told = Told(sender);
        let attended = Attended { reporter: &mut told, stop };
        start_run(&host, &file, request, attended).await
    })
}

fn joined(
    ended: Result<Result<Driven, OpError>, tokio::task::JoinError>,
) -> Result<Driven, ApiError> {
    match ended {
        Ok(driven) => Ok(driven?),
        Err(_) => {
            let message = "the run was given up; look for it with GET /v1/runs";
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "given_up", message))
        }
    }
}

fn finish_reason(headers: &HeaderMap) -> Result<Option<FinishReason>, ApiError> {
    match headers.get(FINISH_REASON).map(|word| word.as_bytes()) {
        None => Ok(None),
        Some(b"pending") => Ok(Some(FinishReason::Pending)),
        Some(b"stop") => Ok(Some(FinishReason::Stop)),
        Some(_) => {
            Err(ApiError::bad("X-Finish-Reason", "`X-Finish-Reason` is `pending` or `stop`"))
        }
    }
}

/// Tells a stream what happens. Whoever reads it may be gone; the run is not theirs to end.
struct Told(mpsc::UnboundedSender<Event>);

impl Reporter for Told {
    fn report(&mut self, progress: Progress<'_>) {
        let event = match progress {
            Progress::Created { run } => Event::Created(run.to_string()),
            Progress::Asking => Event::Turn,
            Progress::Text(text) => Event::Text(text.to_owned()),
            _ => return,
        };
        let _ = self.0.send(event);
    }
}
