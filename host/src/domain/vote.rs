//! Counting what people say of a waiting call: whose word counts, and how much of it is enough.
//!
//! Only authenticated identities are counted. What somebody calls themselves never is.

use super::approval::ApprovalMode;
use super::clock::Timestamp;
use super::decision::Decision;
use super::rule::ApprovalRule;

/// What one more decision comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The question is answered, as this person said.
    Settled,
    /// An approval that counts and is not enough yet.
    Open {
        /// Approvals, this one included.
        have: u32,
        /// How many are needed.
        need: u32,
    },
    /// It does not count; nothing changes.
    Refused(NotCounted),
}

/// Where a call stands with its rule's second group of reviewers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecondGroup {
    /// There is none.
    #[default]
    Nobody,
    /// They decide too from then on.
    From(Timestamp),
    /// They decide too since then.
    Since(Timestamp),
}

impl SecondGroup {
    /// Of a call that is to be escalated at one time, as far as that is known, and was at another.
    pub fn of(escalates_at: Option<Timestamp>, escalated_at: Option<Timestamp>) -> Self {
        match (escalates_at, escalated_at) {
            (_, Some(at)) => Self::Since(at),
            (Some(at), None) => Self::From(at),
            (None, None) => Self::Nobody,
        }
    }

    /// Whether they count.
    pub fn counts(self) -> bool {
        matches!(self, Self::Since(_))
    }
}

/// Why a decision does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCounted {
    /// The rule names reviewers, and this is none of them.
    NotAReviewer,
    /// The rule excludes whoever started the run.
    IsRequester,
    /// This identity approved before.
    VotedBefore,
}

/// Whether somebody's decision counts at all: to approve, to deny or to edit. The rule is the one that is
/// [in force](ApprovalRule::in_force), here and in what follows unless it says otherwise.
///
/// # Errors
/// Why it does not.
pub fn eligible(rule: &ApprovalRule, requester: &str, identity: &str) -> Result<(), NotCounted> {
    if !rule.reviewers.is_empty() && !rule.reviewers.iter().any(|name| name == identity) {
        return Err(NotCounted::NotAReviewer);
    }
    if rule.not_requester && identity == requester {
        return Err(NotCounted::IsRequester);
    }
    Ok(())
}

/// Counts one more decision after the approvals of `voted`. One denial settles at once, also by
/// somebody who approved before: they may have learnt more since.
pub fn tally<V: AsRef<str>>(
    rule: &ApprovalRule,
    requester: &str,
    voted: &[V],
    identity: &str,
    decision: &Decision,
) -> Counted {
    if let Err(why) = eligible(rule, requester, identity) {
        return Counted::Refused(why);
    }
    if matches!(decision, Decision::Deny { .. }) {
        return Counted::Settled;
    }
    let mut counted: Vec<&str> = Vec::with_capacity(voted.len() + 1);
    for vote in voted.iter().map(AsRef::as_ref) {
        if eligible(rule, requester, vote).is_ok() && !counted.contains(&vote) {
            counted.push(vote);
        }
    }
    if counted.contains(&identity) {
        return Counted::Refused(NotCounted::VotedBefore);
    }
    let have = u32::try_from(counted.len() + 1).unwrap_or(u32::MAX);
    let need = rule.quorum.max(1);
    if have >= need { Counted::Settled } else { Counted::Open { have, need } }
}

/// Who may still approve, in words: `os:bob or os:carol`, `anybody but os:alice`.
pub fn who_may<V: AsRef<str>>(rule: &ApprovalRule, requester: &str, voted: &[V]) -> String {
    let has_voted = |name: &str| voted.iter().any(|vote| vote.as_ref() == name);
    if rule.reviewers.is_empty() {
        let mut not: Vec<&str> = voted.iter().map(AsRef::as_ref).collect();
        if rule.not_requester && !not.contains(&requester) {
            not.push(requester);
        }
        return if not.is_empty() { "anybody".into() } else { format!("anybody but {}", or(&not)) };
    }
    let may: Vec<&str> = rule
        .reviewers
        .iter()
        .map(String::as_str)
        .filter(|name| eligible(rule, requester, name).is_ok() && !has_voted(name))
        .collect();
    if may.is_empty() { "nobody".into() } else { or(&may) }
}

/// Whose decisions count, in words: `os:alice may`, `os:alice may, and from TIME os:carol too`. `rule` is
/// the whole one, whatever of it is in force.
pub fn deciders(rule: &ApprovalRule, requester: &str, second: SecondGroup) -> String {
    let now = rule.in_force(second.counts());
    let who = who_may::<&str>(&now, requester, &[]);
    format!("{who} may{}", later::<&str>(rule, requester, &[], second))
}

/// Who may approve later, as the rest of a sentence.
fn later<V: AsRef<str>>(
    rule: &ApprovalRule,
    requester: &str,
    voted: &[V],
    second: SecondGroup,
) -> String {
    let SecondGroup::From(at) = second else { return String::new() };
    let all = rule.in_force(true);
    let may = |name: &&str| {
        eligible(&all, requester, name).is_ok() && !voted.iter().any(|vote| vote.as_ref() == *name)
    };
    let names: Vec<&str> = rule.second_group().into_iter().filter(may).collect();
    if names.is_empty() { String::new() } else { format!(", and from {at} {} too", or(&names)) }
}

