//! `GET /api/events`: that something changed, for pages that are open (server-sent events, WHATWG HTML,
//! section 9.2). A page asks for the parts of it that may have changed; what it is told here is only that, how
//! many calls wait, and with `?run=ID` the answer that the run's model is giving at the moment.

use super::Desk;
use super::guard::Visitor;
use super::markdown::markdown;
use crate::domain::api_key::KeyRole;
use crate::domain::ids::RunId;
use crate::http::error::ApiError;
use crate::http::events::{ALIVE, EventSender, Gone, events as begin};
use crate::http::runs::visible;
use crate::http::texts::Text;
use crate::ops::{Host, OpError, page_pending, watch_changes};
use crate::store::{Order, Page, PendingFilter};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until, timeout};

/// The least time between two signs: what changes faster than anybody reads is one change.
const APART: Duration = Duration::from_millis(200);

/// The same of an answer that grows: ten times a second reads as if it were typed.
const TEXT_APART: Duration = Duration::from_millis(100);

/// How many calls wait, counted once for every page that is open.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<Option<(u64, usize)>>);

impl Counts {
    /// How many there are as of a number of changes.
    async fn at(&self, host: &Host, changes: u64) -> Result<usize, OpError> {
        let mut known = self.0.lock().await;
        if let Some((at, waiting)) = *known
            && at == changes
        {
            return Ok(waiting);
        }
        let waiting = waiting(host).await?;
        *known = Some((changes, waiting));
        Ok(waiting)
    }
}

/// How many calls wait.
///
/// # Errors
/// Where the database cannot be read.
pub(super) async fn waiting(host: &Host) -> Result<usize, OpError> {
    let page = Page { order: Order::OldestFirst, after: None, limit: 1 };
    Ok(page_pending(host, PendingFilter::default(), page).await?.total)
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    run: Option<String>,
}

/// # Errors
/// Where there is no such run for this visitor.
pub(super) async fn events(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let run = match asked.run {
        Some(run) => Some(visible(&desk.app.host, &visitor.who, run).await?.run.run.id),
        None => None,
    };
    let changes = watch_changes(&desk.app.host)?;
    let (sender, response) = begin();
    let decides = visitor.who.may(KeyRole::Reviewer).is_ok();
    tokio::spawn(async move {
        // Nobody reads any more, or the store is closed: the page asks again.
        let _ = tell(&desk, &sender, changes, run.as_ref(), decides).await;
    });
    Ok(response)
}

async fn tell(
    desk: &Desk,
    sender: &EventSender,
    mut changes: watch::Receiver<u64>,
    run: Option<&RunId>,
    decides: bool,
) -> Result<(), Gone> {
    let mut before = None;
    let mut stop = desk.app.stop.clone();
    let mut text = run.and_then(|run| desk.app.texts.watch(run));
    loop {
        let at = *changes.borrow_and_update();
        // Whoever may not decide is not told what there is to decide.
        let waiting = match decides {
            true => desk.counts.at(&desk.app.host, at).await.map_err(|_| Gone)?,
            false => 0,
        };
        let kind = match before {
            Some(before) if waiting > before => "approval_required",
            _ => "changed",
        };
        before = Some(waiting);
        sender.event(None, kind, &json!({"pending": waiting}))?;
        if let (Some(run), true) = (run, text.is_none()) {
            // It is driven here from now on, maybe.
            text = desk.app.texts.watch(run);
        }
        let next = Instant::now() + APART;
        loop {
            let heard = timeout(ALIVE, async {
                tokio::select! {
                    biased;
                    _ = stop.wait_for(Option::is_some) => Heard::Over,
                    () = sender.closed() => Heard::Over,
                    changed = changes.changed() => match changed {
                        Ok(()) => Heard::Changed,
                        Err(_) => Heard::Over,
                    },
                    more = grown(&mut text) => Heard::Text(more),
                }
            });
            match heard.await {
                Err(_) => sender.alive()?,
                Ok(Heard::Over) => return Ok(()),
                Ok(Heard::Changed) => break,
                Ok(Heard::Text(None)) => text = None,
                Ok(Heard::Text(Some(text))) => {
                    let html = markdown(&text).into_string();
                    sender.event(None, "text", &json!({"html": html}))?;
                    tokio::time::sleep(TEXT_APART).await;
                }
            }
        }
        sleep_until(next).await;
    }
}

enum Heard {
    Changed,
    /// More was said; `None`: the run is no longer driven here.
    Text(Option<Text>),
    Over,
}

/// The text once it has grown; waits for ever where nothing is said.
async fn grown(text: &mut Option<watch::Receiver<Text>>) -> Option<Text> {
    match text {
        None => std::future::pending().await,
        Some(text) => match text.changed().await {
            Ok(()) => Some(Text::clone(&text.borrow_and_update())),
            Err(_) => None,
        },
    }
}
