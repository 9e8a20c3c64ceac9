//! Warning about calls that are about to expire, and expiring those that nobody decided: once, or for
//! as long as a process lives.

use super::error::OpError;
use super::host::Host;
use crate::domain::clock::Clock;
use crate::domain::ids::RunId;
use crate::store::{Store, StoreError, Swept};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The longest time between two sweeps: another process may have asked a question with a shorter limit
/// meanwhile, or died driving a run, and nobody should wait half a minute longer than needed.
const INTERVAL: Duration = Duration::from_secs(30);

/// The shortest: what is due by a clock that differs a little is due at the next look.
const BREATH: Duration = Duration::from_millis(10);

/// How long after a change is swept: a question that was asked meanwhile may have a shorter limit than what
/// was due next. A storm of changes is one sweep a second, and nobody sets a limit in fractions of one.
const PAUSE: Duration = Duration::from_secs(1);

/// What a sweep found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The runs of dead owners that were taken over. Some of them may need a person.
    pub adopted: Vec<RunId>,
    /// What was due.
    pub swept: Swept,
}

/// Adopts the runs of dead owners, warns and expires.
///
/// # Errors
/// Where the database cannot be read or written.
pub async fn sweep_approvals(host: &Host) -> Result<Report, OpError> {
    Ok(sweep(&**host.store()?, &*host.clock).await?)
}

async fn sweep(store: &dyn Store, clock: &dyn Clock) -> Result<Report, StoreError> {
    let adopted = store.adopt_orphans(clock.now()).await?;
    let swept = store.sweep(clock.now()).await?;
    Ok(Report { adopted, swept })
}

/// Sweeps for as long as a process lives.
#[derive(Clone)]
pub struct Sweeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    look: Arc<Notify>,
}

impl Sweeper {
    /// One for a store, by a clock.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, look: Arc::new(Notify::new()) }
    }

    /// The host's.
    ///
    /// # Errors
    /// Where the database cannot be opened.
    pub fn of(host: &Host) -> Result<Self, OpError> {
        Ok(Self::new(Arc::clone(host.store()?), Arc::clone(&host.clock)))
    }

    /// Has the next sweep happen now: a question was asked, or the time has changed.
    pub fn look_now(&self) {
        self.look.notify_one();
    }

    /// Sweeps at once, then whenever something is due and soon after something changed, until `stop` holds a
    /// sentence or nobody can set it any more. Each outcome is told; a failure ends nothing, the next sweep
    /// tries again. Whoever is told goes on with the runs that nobody drives now.
    pub async fn run(
        &self,
        mut stop: watch::Receiver<Option<String>>,
        told: &mut (dyn FnMut(Result<Report, StoreError>) + Send),
    ) {
        let mut changes = self.store.changes().ok();
        loop {
            if let Some(changes) = &mut changes {
                changes.borrow_and_update();
            }
            let report = sweep(&*self.store, &*self.clock).await;
            let wait = wait(report.as_ref().ok().and_then(|report| report.swept.next));
            told(report);
            tokio::select! {
                biased;
                _ = stop.wait_for(Option::is_some) => return,
                () = self.look.notified() => {}
                () = changed(&mut changes) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Returns a moment after something changed; never where nobody tells.
async fn changed(changes: &mut Option<watch::Receiver<u64>>) {
    if let Some(changes) = changes
        && changes.changed().await.is_ok()
    {
        return tokio::time::sleep(PAUSE).await;
    }
    std::future::pending().await
}

/// How long to sleep where the next call is due in so many microseconds.
fn wait(next: Option<i64>) -> Duration {
    let next = next.map(|next| Duration::from_micros(u64::try_from(next).unwrap_or_default()));
    next.map_or(INTERVAL, |next| next.clamp(BREATH, INTERVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_look_is_when_something_is_due_and_within_half_a_minute() {
        assert_eq!(wait(None), INTERVAL);
        assert_eq!(wait(Some(3_600_000_000)), INTERVAL);
        assert_eq!(wait(Some(2_000_000)), Duration::from_secs(2));
        assert_eq!(wait(Some(0)), BREATH);
        assert_eq!(wait(Some(-5)), BREATH);
    }
}
