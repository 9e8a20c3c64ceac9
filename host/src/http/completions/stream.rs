//! The answer as it arrives: server-sent events (WHATWG HTML, section 9.2), each a chunk as OpenAI's
//! clients read them.
//!
//! A pause is a chunk without choices that carries `event`, `run_id` and `pending_approvals`, and then a
//! chunk that ends the one choice: clients that know nothing of approvals read past the first.

use super::answer::{failed, id, paused_text, pending, usage};
use super::{Event, Running, Shape, joined};
use crate::http::events::{self, ALIVE, EventSender, Gone};
use crate::http::{FinishReason, Shared};
use crate::runner::{Driven, Ended};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;

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

pub(super) fn stream(
    app: Shared,
    shape: Shape,
    run: String,
    reason: Option<FinishReason>,
    happened: mpsc::UnboundedReceiver<Event>,
    running: Running,
) -> Response {
    let (sender, response) = events::about_run(&run);
    let Shape { model, usage: wants_usage, .. } = shape;
    let head = Head { id: id(&run), model, created: app.host.now().0 / 1_000_000 };
    tokio::spawn(async move {
        // Whoever read it is gone where this fails; the run goes on.
        let _ = tell(&app, &head, wants_usage, reason, happened, running, &sender).await;
    });
    response
}

async fn tell(
    app: &Shared,
    head: &Head,
    wants_usage: bool,
    reason: Option<FinishReason>,
    mut events: mpsc::UnboundedReceiver<Event>,
    running: Running,
    sender: &EventSender,
) -> Result<(), Gone> {
    sender.data(&head.delta(json!({"role": "assistant", "content": ""}), None))?;
    // Whether anything was said, in this turn and in those before.
    let (mut said, mut before) = (false, false);
    loop {
        match tokio::time::timeout(ALIVE, events.recv()).await {
            Err(_) => sender.alive()?,
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
                sender.data(&head.delta(json!({"content": text}), None))?;
            }
            Ok(None) => break,
        }
    }
    let Driven { ended, run } = match joined(running.await) {
        Ok(driven) => driven,
        Err(error) => {
            sender.data(&json!(error.body()))?;
            return sender.done();
        }
    };
    let reason = match &ended {
        Ended::Completed { .. } => "stop",
        Ended::Paused => {
            if !said {
                let text = paused_text(app, &run);
                if !text.is_empty() {
                    sender.data(&head.delta(json!({"content": text}), None))?;
                }
            }
            let mut event = head.chunk(json!([]));
            event["event"] = json!("approval_required");
            event["run_id"] = json!(run.run.id.as_str());
            event["pending_approvals"] = json!(pending(&run));
            if !app.host.persists() {
                event["resumable"] = json!(false);
            }
            sender.data(&event)?;
            reason.unwrap_or(app.options.finish_reason).as_str()
        }
        Ended::Failed { .. } | Ended::Interrupted { .. } => {
            sender.data(&json!(failed(&run, &ended).body()))?;
            return sender.done();
        }
    };
    sender.data(&head.delta(json!({}), Some(reason)))?;
    if wants_usage {
        let mut event = head.chunk(json!([]));
        event["usage"] = json!(usage(&run));
        sender.data(&event)?;
    }
    sender.done()
}
