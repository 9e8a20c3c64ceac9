//! `POST /ai-sdk/{role}/chat`: runs a role for pages made with the AI SDK (`useChat` with its
//! `DefaultChatTransport`), as a UI message stream of version 1, and takes their answers to its questions.
//!
//! The client holds the messages and sends all of them each time. Its answers are in the parts of the
//! message that they belong to; everything else about a call is taken from what is stored. An answer to a
//! question that was asked anew decides nothing, and the new question is what it gets.

mod read;
mod speak;

use super::error::ApiError;
use super::events::{self, EventSender, Gone};
use super::live::{Beginning, Live, Next, asked_anew, begin, decide, look, stand_still};
use super::{Caller, KeyRole, Shared, read_body};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::response::Response;
use read::Wanted;
use speak::Speaker;

/// Says which version of the protocol the body is.
const VERSION: &str = "x-vercel-ai-ui-message-stream";

pub(super) async fn chat(
    State(app): State<Shared>,
    caller: Caller,
    Path(role): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    caller.may(KeyRole::Caller).or_else(|_| caller.may(KeyRole::Reviewer))?;
    let (live, speaker) = match read::read(&read_body::object(body).await?)? {
        Wanted::Begin { history, prompt } => {
            let beginning = Beginning { role, history, prompt, trigger: "ai-sdk" };
            let live = begin(&app, &caller, beginning).await?;
            let speaker = Speaker::of_new(&live.run);
            (live, speaker)
        }
        Wanted::Decide { run, answers } => {
            let stored = look(&app, &caller, &role, run.as_str()).await?;
            let live = match asked_anew(&stored, &answers) {
                true => stand_still(stored),
                false => decide(&app, &caller, &stored, answers).await?,
            };
            let speaker = Speaker::of_resumed(&live.run, live.turns);
            (live, speaker)
        }
    };
    let (page, mut response) = events::about_run(&live.run);
    response.headers_mut().insert(VERSION, HeaderValue::from_static("v1"));
    tokio::spawn(async move {
        // Whoever read it is gone where this fails; the run goes on.
        let _ = tell(&app, speaker, live, &page).await;
    });
    Ok(response)
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
                speaker.happened(happening).iter().try_for_each(|chunk| page.data(chunk))?;
            }
            Next::Ended(told) => {
                speaker.ended(told).iter().try_for_each(|chunk| page.data(chunk))?;
                return page.done();
            }
        }
    }
}
