//! `POST /ag-ui/{role}`: runs a role for pages that speak AG-UI 1.0 (docs.ag-ui.com), and takes their
//! answers to its questions.
//!
//! `threadId` and `runId` are the client's names and are given back as they are. A run that needs people
//! ends the stream with an interrupt for each call, and the next request answers all of them in `resume`:
//! it goes on with the run that is stored, with the arguments that are stored, whatever else it carries. An
//! answer to a question that was asked anew decides nothing, and the new question is what it gets.

mod read;
mod replies;
mod speak;

use super::error::ApiError;
use super::events::{self, EventSender, Gone};
use super::live::{Beginning, Live, Next, asked_anew, begin, decide, look, stand_still, undecided};
use super::{Caller, KeyRole, Shared, read_body};
use crate::domain::message::Message;
use crate::store::CallRecord;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use read::Wanted;
use replies::{Replies, Reply};
use speak::Speaker;
use std::collections::BTreeMap;

pub(super) async fn run(
    State(app): State<Shared>,
    caller: Caller,
    Path(role): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    caller.may(KeyRole::Caller).or_else(|_| caller.may(KeyRole::Reviewer))?;
    let Wanted { thread, run, asked, replies, asks_after } =
        read::read(read_body::object(body).await?)?;
    let Some(Replies { run: decided, of }) = replies else {
        return Ok(follow(app.clone(), (thread, run), start(&app, &caller, role, asked).await?));
    };
    let stored = look(&app, &caller, &role, decided.as_str()).await?;
    let mut answers = BTreeMap::new();
    for (question, reply) in of {
        let call = stored.calls.iter().find(|call| call.id == question.call);
        let is_open = |call: &CallRecord| undecided(call) && call.request == question.version;
        // Whoever gives a question up that is settled, or asked anew, wants to go on without it.
        if reply != Reply::GivenUp || call.is_none_or(is_open) {
            answers.insert(question.call.to_string(), reply.answer(question.version));
        }
    }
    // A client that keeps no calls still has the user's words: others than those of the run are new.
    let asked = asked.filter(|(_, prompt)| asks_after || *prompt != stored.run.prompt);
    let live = match (answers.is_empty(), asked) {
        (false, None) if asked_anew(&stored, &answers) => stand_still(stored),
        (false, None) => decide(&app, &caller, &stored, answers).await?,
        (false, Some(_)) => {
            return Err(ApiError::unprocessable(
                "messages",
                "the last message asks for something new: answer the questions in a request of their own, \
                 and then ask",
            ));
        }
        (true, None) => stand_still(stored),
        (true, asked) => start(&app, &caller, role, asked).await?,
    };
    Ok(follow(app, (thread, run), live))
}

async fn start(
    app: &Shared,
    caller: &Caller,
    role: String,
    asked: Option<(Vec<Message>, String)>,
) -> Result<Live, ApiError> {
    let Some((history, prompt)) = asked else {
        return Err(ApiError::unprocessable(
            "messages",
            "the last message is the user's, or `resume` answers a question, and neither is so",
        ));
    };
    begin(app, caller, Beginning { role, history, prompt, trigger: "ag-ui" }).await
}

fn follow(app: Shared, (thread, request): (String, String), live: Live) -> Response {
    let (page, response) = events::about_run(&live.run);
    let speaker = Speaker::new(thread, request, live.run.clone(), live.turns);
    tokio::spawn(async move {
        // Whoever read it is gone where this fails; the run goes on.
        let _ = tell(&app, speaker, live, &page).await;
    });
    response
}

async fn tell(
    app: &Shared,
    mut speaker: Speaker,
    mut live: Live,
    page: &EventSender,
) -> Result<(), Gone> {
    page.data(&speaker.started())?;
    loop {
        match live.next(app).await {
            Next::Silence => page.alive()?,
            Next::Happened(happening) => {
                speaker.happened(happening).iter().try_for_each(|event| page.data(event))?;
            }
            Next::Ended(told) => {
                return speaker.ended(told).iter().try_for_each(|event| page.data(event));
            }
        }
    }
}
