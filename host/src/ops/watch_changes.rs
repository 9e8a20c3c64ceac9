//! When to look again at what is stored.

use super::error::OpError;
use super::host::Host;
use tokio::sync::watch;

/// A counter that moves when something happened to a run, by this process or another one; closed with the
/// store.
///
/// # Errors
/// Where the database cannot be opened.
pub fn watch_changes(host: &Host) -> Result<watch::Receiver<u64>, OpError> {
    Ok(host.store()?.changes()?)
}
