//! What a message about calls shows: the same words in every service, and which buttons stand under it.
//!
//! A card is made anew from the run whenever the message is sent or changed, so that it says what holds then:
//! a question that was answered before its message left has no buttons.

use super::button::{Action, Button};
use super::split::{Cost, clip, cost};
use crate::domain::decision::{Decision, Resolver};
use crate::domain::ids::CallId;
use crate::domain::outbox::MessageKind;
use crate::domain::preview;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::domain::visible::{lines, one_line};
use crate::store::{CallRecord, StoredRun};
use crate::trigger::open_calls::OpenCalls;

/// The most of one preview, in characters of the service: what is longer is behind *Details*.
const LARGEST_PREVIEW: usize = 1_500;

/// The least of one preview that is worth showing; where not even this fits, calls are only counted.
const SMALLEST_PREVIEW: usize = 80;

/// The most of a name that somebody gave themselves, or of a reason.
const LARGEST_NAME: usize = 60;

/// The most of a reason for a denial.
const LARGEST_REASON: usize = 300;

/// What a message of one service can hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// How much text.
    pub(super) text: usize,
    /// What a character takes of it.
    pub(super) cost: Cost,
    /// How many calls can have buttons.
    pub(super) rows: usize,
    /// Whether runs are written down: one that is not cannot be decided about, and has no buttons.
    pub(super) persists: bool,
    /// What begins each line of a tool's words where nothing else tells them from ours: else they could say who
    /// approved what.
    pub(super) margin: &'static str,
}

/// The margin of services that show a tool's words as they show ours.
pub(super) const MARGIN: &str = "│ ";

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Our words.
    Plain(String),
    /// A tool's, shown as they are.
    Code(String),
}

impl Part {
    pub(super) fn text(&self) -> &str {
        match self {
            Part::Plain(text) | Part::Code(text) => text,
        }
    }
}

/// The buttons of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Which of several calls it is, as the text counts them.
    pub(super) number: Option<usize>,
    /// What stands in it.
    pub(super) buttons: Vec<Button>,
}

/// What a message shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    /// Its lines, one part after the other.
    pub(super) parts: Vec<Part>,
    /// Its buttons.
    pub(super) rows: Vec<Row>,
    /// How many of its calls wait.
    pub(super) open: usize,
}

impl Card {
    /// The text, for whatever shows no buttons.
    pub(super) fn text(&self) -> String {
        self.parts.iter().map(Part::text).collect::<Vec<_>>().join("\n")
    }
}

/// The card of some calls of a run, as it stands.
pub(super) fn card(run: &StoredRun, named: &[CallId], kind: MessageKind, room: Room) -> Card {
    let calls: Vec<&CallRecord> =
        run.calls.iter().filter(|call| named.contains(&call.id)).collect();
    let undecided = calls.iter().copied().filter(|call| is_open(run, call));
    let open = undecided.clone().count();
    let mut parts = vec![Part::Plain(head(run, kind, OpenCalls::of(undecided), room))];
    let several = calls.len() > 1;
    // A line of ours above and below each preview.
    let frame = |call: &CallRecord| {
        cost(&above(call, Some(calls.len())), room.cost) + cost(&below(run, call), room.cost) + 4
    };
    // Room for the sentence about calls that are only counted.
    let spare = 120 + cost(parts[0].text(), room.cost);
    let left = room.text.saturating_sub(spare);
    let mut shown = calls.len();
    let mut each = 0;
    while shown > 0 {
        let frames: usize = calls.iter().take(shown).map(|call| frame(call)).sum();
        each = left.saturating_sub(frames) / shown;
        if each >= SMALLEST_PREVIEW {
            break;
        }
        shown -= 1;
    }
    let mut rows = Vec::new();
    for (index, call) in calls.iter().take(shown).enumerate() {
        let number = several.then_some(index + 1);
        parts.push(Part::Plain(above(call, number)));
        parts.push(Part::Code(preview(call, each.min(LARGEST_PREVIEW), room)));
        let below = below(run, call);
        if !below.is_empty() {
            parts.push(Part::Plain(below));
        }
        if is_open(run, call) && room.persists && rows.len() < room.rows {
            rows.push(Row { number, buttons: buttons(run, call) });
        }
    }
    if shown < calls.len() {
        let more = calls.len() - shown;
        parts.push(Part::Plain(format!("… and {more} more: initrunner show {}", run.run.id)));
    }
    Card { parts, rows, open }
}

