//! Driving a claimed run: shared by starting, approving and resuming.

use super::Attended;
use super::error::OpError;
use super::host::Host;
use super::open_role::Opened;
use super::random;
use crate::runner::{Driven, Driver};
use crate::store::{Claim, StoreError, StoredRun};

/// Drives a claimed run until it pauses or ends; `known` is how it stands under the claim, where that was
/// read with it.
pub(super) async fn continue_run(
    host: &Host,
    opened: &Opened,
    claim: Claim,
    known: Option<StoredRun>,
    attended: &mut Attended<'_>,
) -> Result<Driven, OpError> {
    let store = host.store()?;
    let run = match known {
        Some(run) => run,
        None => store.load_to_drive(&claim.run).await?,
    };
    let driver = Driver {
        store: &**store,
        gate: host.gate()?,
        tools: &opened.tools,
        role: &opened.role,
        model: &*opened.model,
        clock: &*host.clock,
        random: &random::sixteen,
        observer: host.observer(),
        stop: attended.stop.clone(),
        drain: host.options.drain,
    };
    let _driving = host.driving.begin();
    let id = claim.run.clone();
    match driver.drive(claim, run, attended.reporter).await {
        Err(StoreError::Fenced(run)) => {
            // Shut out by whoever ended the run, or by whoever drives it now: the first is no failure of
            // the store, and its person should read what became of the run.
            let stored = store.load_run(&id).await?.run;
            if stored.state.is_final() {
                return Err(OpError::Conflict(stored.over()));
            }
            Err(StoreError::Fenced(run).into())
        }
        other => Ok(other?),
    }
}
