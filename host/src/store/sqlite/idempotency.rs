//! Requests that were sent before, by the keys that clients gave them.
//!
//! A row holds digests and no text: of who sent it with their key, and of what was asked. It is sealed
//! under the journal's key, so that nobody without that can have a request answered from another run, or
//! taken for done. That a row is missing is no finding: each goes in its time.

use super::fault::Fault;
use super::findings::Findings;
use super::key::{Key, KeyPlace};
use super::rows;
use super::writer::Write;
use crate::domain::canonical;
use crate::domain::clock::Timestamp;
use crate::domain::digest::Digest;
use crate::domain::ids::RunId;
use crate::store::{Conflict, Idempotency};
use hmac::Mac;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

/// How long a key is kept at least, in microseconds: a day, as the draft of the header
/// (draft-ietf-httpapi-idempotency-key-header) has it in its examples, and longer than any client tries.
const KEPT: i64 = 24 * 60 * 60 * 1_000_000;

/// A request that was done.
struct Known {
    key: Vec<u8>,
    request: Vec<u8>,
    run: String,
    at: i64,
    seal: Vec<u8>,
}

impl Known {
    const COLUMNS: &str = "key, request, run_id, at, seal";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(0)?,
            request: row.get(1)?,
            run: row.get(2)?,
            at: row.get(3)?,
            seal: row.get(4)?,
        })
    }

    fn holds(&self, key: &Key) -> bool {
        self.seal == seal(key, &self.key, &self.request, &self.run, self.at)
    }
}

fn seal(key: &Key, name: &[u8], request: &[u8], run: &str, at: i64) -> [u8; 32] {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    // No event's line begins with a word, so a seal is never an event's code.
    let line = json!(["idempotency", hex(name), hex(request), run, at]);
    let mut mac = key.clone();
    mac.update(canonical::to_text(&line).as_bytes());
    mac.finalize().into_bytes().into()
}

/// Whose key it is, and which.
fn name(sent: &Idempotency) -> Digest {
    Digest::of(canonical::to_text(&json!([sent.owner, sent.key.as_str()])).as_bytes())
}

/// The run that came of a request that was sent before; nothing for a new one.
pub(super) fn find(
    conn: &Connection,
    key: impl FnOnce() -> Result<Key, Fault>,
    sent: &Idempotency,
) -> Result<Option<RunId>, Fault> {
    let sql = format!("SELECT {} FROM idempotency WHERE key = ?1", Known::COLUMNS);
    let known =
        conn.prepare_cached(&sql)?.query_row([name(sent).as_bytes()], Known::read).optional()?;
    let Some(known) = known else { return Ok(None) };
    if !known.holds(&key()?) {
        return Err(Fault::Inconsistent(format!(
            "the row of an idempotency key that names run {} was changed",
            known.run
        )));
    }
    if known.request != sent.request.as_bytes() {
        return Err(Conflict::KeyReused.into());
    }
    rows::run_id(&known.run).map(Some)
}

/// Refuses a request that was sent before.
pub(super) fn refuse_repeated(write: &Write<'_>, sent: Option<&Idempotency>) -> Result<(), Fault> {
    let Some(sent) = sent else { return Ok(()) };
    match find(write.conn, || Ok(write.key().clone()), sent)? {
        Some(run) => Err(Conflict::Repeated { run }.into()),
        None => Ok(()),
    }
}

/// Writes down that a request was done, and which run came of it.
pub(super) fn record(
    write: &Write<'_>,
    sent: Option<&Idempotency>,
    run: &RunId,
    at: Timestamp,
) -> Result<(), Fault> {
    let Some(sent) = sent else { return Ok(()) };
    let (name, request) = (name(sent), sent.request);
    let seal = seal(write.key(), name.as_bytes(), request.as_bytes(), run.as_str(), at.0);
    write.insert(
        "INSERT INTO idempotency (key, request, run_id, at, seal) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![name.as_bytes(), request.as_bytes(), run.as_str(), at.0, seal],
    )?;
    Ok(())
}

/// Removes the keys that were kept long enough.
pub(super) fn prune(write: &Write<'_>, now: Timestamp) -> Result<(), Fault> {
    write.execute("DELETE FROM idempotency WHERE at < ?1", [now.0.saturating_sub(KEPT)])?;
    Ok(())
}

/// Adds a sentence for each row that this host did not write.
pub(super) fn check(
    conn: &Connection,
    key: &KeyPlace,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let sql = format!("SELECT {} FROM idempotency", Known::COLUMNS);
    let mut statement = conn.prepare(&sql)?;
    let mut found = statement.query_map([], Known::read)?.peekable();
    if found.peek().is_none() {
        // There may be no key yet.
        return Ok(());
    }
    let key = key.read()?;
    for known in found {
        let known = known?;
        if !known.holds(&key) {
            findings.add(|| {
                format!(
                    "the row of an idempotency key that names run {} was changed, or was written with another key",
                    known.run
                )
            });
        }
    }
    Ok(())
}
