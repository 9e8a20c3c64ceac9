//! The third link: a person. Where the role or a policy wants one asked, the component first says what it
//! would do; that preview, and everything else that decides what will happen, is what the approval is for.

use super::permission::Permitted;
use super::policy::reason_text;
use super::resolve::Call;
use super::{Gate, Refusal, Toolset, Verdict};
use crate::domain::approval::{
    ANSWER, ApprovalMode, Binding, BindingPart, Details, ISOLATION, Preview,
};
use crate::domain::canonical;
use crate::domain::digest::Digest;
use crate::domain::policy::{Effect, PolicyRecord, determination, strictest};
use crate::domain::rule::{ApprovalRule, OnExpiry, Remember};
use crate::domain::secret::any_shape;
use crate::domain::tool_call::RefusedBy;
use crate::domain::visible::one_line;
use crate::domain::vote::deciders;
use crate::plugin::{CallError, CallInput, LoadedEntry};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeMap;

/// How many hexadecimal digits of a keyed hash tell two values of one key apart: 64 bits, far more than
/// one value that changed needs, and few enough to be stored for every entry.
const SHORT: usize = 16;

/// The name under which the hash of nothing is kept: it differs only where the key does.
const KEY: &str = "";

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
    /// The rule that they approved under.
    pub rule: ApprovalRule,
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
    let (call, records) = permitted.into_parts();
    let rule = rule_of(tools, &call);
    // A policy that asks does so whatever the role says.
    if rule.mode == ApprovalMode::Auto && strictest(&records) != Effect::Ask {
        return Ok(Verdict::Admitted(Admitted(call)));
    }
    let waiting = question(gate, tools, &call, &records).await?;
    match prior {
        Some(prior) if prior.binding.fits(&waiting.binding) && prior.rule == waiting.rule => {
            Ok(Verdict::Admitted(Admitted(call)))
        }
        Some(prior) => {
            let preview = waiting.preview.as_ref();
            let changed = changes(prior, &waiting.binding, preview, &waiting.rule);
            Ok(Verdict::Waiting(Waiting { changed, ..waiting }))
        }
        None => Ok(Verdict::Waiting(waiting)),
    }
}

/// The question itself, for whoever decides about the call already, whether or not it would be asked: what
/// they make of a call may be something that nobody needs to be asked about.
///
/// # Errors
/// As for [`check`].
pub(super) async fn ask_anyway(
    gate: &Gate,
    tools: &Toolset,
    permitted: Permitted,
) -> Result<Waiting, Refusal> {
    let (call, records) = permitted.into_parts();
    question(gate, tools, &call, &records).await
}

fn rule_of(tools: &Toolset, call: &Call) -> ApprovalRule {
    call.entry(tools).entry.approval_rule(&call.tool(tools).name)
}

