//! The card of a call: what would happen, what that may do, why somebody is asked, who may answer, and what
//! was answered. The cards of one run's open calls are one form.

use super::Desk;
use super::guard::Visitor;
use super::shell::{csrf, time};
use crate::domain::decision::{Decision, Resolver};
use crate::domain::preview::{self, Kind};
use crate::domain::tool_call::CallState;
use crate::domain::visible::{lines, one_line};
use crate::ops::{CallFacts, describe_calls};
use crate::store::{CallRecord, StoredRun};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Which calls are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cards {
    /// Those that wait for a person.
    Open,
}

/// The cards of a run's calls, as one form; nothing where there are none.
pub(super) async fn cards(
    desk: &Desk,
    visitor: &Visitor,
    run: &StoredRun,
    which: Cards,
) -> Option<Markup> {
    let wanted = |call: &&CallRecord| match which {
        Cards::Open => matches!(call.state, CallState::Waiting | CallState::Unknown) && !call.told,
    };
    let calls: Vec<&CallRecord> = run.calls.iter().filter(wanted).collect();
    if calls.is_empty() {
        return None;
    }
    // What cannot be looked up is shown as what it might be.
    let facts = describe_calls(&desk.app.host, run).await.unwrap_or_default();
    Some(html! {
        form method="post" action={ "/approvals/" (run.run.id) } class="group-of-cards" data-group=(run.run.id) {
            (csrf(visitor))
            @for call in &calls { (card(run, call, &facts)) }
            div class="undo" data-undo="" hidden {
                p data-words="" role="status" {}
                button type="button" { "Undo" }
            }
            p class="send" data-send="" { button class="main" { "Send the decisions" } }
            p class="problem" data-problem="" role="alert" hidden {}
        }
    })
}

fn card(run: &StoredRun, call: &CallRecord, facts: &BTreeMap<String, CallFacts>) -> Markup {
    let effects = facts.get(&call.model_tool).map(|facts| facts.effects);
    // The dangerous reading, where nobody knows.
    let destructive = effects.is_none_or(|effects| effects.destructive);
    let open_world = effects.is_none_or(|effects| effects.open_world);
    let version = call.request.map(|version| version.to_string()).unwrap_or_default();
    let name = |part: &str| format!("{part}.{}", call.id);
    html! {
        fieldset class="card call" data-call=(call.id) data-key={ (call.id) "." (version) }
            data-destructive[destructive] data-state=(call.state.as_str()) {
            legend { code { (one_line(&call.model_tool)) } }
            input type="hidden" name=(name("version")) value=(version);
            (shown(call))
            ul class="facts" {
                @if destructive { li class="danger" { span aria-hidden="true" { "⚠ " } "may destroy" } }
                @if open_world { li { span aria-hidden="true" { "↗ " } "reaches beyond this machine" } }
                @for reason in call.policy_reasons() { li { "policy: " (one_line(reason)) } }
                @for change in &call.changed { li class="danger" { "asked again, because this changed: " (one_line(change)) } }
                @if let Some(standing) = call.standing(&run.run.requester) { li { (one_line(&standing)) } }
                @if let Some(at) = call.expires_at { li { "expires " (time(at)) } }
            }
            @if call.state == CallState::Unknown {
                p class="danger" { "It was started, and whether it happened is not known. Look first." }
                (choice(call, "retry", "Try again"))
                (choice(call, "report_unknown", "Report as unknown"))
            } @else {
                (choice(call, "approve", "Approve"))
                (choice(call, "deny", "Deny"))
                label { "Reason for a denial " input name=(name("reason")) autocomplete="off"; }
                details {
                    summary { "Edit the arguments" }
                    label { "Arguments, as JSON; left empty they stay"
                        textarea name=(name("arguments")) rows="4" spellcheck="false" data-arguments=(call.arguments) {}
                    }
                }
            }
        }
    }
}

/// What became of a call that somebody was asked about, in the place of its question; nothing where it is open,
/// or nobody was asked.
pub(super) fn outcome(run: &StoredRun, call: &CallRecord) -> Option<Markup> {
    let told = |kind: &str, mark: &str, words: Markup| {
        Some(html! {
            p class="outcome" data-outcome=(kind) { span aria-hidden="true" { (mark) " " } (words) }
        })
    };
    let person = |resolver: &Resolver| {
        html! {
            (one_line(resolver.resolved_by()))
            @if resolver.resolved_by() != resolver.authenticated_as {
                " (" (one_line(&resolver.authenticated_as)) ")"
            }
        }
    };
    match (call.state, &call.decision, &call.resolver) {
        (CallState::Waiting | CallState::Unknown, ..) if !run.run.state.is_final() => None,
        (CallState::Waiting | CallState::Unknown, ..) => {
            told("cancelled", "⊘", html! { "the run ended before anybody decided" })
        }
        (CallState::Expired, ..) => {
            told("expired", "✗", html! { "not decided in time, and not executed" })
        }
        (_, Some(decision), Some(by)) => {
            let at = html! { @if let Some(at) = call.decided_at { ", " (time(at)) } };
            match decision {
                Decision::Approve => {
                    told("approved", "✓", html! { "approved by " (person(by)) (at) })
                }
                Decision::Deny { reason } => told(
                    "denied",
                    "✗",
                    html! {
                        "denied by " (person(by)) (at)
                        @if let Some(reason) = reason { ": " (lines(reason)) }
                    },
                ),
            }
        }
        _ => None,
    }
}

/// The card of a call that was decided: what it was, and who said what when.
pub(super) fn settled(run: &StoredRun, call: &CallRecord) -> Option<Markup> {
    let told = outcome(run, call)?;
    let kind = match (call.state, &call.decision) {
        (CallState::Expired, _) => "expired",
        (_, Some(Decision::Approve)) => "approved",
        (_, Some(Decision::Deny { .. })) => "denied",
        _ => "cancelled",
    };
    Some(html! {
        section class="card call settled" data-key={ (call.id) ".settled" } data-outcome=(kind) {
            h3 { code { (one_line(&call.model_tool)) } }
            (shown(call))
            (told)
        }
    })
}

fn choice(call: &CallRecord, value: &str, words: &str) -> Markup {
    html! {
        label class="choice" data-choice=(value) {
            input type="radio" name={ "decision." (call.id) } value=(value) required;
            span { (words) }
        }
    }
}

/// What would happen, in the lines of the one renderer.
pub(super) fn shown(call: &CallRecord) -> Markup {
    let lines = preview::read(call.preview.as_ref(), &call.arguments);
    html! {
        pre class="preview" tabindex="0" aria-label="What would happen" {
            @for line in &lines {
                span class="line" data-kind=(kind(line.kind)) { (line.text) "\n" }
            }
        }
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Plain => "plain",
        Kind::Command => "command",
        Kind::Sql => "sql",
        Kind::Added => "added",
        Kind::Removed => "removed",
        Kind::Context => "context",
        Kind::Heading => "heading",
        Kind::Request => "request",
        Kind::Header => "header",
        Kind::Body => "body",
        Kind::Left => "left",
    }
}