/// Whether as many people as the rule asks for may approve in the end, where `requester` starts the run.
/// `rule` is the whole one.
pub fn enough_reviewers(rule: &ApprovalRule, requester: &str) -> bool {
    let rule = rule.in_force(true);
    let may = rule.reviewers.iter().filter(|name| eligible(&rule, requester, name).is_ok()).count();
    rule.mode == ApprovalMode::Auto || rule.reviewers.is_empty() || may >= rule.quorum as usize
}

/// How far a waiting call has come, in words; `None` where any one person decides. `rule` is the whole
/// one.
pub fn standing<V: AsRef<str>>(
    rule: &ApprovalRule,
    requester: &str,
    voted: &[V],
    second: SecondGroup,
) -> Option<String> {
    if rule.reviewers.is_empty() && rule.quorum <= 1 && !rule.not_requester {
        return None;
    }
    let names: Vec<&str> = voted.iter().map(AsRef::as_ref).collect();
    let by = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let noun = if rule.quorum == 1 { "approval" } else { "approvals" };
    let escalated = match second {
        SecondGroup::Since(at) if rule.escalate.is_some() => format!(" (escalated at {at})"),
        _ => String::new(),
    };
    Some(format!(
        "{} of {} {noun}{by}; {} may approve{escalated}{}",
        names.len(),
        rule.quorum,
        who_may(&rule.in_force(second.counts()), requester, voted),
        later(rule, requester, voted, second),
    ))
}

