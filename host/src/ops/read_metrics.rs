//! What is counted of this process, as Prometheus reads it.

use super::error::OpError;
use super::host::Host;

/// The counters, with how many calls wait as the database says now: other processes add to them and decide
/// about them.
///
/// # Errors
/// Where the database cannot be read.
pub async fn read_metrics(host: &Host) -> Result<String, OpError> {
    // None of them, and how many there are.
    let (_, waiting) = host.store()?.pending(0).await?;
    let metrics = host.observer().metrics();
    metrics.set_waiting(waiting);
    Ok(metrics.encode())
}
