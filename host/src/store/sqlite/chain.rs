//! The requests of one call, each naming the one before it.

use super::fault::Fault;
use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;
use crate::domain::ids::CallId;
use crate::store::Edited;
use rusqlite::Connection;

/// The edits that led to `request`, oldest first.
pub(super) fn edits(conn: &Connection, request: i64) -> Result<Vec<Edited>, Fault> {
    let mut statement = conn.prepare_cached(
        "WITH RECURSIVE earlier (n, arguments, source, becomes, resolved_by, authenticated_as, resolved_at,
             decision, tool_call_id) AS (
           SELECT n, arguments, source, arguments, NULL, NULL, NULL, NULL, tool_call_id
           FROM pending_approvals WHERE n = ?1
           UNION ALL
           SELECT asked.n, asked.arguments, asked.source, earlier.arguments, asked.resolved_by,
             asked.authenticated_as, asked.resolved_at, asked.decision, asked.tool_call_id
           FROM earlier JOIN pending_approvals AS asked
             ON asked.n = earlier.source AND asked.tool_call_id = earlier.tool_call_id
         )
         SELECT arguments, becomes, resolved_by, authenticated_as, resolved_at
         FROM earlier WHERE decision = 'edited' ORDER BY n",
    )?;
    let mut found = statement.query([request])?;
    let mut edits = Vec::new();
    while let Some(row) = found.next()? {
        let (by, authenticated_as): (String, String) = (row.get(2)?, row.get(3)?);
        let note = (by != authenticated_as).then_some(by);
        edits.push(Edited {
            from: row.get(0)?,
            to: row.get(1)?,
            resolver: Resolver { authenticated_as, note },
            at: Timestamp(row.get(4)?),
        });
    }
    Ok(edits)
}

/// The call that the request `source` is about, where it is another one than `call`: the one whose
/// approval `call` repeats.
pub(super) fn other_call(
    conn: &Connection,
    source: i64,
    call: &CallId,
) -> Result<Option<CallId>, Fault> {
    let found: String = conn
        .prepare_cached("SELECT tool_call_id FROM pending_approvals WHERE n = ?1")?
        .query_row([source], |row| row.get(0))?;
    let found = rows::call_id(&found)?;
    Ok((found != *call).then_some(found))
}
