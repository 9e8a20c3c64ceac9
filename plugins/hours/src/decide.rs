//! One question, answered from the request alone: the time and the counts are in it.

use crate::rules::{Rule, Rules, Wants};
use initrunner_sdk::policy::{Decision, Effect, Question, Reason, Request};
use jiff::civil::Weekday;
use jiff::{Timestamp, Zoned};

/// Answers: what the strictest of the rules that are not kept says, and which rules say that.
#[must_use]
pub fn decide(rules: &Rules, request: &Request) -> Decision {
    if matches!(request.question, Question::Approve(_)) {
        return Decision::allow();
    }
    let time = i64::try_from(request.time_ms).ok().map(Timestamp::from_millisecond);
    let Some(Ok(time)) = time else {
        return Decision::error("the hours cannot be told: the time is after the year 9999");
    };
    let mut decision = Decision::allow();
    let about = rules.rules.iter().filter(|rule| rule.tools.contains(&request.subject.name));
    for rule in about.filter(|rule| !kept(rule, time, request)) {
        let answered = strictness(decision.effect);
        if strictness(rule.otherwise) < answered {
            continue;
        }
        if strictness(rule.otherwise) > answered {
            decision = Decision { effect: rule.otherwise, ..Decision::allow() };
        }
        decision.reasons.push(Reason::new(&rule.name, &rule.message));
    }
    decision
}

fn kept(rule: &Rule, time: Timestamp, request: &Request) -> bool {
    match &rule.wants {
        Wants::Hours { zone, days, from, to } => {
            let local: Zoned = time.to_zoned(zone.clone());
            let (day, now) = (local.weekday(), local.time());
            if from < to {
                return on(days, day) && *from <= now && now < *to;
            }
            // Through the night: since today, or since yesterday.
            (on(days, day) && *from <= now) || (on(days, day.previous()) && now < *to)
        }
        Wants::Rate { calls, every_ms } => {
            let counts = &request.counts;
            let again = every_ms.map_or(0, |every| counts.running_ms / every.max(1));
            u64::from(counts.calls_of_tool) < calls.saturating_mul(again.saturating_add(1))
        }
    }
}

fn on(days: &[Weekday], day: Weekday) -> bool {
    days.contains(&day)
}

fn strictness(effect: Effect) -> u8 {
    match effect {
        Effect::Allow => 0,
        Effect::Ask => 1,
        Effect::Deny => 2,
    }
}
