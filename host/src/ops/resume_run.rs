//! Going on with a run that was interrupted.

use super::Attended;
use super::approve_run::unknown_outcome;
use super::continue_run::continue_run;
use super::error::OpError;
use super::find_run::find_run;
use super::host::Host;
use super::open_role::open_stored;
use crate::domain::decision::Resolver;
use crate::domain::tool_call::CallState;
use crate::runner::{Driven, Progress, retriable};

/// Claims an interrupted run and drives it.
///
/// # Errors
/// [`OpError::Undecided`] where people must decide first; [`OpError::Conflict`] where the run has
/// ended or somebody drives it.
pub async fn resume_run(
    host: &Host,
    run: &str,
    mut attended: Attended<'_>,
) -> Result<Driven, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    let id = find_run(host, run).await?;
    let mut stored = store.load_run(&id).await?;
    if stored.run.state.is_final() {
        return Err(OpError::Conflict(stored.run.over()));
    }
    let waiting = stored.calls.iter().filter(|call| call.state == CallState::Waiting).count();
    if waiting > 0 {
        return Err(OpError::Undecided { run: id, waiting });
    }
    let unknown = unknown_outcome(&stored);
    let opened = match open_stored(host, &mut stored).await {
        Ok(opened) => opened,
        Err(error) => return Err(unknown.unwrap_or(error)),
    };
    // The role may have the host try again by itself; else a person chooses.
    if let Some(error) = unknown
        && retriable(&opened.tools, &stored).is_none()
    {
        return Err(error);
    }
    let by = Resolver { authenticated_as: host.identity().to_owned(), note: None };
    let claim = store.claim_run(&id, &host.owner()?, &by, host.clock.now()).await?;
    attended.reporter.report(Progress::Resumed);
    continue_run(host, &opened, claim, None, &mut attended).await
}
