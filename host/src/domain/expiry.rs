//! When a question expires that nobody answers, and when others are asked as well.
//!
//! The clock that people see can be set, on purpose or by a time server. So within one start of the
//! machine waiting is measured by its uptime alone, and a clock that jumps expires nothing early or
//! late. The uptime ends with the machine; across its starts only the clock is left. What is overdue by
//! the clock alone is warned about first, and gets a while in which people can still decide.

use super::clock::{Moment, Timestamp, Uptime};
use std::fmt;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// The longest time between the warning and the expiry: an hour is enough for somebody who was at lunch,
/// and a warning that comes earlier is forgotten.
const LONGEST_NOTICE: i64 = 3600 * SECOND;

/// Which part of the limit the warning comes before its end.
const NOTICE: i64 = 10;

/// What a request is left that was overdue when the machine came back: long enough to read a message and
/// answer it, short enough that nobody relies on it.
const GRACE: i64 = 5 * 60 * SECOND;

/// How far the clock and the uptime may drift apart before it counts as the clock having been set: time
/// servers correct seconds, people and broken batteries more.
pub const LARGEST_DRIFT: i64 = 60 * SECOND;

/// What is known of a request that can expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// How long it may wait, in seconds.
    pub limit: u64,
    /// How many seconds before its end people are warned; `None`: a tenth of the limit, an hour at most.
    pub remind_before: Option<u64>,
    /// When it was opened, by the machine's uptime, where that was known.
    pub opened: Option<Uptime>,
    /// When it expires, as the clock said when it was opened.
    pub expires_at: Timestamp,
    /// The last warning, where there was one.
    pub warned: Option<Moment>,
}

/// What becomes of a request at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet: look again in so many microseconds.
    Later(i64),
    /// People are to be warned; it expires in so many microseconds.
    Warn(i64),
    /// Its time is up.
    Expired,
}

/// Judges.
pub fn judge(waits: &Waits, now: &Moment) -> Due {
    let limit = microseconds(waits.limit);
    let notice = match waits.remind_before {
        Some(before) => microseconds(before).min(limit),
        None => (limit / NOTICE).min(LONGEST_NOTICE),
    };
    let warned = waits.warned.as_ref();
    if let Some(opened) = &waits.opened
        && let Some(uptime) = now.within(&opened.boot)
    {
        let left = opened.microseconds.saturating_add(limit).saturating_sub(uptime);
        return match (left, warned) {
            (..=0, _) => Due::Expired,
            (left, Some(_)) => Due::Later(left),
            (left, None) if left <= notice => Due::Warn(left),
            (left, None) => Due::Later(left - notice),
        };
    }
    // Another start of the machine than the one in which it was asked, or no uptime at all.
    let by_clock = waits.expires_at.0.saturating_sub(now.at.0);
    let since = warned.and_then(|warned| since(warned, now).map(|since| (warned, since)));
    match since {
        Some((warned, since)) => {
            let given = waits.expires_at.0.saturating_sub(warned.at.0).max(limit.min(GRACE));
            match given.saturating_sub(since) {
                ..=0 => Due::Expired,
                left => Due::Later(left),
            }
        }
        None if by_clock <= notice => Due::Warn(by_clock.max(limit.min(GRACE))),
        None => Due::Later(by_clock - notice),
    }
}

/// What is known of a request that a second group of reviewers decides too after a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalates {
    /// After how many seconds.
    pub after: u64,
    /// When it was opened, by the machine's uptime, where that was known.
    pub opened: Option<Uptime>,
    /// When it is escalated, as the clock said when it was opened.
    pub escalates_at: Timestamp,
}

/// In how many microseconds the second group is asked; `None`: now. Within one start of the machine its
/// uptime counts alone. Across starts the clock does, without a grace: what is overdue then takes
/// nothing from anybody.
pub fn until_escalation(escalates: &Escalates, now: &Moment) -> Option<i64> {
    let opened = escalates.opened.as_ref();
    let left = match opened.and_then(|opened| Some((opened, now.within(&opened.boot)?))) {
        Some((opened, uptime)) => {
            let due = opened.microseconds.saturating_add(microseconds(escalates.after));
            due.saturating_sub(uptime)
        }
        None => escalates.escalates_at.0.saturating_sub(now.at.0),
    };
    (left > 0).then_some(left)
}

