//! Lists the starts and resumptions of runs, newest first.

use super::fault::Fault;
use super::rows;
use crate::domain::clock::Timestamp;
use crate::store::RunStart;
use rusqlite::Connection;
use serde_json::Value;

pub(super) fn starts(conn: &Connection, limit: usize) -> Result<Vec<RunStart>, Fault> {
    // A start says who and what in its run, a resumption in its event.
    let mut statement = conn.prepare_cached(
        "SELECT sequence, at, run_id, body, kind = 'run_created', prompt, name
         FROM events LEFT JOIN runs ON runs.id = run_id LEFT JOIN roles ON roles.n = runs.role
         WHERE kind IN ('run_created', 'run_resumed') ORDER BY sequence DESC LIMIT ?1",
    )?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut starts = Vec::new();
    while let Some(row) = found.next()? {
        let body: Value = serde_json::from_str(row.get_ref(3)?.as_str()?)?;
        let said = |key: &str| body[key].as_str().map(str::to_owned);
        let first: bool = row.get(4)?;
        let (trigger, who) = if first { ("trigger", "requester") } else { ("trigger_type", "by") };
        let of_run: (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
        starts.push(RunStart {
            sequence: row.get(0)?,
            at: Timestamp(row.get(1)?),
            run: rows::run_id(row.get_ref(2)?.as_str()?)?,
            trigger_type: said(trigger).unwrap_or_default(),
            role: said("role").or(of_run.1),
            who: said(who).unwrap_or_default(),
            prompt: if first { of_run.0 } else { said("prompt") },
        });
    }
    Ok(starts)
}
