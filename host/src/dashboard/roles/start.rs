//! Running a role from its page.

use super::show::unknown;
use crate::dashboard::Desk;
use crate::dashboard::guard::{Posted, Visitor};
use crate::dashboard::refused::Refused;
use crate::domain::api_key::KeyRole;
use crate::domain::ids::RunId;
use crate::http::error::ApiError;
use crate::http::texts::{SaidSoFar, Texts};
use crate::ops::{Attended, StartRequest, start_run};
use crate::runner::{Progress, Reporter};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What started the run, as policies and lists have it.
const TRIGGER: &str = "dashboard";

/// Begins the run and gives its page, or its id to a script; it goes on whether or not anybody looks.
/// Where it cannot, that is told as a page, or to a script.
pub(in crate::dashboard) async fn start(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(role): Path<String>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let script = accepts.is_some_and(|accept| accept.starts_with("application/json"));
    match (begin(&desk, &visitor, &role, &posted).await, script) {
        (Ok(run), true) => {
            (StatusCode::ACCEPTED, Json(json!({"run_id": run.as_str()}))).into_response()
        }
        (Ok(run), false) => Redirect::to(&format!("/runs/{run}")).into_response(),
        (Err(Refused(error)), true) => error.into_response(),
        (Err(refused), false) => refused.into_response(),
    }
}

/// # Errors
/// Where this visitor may not, there is no such role, or the run cannot begin.
async fn begin(
    desk: &Desk,
    visitor: &Visitor,
    role: &str,
    posted: &Posted,
) -> Result<RunId, Refused> {
    visitor.who.may(KeyRole::Caller)?;
    let Some(file) = desk.app.roles.find(role) else { return Err(unknown(role)) };
    let prompt = posted.text("prompt").unwrap_or_default().trim().to_owned();
    if prompt.is_empty() {
        return Err(ApiError::bad("prompt", "the prompt is empty").into());
    }
    if let Some(why) = desk.app.stop.borrow().as_ref() {
        let message = format!("the server is being stopped: {why}");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message).into());
    }
    let (sender, began) = oneshot::channel();
    let (host, stop) = (desk.app.host.acting_as(&visitor.who.identity), desk.app.stop.clone());
    let texts = Arc::clone(&desk.app.texts);
    let running = tokio::spawn(Box::pin(async move {
        let mut told = Told { texts, began: Some(sender), said: None };
        let attended = Attended { reporter: &mut told, stop };
        start_run(&host, &file, StartRequest::new(prompt, TRIGGER.to_owned()), attended).await
    }));
    match began.await {
        Ok(run) => Ok(run),
        // It did not begin.
        Err(_) => match running.await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) | Err(_) => {
                let message = "the run was given up; look for it among the runs";
                Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "given_up", message).into())
            }
        },
    }
}

/// Tells that the run is written down, and then what is said in it.
struct Told {
    texts: Arc<Texts>,
    began: Option<oneshot::Sender<RunId>>,
    said: Option<SaidSoFar>,
}

impl Reporter for Told {
    fn report(&mut self, progress: Progress<'_>) {
        if let (Progress::Created { run }, Some(began)) = (progress, self.began.take()) {
            self.said = Some(self.texts.of(run));
            // Whoever began it may be gone.
            let _ = began.send(run.clone());
        }
        if let Some(said) = &mut self.said {
            said.report(progress);
        }
    }
}
