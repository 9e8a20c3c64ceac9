//! Runs in rows, on every page that lists some.

use crate::dashboard::shell::time;
use crate::domain::run::RunState;
use crate::domain::visible::one_line;
use crate::store::RunSummary;
use maud::{Markup, html};

/// The most of a prompt that a row shows: a line of a wide page.
const LONGEST_PROMPT: usize = 160;

pub(in crate::dashboard) fn rows(runs: &[RunSummary]) -> Markup {
    html! {
        ul class="rows" {
            @for run in runs {
                li data-key=(run.id) {
                    a href={ "/runs/" (run.id) } { (shortened(&run.prompt)) }
                    span class="note" {
                        (state(run.state)) " · " (one_line(&run.role_name)) " · "
                        (one_line(&run.requester)) " · " (time(run.created_at))
                        @if run.waiting > 0 { " · " (run.waiting) " waiting" }
                    }
                }
            }
        }
    }
}

/// Where a run stands: a mark beside the word, and the colour says it a third time.
pub(in crate::dashboard) fn state(state: RunState) -> Markup {
    let mark = match state {
        RunState::Completed => "✓",
        RunState::Failed => "✗",
        RunState::Cancelled => "⊘",
        RunState::Paused => "‖",
        RunState::Interrupted => "!",
        RunState::Running => "▸",
        RunState::Queued => "…",
    };
    html! { span class="state" data-state=(state.as_str()) { span aria-hidden="true" { (mark) } " " (state.as_str()) } }
}

fn shortened(prompt: &str) -> String {
    let line = one_line(prompt);
    match line.char_indices().nth(LONGEST_PROMPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
