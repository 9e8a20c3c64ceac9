//! A moment as people write it: a time (RFC 3339), or how long ago (`30d`, `12h`).

use super::clock::Timestamp;
use jiff::{SpanRelativeTo, Unit};

/// Text that names no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no time; write one like `2026-04-24T14:21:08Z`, or how long ago like `30d` or `12h`"
)]
pub struct NoMoment(String);

/// What somebody wrote, before the present is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A time.
    At(Timestamp),
    /// So many microseconds before the present.
    Ago(i64),
}

impl Moment {
    /// Reads it. A day has 24 hours and a week seven days; months and years have no length.
    ///
    /// # Errors
    /// [`NoMoment`] for anything else, and for what lies outside of the times that can be written.
    pub fn parse(text: &str) -> Result<Self, NoMoment> {
        let none = || NoMoment(text.to_owned());
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::At(Timestamp(time.as_microsecond())));
        }
        let span: jiff::Span = text.parse().map_err(|_| none())?;
        let length = span
            .total((Unit::Microsecond, SpanRelativeTo::days_are_24_hours()))
            .map_err(|_| none())?;
        // Longer than recorded history and not negative, so that it fits an integer.
        const LONGEST: f64 = 10_000.0 * 366.0 * 86_400e6;
        if !(0.0..=LONGEST).contains(&length) {
            return Err(none());
        }
        Ok(Self::Ago(length as i64))
    }

    /// The moment, seen from the present.
    pub fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(length) => Timestamp(now.0.saturating_sub(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let now = Timestamp(1_777_040_468_000_000);
        let shown = match Moment::parse(text) {
            Ok(moment) => moment.seen_from(now).to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        check("2026-04-24T14:21:08Z", "2026-04-24T14:21:08.000000Z");
        check("2026-04-24T16:21:08.5+02:00", "2026-04-24T14:21:08.500000Z");
        check("12h", "2026-04-24T02:21:08.000000Z");
        check("30d", "2026-03-25T14:21:08.000000Z");
        check("2w", "2026-04-10T14:21:08.000000Z");
        check("1d 6h", "2026-04-23T08:21:08.000000Z");
        check("90s", "2026-04-24T14:19:38.000000Z");
        check("P1D", "2026-04-23T14:21:08.000000Z");
        check("0s", "2026-04-24T14:21:08.000000Z");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "soon", "30", "-1d", "1 month", "1y", "2026-04-24", "999999999999999y"] {
            let error = Moment::parse(text);
            assert!(error.is_err(), "{text}: {error:?}");
        }
        check(
            "yesterday",
            "`yesterday` is no time; write one like `2026-04-24T14:21:08Z`, or how long ago like `30d` or `12h`",
        );
    }
}
