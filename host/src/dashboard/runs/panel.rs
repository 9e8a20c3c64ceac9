//! A run as a conversation: what was asked, what was said and done, and the questions that are open, in their
//! place. The same part of a page wherever a run is shown; scripts ask for it again when something changed.

use crate::dashboard::Desk;
use crate::dashboard::card::{Cards, cards, outcome, settled};
use crate::dashboard::guard::Visitor;
use crate::dashboard::markdown::markdown;
use crate::dashboard::refused::Refused;
use crate::dashboard::shell::sentence;
use crate::domain::message::Message;
use crate::domain::preview;
use crate::domain::run::RunState;
use crate::domain::visible::{lines, one_line};
use crate::http::runs::visible;
use crate::store::StoredRun;
use axum::extract::{Path, State};
use axum::response::Html;
use maud::{Markup, html};

/// # Errors
/// Where there is no such run for this visitor.
pub(in crate::dashboard) async fn panel(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(run): Path<String>,
) -> Result<Html<String>, Refused> {
    let story = visible(&desk.app.host, &visitor.who, run).await?;
    Ok(Html(of(&desk, &visitor, &story.run).await.into_string()))
}

/// The panel of a run.
pub(in crate::dashboard) async fn of(desk: &Desk, visitor: &Visitor, run: &StoredRun) -> Markup {
    let open = cards(desk, visitor, run, Cards::Open).await;
    let record = &run.run;
    html! {
        // Above what grows: nothing moves when it does.
        p class="note" {
            (super::rows::state(record.state)) " · " (record.usage.input_tokens) " tokens read, "
            (record.usage.output_tokens) " written"
        }
        ol class="talk" {
            @for (at, message) in run.messages.iter().enumerate().skip(run.earlier) {
                @match message {
                    Message::User { text } => li class="asked" data-key={ "m" (at) } { p { (lines(text)) } },
                    Message::Assistant { text, .. } if text.trim().is_empty() => {},
                    Message::Assistant { text, .. } => li class="said" data-key={ "m" (at) } { (markdown(text)) },
                    Message::ToolResult { call, tool, content, is_error, .. } => li class="done" data-key=(call) {
                        details {
                            summary {
                                span aria-hidden="true" { (if *is_error { "✗ " } else { "✓ " }) }
                                code { (one_line(tool)) }
                                @if let Some(call) = run.calls.iter().find(|known| known.id == *call) {
                                    " " (preview::one_line(call.preview.as_ref(), &call.arguments))
                                }
                            }
                            @if let Some(call) = run.calls.iter().find(|known| known.id == *call) {
                                (outcome(run, call).unwrap_or_default())
                            }
                            pre tabindex="0" aria-label="Result" { (lines(content)) }
                        }
                    },
                }
            }
            // Decided, and not yet told to the model.
            @for call in run.calls.iter().filter(|call| !call.told) {
                @if let Some(settled) = settled(run, call) { li data-key={ "s" (call.id) } { (settled) } }
            }
            @if matches!(record.state, RunState::Running | RunState::Queued) {
                li class="said" data-key="growing" {
                    div data-growing="" {}
                    p class="thinking" { "Thinking …" }
                }
            }
            @if let Some(open) = open { li data-key="open" { (open) } }
        }
        @if matches!(record.state, RunState::Failed | RunState::Interrupted | RunState::Cancelled)
            && let Some(why) = &record.outcome {
            p class="problem" { (sentence(why)) }
        }
    }
}
