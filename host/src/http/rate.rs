//! How often each holder of a key may ask: the generic cell rate algorithm (ITU-T I.371), which allows
//! bursts and keeps one number for each.

use super::error::ApiError;
use axum::http::StatusCode;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is counted apart: whoever floods the server with questions can still answer its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Anything but decisions.
    Request,
    /// Decisions about calls.
    Decision,
}

/// The limits of all holders. There are as many as keys, so that none need be forgotten.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Between two requests that come evenly; nothing where there is no limit.
    interval: Option<Duration>,
    /// When the next request of each would come, did they come evenly.
    due: Mutex<HashMap<(String, Kind), Instant>>,
}

/// How much may come at once: a minute's worth.
const BURST: Duration = Duration::from_secs(60);

impl Rates {
    /// So many requests a minute; nothing: any number.
    pub(crate) fn new(a_minute: Option<NonZeroU32>) -> Self {
        let interval = a_minute.map(|count| BURST / count.get());
        Self { interval, due: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429, and after how many seconds there is room again.
    pub(crate) fn count(&self, holder: &str, kind: Kind) -> Result<(), ApiError> {
        self.count_at(holder, kind, Instant::now()).map_err(|wait| {
            let seconds = wait.as_secs() + 1;
            let message = format!("too many requests with this key; try again in {seconds} s");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
                .after(seconds)
        })
    }

    fn count_at(&self, holder: &str, kind: Kind, now: Instant) -> Result<(), Duration> {
        let Some(interval) = self.interval else { return Ok(()) };
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (holder.to_owned(), kind);
        let next = due.get(&key).copied().unwrap_or(now).max(now) + interval;
        let ahead = next.saturating_duration_since(now);
        if ahead > BURST {
            return Err(ahead - BURST);
        }
        due.insert(key, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_it_has_to_come_evenly() {
        let rates = Rates::new(NonZeroU32::new(60));
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut taken = 0;
        while rates.count_at("a", Kind::Request, at(0)).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 60);
        let wait = rates.count_at("a", Kind::Request, at(0)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        // Others and decisions have room of their own.
        assert_eq!(rates.count_at("b", Kind::Request, at(0)), Ok(()));
        assert_eq!(rates.count_at("a", Kind::Decision, at(0)), Ok(()));
        // A second gives room for one.
        assert_eq!(rates.count_at("a", Kind::Request, at(1)), Ok(()));
        assert!(rates.count_at("a", Kind::Request, at(1)).is_err());
        // After an hour there is a minute's worth again, and no more.
        let later = (0..100).filter(|_| rates.count_at("a", Kind::Request, at(3600)).is_ok());
        assert_eq!(later.count(), 60);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let rates = Rates::new(None);
        for _ in 0..10_000 {
            assert!(rates.count("a", Kind::Request).is_ok());
        }
        assert!(rates.due.lock().unwrap().is_empty());
    }
}
