//! What differs from what a person approved, in words.

use super::approval::Prior;
use super::bind::KEY;
use crate::domain::approval::{ANSWER, Binding, BindingPart, Preview};
use crate::domain::rule::{ApprovalRule, OnExpiry, Remember};
use crate::domain::visible::one_line;
use crate::domain::vote::who_may;

/// What differs from what was approved, one sentence for each thing, old beside new.
pub(super) fn changes(
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
    let mut words = format!("{} of {}", rule.quorum, who_may::<&str>(rule, requester, &[]));
    if let Some(seconds) = rule.expires_after {
        words.push_str(&format!(" within {seconds} s"));
    }
    if let Some(seconds) = rule.remind_before {
        words.push_str(&format!(", reminded {seconds} s before"));
    }
    if rule.on_expiry == OnExpiry::Fail {
        words.push_str(", else the run fails");
    }
    if rule.remember == Remember::Run {
        words.push_str(", remembered for the run");
    }
    if let Some(escalation) = &rule.escalate {
        let further = escalation.reviewers.join(", ");
        words.push_str(&format!(", after {} s also {further}", escalation.after));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::{Details, PreviewFormat};

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
