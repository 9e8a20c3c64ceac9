//! The answer as it arrives: server-sent events (WHATWG HTML, section 9.2), each a chunk as OpenAI's
//! clients read them.
//!
//! A pause is a chunk without choices that carries `event`, `run_id` and `pending_approvals`, and then a
//! chunk that ends the one choice: clients that know nothing of approvals read past the first.

use super::answer::{failed, id, name_run, paused_text, pending, usage};
use super::{Event, Running, joined};
use crate::http::{FinishReason, Shared};
use crate::runner::{Driven, Ended};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// Between two signs of life: proxies give up silent connections after a minute, some after half of one.
const ALIVE: Duration = Duration::from_secs(15);

/// What every chunk of a stream has.
struct Head {
    id: String,
    model: String,
    created: i64,
}

impl Head {
    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn delta(&self, delta: Value, reason: Option<&str>) -> Value {
        self.chunk(json!([
            {"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}
        ]))
    }
}

/// The frames of a body, from whoever makes them.
struct Frames(mpsc::UnboundedReceiver<Bytes>);

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

pub(super) fn stream(
    app: Shared,
    model: String,
    run: String,
    wants_usage: bool,
    reason: Option<FinishReason>,
    events: mpsc::UnboundedReceiver<Event>,
    running: Running,
) -> Response {
    let (sender, frames) = mpsc::unbounded_channel();
    let head = Head { id: id(&run), model, created: app.host.now().0 / 1_000_000 };
    tokio::spawn(async move {
        // Whoever read it is gone where this fails; the run goes on.
        let _ = tell(&app, &head, wants_usage, reason, events, running, &sender).await;
    });
    let mut response = Body::new(StreamBody::new(Frames(frames))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that collect answers would hold the first words back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    name_run(&mut response, &run);
    response
}

/// Nobody reads any more.
struct Gone;

type Sender = mpsc::UnboundedSender<Bytes>;

fn send(sender: &Sender, data: &Value) -> Result<(), Gone> {
    sender.send(format!("data: {data}\n\n").into()).map_err(|_| Gone)
}

async fn tell(
    app: &Shared,
    head: &Head,
    wants_usage: bool,
    reason: Option<FinishReason>,
    mut events: mpsc::UnboundedReceiver<Event>,
    running: Running,
    sender: &Sender,
) -> Result<(), Gone> {
    send(sender, &head.delta(json!({"role": "assistant", "content": ""}), None))?;
    // Whether anything was said, in this turn and in those before.
    let (mut said, mut before) = (false, false);
    loop {
        match tokio::time::timeout(ALIVE, events.recv()).await {
            Err(_) => sender.send(": alive\n\n".into()).map_err(|_| Gone)?,
            Ok(Some(Event::Created(_))) => {}
            Ok(Some(Event::Turn)) => {
                before |= said;
                said = false;
            }
            Ok(Some(Event::Text(text))) => {
                let text = match before && !said {
                    true => format!("\n\n{text}"),
                    false => text,
                };
                said = true;
                send(sender, &head.delta(json!({"content": text}), None))?;
            }
            Ok(None) => break,
        }
    }
    let Driven { ended, run } = match joined(running.await) {
        Ok(driven) => driven,
        Err(error) => {
            send(sender, &error.body())?;
            return done(sender);
        }
    };
    let reason = match &ended {
        Ended::Completed { .. } => "stop",
        Ended::Paused => {
            if !said {
                let text = paused_text(app, &run);
                if !text.is_empty() {
                    send(sender, &head.delta(json!({"content": text}), None))?;
                }
            }
            let mut event = head.chunk(json!([]));
            event["event"] = json!("approval_required");
            event["run_id"] = json!(run.run.id.as_str());
            event["pending_approvals"] = pending(&run);
            if !app.host.persists() {
                event["resumable"] = json!(false);
            }
            send(sender, &event)?;
            reason.unwrap_or(app.options.finish_reason).as_str()
        }
        Ended::Failed { .. } | Ended::Interrupted { .. } => {
            send(sender, &failed(&run, &ended).body())?;
            return done(sender);
        }
    };
    send(sender, &head.delta(json!({}), Some(reason)))?;
    if wants_usage {
        let mut event = head.chunk(json!([]));
        event["usage"] = usage(&run);
        send(sender, &event)?;
    }
    done(sender)
}

fn done(sender: &Sender) -> Result<(), Gone> {
    sender.send("data: [DONE]\n\n".into()).map_err(|_| Gone)
}
