//! Times and time zones as people and models write them, read strictly: what could mean two things, or
//! does not exist, is answered with a sentence and never guessed.

use initrunner_sdk::Failure;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

/// A time zone by its IANA name, `UTC`, or an offset such as `+02:00`.
///
/// # Errors
/// There is none of this name.
pub fn zone(name: &str) -> Result<TimeZone, Failure> {
    if name.starts_with(['+', '-']) {
        return fixed(name).ok_or_else(|| {
            invalid(format!("`{}` is no offset; write one such as `+02:00`", clip(name)))
        });
    }
    TimeZone::get(name).map_err(|_| {
        invalid(format!(
            "there is no time zone `{}`; write an IANA name such as `Europe/Berlin`, `UTC`, or an offset \
             such as `+02:00`",
            clip(name)
        ))
    })
}

/// `+02:00`, `-0330`, `+2`: at most a day.
fn fixed(name: &str) -> Option<TimeZone> {
    let (sign, rest) = match name.as_bytes().first()? {
        b'+' => (1, &name[1..]),
        b'-' => (-1, &name[1..]),
        _ => return None,
    };
    let digits = |text: &str| {
        (!text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i32>().ok())
            .flatten()
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (digits(hours)?, digits(minutes)?),
        Some(_) => return None,
        None if rest.len() == 4 && rest.is_ascii() => (digits(&rest[..2])?, digits(&rest[2..])?),
        None => (digits(rest)?, 0),
    };
    if minutes > 59 || hours > 23 {
        return None;
    }
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    Some(TimeZone::fixed(offset))
}

/// A time. `now` is the present, `@N` are seconds since 1970; without a zone of its own a time is in
/// `zone`.
///
/// # Errors
/// It is no time, or the clocks of the zone never showed it, or showed it twice.
pub fn moment(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Zoned, Failure> {
    let text = text.trim();
    let wrong = |why: String| Err(invalid(format!("`{}` {why}", clip(text))));
    if text == "now" {
        return Ok(now.to_zoned(zone.clone()));
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let seconds = seconds.parse().ok().and_then(|it| Timestamp::from_second(it).ok());
        return match seconds {
            Some(timestamp) => Ok(timestamp.to_zoned(zone.clone())),
            None => wrong("is no number of seconds since 1970, such as `@1774787400`".into()),
        };
    }
    // With a zone in brackets, the offset must be one that the zone has then.
    if text.contains('[') {
        return match text.parse::<Zoned>() {
            Ok(zoned) => Ok(zoned),
            Err(error) => wrong(format!("is no time: {error}")),
        };
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        // It says its offset; told in that, unless another zone is asked for.
        let pieces = jiff::fmt::temporal::Pieces::parse(text).ok();
        let offset = pieces.and_then(|pieces| pieces.to_numeric_offset());
        return Ok(timestamp.to_zoned(offset.map_or_else(|| TimeZone::UTC, TimeZone::fixed)));
    }
    let local: DateTime = match (text.parse::<DateTime>(), text.parse::<Date>()) {
        (Ok(local), _) => local,
        (_, Ok(date)) => date.to_datetime(jiff::civil::Time::midnight()),
        _ => {
            return wrong(
                "is no time; write one such as `2026-03-29T14:30`, `2026-03-29` or `now`".into(),
            );
        }
    };
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {}
        AmbiguousOffset::Gap { before, after } => {
            return wrong(format!(
                "never was: the clocks of {} went from offset {before} to {after} then; add an offset to \
                 say what is meant",
                name(zone)
            ));
        }
        AmbiguousOffset::Fold { before, after } => {
            return wrong(format!(
                "was twice: the clocks of {} went back from offset {before} to {after} then; add one of \
                 the two",
                name(zone)
            ));
        }
    }
    match ambiguous.unambiguous() {
        Ok(timestamp) => Ok(timestamp.to_zoned(zone.clone())),
        Err(error) => wrong(format!("is no time: {error}")),
    }
}

/// How a zone is called.
pub fn name(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_fixed_offset().map(|offset| offset.to_string()).unwrap_or_default(),
    }
}

/// Untrusted text inside a sentence: short, on one line.
pub fn clip(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A failure of what the model wrote.
pub fn invalid(why: String) -> Failure {
    Failure::InvalidArguments(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-29T12:00:00Z.
    fn now() -> Timestamp {
        Timestamp::from_second(1_774_785_600).unwrap()
    }

    #[track_caller]
    fn check(text: &str, zone_name: &str, expected: &str) {
        let said = match zone(zone_name).and_then(|zone| moment(text, &zone, now())) {
            Ok(zoned) => zoned.to_string(),
            Err(Failure::InvalidArguments(why)) => why,
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(said, expected, "{text} in {zone_name}");
    }

    #[test]
    fn a_time_is_in_the_zone_it_says_or_in_the_one_that_is_meant() {
        check("now", "Europe/Berlin", "2026-03-29T14:00:00+02:00[Europe/Berlin]");
        check("2026-03-28T14:30", "Europe/Berlin", "2026-03-28T14:30:00+01:00[Europe/Berlin]");
        check("2026-03-28 14:30:05", "UTC", "2026-03-28T14:30:05+00:00[UTC]");
        check("2026-03-28", "Asia/Kathmandu", "2026-03-28T00:00:00+05:45[Asia/Kathmandu]");
        check("2026-03-28T14:30Z", "Europe/Berlin", "2026-03-28T14:30:00+00:00[UTC]");
        check("2026-03-28T14:30-03:30", "Europe/Berlin", "2026-03-28T14:30:00-03:30[-03:30]");
        check("2026-03-28T14:30+09:00[Asia/Tokyo]", "UTC", "2026-03-28T14:30:00+09:00[Asia/Tokyo]");
        check("@0", "america/new_york", "1969-12-31T19:00:00-05:00[America/New_York]");
        check("2026-03-28T14:30", "+02:00", "2026-03-28T14:30:00+02:00[+02:00]");
        check("2026-03-28T14:30", "-0930", "2026-03-28T14:30:00-09:30[-09:30]");
    }

    #[test]
    fn what_the_clocks_skipped_or_repeated_is_not_guessed() {
        check(
            "2026-03-29T02:30",
            "Europe/Berlin",
            "`2026-03-29T02:30` never was: the clocks of Europe/Berlin went from offset +01 to +02 then; add an offset to say what is meant",
        );
        check(
            "2026-10-25T02:30",
            "Europe/Berlin",
            "`2026-10-25T02:30` was twice: the clocks of Europe/Berlin went back from offset +02 to +01 then; add one of the two",
        );
    }

    #[test]
    fn what_is_no_time_says_so() {
        for text in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-13-01",
            "12:00",
            "@x",
            "@99999999999999999",
            "2026-03-28T25:00",
            "2026-03-28T14:30+09:00[Europe/Berlin]",
            "28.3.2026",
            "\u{0}",
        ] {
            let zone = TimeZone::UTC;
            assert!(
                matches!(moment(text, &zone, now()), Err(Failure::InvalidArguments(_))),
                "{text}"
            );
        }
        check(
            "now",
            "Mars/Olympus",
            "there is no time zone `Mars/Olympus`; write an IANA name such as `Europe/Berlin`, `UTC`, or an offset such as `+02:00`",
        );
        for offset in ["+25:00", "+2:5", "+", "-ab", "+12:60", "+é1"] {
            assert!(zone(offset).is_err(), "{offset}");
        }
    }
}
