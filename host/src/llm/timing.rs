//! How long a model may take, and how often a failed request is sent again.

use std::time::Duration;

/// The limits in time on one answer.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Until a connection stands. 10 s: three lost packets of a handshake (1 + 2 + 4 s) and some.
    pub connect: Duration,
    /// Until the first bytes of an answer. 180 s: models that reason, and local servers that load
    /// the model first, are silent for minutes.
    pub first: Duration,
    /// Between two chunks of a stream that has begun. 60 s: a live stream has a token or a
    /// keep-alive comment every few seconds.
    pub idle: Duration,
    /// For the token counts, once the model said that it finished. 5 s: they follow at once or never.
    pub after_finish: Duration,
    /// For the whole answer with its retries. 600 s: twice the time a run has unless its role says
    /// otherwise, so that this limit is not the one that people meet first.
    pub total: Duration,
    /// How often a request is sent at most. 4: with the waits below, about five seconds of outage.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles with each further one. 0.5 s.
    pub first_wait: Duration,
    /// The longest such wait. 20 s: a person may be watching.
    pub longest_wait: Duration,
    /// The longest wait that a server may ask for with `Retry-After`. 60 s: after that the run is
    /// better interrupted than waiting.
    pub longest_asked_wait: Duration,
    /// Randomness for the waits, so that clients which failed together do not return together.
    pub random: fn() -> u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first: Duration::from_secs(180),
            idle: Duration::from_secs(60),
            after_finish: Duration::from_secs(5),
            total: Duration::from_secs(600),
            attempts: 4,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
            longest_asked_wait: Duration::from_secs(60),
            // Without randomness the waits still grow; they are only no longer spread.
            random: jitter,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it only spreads waits; tests hand over their own")]
fn jitter() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}
