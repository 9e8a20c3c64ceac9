//! When to send a failed request again.

use super::super::Timing;
use std::time::Duration;

/// Reads how long a server asks to wait. `retry-after-ms` is what OpenAI adds; `Retry-After` holds
/// seconds or a date, which is compared to the response's own `Date`: clocks may differ.
pub(super) fn asked_wait(header: &dyn Fn(&str) -> Option<String>) -> Option<Duration> {
    let seconds = |text: &str, unit: f64| {
        let number = text.trim().parse::<f64>().ok()? * unit;
        Duration::try_from_secs_f64(number).ok()
    };
    if let Some(wait) = header("retry-after-ms").and_then(|text| seconds(&text, 0.001)) {
        return Some(wait);
    }
    let text = header("retry-after")?;
    if let Some(wait) = seconds(&text, 1.0) {
        return Some(wait);
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text.trim()).ok().map(|at| at.timestamp());
    let wait = date(&text)?.duration_since(date(&header("date")?)?);
    Some(wait.try_into().unwrap_or(Duration::ZERO))
}

/// The wait after the failed attempt number `attempt`, counted from 1; what the server asked for goes
/// first. `Err` holds what was asked where that is longer than anybody should wait for.
pub(super) fn wait_after(
    attempt: u32,
    asked: Option<Duration>,
    timing: &Timing,
) -> Result<Duration, Duration> {
    match asked {
        Some(asked) if asked > timing.longest_asked_wait => return Err(asked),
        Some(asked) if !asked.is_zero() => return Ok(asked),
        _ => {}
    }
    let doubled = timing.first_wait.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)));
    // Between half of the wait and all of it.
    let share = 0.5 + 0.5 * f64::from((timing.random)()) / f64::from(u32::MAX);
    Ok(doubled.min(timing.longest_wait).mul_f64(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&str, &str)]) -> Option<Duration> {
        asked_wait(&|name| {
            headers.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds_milliseconds_or_as_a_date() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(asked(&[("retry-after", "7")]), seconds(7));
        assert_eq!(asked(&[("retry-after", " 0 ")]), seconds(0));
        assert_eq!(
            asked(&[("retry-after-ms", "250"), ("retry-after", "7")]),
            Some(Duration::from_millis(250))
        );
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(asked(&[("retry-after", "Wed, 21 Oct 2015 07:28:09 GMT"), date]), seconds(9));
        assert_eq!(asked(&[("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT"), date]), seconds(0));
        for nonsense in ["", "soon", "-1", "NaN", "inf", "1e300", "Wed, 99 Oct 2015"] {
            assert_eq!(asked(&[("retry-after", nonsense), date]), None, "{nonsense}");
        }
        assert_eq!(asked(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn waits_double_up_to_a_limit_and_are_spread() {
        let latest = Timing { random: || u32::MAX, ..Timing::default() };
        let soonest = Timing { random: || 0, ..Timing::default() };
        let waits = |timing| [1, 2, 3, 7, u32::MAX].map(|n| wait_after(n, None, timing).unwrap());
        assert_eq!(waits(&latest).map(|wait| wait.as_millis()), [500, 1000, 2000, 20_000, 20_000]);
        assert_eq!(waits(&soonest).map(|wait| wait.as_millis()), [250, 500, 1000, 10_000, 10_000]);
    }

    #[test]
    fn what_the_server_asks_for_is_kept_to_or_refused() {
        let timing = Timing { random: || u32::MAX, ..Timing::default() };
        let ask = |seconds| wait_after(1, Some(Duration::from_secs(seconds)), &timing);
        assert_eq!(ask(60), Ok(Duration::from_secs(60)));
        assert_eq!(ask(61), Err(Duration::from_secs(61)));
        assert_eq!(ask(0), Ok(Duration::from_millis(500)));
    }
}
