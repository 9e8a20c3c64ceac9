//! The programs that calls started, and which of them still run.

use super::call_row::CallRow;
use super::fault::Fault;
use crate::domain::clock::Uptime;
use crate::store::{Conflict, Program};
use rusqlite::{Connection, OptionalExtension};

/// The process of a program that the call `n` started, in whichever attempt, and that still runs. Only
/// an unknown call has one: any other's programs have ended with it.
pub(super) fn running(
    conn: &Connection,
    n: i64,
    now: Option<&Uptime>,
) -> Result<Option<u32>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT pid, start_time, boots.id FROM programs JOIN boots ON boots.n = programs.boot
         WHERE call = ?1 ORDER BY programs.n DESC",
    )?;
    let mut found = statement.query([n])?;
    while let Some(row) = found.next()? {
        let start_time: i64 = row.get(1)?;
        let program = Program {
            pid: row.get(0)?,
            start_time: u64::try_from(start_time).unwrap_or_default(),
            boot: row.get(2)?,
            // Not what tells it from others.
            isolation: String::new(),
        };
        if program.is_alive(now) {
            return Ok(Some(program.pid));
        }
    }
    Ok(None)
}

/// The same of the unknown call that `request` asks about.
pub(super) fn running_of_request(
    conn: &Connection,
    request: i64,
    now: Option<&Uptime>,
) -> Result<Option<u32>, Fault> {
    let call = conn
        .prepare_cached(
            "SELECT calls.n FROM pending_approvals AS asked
               JOIN runs ON runs.id = asked.run_id
               JOIN calls ON calls.run = runs.n AND calls.id = asked.tool_call_id
             WHERE asked.n = ?1",
        )?
        .query_row([request], |row| row.get(0))
        .optional()?;
    match call {
        Some(call) => running(conn, call, now),
        None => Ok(None),
    }
}

/// Checks that nothing which an unknown call started is still under way: trying again beside it could
/// do everything twice.
pub(super) fn check_ended(
    conn: &Connection,
    call: &CallRow,
    now: Option<&Uptime>,
) -> Result<(), Fault> {
    match running(conn, call.n, now)? {
        Some(pid) => Err(Conflict::ProgramRuns { call: call.id.clone(), pid }.into()),
        None => Ok(()),
    }
}