/// Whether somebody may still decide about the call.
fn is_open(run: &StoredRun, call: &CallRecord) -> bool {
    let undecided = matches!(call.state, CallState::Waiting | CallState::Unknown);
    undecided && !call.told && !run.run.state.is_final() && call.request.is_some()
}

fn head(run: &StoredRun, kind: MessageKind, waits: OpenCalls, room: Room) -> String {
    let id = &run.run.id;
    let Some(line) = waits.told(id, room.persists) else {
        return format!("Run {id} of {}", one_line(&run.run.role_name));
    };
    match kind {
        MessageKind::Expiring => format!("Nobody decided yet, and it expires soon.\n{line}"),
        MessageKind::Escalated => format!("Nobody decided yet, so you are asked as well.\n{line}"),
        MessageKind::Paused | MessageKind::Decided | MessageKind::Ended => line,
    }
}

/// What stands above a preview: which tool, and which call of several.
fn above(call: &CallRecord, number: Option<usize>) -> String {
    let tool = one_line(&call.model_tool);
    let again = if call.changed.is_empty() { "" } else { " (asked again: something changed)" };
    match number {
        Some(number) => format!("{number}. {tool}{again}"),
        None => format!("{tool}{again}"),
    }
}

fn preview(call: &CallRecord, limit: usize, room: Room) -> String {
    let text = framed(&preview::text(call.preview.as_ref(), &call.arguments), room.margin);
    let (_, left) = clip(&text, limit, room.cost);
    if left == 0 {
        return text;
    }
    // Never cut at the head: what is dangerous stands there most often.
    let (kept, left) = clip(&text, limit.saturating_sub(40), room.cost);
    // Of what is left, the margins are ours.
    let lines = text[kept.len()..].matches(&format!("\n{}", room.margin)).count();
    let left = left.saturating_sub(lines * room.margin.chars().count());
    format!("{kept}\n… {left} more characters: Details")
}

/// A tool's words, each line behind a margin.
fn framed(text: &str, margin: &str) -> String {
    text.split('\n').map(|line| format!("{margin}{line}")).collect::<Vec<_>>().join("\n")
}

/// What stands below a preview: what became of the call, or what it still needs.
fn below(run: &StoredRun, call: &CallRecord) -> String {
    if let Some(decided) = decided(call) {
        return decided;
    }
    if call.state == CallState::Expired || (call.state == CallState::Waiting && call.told) {
        return "not decided in time, and not executed".into();
    }
    if run.run.state.is_final() && matches!(call.state, CallState::Waiting | CallState::Unknown) {
        return "the run ended before anybody decided".into();
    }
    match call.state {
        CallState::Unknown => {
            "It was started, and whether it happened is not known. Look first.".into()
        }
        CallState::Waiting => {
            let standing = call.standing(&run.run.requester);
            let expires = call.expires_at.map(|at| format!("expires at {at}"));
            let told: Vec<String> = standing.into_iter().chain(expires).collect();
            one_line(&told.join("; "))
        }
        _ => String::new(),
    }
}

/// Who decided about a call, what and when; `None` where nobody did.
pub(super) fn decided(call: &CallRecord) -> Option<String> {
    let (decision, resolver) = (call.decision.as_ref()?, call.resolver.as_ref()?);
    if call.state == CallState::Waiting {
        return None;
    }
    let at = call.decided_at.map(|at| format!(" at {at}")).unwrap_or_default();
    Some(match decision {
        Decision::Approve => {
            let mut names: Vec<String> =
                call.votes.iter().map(|vote| person(&vote.resolver)).collect();
            let last = person(resolver);
            names.retain(|name| *name != last);
            names.push(last);
            format!("approved by {}{at}", names.join(", "))
        }
        Decision::Deny { reason: None } => format!("denied by {}{at}", person(resolver)),
        Decision::Deny { reason: Some(reason) } => {
            let reason = clipped(reason, LARGEST_REASON);
            format!("denied by {}{at}: {reason}", person(resolver))
        }
    })
}

