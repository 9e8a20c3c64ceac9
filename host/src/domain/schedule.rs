//! When a cron expression means, in a time zone, on the days on which its clocks are set as well.
//!
//! Days on which clocks are set are seen to as Vixie cron does it. An expression that names hours means
//! times of day: what falls into an hour that is left out happens when that hour is over, once, and what
//! falls into an hour that comes twice happens the first time. One whose hours are `*` means times that
//! pass: it happens as often as the clock shows such a time.

use super::clock::Timestamp;
use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp as Instant, ToSpan as _};
use std::sync::{Arc, LazyLock};

/// How many settings of clocks are looked past: two a year, and an expression that is due at all is due
/// within the four years between two 29ths of February, or eight around 2100.
const MOST_SETTINGS: usize = 20;

/// The zones that the program carries: an expression means the same on every machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// An expression, read.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// As written.
    text: String,
    zone: TimeZone,
    /// Read as if of a zone whose clocks are never set.
    times: Arc<Crontab>,
    /// Whether it means times of day.
    names_hours: bool,
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

/// Text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSchedule {
    /// The expression cannot be read: the text, where in it (in characters), and why.
    #[error("{why}")]
    Expression {
        /// What is wrong.
        why: String,
        /// Before which character.
        at: usize,
    },
    /// There is no such zone.
    #[error("there is no time zone `{0}`")]
    Zone(String),
    /// It names no day that ever comes, such as the 30th of February.
    #[error("it is never due")]
    Never,
}

impl Schedule {
    /// Reads five fields (minute, hour, day of the month, month, day of the week) or a word such as
    /// `@daily`, for a zone of the IANA database. `now` is needed to tell whether it is ever due.
    ///
    /// # Errors
    /// [`NoSchedule`].
    pub fn parse(text: &str, zone: &str) -> Result<Self, NoSchedule> {
        let zone = ZONES.get(zone).map_err(|_| NoSchedule::Zone(zone.to_owned()))?;
        let fields = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        // A zone has a key of its own; the library would take it as a sixth field.
        let words = fields.split_whitespace().count();
        if words != 5 {
            let at = text.chars().count();
            let has = match words {
                0 => "nothing".to_owned(),
                1 => "one field".to_owned(),
                _ => format!("{words} fields"),
            };
            let why = format!("it has {has}, and a cron expression has five fields");
            return Err(NoSchedule::Expression { why, at });
        }
        let times = cronexpr::parse_crontab_with(fields, options)
            .map_err(|error| located(&error.to_string()))?;
        let names_hours = fields.split_whitespace().nth(1).is_some_and(|it| !it.starts_with('*'));
        let text = text.trim().to_owned();
        let schedule = Self { text, zone, times: Arc::new(times), names_hours };
        match schedule.clock_after(Instant::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(NoSchedule::Never),
        }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first time after a moment at which it is due; nothing beyond the years that can be told.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut at = Instant::from_microsecond(after.0).ok()?;
        let mut offset = self.zone.to_offset(at);
        // What the clock must have passed.
        let mut clock = shown(at, offset)?;
        if self.names_hours {
            clock = self.shown_before(at).map_or(clock, |shown| clock.max(shown));
        }
        for _ in 0..MOST_SETTINGS {
            let setting = self.zone.following(at).next();
            let due = self.clock_after(clock).and_then(|clock| instant(clock, offset));
            let Some(setting) = setting else { return due.map(stamp) };
            let set_at = setting.timestamp();
            if let Some(due) = due.filter(|due| *due < set_at) {
                return Some(stamp(due));
            }
            let (old, new) = (shown(set_at, offset)?, shown(set_at, setting.offset())?);
            // The last second before the clock is set, by either reckoning.
            let (old_end, new_start) = (second_before(old)?, second_before(new)?);
            let left_out = self.names_hours && new > old;
            if left_out && self.clock_after(old_end).is_some_and(|due| due < new) {
                return Some(stamp(set_at));
            }
            clock = if self.names_hours { new_start.max(old_end) } else { new_start };
            (at, offset) = (set_at, setting.offset());
        }
        None
    }

    /// Up to which time of day the clock had come when it was set back last, where it shows such a time
    /// again.
    fn shown_before(&self, at: Instant) -> Option<Instant> {
        let setting = self.zone.preceding(at.checked_add(1.second()).ok()?).next()?;
        let set_at = setting.timestamp();
        let before = self.zone.to_offset(set_at.checked_sub(1.second()).ok()?);
        let reached = shown(set_at, before)?;
        let now = shown(at, setting.offset())?;
        if now < reached { second_before(reached) } else { None }
    }

