//! Driving a claimed run: shared by starting, approving and resuming.

use super::Attended;
use super::error::OpError;
use super::host::Host;
use super::open_role::Opened;
use super::random;
use crate::runner::{Driven, Driver};
use crate::store::Claim;

/// Drives a claimed run until it pauses or ends.
pub(super) async fn continue_run(
    host: &Host,
    opened: &Opened,
    claim: Claim,
    attended: &mut Attended<'_>,
) -> Result<Driven, OpError> {
    let store = host.store()?;
    let run = store.load_run(&claim.run).await?;
    let driver = Driver {
        store: &**store,
        gate: host.gate()?,
        tools: &opened.tools,
        role: &opened.role,
        model: &*opened.model,
        clock: &*host.clock,
        random: &random::sixteen,
        stop: attended.stop.clone(),
    };
    Ok(driver.drive(claim, run, attended.reporter).await?)
}
