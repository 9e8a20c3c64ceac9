//! Waiting for a run that somebody else drives.

use super::error::OpError;
use super::host::Host;
use crate::domain::ids::RunId;
use crate::domain::run::RunState;
use crate::runner::{Driven, Ended};
use crate::store::StoredRun;
use tokio::sync::watch;

/// Waits until the run has begun and nobody drives it, in this process or another one; nothing where this process is asked
/// to stop first.
///
/// # Errors
/// Where there is no such run, or the database cannot be read.
pub async fn follow_run(
    host: &Host,
    run: &RunId,
    mut stop: watch::Receiver<Option<String>>,
) -> Result<Option<Driven>, OpError> {
    let store = host.store()?;
    let mut changes = store.changes()?;
    loop {
        // Before the look: what happens during it is seen the next time.
        changes.borrow_and_update();
        let state = store.load_turn(run).await?.run.state;
        if !matches!(state, RunState::Queued | RunState::Running) {
            let run = store.load_run(run).await?;
            return Ok(Some(Driven { ended: ended(&run), run }));
        }
        tokio::select! {
            biased;
            // The sender is there as long as the process is not about to end.
            _ = stop.wait_for(Option::is_some) => return Ok(None),
            changed = changes.changed() => if changed.is_err() { return Ok(None) },
        }
    }
}

/// How a run stands that nobody drives, as whoever drove it was told.
fn ended(run: &StoredRun) -> Ended {
    let said = run.run.outcome.clone().unwrap_or_default();
    match run.run.state {
        RunState::Completed => Ended::Completed { answer: said },
        RunState::Failed | RunState::Cancelled => Ended::Failed { error: said },
        RunState::Interrupted => Ended::Interrupted { reason: said, stopped: false },
        RunState::Queued | RunState::Paused | RunState::Running => Ended::Paused,
    }
}
