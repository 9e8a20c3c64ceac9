//! Removing what ended long ago.

use super::error::OpError;
use super::host::Host;
use crate::domain::decision::Resolver;
use crate::domain::moment::Moment;
use crate::store::{PruneRequest, Pruned, StoreError};

/// How many runs are removed in one transaction: a fraction of a second, so that nobody who waits to
/// write gives up.
const BATCH: usize = 1000;

/// What pruning did.
#[derive(Debug)]
pub struct PruneReport {
    /// What was removed, or would be.
    pub pruned: Pruned,
    /// The database's size before and after, in bytes; why it was not made smaller, where that failed;
    /// `None` where nothing was removed.
    pub size: Option<Result<(u64, u64), StoreError>>,
}

/// Removes the runs that ended before `older_than`, with everything but their approvals, and makes the
/// database smaller. Does nothing where the journal does not hold: what is removed cannot be checked
/// any more.
///
/// # Errors
/// Where the journal does not hold, or the database cannot be written.
pub async fn prune_journal(
    host: &Host,
    older_than: Moment,
    dry_run: bool,
) -> Result<PruneReport, OpError> {
    let store = host.store()?;
    let request = PruneRequest {
        before: older_than.seen_from(host.clock.now()),
        resolver: Resolver { authenticated_as: host.identity().to_owned(), note: None },
        dry_run,
        limit: if dry_run { usize::MAX } else { BATCH },
        at: host.clock.now(),
    };
    let check = store.check_journal(Vec::new()).await?;
    if let Some(broken) = check.broken {
        return Err(OpError::Setup {
            message: format!("the journal does not hold, so nothing was pruned: {broken}"),
            hint: "`initrunner audit verify` says more".into(),
        });
    }
    let mut pruned = Pruned::default();
    loop {
        let some = store.prune(request.clone()).await?;
        pruned.runs += some.runs;
        pruned.messages += some.messages;
        pruned.calls += some.calls;
        pruned.events += some.events;
        if dry_run || some.runs < BATCH as u64 {
            break;
        }
    }
    let size = match pruned.runs {
        0 => None,
        _ if dry_run => None,
        _ => Some(store.give_back().await),
    };
    Ok(PruneReport { pruned, size })
}
