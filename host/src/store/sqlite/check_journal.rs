//! Walks the whole journal and says the first thing that does not fit.

use super::fault::Fault;
use super::heads;
use super::journal::{Head, Line};
use super::key::{Key, KeyPlace};
use crate::store::JournalCheck;
use rusqlite::Connection;
use std::io;
use std::path::Path;

/// What is written beside the database, read before the database: a head written in between would seem
/// to name an event that is missing.
pub(super) enum Beside {
    /// A database in memory has nothing beside it.
    Nothing,
    /// The heads, by number.
    Heads(Vec<Head>),
    /// The file is gone.
    Missing,
}

impl Beside {
    /// Reads what is beside the database at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, Fault> {
        match heads::read(path) {
            Ok(heads) => Ok(Beside::Heads(heads)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Beside::Missing),
            Err(error) => Err(Fault::Failed(format!(
                "the file of chain heads `{}` cannot be read: {error}",
                heads::beside(path).display()
            ))),
        }
    }
}

pub(super) fn check_journal(
    conn: &Connection,
    key: &KeyPlace,
    beside: &Beside,
    path: &Path,
) -> Result<JournalCheck, Fault> {
    let count: i64 = conn.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    let events = u64::try_from(count).unwrap_or_default();
    // Without any event there may be no key yet, and nothing to check with it.
    let chain = if events > 0 { walk(conn, &key.read()?, beside)? } else { Ok(Head::START) };
    let broken = match chain {
        Err(broken) => Some(broken),
        Ok(end) => match beside {
            Beside::Nothing => None,
            Beside::Heads(heads) => cut_off(heads, &end),
            Beside::Missing => Some(format!(
                "the file of chain heads `{}` is missing, so nobody can tell whether the end was cut off; if you moved the database without it, make an empty one",
                heads::beside(path).display()
            )),
        },
    };
    Ok(JournalCheck { events, broken })
}

/// The sentence where a head names an event after the last one.
fn cut_off(heads: &[Head], end: &Head) -> Option<String> {
    let last = heads.last().filter(|head| head.sequence > end.sequence)?;
    Some(format!(
        "the journal ends with event {}, but event {} had been written: its end was cut off",
        end.sequence, last.sequence
    ))
}

/// Walks the chain; gives its end, or the sentence for the first thing that does not fit.
fn walk(conn: &Connection, key: &Key, beside: &Beside) -> Result<Result<Head, String>, Fault> {
    let mut expected: &[Head] = match beside {
        Beside::Heads(heads) => heads,
        Beside::Nothing | Beside::Missing => &[],
    };
    let mut statement = conn.prepare_cached(
        "SELECT sequence, at, run_id, call_id, kind, body, mac FROM events ORDER BY sequence",
    )?;
    let mut found = statement.query([])?;
    let mut head = Head::START;
    while let Some(row) = found.next()? {
        let line = Line {
            sequence: row.get(0)?,
            at: row.get(1)?,
            run: row.get_ref(2)?.as_str()?,
            call: row.get_ref(3)?.as_str_or_null()?,
            kind: row.get_ref(4)?.as_str()?,
            body: row.get_ref(5)?.as_str()?,
        };
        let next = head.sequence + 1;
        if line.sequence != next {
            return Ok(Err(format!("event {next} is missing")));
        }
        let mac = line.mac(key, &head.mac);
        if row.get_ref(6)?.as_blob()? != mac {
            return Ok(Err(format!(
                "event {next} was changed, is not in its place, or was written with another key"
            )));
        }
        head = Head { sequence: next, mac };
        while let Some((first, rest)) = expected.split_first()
            && first.sequence <= next
        {
            if first.sequence == next && first.mac != mac {
                return Ok(Err(format!(
                    "event {next} is not the one that was written first: the file of chain heads names another"
                )));
            }
            expected = rest;
        }
    }
    Ok(Ok(head))
}