/// How long ago a moment was, if that can be told: by the uptime, or by the clock where there is none.
/// `None`: the machine was started anew since.
fn since(then: &Moment, now: &Moment) -> Option<i64> {
    match (&then.uptime, &now.uptime) {
        (Some(then), Some(_)) => Some(now.within(&then.boot)?.saturating_sub(then.microseconds)),
        _ => Some(now.at.0.saturating_sub(then.at.0)),
    }
}

fn microseconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND)
}

/// A time limit in words: `90 s`, `15 min`, `4 h`, `2 d`.
#[derive(Debug, Clone, Copy)]
pub struct InWords(pub u64);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min")];
        let fits = units.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match fits {
            Some((unit, word)) => write!(f, "{} {word}", self.0 / unit),
            None => write!(f, "{} s", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{Clock, ManualClock};
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(1_777_040_468_000_000);

    fn moment(clock: &ManualClock) -> Moment {
        Moment { at: clock.now(), uptime: clock.uptime() }
    }

    fn opened(clock: &ManualClock, limit: u64) -> Waits {
        Waits {
            limit,
            remind_before: None,
            opened: clock.uptime(),
            expires_at: clock.now().after(limit),
            warned: None,
        }
    }

    #[test]
    fn people_are_warned_before_it_expires() {
        let clock = ManualClock::new(START);
        let mut waits = opened(&clock, 600);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Later(540 * SECOND));
        clock.advance(541 * SECOND);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Warn(59 * SECOND));
        waits.warned = Some(moment(&clock));
        assert_eq!(judge(&waits, &moment(&clock)), Due::Later(59 * SECOND));
        clock.advance(59 * SECOND);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Expired);
        // A day's limit warns an hour before.
        let clock = ManualClock::new(START);
        let day = opened(&clock, 24 * 3600);
        assert_eq!(judge(&day, &moment(&clock)), Due::Later(23 * 3600 * SECOND));
    }

    #[test]
    fn people_are_reminded_when_the_rule_says_so() {
        let clock = ManualClock::new(START);
        let mut waits = Waits { remind_before: Some(400), ..opened(&clock, 600) };
        assert_eq!(judge(&waits, &moment(&clock)), Due::Later(200 * SECOND));
        clock.advance(200 * SECOND);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Warn(400 * SECOND));
        waits.warned = Some(moment(&clock));
        assert_eq!(judge(&waits, &moment(&clock)), Due::Later(400 * SECOND));
        // After the machine was off, again.
        clock.reboot();
        assert_eq!(judge(&waits, &moment(&clock)), Due::Warn(400 * SECOND));
        // Never before it was asked.
        let clock = ManualClock::new(START);
        let waits = Waits { remind_before: Some(700), ..opened(&clock, 600) };
        assert_eq!(judge(&waits, &moment(&clock)), Due::Warn(600 * SECOND));
    }

    #[test]
    fn a_second_group_is_asked_by_the_uptime_and_across_starts_by_the_clock() {
        let clock = ManualClock::new(START);
        let escalates =
            Escalates { after: 60, opened: clock.uptime(), escalates_at: START.after(60) };
        let left = || until_escalation(&escalates, &moment(&clock));
        assert_eq!(left(), Some(60 * SECOND));
        clock.set(100_000 * SECOND);
        assert_eq!(left(), Some(60 * SECOND));
        clock.set(-200_000 * SECOND);
        clock.advance(59 * SECOND);
        assert_eq!(left(), Some(SECOND));
        clock.advance(SECOND);
        assert_eq!(left(), None);
        clock.reboot();
        assert_eq!(left(), Some(100_000 * SECOND));
        clock.set(100_000 * SECOND);
        assert_eq!(left(), None);
        // Without uptime the clock is all there is.
        let blind = Escalates { opened: None, ..escalates.clone() };
        let at = |second: i64| Moment { at: Timestamp(START.0 + second * SECOND), uptime: None };
        assert_eq!(until_escalation(&blind, &at(59)), Some(SECOND));
        assert_eq!(until_escalation(&blind, &at(60)), None);
    }

    #[test]
    fn a_clock_that_is_set_changes_nothing_while_the_machine_runs() {
        for jump in [-400 * 24 * 3600 * SECOND, 400 * 24 * 3600 * SECOND] {
            let clock = ManualClock::new(START);
            let waits = opened(&clock, 600);
            clock.set(jump);
            assert_eq!(judge(&waits, &moment(&clock)), Due::Later(540 * SECOND));
            clock.advance(600 * SECOND);
            assert_eq!(judge(&waits, &moment(&clock)), Due::Expired);
        }
    }

    #[test]
    fn what_is_overdue_after_the_machine_was_off_is_warned_about_and_gets_a_while() {
        let clock = ManualClock::new(START);
        let mut waits = opened(&clock, 3600);
        // A warning before the machine went off is no warning after it.
        waits.warned = Some(moment(&clock));
        clock.reboot();
        clock.set(7200 * SECOND);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Warn(GRACE));
        waits.warned = Some(moment(&clock));
        clock.set(400 * 24 * 3600 * SECOND);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Later(GRACE));
        clock.advance(GRACE - 1);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Later(1));
        clock.advance(1);
        assert_eq!(judge(&waits, &moment(&clock)), Due::Expired);
        // A shorter limit gives no more time than the limit itself.
        let clock = ManualClock::new(START);
        let short = opened(&clock, 10);
        clock.reboot();
        clock.set(3600 * SECOND);
        assert_eq!(judge(&short, &moment(&clock)), Due::Warn(10 * SECOND));
    }

    #[test]
    fn without_uptime_the_clock_is_all_there_is() {
        let at = |second: i64| Moment { at: Timestamp(START.0 + second * SECOND), uptime: None };
        let mut waits = Waits {
            limit: 600,
            remind_before: None,
            opened: None,
            expires_at: at(600).at,
            warned: None,
        };
        assert_eq!(judge(&waits, &at(0)), Due::Later(540 * SECOND));
        assert_eq!(judge(&waits, &at(10_000)), Due::Warn(GRACE));
        waits.warned = Some(at(10_000));
        assert_eq!(judge(&waits, &at(10_000)), Due::Later(GRACE));
        assert_eq!(judge(&waits, &at(10_300)), Due::Expired);
    }

    #[test]
    fn limits_are_written_in_the_largest_unit_that_fits() {
        let words: Vec<String> =
            [1, 90, 60, 900, 14_400, 172_800].map(|limit| InWords(limit).to_string()).into();
        assert_eq!(words, ["1 s", "90 s", "1 min", "15 min", "4 h", "2 d"]);
    }

    /// What happens between two looks.
    #[derive(Debug, Clone)]
    enum Event {
        Passes(i64),
        Set(i64),
        Reboot,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0..5000 * SECOND).prop_map(Event::Passes),
            2 => (-1_000_000 * SECOND..1_000_000 * SECOND).prop_map(Event::Set),
            1 => Just(Event::Reboot),
        ]
    }

    proptest! {
        #[test]
        fn nothing_expires_early_or_unannounced(
            limit in 1..20_000u64,
            events in prop::collection::vec(event(), 0..40),
        ) {
            let clock = ManualClock::new(START);
            let mut waits = opened(&clock, limit);
            let mut elapsed = 0;
            let mut in_one_boot = true;
            // Since the warning in this start of the machine.
            let mut since_warning = None;
            for event in events {
                match event {
                    Event::Passes(time) => {
                        clock.advance(time);
                        elapsed += time;
                        since_warning = since_warning.map(|since| since + time);
                    }
                    Event::Set(jump) => clock.set(jump),
                    Event::Reboot => {
                        clock.reboot();
                        in_one_boot = false;
                        since_warning = None;
                    }
                }
                match judge(&waits, &moment(&clock)) {
                    Due::Expired if in_one_boot => prop_assert!(elapsed >= microseconds(limit)),
                    Due::Expired => {
                        let grace = microseconds(limit).min(GRACE);
                        prop_assert!(since_warning.is_some_and(|since| since >= grace));
                    }
                    Due::Warn(left) => {
                        prop_assert!(left > 0);
                        waits.warned = Some(moment(&clock));
                        since_warning = Some(0);
                    }
                    Due::Later(left) => {
                        prop_assert!(left > 0);
                        prop_assert!(!in_one_boot || elapsed < microseconds(limit));
                    }
                }
            }
        }
    }
}
