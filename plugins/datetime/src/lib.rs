//! The `datetime` tool: the present time, conversions, differences and sums, in any time zone.
//!
//! Models do not know what time it is, and are bad at calendars. The time zones of the world are part of
//! the component; it needs nothing from the host but its clock.

pub mod moment;

use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit, Zoned};
use moment::{clip, invalid, moment, name, zone};
use serde::Deserialize;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

struct Datetime;

/// What a role configures.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default = "utc")]
    timezone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Now {
    timezone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Convert {
    time: String,
    to: String,
    from: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    from: String,
    to: String,
    timezone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    time: String,
    duration: String,
    timezone: Option<String>,
}

/// It looks at a clock, and calculates.
const EFFECTS: Effects = Effects {
    read_only: Some(true),
    destructive: Some(false),
    idempotent: Some(true),
    open_world: Some(false),
};

impl Plugin for Datetime {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "datetime",
            env!("CARGO_PKG_VERSION"),
            "Tells the time, and calculates with times in any time zone.",
            include_str!("config.schema.json"),
        )
    }

    fn describe(config: Config) -> Result<Vec<Tool>, String> {
        if zone(&config.timezone).is_err() {
            return Err(format!(
                "there is no time zone `{}`; `timezone` is an IANA name such as `Europe/Berlin`, or `UTC`",
                clip(&config.timezone)
            ));
        }
        let tool = |name, description, schema| Tool::new(name, description, schema, EFFECTS);
        Ok(vec![
            tool("now", "Tells the present date and time.", include_str!("now.schema.json")),
            tool(
                "convert",
                "Tells a time in another time zone.",
                include_str!("convert.schema.json"),
            ),
            tool(
                "difference",
                "Tells how long it is from one time to another, by the calendar and in seconds.",
                include_str!("difference.schema.json"),
            ),
            tool(
                "add",
                "Adds a duration to a time, by the calendar of its time zone.",
                include_str!("add.schema.json"),
            ),
        ])
    }

    fn prepare(config: Config, call: Call) -> Result<Preview, Failure> {
        // Everything is checked, with a present of its own: what is shown does not depend on the time.
        answer(&config, &call, Timestamp::UNIX_EPOCH)?;
        Ok(Preview::plain(format!("{} {}", clip(&call.tool), call.arguments)))
    }

    fn invoke(config: Config, call: Call) -> Result<Content, Failure> {
        answer(&config, &call, present()?)
    }
}

/// The host's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the component's only clock is the one the host lends it"
)]
fn present() -> Result<Timestamp, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    // Whole seconds: nobody who asks a model for the time wants more.
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or_else(|| Failure::Failed("the clock of this machine shows no usable time".into()))
}

fn answer(config: &Config, call: &Call, now: Timestamp) -> Result<Content, Failure> {
    let zone_or_default = |named: Option<String>| zone(&named.unwrap_or(config.timezone.clone()));
    match call.tool.as_str() {
        "now" => {
            let Now { timezone } = call.parse()?;
            told(&now.to_zoned(zone_or_default(timezone)?))
        }
        "convert" => {
            let Convert { time, to, from } = call.parse()?;
            let time = moment(&time, &zone_or_default(from)?, now)?;
            told(&time.with_time_zone(zone(&to)?))
        }
        "difference" => {
            let Difference { from, to, timezone } = call.parse()?;
            let zone = zone_or_default(timezone)?;
            difference(&moment(&from, &zone, now)?, &moment(&to, &zone, now)?, &zone)
        }
        "add" => {
            let Add { time, duration, timezone } = call.parse()?;
            let time = moment(&time, &zone_or_default(timezone)?, now)?;
            let span: Span = duration.trim().parse().map_err(|_| {
                invalid(format!(
                    "`{}` is no duration; write one such as `3 days`, `1 month 2 hours` or `-90 minutes`",
                    clip(&duration)
                ))
            })?;
            let sum = time.checked_add(span).map_err(|_| {
                invalid(format!("`{}` leads beyond the years -9999 to 9999", clip(&duration)))
            })?;
            told(&sum)
        }
        other => Err(invalid(format!("there is no tool `{}`", clip(other)))),
    }
}

/// A time, as a model can use it.
fn told(time: &Zoned) -> Result<Content, Failure> {
    Content::json(&json!({
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        "timezone": name(time.time_zone()),
        "date": time.date().to_string(),
        "weekday": time.strftime("%A").to_string(),
        "week": time.date().iso_week_date().week(),
        "unix_seconds": time.timestamp().as_second(),
    }))
}

/// How long it is, in the units of the calendar and in seconds.
fn difference(from: &Zoned, to: &Zoned, zone: &TimeZone) -> Result<Content, Failure> {
    let (from, to) = (from.with_time_zone(zone.clone()), to.with_time_zone(zone.clone()));
    let calendar = from.until((Unit::Year, &to));
    let days = from.until((Unit::Day, &to));
    let (Ok(calendar), Ok(days)) = (calendar, days) else {
        return Err(invalid("the two times are too far apart".into()));
    };
    Content::json(&json!({
        "calendar": format!("{calendar:#}"),
        "days": days.get_days(),
        "seconds": to.timestamp().as_second() - from.timestamp().as_second(),
    }))
}

