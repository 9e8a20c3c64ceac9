//! Lists the runs of one role page by page, oldest first.

use super::fault::Fault;
use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use rusqlite::{Connection, params};

pub(super) fn runs_of(
    conn: &Connection,
    role: &str,
    since: Timestamp,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, RunId)>, Fault> {
    // A role that was changed is another row of the same name. `CROSS` keeps the runs leading, which are
    // in order already: a page costs what it reads.
    let mut statement = conn.prepare_cached(
        "SELECT runs.n, id FROM runs CROSS JOIN roles ON roles.n = runs.role
         WHERE runs.n > ?1 AND name = ?2 AND updated_at >= ?3 ORDER BY runs.n LIMIT ?4",
    )?;
    let mut found =
        statement.query(params![after, role, since.0, rows::to_stored(limit as u64)])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push((row.get(0)?, rows::run_id(row.get_ref(1)?.as_str()?)?));
    }
    Ok(runs)
}
