//! Which times of a schedule are to be made up for, and which is next.

use crate::domain::clock::Timestamp;
use crate::domain::schedule::Schedule;
use crate::domain::trigger::{MOST_MISSED, OnMissed};

/// Microseconds within which a time that has passed is not missed: a busy machine wakes late.
const GRACE: i64 = 60 * 1_000_000;

/// Microseconds of the past in which times are looked for: a year. What lies before is missed for good.
const LONGEST_PAST: i64 = 366 * 24 * 60 * 60 * 1_000_000;

/// What a clock has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// Times to make a run of, oldest first.
    pub(super) fire: Vec<Timestamp>,
    /// Up to when all is seen to, where times were passed over.
    pub(super) passed: Option<Timestamp>,
    /// The next time; nothing where there is none.
    pub(super) next: Option<Timestamp>,
}

/// What became due after `seen` and until `now`.
pub(super) fn due(
    schedule: &Schedule,
    on_missed: OnMissed,
    seen: Timestamp,
    now: Timestamp,
) -> Due {
    let mut times = Vec::new();
    let mut at = seen.max(Timestamp(now.0.saturating_sub(LONGEST_PAST)));
    let mut next = schedule.next_after(at);
    while let Some(time) = next.filter(|time| *time <= now) {
        times.push(time);
        at = time;
        next = schedule.next_after(at);
    }
    let passed = times.last().copied();
    let late = |time: &Timestamp| now.0 - time.0 > GRACE;
    let fire: Vec<Timestamp> = match on_missed {
        OnMissed::Skip => times.into_iter().filter(|time| !late(time)).collect(),
        OnMissed::Once => {
            let fresh = times.iter().filter(|time| !late(time)).count();
            times.split_off(times.len() - fresh.max(1).min(times.len()))
        }
        OnMissed::All => times.split_off(times.len().saturating_sub(MOST_MISSED)),
    };
    let passed = passed.filter(|passed| fire.last() != Some(passed));
    Due { fire, passed, next: next.filter(|next| *next > now).or_else(|| schedule.next_after(now)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn at(text: &str) -> Timestamp {
        let time = text.parse::<jiff::Timestamp>();
        Timestamp(time.map(|it| it.as_microsecond()).unwrap_or_default())
    }

    /// A clock that is looked at at these moments: what fires when.
    fn check(schedule: &str, on_missed: OnMissed, from: &str, looks: &[&str], expected: Expect) {
        let Ok(schedule) = Schedule::parse(schedule, "Europe/Berlin") else { panic!("{schedule}") };
        let mut seen = at(from);
        let mut told = String::new();
        for look in looks {
            let found = due(&schedule, on_missed, seen, at(look));
            let fired: Vec<String> = found.fire.iter().map(Timestamp::to_string).collect();
            let next = found.next.map(|next| next.to_string()).unwrap_or_default();
            told.push_str(&format!("{look}: [{}], next {next}\n", fired.join(", ")));
            seen = found.passed.or(found.fire.last().copied()).unwrap_or(seen);
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn what_is_due_fires_once() {
        check(
            "*/15 * * * *",
            OnMissed::Skip,
            "2026-03-01T10:07:00Z",
            &[
                "2026-03-01T10:14:59Z",
                "2026-03-01T10:15:00Z",
                "2026-03-01T10:15:30Z",
                "2026-03-01T10:30:20Z",
            ],
            expect![[r#"
                2026-03-01T10:14:59Z: [], next 2026-03-01T10:15:00.000000Z
                2026-03-01T10:15:00Z: [2026-03-01T10:15:00.000000Z], next 2026-03-01T10:30:00.000000Z
                2026-03-01T10:15:30Z: [], next 2026-03-01T10:30:00.000000Z
                2026-03-01T10:30:20Z: [2026-03-01T10:30:00.000000Z], next 2026-03-01T10:45:00.000000Z
            "#]],
        );
    }

    #[test]
    fn what_was_missed_is_made_up_for_as_the_role_says() {
        let looks = ["2026-03-01T13:02:00Z", "2026-03-01T14:00:10Z"];
        for on_missed in [OnMissed::Skip, OnMissed::Once, OnMissed::All] {
            let expected = match on_missed {
                OnMissed::Skip => expect![[r#"
                    2026-03-01T13:02:00Z: [], next 2026-03-01T14:00:00.000000Z
                    2026-03-01T14:00:10Z: [2026-03-01T14:00:00.000000Z], next 2026-03-01T15:00:00.000000Z
                "#]],
                OnMissed::Once => expect![[r#"
                    2026-03-01T13:02:00Z: [2026-03-01T13:00:00.000000Z], next 2026-03-01T14:00:00.000000Z
                    2026-03-01T14:00:10Z: [2026-03-01T14:00:00.000000Z], next 2026-03-01T15:00:00.000000Z
                "#]],
                OnMissed::All => expect![[r#"
                    2026-03-01T13:02:00Z: [2026-03-01T11:00:00.000000Z, 2026-03-01T12:00:00.000000Z, 2026-03-01T13:00:00.000000Z], next 2026-03-01T14:00:00.000000Z
                    2026-03-01T14:00:10Z: [2026-03-01T14:00:00.000000Z], next 2026-03-01T15:00:00.000000Z
                "#]],
            };
            check("0 * * * *", on_missed, "2026-03-01T10:30:00Z", &looks, expected);
        }
    }

    #[test]
    fn a_machine_that_slept_over_the_change_of_clocks() {
        check(
            "30 2 * * *",
            OnMissed::All,
            "2026-03-28T12:00:00Z",
            &[
                "2026-03-29T00:59:00Z",
                "2026-03-29T01:00:05Z",
                "2026-03-29T01:31:00Z",
                "2026-03-31T00:00:00Z",
            ],
            expect![[r#"
                2026-03-29T00:59:00Z: [], next 2026-03-29T01:00:00.000000Z
                2026-03-29T01:00:05Z: [2026-03-29T01:00:00.000000Z], next 2026-03-30T00:30:00.000000Z
                2026-03-29T01:31:00Z: [], next 2026-03-30T00:30:00.000000Z
                2026-03-31T00:00:00Z: [2026-03-30T00:30:00.000000Z], next 2026-03-31T00:30:00.000000Z
            "#]],
        );
        check(
            "30 2 * * *",
            OnMissed::All,
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"],
            expect![[r#"
                2026-10-25T00:30:00Z: [2026-10-25T00:30:00.000000Z], next 2026-10-26T01:30:00.000000Z
                2026-10-25T01:30:00Z: [], next 2026-10-26T01:30:00.000000Z
                2026-10-26T01:30:00Z: [2026-10-26T01:30:00.000000Z], next 2026-10-27T01:30:00.000000Z
            "#]],
        );
    }
}
