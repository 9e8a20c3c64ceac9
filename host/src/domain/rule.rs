//! Who must approve, how many of them, and for how long the question stands.
//!
//! A role may say this at four places: for the whole role, per plugin, per entry and per tool. Each
//! key is taken from the nearest place that sets it.

use super::approval::ApprovalMode;
use super::expiry::InWords;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest time limit: a year. A question that stands longer is one that nobody answers.
pub const LONGEST_EXPIRY_S: u64 = 365 * 24 * 60 * 60;

/// The most reviewers that may be asked for: more than any team that decides about one call.
pub const LARGEST_QUORUM: u32 = 100;

/// What becomes of a run whose call nobody decided in time. The call itself never happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    /// The model reads that nobody decided, and the run goes on.
    #[default]
    Deny,
    /// The run fails.
    Fail,
}

/// Whether an approval lets an equal call of the same run happen without asking again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remember {
    /// No: each call is asked about.
    #[default]
    None,
    /// Yes, where the whole binding is equal: component, tool, arguments, preview and all the rest.
    Run,
}

/// Whose decisions count too where nobody settles a call for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// After how many seconds.
    pub after: u64,
    /// The authenticated identities of the second group, such as `os:carol`: one or more.
    pub reviewers: Vec<String>,
}

/// What one place of a role says; `None` where it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleSpec {
    /// Whether a person is asked.
    pub mode: Option<ApprovalMode>,
    /// Whose approvals count.
    pub reviewers: Option<Vec<String>>,
    /// How many of them are needed.
    pub quorum: Option<u32>,
    /// Whether whoever started the run is none of them.
    pub not_requester: Option<bool>,
    /// Seconds until the question expires.
    pub expires_after: Option<u64>,
    /// How many seconds before that people are reminded.
    pub remind_before: Option<u64>,
    /// What follows then.
    pub on_expiry: Option<OnExpiry>,
    /// Who decides too where nobody does for a while.
    pub escalate: Option<Escalation>,
    /// Whether an equal call is asked about again.
    pub remember: Option<Remember>,
}

impl RuleSpec {
    /// What holds where `self` is the nearer place and `farther` the one that it inherits from.
    #[must_use]
    pub fn over(&self, farther: &Self) -> Self {
        Self {
            mode: self.mode.or(farther.mode),
            reviewers: self.reviewers.clone().or_else(|| farther.reviewers.clone()),
            quorum: self.quorum.or(farther.quorum),
            not_requester: self.not_requester.or(farther.not_requester),
            expires_after: self.expires_after.or(farther.expires_after),
            remind_before: self.remind_before.or(farther.remind_before),
            on_expiry: self.on_expiry.or(farther.on_expiry),
            escalate: self.escalate.clone().or_else(|| farther.escalate.clone()),
            remember: self.remember.or(farther.remember),
        }
    }

    /// The rule, with the default of everything that no place set.
    pub fn resolve(self) -> ApprovalRule {
        ApprovalRule {
            mode: self.mode.unwrap_or_default(),
            reviewers: self.reviewers.unwrap_or_default(),
            quorum: self.quorum.unwrap_or(1),
            not_requester: self.not_requester.unwrap_or_default(),
            expires_after: self.expires_after,
            remind_before: self.remind_before,
            on_expiry: self.on_expiry.unwrap_or_default(),
            escalate: self.escalate,
            remember: self.remember.unwrap_or_default(),
        }
    }
}

/// The rule for one tool's calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Whether a person is asked.
    pub mode: ApprovalMode,
    /// The authenticated identities whose decisions count, such as `os:alice`; empty: everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<String>,
    /// How many distinct ones must approve: 1 or more. One denial is enough.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub quorum: u32,
    /// Whether the decision of whoever started the run does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_requester: bool,
    /// Seconds until the question expires; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<u64>,
    /// How many seconds before that people are reminded; `None`: as [`expiry`](super::expiry) has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_before: Option<u64>,
    /// What follows then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_expiry: OnExpiry,
    /// Who decides too where nobody does for a while; `None`: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate: Option<Escalation>,
    /// Whether an equal call of the same run is asked about again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub remember: Remember,
}

impl Default for ApprovalRule {
    /// No person is asked.
    fn default() -> Self {
        RuleSpec::default().resolve()
    }
}

impl ApprovalRule {
    /// One person, whoever it is, without a time limit: `approval: required` and nothing else.
    pub fn required() -> Self {
        RuleSpec { mode: Some(ApprovalMode::Required), ..RuleSpec::default() }.resolve()
    }