async fn question(
    gate: &Gate,
    tools: &Toolset,
    call: &Call,
    records: &[PolicyRecord],
) -> Result<Waiting, Refusal> {
    let entry = call.entry(tools);
    let name = &call.tool(tools).name;
    let input = input(call, name, 1);
    let preview = match gate.runtime.prepare(entry, entry.limits(name), input).await {
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
    let binding = bind(gate, tools, call, preview.as_ref(), records);
    // Whom the role names for the calls that it wants asked about is asked about the others too.
    let mut rule = ApprovalRule { mode: ApprovalMode::Required, ..rule_of(tools, call) };
    if tools.speaks_of_approval() {
        // Who may say yes is asked for each call anew; what was said of another answers nothing.
        rule.remember = Remember::None;
    }
    Ok(Waiting { preview, binding, rule, changed: Vec::new() })
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

fn bind(
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

/// What differs from what was approved, one sentence for each thing, old beside new.
fn changes(
    prior: &Prior,
    now: &Binding,
    preview: Option<&Preview>,
    rule: &ApprovalRule,
) -> Vec<String> {
    let old = &prior.binding;
    let mut sentences = Vec::new();
    for part in old.changed(now) {
        match part {
            BindingPart::Preview => sentences.push(format!(
                "preview: was {}, is {}",
                shown(prior.preview.as_ref()),
                shown(preview)
            )),
            BindingPart::Configuration => sentences.extend(configuration_changes(old, now)),
            BindingPart::Grants => sentences.extend(grants_changes(old, now)),
            BindingPart::Policy => sentences.extend(policy_changes(old, now)),
            // Digests of what is stored with the run.
            other => {
                let short = |binding: &Binding| {
                    let digest = binding.parts.get(&other).map_or("", String::as_str);
                    digest.chars().take(12).collect::<String>()
                };
                sentences.push(format!(
                    "{}: was {}, is {}",
                    other.as_str(),
                    short(old),
                    short(now)
                ));
            }
        }
    }
    if prior.rule != *rule {
        sentences.push(format!(
            "who must approve: was {}, is {}",
            rule_in_words(&prior.rule),
            rule_in_words(rule)
        ));
    }
    sentences
}

fn shown(preview: Option<&Preview>) -> String {
    preview.map_or("nothing".to_owned(), |preview| format!("`{}`", one_line(&preview.text)))
}

/// Which keys and variables have other values. The values may be secret, so they are not kept.
fn configuration_changes(old: &Binding, now: &Binding) -> Vec<String> {
    let differing = old.details_changed(now, BindingPart::Configuration);
    let other_key =
        differing.iter().any(|(name, was, is)| *name == KEY && was.is_some() && is.is_some());
    if other_key || !old.details.contains_key(&BindingPart::Configuration) {
        return vec![
            "configuration: what it was cannot be compared with what it is, because this host's key is \
             another one or an older program asked"
                .into(),
        ];
    }
    differing
        .into_iter()
        .map(|(name, was, is)| {
            let what = match name.strip_prefix('$') {
                Some(variable) => format!("the environment variable `{}`", one_line(variable)),
                None => format!("`{}`", one_line(name)),
            };
            let how = match (was, is) {
                (Some(_), Some(_)) => "has another value",
                (Some(_), None) => "is not set any more",
                _ => "was not set",
            };
            format!("configuration: {what} {how}")
        })
        .collect()
}

fn grants_changes(old: &Binding, now: &Binding) -> Vec<String> {
    if !old.details.contains_key(&BindingPart::Grants) {
        return vec!["grants: an older program asked, which kept none of them".into()];
    }
    // Where nothing differs only the key does, and the configuration says so.
    let differing = old.details_changed(now, BindingPart::Grants);
    let text = |value: Option<&str>| match value {
        Some(value) => format!("`{}`", one_line(value)),
        None => "nothing".into(),
    };
    differing
        .into_iter()
        .map(|(name, was, is)| format!("grants: `{name}` was {}, is {}", text(was), text(is)))
        .collect()
}

/// What policies say now that they did not say before. `None` stands for a run without policies.
fn policy_changes(old: &Binding, now: &Binding) -> Vec<String> {
    let differing = old.details_changed(now, BindingPart::Policy);
    let text = |value: Option<&str>| match value {
        Some(value) => format!("`{}`", one_line(value)),
        None => "nothing".into(),
    };
    differing
        .into_iter()
        .map(|(name, was, is)| match name {
            ANSWER => format!("policy: the answer was {}, is {}", text(was), text(is)),
            name => format!("policy: `{}` said {}, says {}", one_line(name), text(was), text(is)),
        })
        .collect()
}

fn rule_in_words(rule: &ApprovalRule) -> String {
    let requester = "whoever started the run";
    let mut words = format!("{} of {}", rule.quorum, deciders(rule, requester));
    if let Some(seconds) = rule.expires_after {
        words.push_str(&format!(" within {seconds} s"));
    }
    if rule.on_expiry == OnExpiry::Fail {
        words.push_str(", else the run fails");
    }
    if rule.remember == Remember::Run {
        words.push_str(", remembered for the run");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::PreviewFormat;

    /// A binding with these digests and details, each part's name first.
    fn binding(parts: &[(BindingPart, &str)], details: &[(BindingPart, &str, &str)]) -> Binding {
        let mut told = Details::new();
        for (part, name, text) in details {
            told.entry(*part).or_default().insert((*name).to_owned(), (*text).to_owned());
        }
        let parts = parts.iter().map(|(part, text)| (*part, (*text).to_owned())).collect();
        Binding { parts, details: told }
    }

    fn check(old: Binding, now: &Binding, expected: &[&str]) {
        let rule = ApprovalRule::required();
        let prior = Prior { binding: old, preview: None, rule: rule.clone() };
        assert_eq!(changes(&prior, now, None, &rule), expected);
    }

    use BindingPart::{Component, Configuration, Grants};

    #[test]
    fn keys_and_variables_are_named_and_grants_are_told() {
        let old = binding(
            &[(Configuration, "1"), (Grants, "1")],
            &[
                (Configuration, KEY, "k"),
                (Configuration, "working_dir", "a"),
                (Configuration, "$HOME", "a"),
                (Configuration, "$GONE", "a"),
                (Grants, "process.programs", "any"),
                (Grants, "process.scripts", "false"),
            ],
        );
        let now = binding(
            &[(Configuration, "2"), (Grants, "2")],
            &[
                (Configuration, KEY, "k"),
                (Configuration, "working_dir", "b"),
                (Configuration, "$HOME", "b"),
                (Configuration, "$NEW", "b"),
                (Grants, "process.programs", "[\"git\"]"),
                (Grants, "process.scripts", "false"),
            ],
        );
        check(
            old,
            &now,
            &[
                "configuration: the environment variable `GONE` is not set any more",
                "configuration: the environment variable `HOME` has another value",
                "configuration: the environment variable `NEW` was not set",
                "configuration: `working_dir` has another value",
                "grants: `process.programs` was `any`, is `[\"git\"]`",
            ],
        );
    }

    #[test]
    fn what_cannot_be_compared_is_not_said_to_differ() {
        let parts = |text| [(Configuration, text), (Grants, text)];
        let details =
            |key| [(Configuration, KEY, key), (Configuration, "a", key), (Grants, "b", "c")];
        let now = binding(&parts("2"), &details("two"));
        let cannot = "configuration: what it was cannot be compared with what it is, because this host's \
                      key is another one or an older program asked";
        check(binding(&parts("1"), &details("one")), &now, &[cannot]);
        let none = "grants: an older program asked, which kept none of them";
        check(binding(&parts("1"), &[]), &now, &[cannot, none]);
    }

    #[test]
    fn the_rest_is_told_old_beside_new() {
        let old = binding(&[(Component, "0123456789abcdef")], &[]);
        let now = binding(&[(Component, "fedcba9876543210")], &[]);
        check(old, &now, &["component: was 0123456789ab, is fedcba987654"]);
        let preview = |text: &str| Preview { format: PreviewFormat::Command, text: text.into() };
        let rule = ApprovalRule { quorum: 2, remember: Remember::Run, ..ApprovalRule::required() };
        let prior = Prior {
            binding: binding(&[(BindingPart::Preview, "1")], &[]),
            preview: Some(preview("rm a")),
            rule: ApprovalRule::required(),
        };
        let now = binding(&[(BindingPart::Preview, "2")], &[]);
        assert_eq!(
            changes(&prior, &now, Some(&preview("rm a\nrm b")), &rule),
            [
                "preview: was `rm a`, is `rm a\\nrm b`",
                "who must approve: was 1 of anybody, is 2 of anybody, remembered for the run"
            ]
        );
    }
}
