//! A button that was pressed: whose it is, what it decides, and what its person is told.

use super::button::{Action, Button};
use super::card;
use super::desk::Desk;
use crate::domain::decision::Decision;
use crate::domain::ids::CallId;
use crate::domain::tool_call::CallState;
use crate::ops::{
    ApproveRequest, Approved, Attended, Choice, OpError, Selection, approve_run, show_run,
};
use crate::runner::{Progress, Reporter};
use crate::store::{CallRecord, StoredRun};
use std::sync::Arc;
use tokio::sync::mpsc;

/// What whoever presses a button is told that is not theirs to press: the same whether it was forged, copied
/// from elsewhere, or is another's.
pub(super) const NOT_YOURS: &str = "This button does nothing for you.";

/// Who pressed.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The service's id of them.
    pub(super) user: String,
    /// What they call themselves there.
    pub(super) name: String,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Pressed {
    /// Whoever pressed is told a sentence.
    Told(String),
    /// Whoever pressed is told all about a call.
    Details(String),
}

/// Takes a press. The run goes on by itself: this returns as soon as the decision is written down.
pub(super) async fn press(desk: &Desk, who: &Person, chat: &str, data: &str) -> Pressed {
    let identity = desk.identity(&who.user);
    let refused = |why: &str| {
        tracing::warn!(role = desk.role, trigger = desk.trigger, from = identity, "{why}");
        Pressed::Told(NOT_YOURS.into())
    };
    let Some(button) = desk.signer.verify(chat, data) else {
        return refused("a button was pressed that is not of this chat");
    };
    if !desk.may_press(&who.user) {
        return refused("a button was pressed by somebody who is no reviewer here");
    }
    match button.action {
        Action::Details => details(desk, &button).await,
        _ => decide(desk, who, identity, button).await,
    }
}

async fn details(desk: &Desk, button: &Button) -> Pressed {
    match show_run(&desk.host, button.run.as_str()).await {
        Ok(story) => match call(&story.run, &button.call) {
            Some(found) => Pressed::Details(card::details(&story.run, found)),
            None => Pressed::Told("The call is not kept any more.".into()),
        },
        Err(OpError::UnknownRun(_)) => Pressed::Told("The run is not kept any more.".into()),
        Err(error) => Pressed::Told(unable(desk, button, &error)),
    }
}

async fn decide(desk: &Desk, who: &Person, identity: String, button: Button) -> Pressed {
    let (choice, done) = match button.action {
        Action::Deny => (Choice::Decide(Decision::Deny { reason: None }), "Denied"),
        Action::Retry => (Choice::Retry, "It is tried again"),
        Action::ReportUnknown => (Choice::ReportUnknown, "Reported as unknown"),
        Action::Approve | Action::Details => (Choice::Decide(Decision::Approve), "Approved"),
    };
    let request = ApproveRequest {
        run: button.run.to_string(),
        selection: Selection::Call(button.call.to_string()),
        choice,
        seen: Some(button.version),
        keep_others: true,
        note: card::name(&who.name),
    };
    let (host, stop) = (desk.host.acting_as(identity), desk.ending.clone());
    let (sender, mut first) = mpsc::unbounded_channel();
    let shared = Arc::clone(desk.inbox.shared());
    tokio::spawn(async move {
        let mut noticed = Noticed(Some(sender.clone()));
        let attended = Attended { reporter: &mut noticed, stop };
        let ended = approve_run(&host, request, attended).await;
        // Where its model could not be reached, it is tried again as any other run.
        shared.pick_up();
        if noticed.0.is_some() {
            // Whoever pressed may have given up; the decision stands.
            let _ = sender.send(First::Settled(ended));
        } else if let Err(error) = ended {
            tracing::error!("a run that was approved in a chat cannot go on: {error}");
        }
    });
    match first.recv().await {
        Some(First::Resumed) => told(desk, &button, done).await,
        Some(First::Settled(Ok(Approved::Recorded(_) | Approved::Driven(_)))) => {
            told(desk, &button, done).await
        }
        Some(First::Settled(Err(error))) => Pressed::Told(match &error {
            OpError::Conflict(_) | OpError::RefusedByPolicy { .. } => sentence(&error),
            // The commands that it names are for a terminal; here there are buttons.
            OpError::UnknownOutcome(_) => {
                "Nothing changed: the call was started meanwhile, and whether it happened is not known; the \
                 newest message about it has the buttons for that."
                    .into()
            }
            OpError::UnknownRun(_) => "The run is not kept any more.".into(),
            _ => unable(desk, &button, &error),
        }),
        None => Pressed::Told("This host stops; nothing was decided.".into()),
    }
}

/// What is told after a decision that counts, with how far the call has come.
async fn told(desk: &Desk, button: &Button, done: &str) -> Pressed {
    // Where it cannot be read now, the decision stands all the same.
    let Ok(story) = show_run(&desk.host, button.run.as_str()).await else {
        return Pressed::Told(format!("{done}."));
    };
    let run = story.run;
    let waiting = run.calls.iter().filter(|call| call.state == CallState::Waiting).count();
    let open = call(&run, &button.call)
        .filter(|call| call.state == CallState::Waiting && call.request == Some(button.version));
    let sentence = match open {
        Some(call) => {
            let far = call.standing(&run.run.requester);
            format!("{done}: {}.", far.unwrap_or_else(|| "the call still waits".into()))
        }
        None if waiting > 0 => format!("{done}. {waiting} more of this run wait(s)."),
        None => format!("{done}."),
    };
    Pressed::Told(sentence)
}

fn call<'r>(run: &'r StoredRun, id: &CallId) -> Option<&'r CallRecord> {
    run.calls.iter().find(|call| call.id == *id)
}

/// A refusal as a sentence for a person.
fn sentence(error: &OpError) -> String {
    format!("Nothing changed: {error}.")
}

/// What is told where this host is at fault: its paths and settings are not for a chat.
fn unable(desk: &Desk, button: &Button, error: &OpError) -> String {
    let (role, trigger) = (&desk.role, &desk.trigger);
    tracing::error!(role, trigger, run = %button.run, "a button did nothing: {error}");
    format!(
        "Nothing was decided: this host cannot go on with the run; `initrunner show {}` there says more.",
        button.run
    )
}

/// What is known first of a decision.
enum First {
    /// It is written down, and the run goes on.
    Resumed,
    /// It is written down and that is all, or it is not.
    Settled(Result<Approved, OpError>),
}

/// Tells that the decision is written down.
struct Noticed(Option<mpsc::UnboundedSender<First>>);

impl Reporter for Noticed {
    fn report(&mut self, progress: Progress<'_>) {
        if let (Progress::Resumed, Some(sender)) = (progress, &self.0) {
            let _ = sender.send(First::Resumed);
            self.0 = None;
        }
    }
}