/// `a`, `a or b`, `a, b or c`.
fn or(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rule::{Escalation, RuleSpec};
    use proptest::prelude::*;

    use SecondGroup::{From, Nobody, Since};

    fn rule(reviewers: &[&str], quorum: u32, not_requester: bool) -> ApprovalRule {
        RuleSpec {
            reviewers: Some(reviewers.iter().map(|name| (*name).to_owned()).collect()),
            quorum: Some(quorum),
            not_requester: Some(not_requester),
            ..RuleSpec::default()
        }
        .resolve()
    }

    fn deny() -> Decision {
        Decision::Deny { reason: None }
    }

    #[test]
    fn one_person_is_enough_where_the_rule_says_nothing() {
        let rule = ApprovalRule::required();
        assert_eq!(tally(&rule, "a", &[] as &[&str], "a", &Decision::Approve), Counted::Settled);
        assert_eq!(standing(&rule, "a", &[] as &[&str], Nobody), None);
    }

    #[test]
    fn a_quorum_is_of_distinct_reviewers() {
        let rule = rule(&["a", "b", "c"], 2, true);
        let approve = |voted: &[&str], who| tally(&rule, "c", voted, who, &Decision::Approve);
        assert_eq!(approve(&[], "a"), Counted::Open { have: 1, need: 2 });
        assert_eq!(approve(&["a"], "a"), Counted::Refused(NotCounted::VotedBefore));
        assert_eq!(approve(&["a"], "b"), Counted::Settled);
        assert_eq!(approve(&["a"], "c"), Counted::Refused(NotCounted::IsRequester));
        assert_eq!(approve(&["a"], "d"), Counted::Refused(NotCounted::NotAReviewer));
    }

    #[test]
    fn a_reviewer_who_approved_may_still_deny_and_a_stranger_may_not() {
        let rule = rule(&["a", "b"], 2, false);
        assert_eq!(tally(&rule, "c", &["a"], "a", &deny()), Counted::Settled);
        let refused = Counted::Refused(NotCounted::NotAReviewer);
        assert_eq!(tally(&rule, "c", &["a"], "c", &deny()), refused);
    }

    #[test]
    fn a_rule_that_nobody_can_keep_is_told_before_a_run_begins() {
        let check = |reviewers: &[&str], quorum, expected| {
            let rule =
                ApprovalRule { mode: ApprovalMode::Required, ..rule(reviewers, quorum, true) };
            assert_eq!(enough_reviewers(&rule, "a"), expected, "{reviewers:?}");
        };
        check(&["a"], 1, false);
        check(&["a", "b"], 1, true);
        check(&["a", "b"], 2, false);
        check(&["b", "c"], 2, true);
        check(&[], 3, true);
    }

    #[test]
    fn people_read_who_is_asked() {
        let check = |rule: &ApprovalRule, voted: &[&str], expected: &str| {
            assert_eq!(standing(rule, "r", voted, Nobody).as_deref(), Some(expected));
        };
        check(
            &rule(&["a", "b", "c"], 2, false),
            &["a"],
            "1 of 2 approvals (a); b or c may approve",
        );
        check(&rule(&["a", "b", "c"], 1, false), &[], "0 of 1 approval; a, b or c may approve");
        check(&rule(&["r", "b"], 1, true), &[], "0 of 1 approval; b may approve");
        check(&rule(&[], 2, true), &["a"], "1 of 2 approvals (a); anybody but a or r may approve");
        check(&rule(&["r"], 1, true), &[], "0 of 1 approval; nobody may approve");
    }

    fn escalating(mut rule: ApprovalRule, further: &[&str]) -> ApprovalRule {
        let reviewers = further.iter().map(|name| (*name).to_owned()).collect();
        rule.escalate = Some(Escalation { after: 60, reviewers });
        rule
    }

    #[test]
    fn people_read_who_is_asked_later_and_who_is_asked_too() {
        let rule = escalating(rule(&["a", "b"], 2, true), &["b", "c", "r"]);
        let check = |voted: &[&str], second, expected: &str| {
            assert_eq!(standing(&rule, "r", voted, second).as_deref(), Some(expected));
        };
        let at = Timestamp(0);
        check(
            &[],
            From(at),
            "0 of 2 approvals; a or b may approve, and from 1970-01-01T00:00:00.000000Z c too",
        );
        check(
            &["a"],
            Since(at),
            "1 of 2 approvals (a); b or c may approve (escalated at 1970-01-01T00:00:00.000000Z)",
        );
        check(
            &["a", "c"],
            Since(at),
            "2 of 2 approvals (a, c); b may approve (escalated at 1970-01-01T00:00:00.000000Z)",
        );
        assert_eq!(deciders(&rule, "r", Nobody), "a or b may");
        assert_eq!(deciders(&rule, "r", Since(at)), "a, b or c may");
        assert_eq!(
            deciders(&rule, "r", From(at)),
            "a or b may, and from 1970-01-01T00:00:00.000000Z c too"
        );
    }

    #[test]
    fn the_second_group_is_enough_where_the_first_is_not() {
        let asked = |rule| ApprovalRule { mode: ApprovalMode::Required, ..rule };
        let alone = asked(rule(&["a"], 1, true));
        assert!(!enough_reviewers(&alone, "a"));
        assert!(enough_reviewers(&escalating(alone.clone(), &["b"]), "a"));
        assert!(!enough_reviewers(&escalating(alone, &["a"]), "a"));
    }

    proptest! {
        #[test]
        fn the_second_group_only_ever_adds_people(
            reviewers in prop::collection::btree_set("[a-d]", 0..4),
            further in prop::collection::btree_set("[a-d]", 1..4),
            not_requester: bool,
            who in "[a-e]",
        ) {
            let first: Vec<&str> = reviewers.iter().map(String::as_str).collect();
            let second: Vec<&str> = further.iter().map(String::as_str).collect();
            let rule = escalating(rule(&first, 1, not_requester), &second);
            let before = eligible(&rule, "a", &who).is_ok();
            let after = eligible(&rule.in_force(true), "a", &who).is_ok();
            prop_assert!(!before || after);
            let added = rule.second_group().contains(&who.as_str()) && !(not_requester && who == "a");
            prop_assert_eq!(after, before || added);
        }

        #[test]
        fn only_enough_distinct_eligible_identities_approve(
            reviewers in prop::collection::btree_set("[a-d]", 0..4),
            quorum in 1..4u32,
            not_requester: bool,
            says in prop::collection::vec(("[a-e]", any::<bool>()), 0..12),
        ) {
            let rule = ApprovalRule {
                reviewers: reviewers.into_iter().collect(),
                quorum,
                not_requester,
                ..ApprovalRule::required()
            };
            let mut voted: Vec<String> = Vec::new();
            for (who, approves) in says {
                let may = (rule.reviewers.is_empty() || rule.reviewers.contains(&who))
                    && !(not_requester && who == "a");
                let decision = if approves { Decision::Approve } else { deny() };
                let counted = tally(&rule, "a", &voted, &who, &decision);
                match counted {
                    Counted::Refused(NotCounted::VotedBefore) => {
                        prop_assert!(approves && voted.contains(&who));
                    }
                    Counted::Refused(_) => prop_assert!(!may),
                    Counted::Settled if !approves => {
                        prop_assert!(may);
                        break;
                    }
                    Counted::Settled => {
                        prop_assert!(may && !voted.contains(&who));
                        prop_assert_eq!(voted.len() + 1, quorum as usize);
                        break;
                    }
                    Counted::Open { have, need } => {
                        prop_assert!(approves && may && !voted.contains(&who));
                        voted.push(who);
                        prop_assert_eq!(have as usize, voted.len());
                        prop_assert!(need == quorum && have < need);
                    }
                }
            }
        }

        #[test]
        fn who_may_approve_is_whoever_would_be_counted(
            reviewers in prop::collection::btree_set("[a-d]", 1..4),
            not_requester: bool,
            voted in prop::collection::btree_set("[a-d]", 0..4),
            who in "[a-d]",
        ) {
            let rule = ApprovalRule {
                reviewers: reviewers.into_iter().collect(),
                quorum: 9,
                not_requester,
                ..ApprovalRule::required()
            };
            let voted: Vec<String> = voted.into_iter().collect();
            let counted = tally(&rule, "a", &voted, &who, &Decision::Approve);
            let words = who_may(&rule, "a", &voted);
            let named = words.split([',', ' ']).any(|word| word == who);
            prop_assert_eq!(named, !matches!(counted, Counted::Refused(_)), "{}", words);
        }
    }
}
