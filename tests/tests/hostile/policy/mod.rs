//! Policies and requests that try to exhaust, crash or mislead the host that asks: each ends in a denial that
//! names the policy, in time, and the next question is answered.

mod decide;
mod gate;
mod load;
mod overload;

use crate::cache;
use initrunner::domain::policy::{PolicyAnswer, PolicyRequest, PolicySource, SourceKind};
use initrunner::plugin::policy::{LoadedPolicy, PolicyError};
use initrunner::plugin::{Runtime, Source};
use initrunner_tests::policies::carried;
use initrunner_tests::{decider, policies};
use std::time::Duration;

/// What one attack may add to the host's memory: an instance that was left behind would be 192 MiB.
const TOLERANCE: u64 = 48 << 20;

/// One answer's time, and as much again for a machine that others use.
const DEADLINE: Duration = Duration::from_secs(2);

const TOOLS: &str = r#"[{"name": "pay", "entry": "pay", "plugin": "bank", "tool": "pay", "effects": {},
    "parameters": {"type": "object", "properties": {"amount": {"type": "integer"}, "to": {"type": "string"},
    "list": {"type": "array", "items": {"type": "integer"}}, "any": {}}}}]"#;

fn runtime() -> Runtime {
    policies::runtime(cache())
}

fn source(name: &str, kind: SourceKind, text: impl Into<String>) -> PolicySource {
    PolicySource { name: name.into(), kind, text: text.into() }
}

fn policies(text: impl Into<String>) -> PolicySource {
    source("p.cedar", SourceKind::Policies, text)
}

fn cedar() -> Source {
    carried("cedar")
}

fn the_decider() -> Source {
    Source { name: "the decider".into(), ..Source::file(decider()).unwrap() }
}

fn request(arguments: impl Into<String>) -> PolicyRequest {
    policies::request("bank", "pay", arguments)
}

/// An answer as one line of bounded length.
fn told(answer: &PolicyAnswer) -> String {
    let reasons = answer
        .reasons
        .iter()
        .map(|reason| format!("; {}: {}", reason.policy, reason.message.as_deref().unwrap_or("-")));
    let errors = answer.errors.iter().map(|error| format!("; ! {error}"));
    let text: String = reasons.chain(errors).collect();
    format!("{}{text}", answer.effect.as_str())
}

fn short(text: &str) -> String {
    text.replace('\n', " ").chars().take(170).collect()
}

/// So many policies, of which one forbids each account.
fn many(count: usize) -> String {
    let mut text =
        "@id(\"everything\") permit (principal, action == Action::\"pay\", resource);\n".to_owned();
    for n in 0..count {
        text.push_str(&format!(
            "@id(\"no-{n}\") forbid (principal, action == Action::\"pay\", resource) when {{ context.arguments has to && context.arguments.to == \"account-{n}\" }};\n"
        ));
    }
    text
}

async fn load_cedar(
    runtime: &Runtime,
    sources: &[PolicySource],
) -> Result<LoadedPolicy, PolicyError> {
    runtime.load_policy(&cedar(), sources, TOOLS.into()).await
}
