//! Beginning a run for a page. What is wrong before it is written down has a status of its own; from then
//! on everything is told in the stream.

use super::{Event, Live, Teller, given_up};
use crate::domain::message::{Message, Usage};
use crate::http::error::ApiError;
use crate::http::guard::Guarded;
use crate::http::{KeyRole, Shared};
use crate::ops::{Approved, Attended, StartRequest, start_run};
use axum::http::StatusCode;
use tokio::sync::mpsc;

/// What to begin.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) struct Beginning {
    /// The role's name.
    pub(in crate::http) role: String,
    /// The client's texts before the prompt.
    pub(in crate::http) history: Vec<Message>,
    /// What is asked.
    pub(in crate::http) prompt: String,
    /// By which protocol.
    pub(in crate::http) trigger: &'static str,
}

/// Begins it.
///
/// # Errors
/// Where this caller may not, there is no such role, or the run cannot begin.
pub(in crate::http) async fn begin(
    app: &Shared,
    caller: &Guarded,
    beginning: Beginning,
) -> Result<Live, ApiError> {
    caller.may(KeyRole::Caller)?;
    let Beginning { role, history, prompt, trigger } = beginning;
    let Some(file) = app.roles.find(&role) else {
        return Err(super::decide::no_such_role(app, &role));
    };
    if let Some(why) = app.stop.borrow().as_ref() {
        let message = format!("the server is being stopped: {why}");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message));
    }
    let (sender, mut events) = mpsc::unbounded_channel();
    let (host, stop) = (app.host.acting_as(&caller.identity), app.stop.clone());
    let running = tokio::spawn(async move {
        let mut teller = Teller(sender);
        let attended = Attended { reporter: &mut teller, stop };
        let request = StartRequest { history, ..StartRequest::new(prompt, trigger.to_owned()) };
        let driven = start_run(&host, &file, request, attended).await?;
        Ok(Approved::Driven(Box::new(driven)))
    });
    match events.recv().await {
        Some(Event::Began(Some(run))) => {
            Ok(Live { run, turns: 0, used: Usage::default(), events, running })
        }
        // Nothing else is told before.
        _ => match running.await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) | Err(_) => Err(given_up()),
        },
    }
}
