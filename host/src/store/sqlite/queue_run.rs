//! Writes a run down that waits for its turn, and finds those whose turn has come.

use super::create_run::write_down;
use super::fault::Fault;
use super::writer::Write;
use super::{rows, trigger_marks};
use crate::domain::ids::RunId;
use crate::store::{Conflict, NewRun, QueueTerms};
use rusqlite::{Connection, params};

pub(super) fn queue_run(
    write: &mut Write<'_>,
    run: &NewRun,
    terms: &QueueTerms,
) -> Result<(), Fault> {
    // Whether it was sent before comes first: it is in the queue then, however long that is.
    super::idempotency::refuse_repeated(write, run.idempotency.as_ref())?;
    let waiting: i64 = write
        .conn
        .prepare_cached(
            "SELECT count(*) FROM runs
             WHERE state = 'queued' AND role IN (SELECT n FROM roles WHERE name = ?1)",
        )?
        .query_row([&run.role_name], |row| row.get(0))?;
    if waiting >= i64::from(terms.limit) {
        return Err(Conflict::QueueFull { limit: terms.limit }.into());
    }
    if let Some((most, since)) = terms.most_since {
        let asked: i64 = write
            .conn
            .prepare_cached(
                "SELECT count(*) FROM runs
                 WHERE role IN (SELECT n FROM roles WHERE name = ?1) AND created_at >= ?2",
            )?
            .query_row(params![run.role_name, since.0], |row| row.get(0))?;
        if asked >= i64::from(most) {
            return Err(Conflict::DayFull { limit: most }.into());
        }
    }
    write_down(write, run, None)?;
    match terms.mark {
        Some(at) => trigger_marks::mark(write, &run.role_name, &run.trigger, at),
        None => Ok(()),
    }
}

/// The runs of some roles that wait for their turn and whose turn has come, oldest first, each with its
/// role's name: those of a conversation wait for the ones before them.
pub(super) fn queued_runs(
    conn: &Connection,
    roles: &[String],
    limit: usize,
) -> Result<Vec<(RunId, String)>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT runs.id, name FROM runs JOIN roles ON roles.n = runs.role
         WHERE state = 'queued' AND name IN (SELECT value FROM json_each(?1))
           AND NOT EXISTS (SELECT 1 FROM runs AS earlier
             WHERE earlier.conversation = runs.conversation AND earlier.n < runs.n
               AND earlier.state NOT IN ('completed', 'failed', 'cancelled'))
         ORDER BY runs.n LIMIT ?2",
    )?;
    let limit = rows::to_stored(limit as u64);
    let mut found = statement.query(params![serde_json::to_string(roles)?, limit])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push((rows::run_id(row.get_ref(0)?.as_str()?)?, row.get(1)?));
    }
    Ok(runs)
}
