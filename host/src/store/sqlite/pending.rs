//! Lists the calls that wait for a person, oldest first.

use super::fault::Fault;
use super::{programs, rows};
use crate::domain::clock::{Timestamp, Uptime};
use crate::domain::tool_call::CallState;
use crate::store::PendingCall;
use rusqlite::Connection;

pub(super) fn pending(
    conn: &Connection,
    limit: usize,
    now: Option<&Uptime>,
) -> Result<(Vec<PendingCall>, usize), Fault> {
    let total: i64 = conn
        .prepare_cached("SELECT count(*) FROM pending_approvals WHERE resolved_at IS NULL")?
        .query_row([], |row| row.get(0))?;
    let total = usize::try_from(total).unwrap_or_default();
    let mut statement = conn.prepare_cached(
        "SELECT run_id, tool_call_id, tool, agent, state, created_at, arguments, preview_format,
           preview, changed, expires_at, n
         FROM pending_approvals WHERE resolved_at IS NULL ORDER BY created_at, n LIMIT ?1",
    )?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut calls = Vec::with_capacity(limit.min(total));
    while let Some(row) = found.next()? {
        let state = rows::call_state(row.get_ref(4)?.as_str()?)?;
        let running = match state {
            CallState::Unknown => programs::running_of_request(conn, row.get(11)?, now)?,
            _ => None,
        };
        calls.push(PendingCall {
            run: rows::run_id(row.get_ref(0)?.as_str()?)?,
            call: rows::call_id(row.get_ref(1)?.as_str()?)?,
            tool: row.get(2)?,
            agent: row.get(3)?,
            state,
            created_at: Timestamp(row.get(5)?),
            arguments: row.get(6)?,
            preview: rows::preview(row.get(7)?, row.get(8)?)?,
            changed: rows::changed(row.get(9)?)?,
            expires_at: row.get::<_, Option<i64>>(10)?.map(Timestamp),
            running,
        });
    }
    Ok((calls, total))
}
