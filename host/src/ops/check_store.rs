//! Whether the database answers.

use super::error::OpError;
use super::host::Host;

/// Asks the database for something small.
///
/// # Errors
/// Where it does not answer.
pub async fn check_store(host: &Host) -> Result<(), OpError> {
    host.store()?.runs(1).await?;
    Ok(())
}