initrunner_sdk::export!(Datetime);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[track_caller]
    fn check(config: &str, tool: &str, arguments: &str, expected: &str) {
        let config: Config = serde_json::from_str(config).unwrap();
        let call = Call {
            id: String::new(),
            attempt: 1,
            idempotency_key: String::new(),
            tool: tool.to_owned(),
            arguments: arguments.to_owned(),
        };
        // 2026-03-28T23:30:00Z.
        let now = Timestamp::from_second(1_774_740_600).unwrap();
        let said = match answer(&config, &call, now) {
            // By key: what else is built decides the order in which a JSON object is written.
            Ok(Content::Json(text)) => {
                let sorted: BTreeMap<String, serde_json::Value> =
                    serde_json::from_str(&text).unwrap();
                serde_json::to_string(&sorted).unwrap()
            }
            Err(Failure::InvalidArguments(text)) => format!("invalid: {text}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn the_present_is_told_in_the_zone_that_is_meant() {
        check(
            "{}",
            "now",
            "{}",
            r#"{"date":"2026-03-28","time":"2026-03-28T23:30:00+00:00","timezone":"UTC","unix_seconds":1774740600,"week":13,"weekday":"Saturday"}"#,
        );
        check(
            r#"{"timezone": "Europe/Berlin"}"#,
            "now",
            "{}",
            r#"{"date":"2026-03-29","time":"2026-03-29T00:30:00+01:00","timezone":"Europe/Berlin","unix_seconds":1774740600,"week":13,"weekday":"Sunday"}"#,
        );
        check(
            r#"{"timezone": "Europe/Berlin"}"#,
            "now",
            r#"{"timezone": "Asia/Tokyo"}"#,
            r#"{"date":"2026-03-29","time":"2026-03-29T08:30:00+09:00","timezone":"Asia/Tokyo","unix_seconds":1774740600,"week":13,"weekday":"Sunday"}"#,
        );
    }

    #[test]
    fn a_time_is_told_in_another_zone() {
        check(
            "{}",
            "convert",
            r#"{"time": "2026-07-01T09:00", "from": "America/New_York", "to": "Europe/Berlin"}"#,
            r#"{"date":"2026-07-01","time":"2026-07-01T15:00:00+02:00","timezone":"Europe/Berlin","unix_seconds":1782910800,"week":27,"weekday":"Wednesday"}"#,
        );
        check(
            "{}",
            "convert",
            r#"{"time": "2026-07-01T09:00", "to": "Nowhere"}"#,
            "invalid: there is no time zone `Nowhere`; write an IANA name such as `Europe/Berlin`, `UTC`, or an offset such as `+02:00`",
        );
    }

    #[test]
    fn a_difference_knows_the_calendar() {
        check(
            "{}",
            "difference",
            r#"{"from": "2024-02-28", "to": "2026-03-01"}"#,
            r#"{"calendar":"2y 1d","days":732,"seconds":63244800}"#,
        );
        // The day on which the clocks go forward has 23 hours.
        check(
            "{}",
            "difference",
            r#"{"from": "2026-03-29", "to": "2026-03-30", "timezone": "Europe/Berlin"}"#,
            r#"{"calendar":"1d","days":1,"seconds":82800}"#,
        );
        check(
            "{}",
            "difference",
            r#"{"from": "now", "to": "2026-03-28T23:00Z"}"#,
            r#"{"calendar":"30m ago","days":0,"seconds":-1800}"#,
        );
    }

    #[test]
    fn a_sum_knows_the_calendar() {
        check(
            "{}",
            "add",
            r#"{"time": "2026-01-31", "duration": "1 month"}"#,
            r#"{"date":"2026-02-28","time":"2026-02-28T00:00:00+00:00","timezone":"UTC","unix_seconds":1772236800,"week":9,"weekday":"Saturday"}"#,
        );
        check(
            "{}",
            "add",
            r#"{"time": "2026-03-28T12:00", "duration": "1 day", "timezone": "Europe/Berlin"}"#,
            r#"{"date":"2026-03-29","time":"2026-03-29T12:00:00+02:00","timezone":"Europe/Berlin","unix_seconds":1774778400,"week":13,"weekday":"Sunday"}"#,
        );
        check(
            "{}",
            "add",
            r#"{"time": "now", "duration": "19000 years"}"#,
            "invalid: `19000 years` leads beyond the years -9999 to 9999",
        );
        check(
            "{}",
            "add",
            r#"{"time": "now", "duration": ""}"#,
            "invalid: `` is no duration; write one such as `3 days`, `1 month 2 hours` or `-90 minutes`",
        );
    }

    #[test]
    fn a_zone_that_is_none_is_found_when_the_role_is_loaded() {
        let config: Config = serde_json::from_str(r#"{"timezone": "Berlin"}"#).unwrap();
        assert!(Datetime::describe(config).is_err());
        assert_eq!(
            Datetime::describe(serde_json::from_str("{}").unwrap()).map(|it| it.len()),
            Ok(4)
        );
    }
}
