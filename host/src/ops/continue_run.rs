//! Driving a claimed run: shared by starting, approving and resuming.

use super::Attended;
use super::error::OpError;
use super::host::Host;
use super::open_role::Opened;
use super::random;
use crate::runner::{Driven, Driver};
use crate::store::{Claim, StoreError, StoredRun};
use std::time::Duration;

/// How long is waited before it is tried again to hand a run back: a disk that was full or a database that was
/// locked needs a moment.
const AGAIN: Duration = Duration::from_secs(5);

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
        specs: &opened.specs,
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
    match driver.drive(claim.clone(), run, attended.reporter).await {
        Err(StoreError::Fenced(run)) => {
            // Shut out by whoever ended the run, or by whoever drives it now: the first is no failure of
            // the store, and its person should read what became of the run.
            let stored = store.load_run(&id).await?.run;
            if stored.state.is_final() {
                return Err(OpError::Conflict(stored.over()));
            }
            Err(StoreError::Fenced(run).into())
        }
        // The run is still claimed, and nobody drives it.
        Err(error) => {
            let_go(host, claim, &error).await;
            Err(error.into())
        }
        Ok(driven) => Ok(driven),
    }
}

/// Hands a run back that could not be written down: else it would be taken for one that goes on here, for as long
/// as this process lives. Where that cannot be written down either, as on a full disk, it is tried again.
async fn let_go(host: &Host, claim: Claim, error: &StoreError) {
    tracing::warn!(run = %claim.run, %error, "a run could not be written down");
    let reason = "it could not be written down for a while".to_owned();
    if try_to_let_go(host, &claim, &reason).await {
        return;
    }
    let host = host.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(AGAIN).await;
            if try_to_let_go(&host, &claim, &reason).await {
                return;
            }
        }
    });
}

/// Whether there is nothing more to be done.
async fn try_to_let_go(host: &Host, claim: &Claim, reason: &str) -> bool {
    let Ok(store) = host.store() else { return true };
    let run = match store.load_turn(&claim.run).await {
        Ok(run) => run.run,
        Err(StoreError::UnknownRun(_)) => return true,
        Err(_) => return false,
    };
    let at = host.clock.now();
    match store.interrupt_run(claim, reason.to_owned(), run.spent, at).await {
        Ok(()) => true,
        // Somebody else has it, or it has ended.
        Err(StoreError::Fenced(_) | StoreError::Conflict(_)) => true,
        Err(_) => false,
    }
}
