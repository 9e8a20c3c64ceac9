//! The clock of the machine: the one place that asks for the time of day.

use crate::domain::clock::{Clock, Timestamp, Uptime};
use crate::fail_point;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else is handed"
    )]
    fn now(&self) -> Timestamp {
        // Before 1970 the clock is wrong in a way that no run depends on.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp(micros.saturating_add(fail_point::clock_offset()))
    }

    fn uptime(&self) -> Option<Uptime> {
        // random(4): made anew by the kernel at each start of the machine.
        static BOOT: OnceLock<Option<String>> = OnceLock::new();
        let read = || {
            let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            Some(text.trim().to_owned()).filter(|id| !id.is_empty())
        };
        let boot = BOOT.get_or_init(read).clone()?;
        Some(Uptime { boot, microseconds: since_start()? })
    }
}

/// Microseconds since the machine was started, its sleep included (clock_gettime(2), CLOCK_BOOTTIME).
#[cfg(target_os = "linux")]
fn since_start() -> Option<i64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.checked_mul(1_000_000)?.checked_add(time.tv_nsec / 1000)
}

/// Other systems have no number for a start of the machine, so nobody asks.
#[cfg(not(target_os = "linux"))]
fn since_start() -> Option<i64> {
    None
}
