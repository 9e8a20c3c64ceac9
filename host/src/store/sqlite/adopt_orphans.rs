//! Takes runs away from processes that died driving them.

use super::fault::Fault;
use super::owners::Owners;
use super::run_row::{self, LetGo, RunRow};
use super::writer::Write;
use super::{call_row, rows};
use crate::domain::clock::Timestamp;
use crate::domain::ids::{OwnerId, RunId};
use crate::store::owner::Liveness;
use rusqlite::Connection;

pub(super) fn adopt_orphans(write: &mut Write<'_>, at: Timestamp) -> Result<Vec<RunId>, Fault> {
    let mut adopted = Vec::new();
    for owner in dead_owners(write.conn, write.owners)? {
        for id in driven_by(write, &owner)? {
            let run = run_row::find(write.conn, &id)?;
            adopt(write, &run, at)?;
            adopted.push(id);
        }
    }
    Ok(adopted)
}

/// The owners of running runs that are dead. Only reads: most of the time there is none, and then
/// nobody has to wait for the right to write.
pub(super) fn dead_owners(conn: &Connection, owners: &Owners) -> Result<Vec<OwnerId>, Fault> {
    let mut statement =
        conn.prepare_cached("SELECT DISTINCT owner FROM runs WHERE state = 'running'")?;
    let mut found = statement.query([])?;
    let mut dead = Vec::new();
    while let Some(row) = found.next()? {
        let owner = rows::owner_id(&row.get::<_, String>(0)?)?;
        if owners.is_alive(&owner) == Liveness::Dead {
            dead.push(owner);
        }
    }
    Ok(dead)
}

/// Adopts a run whose owner is dead; gives the run as it stands then, and the process of an owner that
/// lives.
pub(super) fn adopt_if_orphaned(
    write: &mut Write<'_>,
    run: RunRow,
    at: Timestamp,
) -> Result<(RunRow, Option<u32>), Fault> {
    let Some(owner) = &run.owner else { return Ok((run, None)) };
    match write.owners.is_alive(owner) {
        Liveness::Alive { pid } => Ok((run, Some(pid))),
        Liveness::Dead => {
            adopt(write, &run, at)?;
            Ok((run_row::find(write.conn, &run.id)?, None))
        }
    }
}

fn adopt(write: &mut Write<'_>, run: &RunRow, at: Timestamp) -> Result<(), Fault> {
    call_row::lose_track(write, run, at)?;
    run_row::let_go(write, run, LetGo::Orphaned, at)?;
    Ok(())
}

fn driven_by(write: &Write<'_>, owner: &OwnerId) -> Result<Vec<RunId>, Fault> {
    let mut statement = write
        .conn
        .prepare_cached("SELECT id FROM runs WHERE state = 'running' AND owner = ?1 ORDER BY n")?;
    let mut found = statement.query([owner.as_str()])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push(rows::run_id(&row.get::<_, String>(0)?)?);
    }
    Ok(runs)
}
