//! The domain's words as the contract's, and back. What comes back is by untrusted code: cut, and
//! checked.

use super::bindings::exports::initrunner::plugin::policies as wit;
use super::bindings::initrunner::plugin::types;
use crate::domain::policy::{
    Diagnostic, Effect, PolicyRequest, PolicySource, Question, Reason, SourceKind,
};

/// Bytes of one sentence of a policy. A page is 4,000.
const SENTENCE: usize = 4 << 10;

/// Sentences of one answer.
const SENTENCES: usize = 100;

pub(super) fn source(source: &PolicySource) -> wit::Source {
    wit::Source {
        name: source.name.clone(),
        kind: match source.kind {
            SourceKind::Policies => wit::SourceKind::Policies,
            SourceKind::Schema => wit::SourceKind::Schema,
            SourceKind::Entities => wit::SourceKind::Entities,
        },
        text: source.text.clone(),
    }
}

pub(super) fn tools(text: String) -> wit::Source {
    wit::Source { name: "tools".into(), kind: wit::SourceKind::Tools, text }
}

pub(super) fn request(request: &PolicyRequest) -> wit::Request {
    let PolicyRequest { agent, subject, counts, .. } = request;
    let [read_only, destructive, idempotent, open_world] = subject.effects;
    wit::Request {
        question: match &request.question {
            Question::Invoke => wit::Question::Invoke,
            Question::Approve(identity) => {
                wit::Question::Approve(wit::Reviewer { identity: identity.clone() })
            }
        },
        agent: wit::Agent {
            name: agent.name.clone(),
            team: agent.team.clone(),
            author: agent.author.clone(),
            version: agent.version.clone(),
            tags: agent.tags.clone(),
        },
        subject: wit::Subject {
            name: subject.name.clone(),
            entry: subject.entry.clone(),
            plugin: subject.plugin.clone(),
            tool: subject.tool.clone(),
            effects: types::Effects { read_only, destructive, idempotent, open_world },
        },
        arguments: request.arguments.clone(),
        requester: request.requester.clone(),
        trigger: request.trigger.clone(),
        // Before 1970 there were no runs.
        time_ms: u64::try_from(request.at.0 / 1_000).unwrap_or_default(),
        isolation: request.isolation.clone(),
        counts: wit::Counts {
            requests: counts.requests,
            tool_calls: counts.tool_calls,
            calls_of_tool: counts.calls_of_tool,
            running_ms: counts.running_ms,
        },
    }
}

pub(super) fn effect(effect: wit::Effect) -> Effect {
    match effect {
        wit::Effect::Allow => Effect::Allow,
        wit::Effect::Ask => Effect::Ask,
        wit::Effect::Deny => Effect::Deny,
    }
}

pub(super) fn reasons(reasons: Vec<wit::Reason>) -> Vec<Reason> {
    let reason = |reason: wit::Reason| Reason {
        policy: clip(reason.policy),
        message: reason.message.map(clip),
        severity: reason.severity.map(clip),
    };
    reasons.into_iter().take(SENTENCES).map(reason).collect()
}

pub(super) fn sentences(sentences: Vec<String>) -> Vec<String> {
    sentences.into_iter().take(SENTENCES).map(clip).collect()
}

pub(super) fn diagnostics(found: Vec<wit::Diagnostic>) -> Vec<Diagnostic> {
    let diagnostic = |it: wit::Diagnostic| Diagnostic {
        source: clip(it.source),
        place: it.place,
        is_warning: it.severity == wit::Severity::Warning,
        message: clip(it.message),
        hint: it.hint.map(clip),
    };
    found.into_iter().take(SENTENCES).map(diagnostic).collect()
}

pub(super) fn clip(mut text: String) -> String {
    if text.len() > SENTENCE {
        let end = (0..=SENTENCE).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}
