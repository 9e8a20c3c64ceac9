//! Whether a service can be reached: one line in the log when it cannot any more, one when it can again, and
//! waits that grow in between.

use crate::domain::visible::one_line;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The wait after the first failure: a connection that broke is usually back at once.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait: whoever writes to a bot whose service was away looks again within minutes.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How one service does, as one trigger sees it.
pub(super) struct Health {
    service: &'static str,
    role: String,
    trigger: String,
    failures: Mutex<u32>,
}

impl Health {
    pub(super) fn new(service: &'static str, role: &str, trigger: &str) -> Self {
        let (role, trigger) = (role.to_owned(), trigger.to_owned());
        Self { service, role, trigger, failures: Mutex::new(0) }
    }

    /// Notes that it cannot be reached, and gives how long to wait before the next attempt. `why` is a clause
    /// without secrets.
    pub(super) fn failed(&self, why: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if *failures == 0 {
            let why = one_line(why);
            tracing::warn!(
                role = self.role,
                trigger = self.trigger,
                "{} cannot be reached: {why}; it is tried again",
                self.service
            );
        }
        *failures = failures.saturating_add(1);
        wait(*failures)
    }

    /// Notes that it can be reached.
    pub(super) fn works(&self) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if *failures > 0 {
            tracing::info!(
                role = self.role,
                trigger = self.trigger,
                attempts = *failures,
                "{} can be reached again",
                self.service
            );
        }
        *failures = 0;
    }
}

/// The wait after so many failures in a row.
fn wait(failures: u32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
    doubled.min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let waits = [1, 2, 3, 7, 8, 32, 33, u32::MAX].map(|failures| wait(failures).as_secs());
        assert_eq!(waits, [1, 2, 4, 64, 120, 120, 120, 120]);
    }

    #[test]
    fn a_service_that_works_again_begins_anew() {
        let health = Health::new("Telegram", "r", "t");
        assert_eq!(health.failed("x"), FIRST_WAIT);
        assert_eq!(health.failed("x"), FIRST_WAIT * 2);
        health.works();
        assert_eq!(health.failed("x"), FIRST_WAIT);
    }
}
