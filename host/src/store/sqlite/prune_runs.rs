//! Removes runs that ended long ago, and leaves checkpoints for the events that went with them.
//!
//! What stays: every approval's row and the events that tell of it, so that who decided what, and when,
//! can be read and verified for good; and who set a run going again. Everything else of the run goes.
//!
//! One event, `journal_pruned`, says what was removed: how many runs, messages, calls and events; a
//! digest over the codes of the events; before which moment the runs ended; and who pruned. It also
//! holds the digest of all checkpoints, see `checkpoints.rs`.

use super::checkpoints::{self, Checkpoint};
use super::fault::Fault;
use super::idempotency;
use super::journal::{Head, Line};
use super::writer::Write;
use crate::domain::digest::Digest;
use crate::domain::event::EventKind;
use crate::store::{PruneRequest, Pruned};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;
use std::collections::BTreeMap;

/// The runs that are pruned.
const RUNS: &str = "SELECT n FROM runs
    WHERE state IN ('completed', 'failed', 'cancelled') AND updated_at < ?1 AND conversation IS NULL
    ORDER BY n LIMIT ?2";

/// The conversations that are pruned: a run needs all those before it, so it is the latest that counts.
const CONVERSATIONS: &str = "SELECT conversation FROM runs
    WHERE n IN (SELECT max(n) FROM runs WHERE conversation IS NOT NULL GROUP BY conversation)
      AND state IN ('completed', 'failed', 'cancelled') AND updated_at < ?1
    ORDER BY conversation LIMIT ?2";

/// The events of a run that go with it. Its end stays where it is what closed an approval.
const EVENTS: &str = "SELECT sequence FROM events
    JOIN runs ON runs.id = run_id JOIN pruned ON pruned.n = runs.n
    WHERE NOT (kind LIKE 'approval\\_%' ESCAPE '\\' OR kind IN ('run_resumed', 'unknown_retried')
      OR (kind = 'run_ended' AND EXISTS (
        SELECT 1 FROM calls JOIN pending_approvals AS asked ON asked.n = calls.request
        WHERE calls.run = runs.n AND asked.resolved_at IS NOT NULL AND asked.decision IS NULL)))
    ORDER BY sequence";

pub(super) fn prune_runs(write: &mut Write<'_>, request: &PruneRequest) -> Result<Pruned, Fault> {
    let conn = write.conn;
    conn.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS pruned (n INTEGER PRIMARY KEY);
         CREATE TEMP TABLE IF NOT EXISTS removed (sequence INTEGER PRIMARY KEY, mac BLOB);
         DELETE FROM pruned; DELETE FROM removed;",
    )?;
    let runs = choose(conn, request)?;
    let sql = format!("INSERT INTO removed (sequence) {EVENTS}");
    let events = conn.prepare_cached(&sql)?.execute([])?;
    let count = |table: &str| -> Result<u64, Fault> {
        let sql = format!("SELECT count(*) FROM {table} JOIN pruned ON pruned.n = {table}.run");
        let count: i64 = conn.query_row(&sql, [], |row| row.get(0))?;
        Ok(super::rows::from_stored(count))
    };
    let pruned = Pruned {
        runs: runs as u64,
        messages: count("messages")?,
        calls: count("calls")?,
        events: events as u64,
    };
    if request.dry_run {
        return Ok(pruned);
    }
    idempotency::prune(write, request.at)?;
    if runs == 0 {
        return Ok(pruned);
    }
    let digest = leave_checkpoints(write)?;
    remove(write)?;
    let body = json!({
        "authenticated_as": request.resolver.authenticated_as,
        "before": request.before.0,
        "by": request.resolver.resolved_by(),
        "checkpoints": checkpoints::digest(conn)?,
        "contents": digest.hex(),
        "removed": {
            "calls": pruned.calls,
            "events": pruned.events,
            "messages": pruned.messages,
            "runs": pruned.runs,
        },
    });
    write.record_of_journal(request.at, EventKind::JournalPruned, &body)?;
    Ok(pruned)
}

/// Notes which runs go; gives how many. Conversations go whole, so the last one may be beyond the limit.
fn choose(conn: &Connection, request: &PruneRequest) -> Result<usize, Fault> {
    let limit = |left: usize| [request.before.0, super::rows::to_stored(left as u64)];
    let sql = format!("INSERT INTO pruned {RUNS}");
    let mut runs = conn.prepare_cached(&sql)?.execute(limit(request.limit))?;
    if runs >= request.limit {
        return Ok(runs);
    }
    let mut statement = conn.prepare_cached(CONVERSATIONS)?;
    let mut found = statement.query(limit(request.limit - runs))?;
    let mut insert =
        conn.prepare_cached("INSERT INTO pruned SELECT n FROM runs WHERE conversation = ?1")?;
    while runs < request.limit
        && let Some(row) = found.next()?
    {
        runs += insert.execute([row.get::<_, i64>(0)?])?;
    }
    Ok(runs)
}

