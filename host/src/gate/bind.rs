//! What an approval is for: the digests of everything that decides what will happen, and what may be told of
//! them. Whatever may hold a secret is hashed with the host's key.

use super::policy::reason_text;
use super::resolve::Call;
use super::{Gate, Toolset};
use crate::domain::approval::{ANSWER, Binding, BindingPart, Details, ISOLATION, Preview};
use crate::domain::canonical;
use crate::domain::digest::Digest;
use crate::domain::policy::{Effect, PolicyRecord, determination, strictest};
use crate::domain::secret::any_shape;
use crate::plugin::LoadedEntry;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeMap;

/// How many hexadecimal digits of a keyed hash tell two values of one key apart: 64 bits, far more than
/// one value that changed needs, and few enough to be stored for every entry.
const SHORT: usize = 16;

/// The name under which the hash of nothing is kept: it differs only where the key does.
pub(super) const KEY: &str = "";

/// What an approval of `call` as it stands is for. `records` is what policies said of it.
pub(super) fn bind(
    gate: &Gate,
    tools: &Toolset,
    call: &Call,
    preview: Option<&Preview>,
    records: &[PolicyRecord],
) -> Binding {
    let entry = call.entry(tools);
    let digest = |text: &str| Digest::of(text.as_bytes()).hex();
    let mut binding = tools.shared_binding(call.place(), || of_entry(gate, tools, entry)).clone();
    // A plain hash outlives the sealed value, and a short one could be found by trying.
    let outside = |what: &str, text: &str| match any_shape(text) {
        true => keyed(gate, &[what, text]),
        false => digest(text),
    };
    let preview = preview.map(json).unwrap_or_default();
    binding.parts.extend([
        (BindingPart::Tool, digest(&format!("{}\n{}", entry.entry.name, call.tool(tools).name))),
        (BindingPart::Arguments, outside("arguments", call.arguments.text())),
        (BindingPart::Preview, outside("preview", &preview)),
    ]);
    let determination = determination(records);
    // Policies that have nothing to say change nothing, and neither do they by coming or going.
    if !determination.is_empty() {
        binding.parts.insert(BindingPart::Policy, digest(&determination));
        binding.details.insert(BindingPart::Policy, policy_details(records));
    }
    binding
}

/// Why a person is asked: each policy that wants it, in its author's words; and, so that a change can be
/// told, what the policies came to.
fn policy_details(records: &[PolicyRecord]) -> BTreeMap<String, String> {
    let effect = strictest(records);
    let mut details = BTreeMap::from([(ANSWER.to_owned(), effect.as_str().to_owned())]);
    for record in records.iter().filter(|record| !record.answer.is_silent()) {
        for reason in &record.answer.reasons {
            // What allows explains nothing to whoever is asked, and is told where it changes.
            let text = match record.answer.effect {
                Effect::Ask => reason_text(reason),
                effect => effect.as_str().to_owned(),
            };
            details.insert(format!("{}: {}", record.policy, reason.policy), text);
        }
    }
    details
}

/// What is the same for every call of an entry, as long as its role stays open.
fn of_entry(gate: &Gate, tools: &Toolset, entry: &LoadedEntry) -> Binding {
    let isolation = entry.isolation();
    let isolation = isolation.as_deref().unwrap_or_default();
    let parts = BTreeMap::from([
        (BindingPart::Component, entry.component.digest.hex()),
        (BindingPart::Role, tools.role_digest().hex()),
        (BindingPart::Configuration, configuration(gate, entry)),
        (BindingPart::Grants, keyed(gate, &["grants", &json(&*entry.grants), isolation])),
    ]);
    let details = Details::from([
        (BindingPart::Configuration, configuration_details(gate, entry)),
        (BindingPart::Grants, grants_details(entry)),
    ]);
    Binding { parts, details }
}

/// A short keyed hash of each key's value and of each variable's. The role's text is stored with the run,
/// so a value differs only where a variable gave it, and that may be secret: its key is told, and no
/// value.
fn configuration_details(gate: &Gate, entry: &LoadedEntry) -> BTreeMap<String, String> {
    let short = |texts: &[&str]| keyed(gate, texts).chars().take(SHORT).collect::<String>();
    let keys = entry.entry.config.iter();
    let keys = keys.map(|(key, value)| (key.clone(), short(&["key", key, &json(value)])));
    let variables = entry.environment().iter();
    let variables = variables
        .map(|(name, value)| (format!("${name}"), short(&["environment variable", name, value])));
    keys.chain(variables).chain([(KEY.to_owned(), short(&["nothing"]))]).collect()
}

/// What the entry may reach, in words: programs, folders, names and numbers.
fn grants_details(entry: &LoadedEntry) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => canonical::to_text(&other),
    };
    let Ok(Value::Object(grants)) = serde_json::to_value(&*entry.grants) else {
        return BTreeMap::new();
    };
    let mut details = BTreeMap::new();
    for (capability, grant) in grants {
        match grant {
            Value::Null => {}
            Value::Object(keys) => {
                for (key, value) in keys {
                    details.insert(format!("{capability}.{key}"), text(value));
                }
            }
            other => {
                details.insert(capability, text(other));
            }
        }
    }
    // A kernel that isolates less than the one that a person knew of is a reason to ask again.
    details.extend(entry.isolation().map(|words| (ISOLATION.to_owned(), words)));
    details
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
