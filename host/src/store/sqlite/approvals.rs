//! Lists the approvals that are resolved, newest first.

use super::fault::Fault;
use super::rows;
use crate::domain::clock::Timestamp;
use crate::store::ResolvedApproval;
use rusqlite::Connection;

pub(super) fn approvals(conn: &Connection, limit: usize) -> Result<Vec<ResolvedApproval>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT n, run_id, tool_call_id, tool, agent, arguments, created_at, resolved_at, decision,
           resolved_by, authenticated_as, reason
         FROM pending_approvals WHERE resolved_at IS NOT NULL
         ORDER BY resolved_at DESC, n DESC LIMIT ?1",
    )?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut approvals = Vec::new();
    while let Some(row) = found.next()? {
        approvals.push(ResolvedApproval {
            request: row.get(0)?,
            run: rows::run_id(row.get_ref(1)?.as_str()?)?,
            call: rows::call_id(row.get_ref(2)?.as_str()?)?,
            tool: row.get(3)?,
            agent: row.get(4)?,
            arguments: row.get(5)?,
            created_at: Timestamp(row.get(6)?),
            resolved_at: Timestamp(row.get(7)?),
            decision: row.get(8)?,
            resolved_by: row.get(9)?,
            authenticated_as: row.get(10)?,
            reason: row.get(11)?,
        });
    }
    Ok(approvals)
}
