//! What a role may still do today.

use super::error::OpError;
use super::host::Host;
use crate::domain::clock::Timestamp;
use crate::domain::role::Role;
use crate::store::Used;

/// Microseconds of a day. Days are those of UTC: the same for everybody who reads the limit.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// When the day began.
pub fn day_began(host: &Host) -> Timestamp {
    let now = host.clock.now().0;
    Timestamp(now - now.rem_euclid(DAY))
}

/// The key of the limit of the role's `daemon:` that its runs of today have reached; nothing where another one
/// may be asked for.
///
/// # Errors
/// Where the database cannot be read.
pub async fn check_day(host: &Host, role: &Role) -> Result<Option<&'static str>, OpError> {
    let limits = &role.daemon;
    if limits.max_runs_per_day.is_none() && !spends(role) {
        return Ok(None);
    }
    let used = host.store()?.used_since(&role.name, day_began(host)).await?;
    if limits.max_runs_per_day.is_some_and(|most| used.runs >= u64::from(most)) {
        return Ok(Some("max_runs_per_day"));
    }
    Ok(spent(role, &used))
}

/// The key of the limit that what its runs have spent today has reached; nothing where one that was asked for may
/// begin.
///
/// # Errors
/// Where the database cannot be read.
pub async fn check_spent(host: &Host, role: &Role) -> Result<Option<&'static str>, OpError> {
    if !spends(role) {
        return Ok(None);
    }
    let used = host.store()?.used_since(&role.name, day_began(host)).await?;
    Ok(spent(role, &used))
}

/// Whether it has a limit of what is spent.
fn spends(role: &Role) -> bool {
    role.daemon.max_tokens_per_day.is_some() || role.daemon.max_cost_usd_per_day.is_some()
}

fn spent(role: &Role, used: &Used) -> Option<&'static str> {
    let limits = &role.daemon;
    let tokens = used.usage.input_tokens.saturating_add(used.usage.output_tokens);
    if limits.max_tokens_per_day.is_some_and(|most| tokens >= u64::from(most)) {
        return Some("max_tokens_per_day");
    }
    let cost = role.model.dearest_price().map(|price| price.of(&used.usage));
    if let (Some(most), Some(cost)) = (limits.max_cost_usd_per_day, cost)
        && cost >= most
    {
        return Some("max_cost_usd_per_day");
    }
    None
}
