//! The third link: a person. Where the role wants one asked, the component first says what it would
//! do; that preview, and everything else that decides what will happen, is what the approval is for.

use super::permission::Permitted;
use super::resolve::Call;
use super::{Gate, Refusal, Toolset, Verdict};
use crate::domain::approval::{ApprovalMode, Binding, BindingPart, Preview};
use crate::domain::canonical;
use crate::domain::digest::Digest;
use crate::domain::rule::ApprovalRule;
use crate::domain::tool_call::RefusedBy;
use crate::domain::visible::one_line;
use crate::plugin::{CallError, CallInput, LoadedEntry};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;

/// A call that may happen now, once. Only this file makes one, and invoking it uses it up.
pub struct Admitted(Call);

/// A call that waits for a person.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What the person sees; `None` where the tool cannot say.
    pub preview: Option<Preview>,
    /// What the approval will be for.
    pub binding: Binding,
    /// Who must approve.
    pub rule: ApprovalRule,
    /// What differs from what was approved before, in words, old beside new.
    pub changed: Vec<String>,
}

/// What a person approved before.
#[derive(Debug, Clone)]
pub struct Prior {
    /// What the approval is for.
    pub binding: Binding,
    /// What the person saw.
    pub preview: Option<Preview>,
}

impl Admitted {
    pub(super) fn into_call(self) -> Call {
        self.0
    }
}

/// # Errors
/// The component's own refusal: nobody is asked about what would not be done.
pub(super) async fn check(
    gate: &Gate,
    tools: &Toolset,
    permitted: Permitted,
    prior: Option<&Prior>,
) -> Result<Verdict, Refusal> {
    let call = permitted.into_call();
    let entry = call.entry(tools);
    let name = call.tool(tools).name.clone();
    let rule = entry.entry.approval_rule(&name);
    match rule.mode {
        ApprovalMode::Auto => return Ok(Verdict::Admitted(Admitted(call))),
        ApprovalMode::Required => {}
    }
    let input = input(&call, &name, 1);
    let preview = match gate.runtime.prepare(entry, entry.limits(&name), input).await {
        Ok(preview) => Some(preview),
        Err(CallError::Broken(sentence)) => {
            // A component that cannot say what it would do must not be approved blindly.
            let result = format!("The tool could not say what it would do: {sentence}");
            return Err(Refusal { by: RefusedBy::Component, result });
        }
        Err(error) => {
            return Err(Refusal {
                by: RefusedBy::Component,
                result: super::invoke::error_text(&error),
            });
        }
    };
    let binding = bind(gate, tools, &call, preview.as_ref());
    match prior {
        Some(prior) if prior.binding == binding => Ok(Verdict::Admitted(Admitted(call))),
        _ => {
            let changed = prior.map(|prior| changes(prior, &binding, preview.as_ref()));
            let changed = changed.unwrap_or_default();
            Ok(Verdict::Waiting(Waiting { preview, binding, rule, changed }))
        }
    }
}

/// What a component is given of a call.
pub(super) fn input(call: &Call, tool: &str, attempt: u32) -> CallInput {
    CallInput {
        id: call.id.to_string(),
        attempt,
        // The same for every attempt, and no other call's: services compare it across runs.
        idempotency_key: format!("{}/{}", call.run, call.id),
        tool: tool.to_owned(),
        arguments: call.arguments.text().to_owned(),
    }
}

fn bind(gate: &Gate, tools: &Toolset, call: &Call, preview: Option<&Preview>) -> Binding {
    let entry = call.entry(tools);
    let digest = |text: &str| Digest::of(text.as_bytes()).hex();
    let preview = preview.map(json).unwrap_or_default();
    let parts = BTreeMap::from([
        (BindingPart::Component, entry.component.digest.hex()),
        (BindingPart::Tool, digest(&format!("{}\n{}", entry.entry.name, call.tool(tools).name))),
        (BindingPart::Arguments, digest(call.arguments.text())),
        (BindingPart::Preview, digest(&preview)),
        (BindingPart::Role, tools.role_digest().hex()),
        (BindingPart::Configuration, configuration(gate, entry)),
        (BindingPart::Grants, keyed(gate, &["grants", &json(&entry.grants)])),
    ]);
    Binding { parts }
}

/// The configuration with its variables resolved, and the environment it passes on.
fn configuration(gate: &Gate, entry: &LoadedEntry) -> String {
    let environment = entry.environment().iter().flat_map(|(name, value)| [name, value]);
    let texts: Vec<&str> = ["configuration", &entry.config]
        .into_iter()
        .chain(environment.map(String::as_str))
        .collect();
    keyed(gate, &texts)
}

/// A hash that nobody without the key can find the texts of by trying: they may hold a secret.
fn keyed(gate: &Gate, texts: &[&str]) -> String {
    // HMAC pads a short key with zeros to its block (RFC 2104).
    let mut block = [0; 64];
    block[..gate.key.len()].copy_from_slice(&gate.key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for text in texts {
        // The length in front: no two lists of texts are one sequence of bytes.
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text.as_bytes());
    }
    data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
}

fn json(value: &impl serde::Serialize) -> String {
    // Plain data always serialises; an empty text would only make a call wait again.
    serde_json::to_value(value).map(|value| canonical::to_text(&value)).unwrap_or_default()
}

fn changes(prior: &Prior, now: &Binding, preview: Option<&Preview>) -> Vec<String> {
    let text = |preview: Option<&Preview>| {
        preview.map_or("nothing".to_owned(), |preview| format!("`{}`", one_line(&preview.text)))
    };
    prior
        .binding
        .changed(now)
        .into_iter()
        .map(|part| match part {
            BindingPart::Preview => {
                format!("preview: was {}, is {}", text(prior.preview.as_ref()), text(preview))
            }
            BindingPart::Configuration => {
                "configuration: a key of the entry, or a variable it passes on, has another value"
                    .into()
            }
            // Only keyed hashes are kept of these two: the values may be secret.
            BindingPart::Grants => "grants: what the entry may reach is not the same".into(),
            other => {
                let short = |binding: &Binding| {
                    let digest = binding.parts.get(&other).map_or("", String::as_str);
                    digest.chars().take(12).collect::<String>()
                };
                format!("{}: was {}, is {}", other.as_str(), short(&prior.binding), short(now))
            }
        })
        .collect()
}
