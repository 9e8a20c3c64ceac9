//! Listing what was started, and what was decided.

use super::error::OpError;
use super::host::Host;
use crate::store::{ResolvedApproval, RunStart};

/// The starts and resumptions of runs, newest first.
///
/// # Errors
/// Where the database cannot be read.
pub async fn list_starts(host: &Host, limit: usize) -> Result<Vec<RunStart>, OpError> {
    Ok(host.store()?.starts(limit).await?)
}

/// The approvals that are resolved, newest first, those of pruned runs too.
///
/// # Errors
/// Where the database cannot be read.
pub async fn list_approvals(host: &Host, limit: usize) -> Result<Vec<ResolvedApproval>, OpError> {
    Ok(host.store()?.approvals(limit).await?)
}
