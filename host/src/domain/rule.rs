//! Who must approve, how many of them, and for how long the question stands.
//!
//! A role may say this at four places: for the whole role, per plugin, per entry and per tool. Each
//! key is taken from the nearest place that sets it.

use super::approval::ApprovalMode;
use serde::{Deserialize, Serialize};

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
    /// What follows then.
    pub on_expiry: Option<OnExpiry>,
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
            on_expiry: self.on_expiry.or(farther.on_expiry),
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
            on_expiry: self.on_expiry.unwrap_or_default(),
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
    /// What follows then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_expiry: OnExpiry,
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

    /// Why the rule cannot be kept, as a sentence and its cure.
    pub fn problem(&self) -> Option<(String, &'static str)> {
        let reviewers = u32::try_from(self.reviewers.len()).unwrap_or(u32::MAX);
        if self.mode == ApprovalMode::Required && reviewers > 0 && self.quorum > reviewers {
            return Some((
                format!(
                    "`quorum` asks for {} approvals, and `reviewers` names {reviewers}",
                    self.quorum
                ),
                "name more reviewers, or ask for fewer approvals",
            ));
        }
        None
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
    fn a_plain_rule_is_stored_as_its_mode() {
        let text = serde_json::to_string(&ApprovalRule::required());
        assert_eq!(text.ok().as_deref(), Some(r#"{"mode":"required"}"#));
        let read = serde_json::from_str::<ApprovalRule>(r#"{"mode":"required"}"#);
        assert_eq!(read.ok(), Some(ApprovalRule::required()));
    }
}
