//! What a notice says, for whatever has no buttons.

use crate::domain::outbox::MessageKind;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::domain::visible::{lines, one_line};
use crate::store::CallRecord;
use crate::trigger::Notice;
use crate::trigger::open_calls::OpenCalls;

/// The most of a preview in one notice: enough for a change of a file; the rest is a command away.
const LARGEST_PREVIEW: usize = 8_000;

/// The calls that a notice names.
pub(super) fn calls(notice: &Notice) -> impl Iterator<Item = &CallRecord> {
    notice.run.calls.iter().filter(|call| notice.calls.contains(&call.id))
}

/// One line about it.
pub(super) fn subject(notice: &Notice) -> String {
    let role = one_line(&notice.role);
    let run = &notice.run.run;
    match notice.kind {
        MessageKind::Paused => format!("{role} waits for approval (run {})", run.id),
        MessageKind::Expiring => {
            format!("{role} still waits, and its question expires soon (run {})", run.id)
        }
        MessageKind::Escalated => format!("{role} still waits for approval (run {})", run.id),
        MessageKind::Decided => format!("{role}: decided (run {})", run.id),
        MessageKind::Ended => format!("{role}: {} (run {})", run.state.as_str(), run.id),
    }
}

/// All of it, as plain text.
pub(super) fn text(notice: &Notice) -> String {
    let run = &notice.run.run;
    let mut told = vec![
        format!("Role:      {}", one_line(&notice.role)),
        format!("Run:       {} ({})", run.id, run.state.as_str()),
        format!("Asked by:  {} ({})", one_line(&run.requester), one_line(&run.trigger)),
    ];
    let asks = !matches!(notice.kind, MessageKind::Decided | MessageKind::Ended);
    for call in calls(notice) {
        told.push(String::new());
        told.push(format!("{} ({}): {}", one_line(&call.model_tool), call.id, state(call)));
        if let Some(at) = call.expires_at.filter(|_| asks) {
            told.push(format!("expires at {at}"));
        }
        let reasons = call.policy_reasons();
        told.extend(reasons.into_iter().map(|reason| format!("policy asks: {}", one_line(reason))));
        told.extend(call.changed.iter().map(|changed| format!("changed: {}", one_line(changed))));
        if asks {
            let preview = call.preview.as_ref().map_or(&call.arguments, |preview| &preview.text);
            told.push(indented(&clipped(&lines(preview))));
        }
    }
    told.push(String::new());
    if asks {
        told.extend(OpenCalls::of(calls(notice)).told(&run.id, true));
    } else if notice.kind == MessageKind::Ended {
        let outcome = run.outcome.as_deref().unwrap_or_default();
        told.push(match run.state {
            RunState::Completed => lines(outcome),
            _ => format!("The run is {}: {}", run.state.as_str(), one_line(outcome)),
        });
    }
    told.push(format!("More: initrunner show {}", run.id));
    told.join("\n")
}

fn state(call: &CallRecord) -> String {
    match (&call.decision, &call.resolver) {
        (Some(decision), Some(resolver)) if call.state != CallState::Waiting => {
            let word = match decision.as_str() {
                "approve" => "approved",
                _ => "denied",
            };
            format!("{word} by {}", one_line(&resolver.authenticated_as))
        }
        _ => call.state.as_str().to_owned(),
    }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(LARGEST_PREVIEW) {
        None => text.to_owned(),
        Some((at, _)) => {
            format!("{}\n… {} more characters", &text[..at], text[at..].chars().count())
        }
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