/// Puts a checkpoint in the place of every stretch of events that goes; gives the digest of their codes.
///
/// Each code is computed again first. A checkpoint vouches for what it stands for, so it must not be
/// sealed over an event that somebody changed or removed.
fn leave_checkpoints(write: &Write<'_>) -> Result<Digest, Fault> {
    let conn = write.conn;
    let mut codes = Vec::new();
    // By the number of the last event.
    let mut holes: BTreeMap<i64, (Head, Head)> = BTreeMap::new();
    let mut statement = conn.prepare_cached(
        "SELECT events.sequence, at, run_id, call_id, kind, body, events.mac
         FROM removed JOIN events ON events.sequence = removed.sequence ORDER BY events.sequence",
    )?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let sequence: i64 = row.get(0)?;
        let (before, code) = match holes.remove(&(sequence - 1)) {
            Some((before, last)) => (before, last),
            None => before(write, sequence)?,
        };
        let end = Head { sequence, mac: code_of(write, row, &code)? };
        codes.extend_from_slice(&end.mac);
        let end = after(write, end)?;
        holes.insert(end.sequence, (before, end));
    }
    for (before, last) in holes.into_values() {
        let hole = Checkpoint::sealed(write.key(), &before, last);
        write.execute(
            "INSERT INTO checkpoints (first, last, mac, seal) VALUES (?1, ?2, ?3, ?4)",
            params![hole.first, hole.last, hole.mac, hole.seal],
        )?;
    }
    Ok(Digest::of(&codes))
}

/// What comes before an event that goes: where the hole begins, and what the event is chained to. A
/// hole that ends there becomes part of this one.
fn before(write: &Write<'_>, sequence: i64) -> Result<(Head, Head), Fault> {
    let last = sequence - 1;
    if last == 0 {
        return Ok((Head::START, Head::START));
    }
    if let Some(head) = event(write, last)? {
        return Ok((head, head));
    }
    let known = write
        .conn
        .prepare_cached("SELECT first, last, mac, seal FROM checkpoints WHERE last = ?1")?
        .query_row([last], |row| Ok(Checkpoint::read(row)))
        .optional()?
        .transpose()?;
    let Some(hole) = known else { return Err(broken(last)) };
    // Holes that meet are one, so there is an event before this one.
    let before = match hole.first - 1 {
        0 => Head::START,
        number => event(write, number)?.ok_or_else(|| broken(number))?,
    };
    take(write, &hole, &before)?;
    Ok((before, Head { sequence: last, mac: hole.mac }))
}

/// Where the hole ends that `end` is in: behind a hole that begins right after it.
fn after(write: &Write<'_>, end: Head) -> Result<Head, Fault> {
    let next = write
        .conn
        .prepare_cached("SELECT first, last, mac, seal FROM checkpoints WHERE first = ?1")?
        .query_row([end.sequence + 1], |row| Ok(Checkpoint::read(row)))
        .optional()?
        .transpose()?;
    let Some(hole) = next else { return Ok(end) };
    take(write, &hole, &end)?;
    Ok(Head { sequence: hole.last, mac: hole.mac })
}

/// Removes a checkpoint that another one will stand for.
fn take(write: &Write<'_>, hole: &Checkpoint, before: &Head) -> Result<(), Fault> {
    if !hole.holds(write.key(), before) {
        return Err(broken(hole.first));
    }
    write.change_one("DELETE FROM checkpoints WHERE first = ?1", [hole.first])
}

/// The code of an event that stays, or has not gone yet.
fn event(write: &Write<'_>, sequence: i64) -> Result<Option<Head>, Fault> {
    let code: Option<Vec<u8>> = write
        .conn
        .prepare_cached("SELECT mac FROM events WHERE sequence = ?1")?
        .query_row([sequence], |row| row.get(0))
        .optional()?;
    let head = |code: Vec<u8>| code.try_into().map(|mac| Head { sequence, mac });
    code.map(head).transpose().map_err(|_| broken(sequence))
}

/// The code of an event that goes, where it is what was written.
fn code_of(write: &Write<'_>, row: &Row<'_>, previous: &Head) -> Result<[u8; 32], Fault> {
    let line = Line {
        sequence: row.get(0)?,
        at: row.get(1)?,
        run: row.get_ref(2)?.as_str()?,
        call: row.get_ref(3)?.as_str_or_null()?,
        kind: row.get_ref(4)?.as_str()?,
        body: row.get_ref(5)?.as_str()?,
    };
    let code = line.mac(write.key(), &previous.mac);
    if row.get_ref(6)?.as_blob()? == code { Ok(code) } else { Err(broken(line.sequence)) }
}

fn broken(event: i64) -> Fault {
    Fault::Inconsistent(format!(
        "event {event} of the journal was changed, so nothing was pruned; `initrunner audit verify` says more"
    ))
}

fn remove(write: &Write<'_>) -> Result<(), Fault> {
    for statement in [
        "DELETE FROM events WHERE sequence IN (SELECT sequence FROM removed)",
        "DELETE FROM messages WHERE run IN (SELECT n FROM pruned)",
        "DELETE FROM calls WHERE run IN (SELECT n FROM pruned)",
        "DELETE FROM outbox WHERE run_id IN (
           SELECT id FROM runs WHERE n IN (SELECT n FROM pruned))",
        "DELETE FROM idempotency WHERE run_id IN (
           SELECT id FROM runs WHERE n IN (SELECT n FROM pruned))",
        "DELETE FROM runs WHERE n IN (SELECT n FROM pruned)",
        "DELETE FROM conversations WHERE NOT EXISTS (
           SELECT 1 FROM runs WHERE conversation = conversations.n)",
        // What no other run was made of.
        "DELETE FROM role_components WHERE role NOT IN (SELECT role FROM runs)",
        "DELETE FROM roles WHERE n NOT IN (SELECT role FROM runs)",
    ] {
        write.execute(statement, [])?;
    }
    Ok(())
}
