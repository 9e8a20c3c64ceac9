//! Queueing a run: it is asked for now, and begins when its turn comes.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::run_role::{StartRequest, check_reviewers, new_run};
use crate::domain::ids::RunId;
use crate::store::QueueTerms;

/// Writes a run down that waits for its turn. Nothing is asked or called: [`resume_run`](super::resume_run())
/// begins with it.
///
/// # Errors
/// What is wrong with the role; [`OpError::Conflict`] where too many wait, or the same was sent before.
pub async fn queue_run(
    host: &Host,
    file: &RoleFile,
    request: StartRequest,
    terms: QueueTerms,
) -> Result<RunId, OpError> {
    let opened = file.open(host).await?;
    check_reviewers(host, &opened, &file.shown)?;
    Ok(host.store()?.queue_run(new_run(host, file, &opened, request)?, terms).await?)
}

/// The runs of some roles, by the roles' names, whose turn has come, oldest first, at most `limit`, each with
/// its role's name.
///
/// # Errors
/// Where the database cannot be read.
pub async fn queued_runs(
    host: &Host,
    roles: Vec<String>,
    limit: usize,
) -> Result<Vec<(RunId, String)>, OpError> {
    Ok(host.store()?.queued_runs(roles, limit).await?)
}

/// The interrupted runs of some roles, by the roles' names, oldest first, at most `limit`, each with its role's
/// name and what started it.
///
/// # Errors
/// Where the database cannot be read.
pub async fn interrupted_runs(
    host: &Host,
    roles: Vec<String>,
    limit: usize,
) -> Result<Vec<(RunId, String, String)>, OpError> {
    Ok(host.store()?.interrupted_runs(roles, limit).await?)
}
