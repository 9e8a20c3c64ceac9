//! A run as a page reads it: begun or gone on with, and told while it happens. The protocols of pages
//! differ in the words for it and in nothing else.

mod begin;
mod decide;
mod history;
mod outcome;
mod question;

pub(super) use begin::{Beginning, begin};
pub(super) use decide::{asked_anew, decide, look, stand_still};
pub(super) use history::{MOST_MESSAGES, Texts, of_application};
pub(super) use outcome::{Outcome, Told};
pub(super) use question::{QuestionId, shown, undecided};

use super::Shared;
use super::error::ApiError;
use super::events::ALIVE;
use crate::domain::ids::CallId;
use crate::domain::message::Usage;
use crate::domain::tool_call::CallState;
use crate::ops::{Approved, OpError};
use crate::runner::{Progress, Reporter};
use axum::http::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What a page is told while a run goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Happening {
    /// A request to the model begins: what it says next is another text.
    Turn,
    /// More text.
    Text(String),
    /// The text is complete.
    Said,
    /// The model asks for a call.
    Proposed {
        /// Which.
        call: CallId,
        /// The model's name of the tool.
        tool: String,
        /// A JSON object, as a text.
        arguments: String,
    },
    /// What became of a call.
    Settled {
        /// Which.
        call: CallId,
        /// Where it stands.
        state: CallState,
        /// Its result, or what stands in its place.
        text: String,
    },
}

/// A run under way, with somebody who reads along.
pub(super) struct Live {
    /// Its id.
    pub(super) run: String,
    /// How many turns it had before.
    pub(super) turns: i64,
    /// What it had used before.
    used: Usage,
    events: mpsc::UnboundedReceiver<Event>,
    /// It goes on whether or not anybody waits for it.
    running: JoinHandle<Result<Approved, OpError>>,
}

/// What comes next of a run under way.
pub(super) enum Next {
    /// Something happened.
    Happened(Happening),
    /// Nothing did for a while.
    Silence,
    /// This is all.
    Ended(Told),
}

impl Live {
    /// What comes next. Nothing does after the end.
    pub(super) async fn next(&mut self, app: &Shared) -> Next {
        match tokio::time::timeout(ALIVE, self.events.recv()).await {
            Err(_) => Next::Silence,
            Ok(Some(Event::Happened(happening))) => Next::Happened(happening),
            // Told before, and once.
            Ok(Some(Event::Began(_))) => Next::Silence,
            Ok(None) => Next::Ended(outcome::of((&mut self.running).await, app, self.used)),
        }
    }
}

/// What arrives from a run under way.
#[derive(Debug)]
enum Event {
    /// It is written down, or claimed, and begins; with its id, where that is new.
    Began(Option<String>),
    Happened(Happening),
}

/// Tells a page what happens. Whoever reads it may be gone; the run is not theirs to end.
struct Teller(mpsc::UnboundedSender<Event>);

impl Reporter for Teller {
    fn reads_along(&self) -> bool {
        !self.0.is_closed()
    }

    fn report(&mut self, progress: Progress<'_>) {
        let happening = match progress {
            Progress::Created { run } => {
                let _ = self.0.send(Event::Began(Some(run.to_string())));
                return;
            }
            Progress::Resumed => {
                let _ = self.0.send(Event::Began(None));
                return;
            }
            Progress::Asking => Happening::Turn,
            Progress::Text(text) => Happening::Text(text.to_owned()),
            Progress::Answered => Happening::Said,
            Progress::CallProposed { call, tool, arguments } => Happening::Proposed {
                call: call.clone(),
                tool: tool.to_owned(),
                arguments: arguments.to_owned(),
            },
            Progress::CallSettled { call, state, text } => {
                Happening::Settled { call: call.clone(), state, text: text.to_owned() }
            }
            Progress::Retrying { .. }
            | Progress::CallStarted { .. }
            | Progress::CallEnded { .. }
            | Progress::CallRemembered { .. }
            | Progress::CallRefused { .. } => return,
        };
        let _ = self.0.send(Event::Happened(happening));
    }
}

/// The sentence for a task that did not come to its end.
fn given_up() -> ApiError {
    let message = "the run was given up; look for it with GET /v1/runs";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "given_up", message)
}
