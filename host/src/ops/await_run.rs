//! Waiting until something is so of a run, whoever brings it about.

use super::error::OpError;
use super::host::Host;
use crate::domain::ids::RunId;
use crate::store::StoredRun;
use std::time::Duration;

/// How often the runs of dead owners are looked for while somebody waits: a person waits no longer than
/// that for a process that is gone, and a look is two reads.
const LOOK: Duration = Duration::from_secs(2);

/// Waits until `ready` of the run's latest turn, which this process or another one changes; gives the turn
/// as [`Store::load_turn`](crate::store::Store::load_turn) does. What is so already is not waited for.
/// Dropping it ends the waiting, and nothing else.
///
/// # Errors
/// Where there is no such run, or the database cannot be read.
pub async fn await_run(
    host: &Host,
    run: &RunId,
    mut ready: impl FnMut(&StoredRun) -> bool,
) -> Result<StoredRun, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    let turn = store.load_turn(run).await?;
    if ready(&turn) {
        return Ok(turn);
    }
    let mut changes = store.changes()?;
    loop {
        // Before the look: what happens during it is seen the next time.
        changes.borrow_and_update();
        let turn = store.load_turn(run).await?;
        if ready(&turn) {
            return Ok(turn);
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Ok(turn) },
            // Nobody writes anything down when a process dies: its run is found by looking.
            () = tokio::time::sleep(LOOK) => {
                store.adopt_orphans(host.clock.now()).await?;
            }
        }
    }
}