    /// The next time that the expression means, on a clock that is never set.
    fn clock_after(&self, clock: Instant) -> Option<Instant> {
        Some(self.times.find_next(MakeTimestamp(clock)).ok()?.timestamp())
    }
}

/// What a clock shows, as a time of a clock that is never set.
fn shown(at: Instant, offset: Offset) -> Option<Instant> {
    at.checked_add(i64::from(offset.seconds()).seconds()).ok()
}

fn second_before(time: Instant) -> Option<Instant> {
    time.checked_sub(1.second()).ok()
}

/// When a clock shows that.
fn instant(clock: Instant, offset: Offset) -> Option<Instant> {
    clock.checked_sub(i64::from(offset.seconds()).seconds()).ok()
}

fn stamp(at: Instant) -> Timestamp {
    Timestamp(at.as_microsecond())
}

/// The library's sentence: three lines, of which the last has a mark under the place and then the reason.
fn located(sentence: &str) -> NoSchedule {
    let last = sentence.lines().last().unwrap_or_default();
    let (before, why) = last.split_once("^ ").unwrap_or(("", last));
    NoSchedule::Expression { why: why.to_owned(), at: before.chars().count() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<Instant>().map(|it| it.as_microsecond()).unwrap_or_default())
    }

    /// The next times after a moment, as clocks show them.
    fn check(text: &str, zone: &str, after: &str, count: usize, expected: Expect) {
        let schedule = Schedule::parse(text, zone).unwrap_or_else(|why| panic!("{text}: {why}"));
        let mut told = String::new();
        let mut now = at(after);
        for _ in 0..count {
            let Some(next) = schedule.next_after(now) else { break };
            assert!(next > now);
            now = next;
            let shown =
                Instant::from_microsecond(next.0).map(|it| it.to_zoned(schedule.zone.clone()));
            told.push_str(&format!("{}\n", shown.map(|it| it.to_string()).unwrap_or_default()));
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn a_left_out_hour_is_made_up_for_once() {
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            3,
            expect![[r#"
                2026-03-28T02:30:00+01:00[Europe/Berlin]
                2026-03-29T03:00:00+02:00[Europe/Berlin]
                2026-03-30T02:30:00+02:00[Europe/Berlin]
            "#]],
        );
        check(
            "*/20 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            3,
            expect![[r#"
                2026-03-29T03:00:00+02:00[Europe/Berlin]
                2026-03-30T02:00:00+02:00[Europe/Berlin]
                2026-03-30T02:20:00+02:00[Europe/Berlin]
            "#]],
        );
        check(
            "0 3 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            2,
            expect![[r#"
            2026-03-29T03:00:00+02:00[Europe/Berlin]
            2026-03-30T03:00:00+02:00[Europe/Berlin]
        "#]],
        );
    }

    #[test]
    fn an_hour_that_comes_twice_counts_the_first_time() {
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            3,
            expect![[r#"
            2026-10-25T02:30:00+02:00[Europe/Berlin]
            2026-10-26T02:30:00+01:00[Europe/Berlin]
            2026-10-27T02:30:00+01:00[Europe/Berlin]
        "#]],
        );
        // Also for somebody who looks in the middle of the second one.
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T01:10:00Z",
            1,
            expect![[r#"
            2026-10-26T02:30:00+01:00[Europe/Berlin]
        "#]],
        );
        check(
            "0 2,3 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            3,
            expect![[r#"
            2026-10-25T02:00:00+02:00[Europe/Berlin]
            2026-10-25T03:00:00+01:00[Europe/Berlin]
            2026-10-26T02:00:00+01:00[Europe/Berlin]
        "#]],
        );
    }

    #[test]
    fn what_happens_every_hour_happens_every_hour() {
        check(
            "30 * * * *",
            "Europe/Berlin",
            "2026-03-28T23:45:00Z",
            4,
            expect![[r#"
            2026-03-29T01:30:00+01:00[Europe/Berlin]
            2026-03-29T03:30:00+02:00[Europe/Berlin]
            2026-03-29T04:30:00+02:00[Europe/Berlin]
            2026-03-29T05:30:00+02:00[Europe/Berlin]
        "#]],
        );
        check(
            "30 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:45:00Z",
            4,
            expect![[r#"
            2026-10-25T02:30:00+02:00[Europe/Berlin]
            2026-10-25T02:30:00+01:00[Europe/Berlin]
            2026-10-25T03:30:00+01:00[Europe/Berlin]
            2026-10-25T04:30:00+01:00[Europe/Berlin]
        "#]],
        );
        check(
            "0 */2 * * *",
            "America/New_York",
            "2026-11-01T03:00:00Z",
            4,
            expect![[r#"
            2026-11-01T00:00:00-04:00[America/New_York]
            2026-11-01T02:00:00-05:00[America/New_York]
            2026-11-01T04:00:00-05:00[America/New_York]
            2026-11-01T06:00:00-05:00[America/New_York]
        "#]],
        );
    }

    #[test]
    fn zones_with_other_settings() {
        // By half an hour.
        check(
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00:00Z",
            2,
            expect![[r#"
            2026-10-04T02:30:00+11:00[Australia/Lord_Howe]
            2026-10-05T02:15:00+11:00[Australia/Lord_Howe]
        "#]],
        );
        // A whole day that was left out.
        check(
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            3,
            expect![[r#"
            2011-12-29T12:00:00-10:00[Pacific/Apia]
            2011-12-31T00:00:00+14:00[Pacific/Apia]
            2011-12-31T12:00:00+14:00[Pacific/Apia]
        "#]],
        );
        check(
            "@daily",
            "UTC",
            "2026-12-31T12:00:00Z",
            2,
            expect![[r#"
            2027-01-01T00:00:00+00:00[UTC]
            2027-01-02T00:00:00+00:00[UTC]
        "#]],
        );
        check(
            "0 0 29 2 *",
            "Asia/Kolkata",
            "2026-01-01T00:00:00Z",
            2,
            expect![[r#"
            2028-02-29T00:00:00+05:30[Asia/Kolkata]
            2032-02-29T00:00:00+05:30[Asia/Kolkata]
        "#]],
        );
        // The first moment after the clock was set.
        check(
            "0 0 * * *",
            "America/Sao_Paulo",
            "2018-11-03T12:00:00Z",
            2,
            expect![[r#"
            2018-11-04T01:00:00-02:00[America/Sao_Paulo]
            2018-11-05T00:00:00-02:00[America/Sao_Paulo]
        "#]],
        );
    }

    #[test]
    fn what_is_no_schedule_says_where() {
        let told = |text: &str, zone: &str| match Schedule::parse(text, zone) {
            Ok(schedule) => format!("{:?}", schedule.text()),
            Err(NoSchedule::Expression { why, at }) => {
                format!("{why}\n  `{text}`\n  {}^", " ".repeat(at + 1))
            }
            Err(other) => other.to_string(),
        };
        let lines: Vec<String> = [
            ("*/61 * * * *", "UTC"),
            ("* 24 * * *", "UTC"),
            ("0 9 * * MOX", "UTC"),
            ("5-1 * * * *", "UTC"),
            ("* * * *", "UTC"),
            ("0 0 * * * *", "UTC"),
            ("@never", "UTC"),
            ("", "UTC"),
            ("0 0 30 2 *", "UTC"),
            ("0 0 1 1 *", "Europe/Berlim"),
        ]
        .iter()
        .map(|(text, zone)| told(text, zone))
        .collect();
        expect![[r#"
            step must be in range 0..=59; found 61
              `*/61 * * * *`
               ^
            value must be in range 0..=23; found 24
              `* 24 * * *`
                 ^
            malformed expression
              `0 9 * * MOX`
                       ^
            range must be in ascending order; found 5-1
              `5-1 * * * *`
               ^
            it has 4 fields, and a cron expression has five fields
              `* * * *`
                      ^
            it has 6 fields, and a cron expression has five fields
              `0 0 * * * *`
                          ^
            it has one field, and a cron expression has five fields
              `@never`
                     ^
            it has nothing, and a cron expression has five fields
              ``
               ^
            it is never due
            there is no time zone `Europe/Berlim`"#]]
        .assert_eq(&lines.join("\n"));
    }

    proptest! {
        /// Each time lies after the one before, and is the same from every moment in between.
        #[test]
        fn the_next_time_is_the_same_from_everywhere_before_it(
            minute in 0u8..60,
            hour in prop::option::of(0u8..24),
            start in 1_700_000_000i64..1_800_000_000,
            part in 0.0f64..1.0,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
            ]),
        ) {
            let hour = hour.map_or("*".to_owned(), |hour| hour.to_string());
            let text = format!("{minute} {hour} * * *");
            let Ok(schedule) = Schedule::parse(&text, zone) else { panic!("{text}") };
            let start = Timestamp(start * 1_000_000);
            let Some(next) = schedule.next_after(start) else { panic!("{text}: nothing") };
            prop_assert!(next > start);
            let between = start.0 + ((next.0 - start.0 - 1) as f64 * part) as i64;
            prop_assert_eq!(schedule.next_after(Timestamp(between)), Some(next));
        }
    }
}
