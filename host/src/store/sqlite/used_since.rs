//! Adds up what the runs of a role have used.

use super::fault::Fault;
use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::message::Usage;
use crate::store::Used;
use rusqlite::{Connection, params};

/// How many runs of a role were asked for at that moment or later, and what those have used with which
/// something was done since. A run that goes on over midnight counts on both days: how much of it was used on
/// which is not written down, and too little is the safer mistake.
pub(super) fn used_since(conn: &Connection, role: &str, since: Timestamp) -> Result<Used, Fault> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE created_at >= ?2), total(input_tokens), total(output_tokens)
             FROM runs WHERE role IN (SELECT n FROM roles WHERE name = ?1)
               AND (created_at >= ?2 OR updated_at >= ?2)",
        )?
        .query_row(params![role, since.0], |row| {
            let whole = |index| row.get::<_, f64>(index).map(|number| number as u64);
            Ok(Used {
                runs: rows::from_stored(row.get(0)?),
                usage: Usage { input_tokens: whole(1)?, output_tokens: whole(2)? },
            })
        })?)
}
