//! Ends what takes too long or too much memory, while SQLite runs it, and what nobody waits for any
//! more.

use super::super::bindings::initrunner::host::sql::Error;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How much more memory SQLite may use than when a call began. Sorting and recursion hold their rows in
/// memory, since nothing may fill the disk. SQLite counts for the whole process, the store included, so
/// what others take at the same time counts too: the bound is for the machine, not for fairness.
const MEMORY: i64 = 64 << 20;

/// SQLite asks after so many instructions of its machine: some microseconds, and no more than a few of
/// the largest values in between.
pub(super) const INSTRUCTIONS: i32 = 100;

/// It runs, and may be stopped.
const RUNNING: u8 = 0;
/// It is being made lasting, and can only be waited for.
const COMMITTING: u8 = 1;
/// Nobody waits for it any more.
const ABANDONED: u8 = 2;

/// One call's time and memory, shared by the thread that works and the call that waits.
#[derive(Debug)]
pub(in super::super) struct Watch {
    began: Instant,
    deadline: Instant,
    memory: i64,
    phase: AtomicU8,
    /// Why it was stopped, as it was then: by now memory may be free again.
    stopped: OnceLock<Stop>,
}

/// Why something was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Time,
    Memory,
    Abandoned,
}

impl Watch {
    /// Of a call that `began` then, and may have waited since.
    pub(super) fn new(began: Instant, deadline: Instant) -> Self {
        let memory = memory_used();
        Self { began, deadline, memory, phase: AtomicU8::new(RUNNING), stopped: OnceLock::new() }
    }

    /// Whether it is time to stop, and why. What was stopped once stays so.
    pub(super) fn stop(&self) -> Option<Stop> {
        let stop = self.stopped.get().copied().or_else(|| self.look());
        if let Some(stop) = stop {
            return Some(*self.stopped.get_or_init(|| stop));
        }
        None
    }

    fn look(&self) -> Option<Stop> {
        match self.phase.load(Ordering::Acquire) {
            COMMITTING => return None,
            ABANDONED => return Some(Stop::Abandoned),
            _ => {}
        }
        if Instant::now() >= self.deadline {
            return Some(Stop::Time);
        }
        (memory_used() - self.memory > MEMORY).then_some(Stop::Memory)
    }

    /// Whether the time is up, also while something is being made lasting.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// From here on it is waited for.
    ///
    /// # Errors
    /// Nobody waits any more, or the time is up: nothing may last.
    pub(super) fn begin_commit(&self) -> Result<(), Error> {
        if let Some(stop) = self.stop() {
            return Err(self.sentence(stop));
        }
        self.phase
            .compare_exchange(RUNNING, COMMITTING, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(|_| self.sentence(Stop::Abandoned))
    }

    /// Nobody waits any more. Whether nothing of it will last: not, where it is being made lasting.
    pub(super) fn abandon(&self) -> bool {
        let changed =
            self.phase.compare_exchange(RUNNING, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
        changed != Err(COMMITTING)
    }

    /// The time that it had.
    pub(super) fn allowed(&self) -> Duration {
        self.deadline.saturating_duration_since(self.began)
    }

    /// What is said of something that was stopped.
    pub(super) fn sentence(&self, stop: Stop) -> Error {
        Error::Limit(match stop {
            Stop::Time => format!(
                "the statement took longer than its {:.1} s and was stopped; nothing was changed",
                self.allowed().as_secs_f32()
            ),
            Stop::Memory => format!(
                "more than {} MiB of memory were needed while the statement ran, and it was stopped; \
                 nothing was changed; sort, group or join fewer rows, or try again if it was not this \
                 one that needed it",
                MEMORY >> 20
            ),
            Stop::Abandoned => "the call was given up; nothing was changed".to_owned(),
        })
    }
}

/// Bytes that SQLite holds in this process.
fn memory_used() -> i64 {
    #[expect(unsafe_code, reason = "it takes nothing and reads a counter under SQLite's own lock")]
    unsafe {
        rusqlite::ffi::sqlite3_memory_used()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_made_lasting_is_not_given_up() {
        let watch = Watch::new(Instant::now(), Instant::now() + Duration::from_secs(60));
        assert_eq!(watch.stop(), None);
        watch.begin_commit().unwrap();
        assert!(!watch.abandon());
        assert_eq!(watch.stop(), None);
    }

    #[test]
    fn what_was_given_up_does_not_last() {
        let watch = Watch::new(Instant::now(), Instant::now() + Duration::from_secs(60));
        assert!(watch.abandon());
        assert!(watch.abandon());
        assert_eq!(watch.stop(), Some(Stop::Abandoned));
        assert!(watch.begin_commit().is_err());
    }

    #[test]
    fn what_is_too_late_does_not_last() {
        let watch = Watch::new(Instant::now(), Instant::now());
        assert_eq!(watch.stop(), Some(Stop::Time));
        assert!(matches!(watch.begin_commit(), Err(Error::Limit(_))));
    }
}
