//! Time as an argument: whoever needs to know the time is handed a clock.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// So many seconds later; the last moment there is, where that is too late to be written.
    pub fn after(self, seconds: u64) -> Self {
        let microseconds = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Self(self.0.saturating_add(microseconds))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the microsecond: `2026-04-24T14:21:08.947991Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.6}"),
            // Outside the years jiff can write: still say something true.
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// How long the machine has been up, its sleep included. Nobody can set it; comparable within one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uptime {
    /// Which start of the machine this is.
    pub boot: String,
    /// Microseconds since then.
    pub microseconds: i64,
}

/// The time of day, and the uptime where the machine tells one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// What the clock shows, which people and programs set.
    pub at: Timestamp,
    /// How long the machine has been up.
    pub uptime: Option<Uptime>,
}

impl Moment {
    /// The uptime in microseconds, where the machine's present start is `boot`.
    pub fn within(&self, boot: &str) -> Option<i64> {
        let uptime = self.uptime.as_ref().filter(|uptime| uptime.boot == boot)?;
        Some(uptime.microseconds)
    }
}

/// Tells the time. The host has one, given to whoever needs it; tests have their own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// How long the machine has been up; `None` where it does not say.
    fn uptime(&self) -> Option<Uptime> {
        None
    }
}

/// A clock that stands still until it is moved; the machine that it belongs to, too.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    boots: AtomicI64,
    uptime: AtomicI64,
}

impl ManualClock {
    /// A clock showing `start`, of a machine that has just been started.
    pub fn new(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.0), boots: AtomicI64::new(1), uptime: AtomicI64::new(0) }
    }

    /// Lets so many microseconds pass.
    pub fn advance(&self, microseconds: i64) {
        self.set(microseconds);
        self.uptime.fetch_add(microseconds, Ordering::SeqCst);
    }

    /// Sets the clock on or back by so many microseconds; no time passes.
    pub fn set(&self, microseconds: i64) {
        self.now.fetch_add(microseconds, Ordering::SeqCst);
    }

    /// Starts the machine anew; no time passes.
    pub fn reboot(&self) {
        self.boots.fetch_add(1, Ordering::SeqCst);
        self.uptime.store(0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Option<Uptime> {
        let boot = format!("boot-{}", self.boots.load(Ordering::SeqCst));
        Some(Uptime { boot, microseconds: self.uptime.load(Ordering::SeqCst) })
    }
}

/// No clock at all: whoever has this judges by the times that it is handed.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_in_utc_to_the_microsecond() {
        assert_eq!(Timestamp(1_777_040_468_947_991).to_string(), "2026-04-24T14:21:08.947991Z");
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000Z");
    }
}