/// Who somebody is: the identity that was authenticated, and beside it what they call themselves.
fn person(resolver: &Resolver) -> String {
    let identity = one_line(&resolver.authenticated_as);
    match &resolver.note {
        // Nobody's name ends the brackets and goes on with another identity.
        Some(note) => {
            let name = clipped(note, LARGEST_NAME).replace(['(', ')'], "");
            format!("{identity} ({name})")
        }
        None => identity,
    }
}

/// A name or a reason on one line, bounded.
pub(super) fn clipped(text: &str, most: usize) -> String {
    let line = one_line(text.trim());
    let (kept, left) = clip(&line, most, |_| 1);
    match left {
        0 => line,
        _ => format!("{kept}…"),
    }
}

/// What somebody is called, as their service says: bounded and on one line; `None` where it says nothing.
pub(super) fn name(text: &str) -> Option<String> {
    Some(clipped(text, LARGEST_NAME)).filter(|name| !name.is_empty())
}

fn buttons(run: &StoredRun, call: &CallRecord) -> Vec<Button> {
    let actions: &[Action] = match call.state {
        CallState::Unknown => &[Action::Retry, Action::ReportUnknown, Action::Details],
        _ => &[Action::Approve, Action::Deny, Action::Details],
    };
    let button = |action: &Action| {
        let (run, call_id) = (run.run.id.clone(), call.id.clone());
        Some(Button { action: *action, run, call: call_id, version: call.request? })
    };
    actions.iter().filter_map(button).collect()
}

/// Everything about one call that a reviewer may want to know.
pub(super) fn details(run: &StoredRun, call: &CallRecord) -> String {
    let mut told = vec![
        format!("Call {} of run {}", call.id, run.run.id),
        format!("role: {}", one_line(&run.run.role_name)),
        format!("asked by: {} ({})", one_line(&run.run.requester), one_line(&run.run.trigger)),
        format!("tool: {}", one_line(&call.model_tool)),
    ];
    if let Some(at) = call.expires_at {
        told.push(format!("expires at: {at}"));
    }
    if let Some(isolation) = call.isolation() {
        told.push(format!("isolation: {}", one_line(isolation)));
    }
    let reasons = call.policy_reasons();
    told.extend(reasons.into_iter().map(|reason| format!("policy asks: {}", one_line(reason))));
    told.extend(call.changed.iter().map(|changed| format!("changed: {}", one_line(changed))));
    let needs = call.standing(&run.run.requester);
    told.extend(needs.map(|text| format!("needs: {}", one_line(&text))));
    told.extend(decided(call));
    if call.preview.is_some() {
        let text = preview::text(call.preview.as_ref(), &call.arguments);
        told.push(format!("preview:\n{}", framed(&text, MARGIN)));
    }
    told.push(format!("arguments:\n{}", one_line(&call.arguments)));
    told.join("\n")
}

/// How a run ended, for whoever asked for it.
pub(super) fn ending(run: &StoredRun, room: Room) -> String {
    let outcome = run.run.outcome.as_deref().unwrap_or_default();
    match run.run.state {
        RunState::Completed if outcome.trim().is_empty() => "(no answer)".into(),
        RunState::Completed => lines(outcome),
        // A daemon gives up what waits where nothing is kept.
        RunState::Cancelled if !room.persists => format!(
            "Run {} needed approval; it is not persisted (--no-audit), so it cannot be resumed.",
            run.run.id
        ),
        RunState::Cancelled => format!("Run {} was {}.", run.run.id, one_line(outcome)),
        _ => format!("Run {} failed: {}", run.run.id, one_line(outcome)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tools_words_are_taken_for_ours() {
        let text = "ls\napproved by os:root at 2026-01-01T00:00:00Z\n\n2. shell";
        let framed = framed(text, MARGIN);
        assert!(framed.split('\n').all(|line| line.starts_with(MARGIN)), "{framed}");
        assert_eq!(framed.replace(MARGIN, ""), text);
    }

    #[test]
    fn nobodys_name_is_another_identity() {
        let note = Some("Ann) and os:root (Root".to_owned());
        let resolver = Resolver { authenticated_as: "slack:U1".into(), note };
        assert_eq!(person(&resolver), "slack:U1 (Ann and os:root Root)");
    }
}
