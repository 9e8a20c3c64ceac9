//! Checking that nobody changed what was written down.

use super::error::OpError;
use super::host::Host;
use crate::store::JournalCheck;

/// Walks the whole journal: its chain, and the heads in the file beside the database, which show a
/// cut-off end.
///
/// # Errors
/// Where the database or the key cannot be read.
pub async fn verify_journal(host: &Host) -> Result<JournalCheck, OpError> {
    Ok(host.store()?.check_journal().await?)
}
