//! `POST /v1/chat/completions`: runs a role, as OpenAI's clients ask a model.

mod answer;
mod read;
mod stream;

pub(super) use answer::{Finished, about_run, finish, name_run};
pub(super) use read::IGNORED;

use super::body::Accepted;
use super::error::ApiError;
use super::{Caller, FinishReason, KeyRole, Shared, idempotency, models, prefer, read_body};
use crate::domain::ids::RunId;
use crate::ops::{
    Attended, Host, OpError, RoleFile, StartRequest, find_conversation, find_repeated, follow_run,
    start_run,
};
use crate::runner::{Driven, Ended, Progress, Reporter};
use crate::store::{Conflict, Conversation};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
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

/// The header by which a client names a conversation, which is kept here.
const CONVERSATION: &str = "x-conversation-id";

pub(super) async fn complete(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.may(KeyRole::Caller)?;
    let how =
        How { reason: finish_reason(&headers)?, respond_async: prefer::respond_async(&headers) };
    let conversation = idempotency::client_id(&headers, CONVERSATION, "X-Conversation-Id")?
        .map(|id| Conversation { owner: caller.identity.clone(), id });
    let object = read_body::object(body).await?;
    let what = json!(["completion", conversation.as_ref().map(|named| named.id.as_str())]);
    let idempotency = idempotency::sent(&headers, &caller, &what, &object)?;
    let wanted = read::read(object)?;
    let Some(file) = app.roles.find(&wanted.model) else {
        return Err(models::no_such_model(&app, &wanted.model));
    };
    refuse_when_stopping(&app)?;
    let shape = Shape { model: wanted.model.clone(), stream: wanted.stream, usage: wanted.usage };
    let host = app.host.acting_as(&caller.identity);
    let mut response = match find_repeated(&host, idempotency.as_ref()).await? {
        // Before what it asks for is looked at: a conversation has gone on since.
        Some(run) => repeated(&app, run, shape, how).await?,
        None => {
            let said = match &conversation {
                None => wanted.whole()?,
                Some(named) => {
                    let known = find_conversation(&host, &shape.model, named).await?;
                    wanted.after(known.map_or(0, |known| known.user_turns))?
                }
            };
            let start = StartRequest {
                history: said.history,
                conversation: conversation.clone(),
                idempotency,
                ..StartRequest::new(said.prompt, "http".to_owned())
            };
            begin(&app, file, host, start, shape, how).await?
        }
    };
    if let Some(value) =
        conversation.and_then(|named| HeaderValue::from_bytes(named.id.as_str().as_bytes()).ok())
    {
        response.headers_mut().insert(CONVERSATION, value);
    }
    Ok(response)
}

/// # Errors
/// While the process is asked to stop.
pub(super) fn refuse_when_stopping(app: &Shared) -> Result<(), ApiError> {
    match app.stop.borrow().as_ref() {
        None => Ok(()),
        Some(why) => {
            let message = format!("the server is being stopped: {why}");
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message))
        }
    }
}

/// What a completion looks like.
struct Shape {
    /// The role's name.
    model: String,
    stream: bool,
    /// Whether the end of a stream tells what was used.
    usage: bool,
}

/// How a client wants to be answered, as its headers say.
#[derive(Clone, Copy)]
struct How {
    reason: Option<FinishReason>,
    respond_async: bool,
}

async fn begin(
    app: &Shared,
    file: Arc<RoleFile>,
    host: Host,
    start: StartRequest,
    shape: Shape,
    how: How,
) -> Result<Response, ApiError> {
    let (sender, mut events) = mpsc::unbounded_channel();
    let running = run(host, app.stop.clone(), file, start, sender);
    // What is wrong before the run is written down has a status of its own, streamed or not.
    let Some(Event::Created(run)) = events.recv().await else {
        return match running.await {
            Ok(Err(OpError::Conflict(Conflict::Repeated { run }))) => {
                repeated(app, run, shape, how).await
            }
            ended => finish(app, Finished::Driven(joined(ended)?), how.reason),
        };
    };
    if how.respond_async {
        return Ok(accepted(&run));
    }
    if shape.stream {
        return Ok(stream::stream(Arc::clone(app), shape, run, how.reason, events, running));
    }
    // Nobody reads along.
    drop(events);
    match tokio::time::timeout(app.options.patience, running).await {
        Ok(ended) => finish(app, Finished::Driven(joined(ended)?), how.reason),
        Err(_) => Err(too_long(app, &run)),
    }
}

/// The answer to a request that was sent before: what became of its run, once it is known.
async fn repeated(app: &Shared, run: RunId, shape: Shape, how: How) -> Result<Response, ApiError> {
    if how.respond_async {
        return Ok(accepted(run.as_str()));
    }
    let (host, stop, name) = (app.host.clone(), app.stop.clone(), run.to_string());
    let following = async move { follow_run(&host, &run, stop).await };
    let Ok(found) = tokio::time::timeout(app.options.patience, following).await else {
        return Err(too_long(app, &name));
    };
    let Some(driven) = found? else {
        refuse_when_stopping(app)?;
        return Err(given_up());
    };
    if !shape.stream {
        return finish(app, Finished::Driven(driven), how.reason);
    }
    let (sender, events) = mpsc::unbounded_channel();
    if let Ended::Completed { answer } = &driven.ended {
        let _ = sender.send(Event::Text(answer.clone()));
    }
    let running = tokio::spawn(async move { Ok(driven) });
    Ok(stream::stream(Arc::clone(app), shape, name, how.reason, events, running))
}

/// Where to look for what becomes of a run.
pub(super) fn accepted(run: &str) -> Response {
    let url = format!("/v1/runs/{run}");
    let body = Accepted { run_id: run.to_owned(), state: "running", url: url.clone() };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(value) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(header::LOCATION, value);
        let applied = HeaderValue::from_static("respond-async");
        response.headers_mut().insert("preference-applied", applied);
    }
    answer::name_run(&mut response, run);
    response
}

/// A run that is not waited for any longer. It goes on.
pub(super) fn too_long(app: &Shared, run: &str) -> ApiError {
    let seconds = app.options.patience.as_secs();
    let message = format!(
        "there is no answer after {seconds} seconds; the run goes on: look at /v1/runs/{run}"
    );
    ApiError::new(StatusCode::GATEWAY_TIMEOUT, "too_long", message).of_run(run)
}

/// A run under way. It goes on whether or not anybody waits for its answer.
type Running = JoinHandle<Result<Driven, OpError>>;

fn run(
    host: Host,
    stop: watch::Receiver<Option<String>>,
    file: Arc<RoleFile>,
    request: StartRequest,
    sender: mpsc::UnboundedSender<Event>,
) -> Running {
    // Kilobytes, which starting a task would move several times.
    tokio::spawn(Box::pin(async move {
        let mut told = Told(sender);
        let attended = Attended { reporter: &mut told, stop };
        start_run(&host, &file, request, attended).await
    }))
}

fn joined(
    ended: Result<Result<Driven, OpError>, tokio::task::JoinError>,
) -> Result<Driven, ApiError> {
    match ended {
        Ok(driven) => Ok(driven?),
        Err(_) => Err(given_up()),
    }
}

fn given_up() -> ApiError {
    let message = "the run was given up; look for it with GET /v1/runs";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "given_up", message)
}

/// The `finish_reason` that a request chooses.
pub(super) fn finish_reason(headers: &HeaderMap) -> Result<Option<FinishReason>, ApiError> {
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
