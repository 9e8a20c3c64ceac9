//! Starts of the machine, each stored once, and how the clock stood against the uptime in each.

use super::fault::Fault;
use super::writer::Write;
use crate::domain::clock::{Moment, Uptime};
use crate::domain::event::EventKind;
use crate::domain::expiry::LARGEST_DRIFT;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

/// The row of a start of the machine.
pub(super) fn store(write: &Write<'_>, boot: &str) -> Result<i64, Fault> {
    let known = write
        .conn
        .prepare_cached("SELECT n FROM boots WHERE id = ?1")?
        .query_row([boot], |row| row.get(0))
        .optional()?;
    match known {
        Some(n) => Ok(n),
        None => write.insert("INSERT INTO boots (id) VALUES (?1)", [boot]),
    }
}

/// The uptime as two columns: the start of the machine, and microseconds since then. The first time in
/// a start, notes how the clock stands against it.
pub(super) fn columns(
    write: &Write<'_>,
    now: &Moment,
) -> Result<(Option<i64>, Option<i64>), Fault> {
    let Some(uptime) = &now.uptime else { return Ok((None, None)) };
    let boot = store(write, &uptime.boot)?;
    write.execute(
        "UPDATE boots SET clock_offset = ?1 WHERE n = ?2 AND clock_offset IS NULL",
        params![offset(now, uptime), boot],
    )?;
    Ok((Some(boot), Some(uptime.microseconds)))
}

/// By how many microseconds the clock was set since that was last noticed; `None` where it goes on as
/// before.
pub(super) fn jump(conn: &Connection, now: &Moment) -> Result<Option<i64>, Fault> {
    let Some(uptime) = &now.uptime else { return Ok(None) };
    let noted: Option<i64> = conn
        .prepare_cached("SELECT clock_offset FROM boots WHERE id = ?1")?
        .query_row([&uptime.boot], |row| row.get(0))
        .optional()?
        .flatten();
    let by = noted.map(|noted| offset(now, uptime).saturating_sub(noted));
    Ok(by.filter(|by| by.saturating_abs() > LARGEST_DRIFT))
}

/// Writes down that the clock was set, once for each time that it was.
pub(super) fn note_jump(write: &mut Write<'_>, now: &Moment) -> Result<Option<i64>, Fault> {
    let (Some(by), Some(uptime)) = (jump(write.conn, now)?, &now.uptime) else { return Ok(None) };
    write.change_one(
        "UPDATE boots SET clock_offset = ?1 WHERE id = ?2",
        params![offset(now, uptime), uptime.boot],
    )?;
    let body = json!({"boot": uptime.boot, "by": by});
    write.record_of_journal(now.at, EventKind::ClockJumped, &body)?;
    Ok(Some(by))
}

fn offset(now: &Moment, uptime: &Uptime) -> i64 {
    now.at.0.saturating_sub(uptime.microseconds)
}