    /// The rule as it holds once the second group counts, where it has one and `escalated` says so.
    pub fn in_force(&self, escalated: bool) -> Cow<'_, Self> {
        let Some(escalation) = self.escalate.as_ref().filter(|_| escalated) else {
            return Cow::Borrowed(self);
        };
        let mut rule = self.clone();
        // Where anybody counts, naming some people would leave the others out.
        if !rule.reviewers.is_empty() {
            let further = escalation.reviewers.iter().filter(|name| !self.reviewers.contains(name));
            rule.reviewers.extend(further.cloned());
        }
        Cow::Owned(rule)
    }

    /// Those whose decisions count only once a call is escalated.
    pub fn second_group(&self) -> Vec<&str> {
        let named = self.escalate.iter().flat_map(|escalation| &escalation.reviewers);
        let further = |name: &&String| !self.reviewers.is_empty() && !self.reviewers.contains(name);
        named.filter(further).map(String::as_str).collect()
    }

    /// Why the rule cannot be kept, or says what changes nothing, as a sentence and its cure.
    pub fn problem(&self) -> Option<(String, &'static str)> {
        if self.mode != ApprovalMode::Required {
            return None;
        }
        self.problem_of_quorum().or_else(|| self.problem_of_time())
    }

    fn problem_of_quorum(&self) -> Option<(String, &'static str)> {
        let first = self.reviewers.len();
        if let Some(escalation) = &self.escalate {
            if first == 0 {
                return Some((
                    "`escalate` names further reviewers, and without `reviewers` anybody may decide already"
                        .into(),
                    "name the `reviewers` who are asked first, or remove `escalate`",
                ));
            }
            if self.second_group().is_empty() && !escalation.reviewers.is_empty() {
                return Some((
                    "`escalate` names nobody who is not in `reviewers` already".into(),
                    "name somebody else, or remove `escalate`",
                ));
            }
        }
        let all = self.in_force(true).reviewers.len();
        if first == 0 || self.quorum as usize <= all {
            return None;
        }
        let named = match all - first {
            0 => format!("`reviewers` names {first}"),
            second => format!("`reviewers` names {first}, `escalate` {second} more"),
        };
        Some((
            format!("`quorum` asks for {} approvals, and {named}", self.quorum),
            "name more reviewers, or ask for fewer approvals",
        ))
    }

    fn problem_of_time(&self) -> Option<(String, &'static str)> {
        match (self.expires_after, self.remind_before, &self.escalate) {
            (None, Some(_), _) => Some((
                "`remind_before` is for calls that expire, and `expires_after` is not set".into(),
                "set `expires_after`, or remove `remind_before`",
            )),
            (Some(limit), Some(before), _) if before >= limit => Some((
                format!(
                    "`remind_before` is {}, and a call expires after {}",
                    InWords(before),
                    InWords(limit)
                ),
                "remind people later, or let calls wait for longer",
            )),
            (Some(limit), _, Some(escalation)) if escalation.after >= limit => Some((
                format!(
                    "`escalate` comes after {}, and a call expires after {}",
                    InWords(escalation.after),
                    InWords(limit)
                ),
                "escalate sooner, or let calls wait for longer",
            )),
            _ => None,
        }
    }
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_comes_from_the_nearest_place_that_sets_it() {
        let role = RuleSpec {
            mode: Some(ApprovalMode::Required),
            reviewers: Some(vec!["os:alice".into(), "os:bob".into()]),
            quorum: Some(2),
            ..RuleSpec::default()
        };
        let entry = RuleSpec {
            mode: Some(ApprovalMode::Required),
            expires_after: Some(60),
            ..RuleSpec::default()
        };
        let tool = RuleSpec { quorum: Some(1), ..RuleSpec::default() };
        let rule = tool.over(&entry.over(&role)).resolve();
        assert_eq!(rule.reviewers, ["os:alice", "os:bob"]);
        assert_eq!((rule.quorum, rule.expires_after), (1, Some(60)));
        assert_eq!(rule.mode, ApprovalMode::Required);
    }

    #[test]
    fn the_second_group_counts_where_there_is_a_first() {
        let rule = ApprovalRule {
            reviewers: vec!["os:alice".into(), "os:bob".into()],
            escalate: Some(Escalation {
                after: 1800,
                reviewers: vec!["os:bob".into(), "os:carol".into()],
            }),
            ..ApprovalRule::required()
        };
        assert_eq!(rule.in_force(false).reviewers, ["os:alice", "os:bob"]);
        assert_eq!(rule.in_force(true).reviewers, ["os:alice", "os:bob", "os:carol"]);
        assert_eq!(rule.second_group(), ["os:carol"]);
        // Nobody who counts is ever left out by it.
        let anybody = ApprovalRule { reviewers: Vec::new(), ..rule };
        assert_eq!(anybody.in_force(true).reviewers, Vec::<String>::new());
        assert_eq!(anybody.second_group(), Vec::<&str>::new());
    }

    #[test]
    fn a_rule_reads_back_as_it_was_written() {
        let rule = ApprovalRule {
            expires_after: Some(7200),
            remind_before: Some(600),
            escalate: Some(Escalation { after: 1800, reviewers: vec!["telegram:5".into()] }),
            ..ApprovalRule::required()
        };
        let text = serde_json::to_string(&rule).unwrap_or_default();
        assert_eq!(
            text,
            r#"{"mode":"required","expires_after":7200,"remind_before":600,"escalate":{"after":1800,"reviewers":["telegram:5"]}}"#
        );
        assert_eq!(serde_json::from_str(&text).ok(), Some(rule));
    }

    #[test]
    fn a_plain_rule_is_stored_as_its_mode() {
        let text = serde_json::to_string(&ApprovalRule::required());
        assert_eq!(text.ok().as_deref(), Some(r#"{"mode":"required"}"#));
        let read = serde_json::from_str::<ApprovalRule>(r#"{"mode":"required"}"#);
        assert_eq!(read.ok(), Some(ApprovalRule::required()));
    }
}
