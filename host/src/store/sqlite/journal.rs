//! The journal: what happened, in rows that are only ever added, each chained to the one before it.
//!
//! A row's code is HMAC-SHA256 over the code before it and the row itself, written as one canonical
//! JSON array `[sequence, at, run, call, kind, body]` with the body as text. Changing, removing or
//! moving a row breaks every later code; cutting the end off is found through the chain's heads.

use super::fault::Fault;
use super::key::Key;
use crate::domain::canonical;
use crate::domain::clock::Timestamp;
use crate::domain::digest::Digest;
use crate::domain::event::EventKind;
use crate::domain::ids::{CallId, RunId};
use crate::store::JournalHead;
use hmac::Mac;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use std::fmt::Write as _;

/// The last row of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Its number.
    pub(super) sequence: i64,
    /// Its code.
    pub(super) mac: [u8; 32],
}

impl From<JournalHead> for Head {
    fn from(head: JournalHead) -> Self {
        Self { sequence: head.sequence, mac: head.code }
    }
}

impl From<Head> for JournalHead {
    fn from(head: Head) -> Self {
        Self { sequence: head.sequence, code: head.mac }
    }
}

impl Head {
    /// What the first row is chained to.
    pub(super) const START: Head = Head { sequence: 0, mac: [0; 32] };

    /// The end of the chain as the present transaction sees it. Several processes append to one
    /// journal, so nobody remembers it from one transaction to the next.
    pub(super) fn read(conn: &Connection) -> Result<Self, Fault> {
        let last = conn
            .prepare_cached("SELECT sequence, mac FROM events ORDER BY sequence DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let Some((sequence, mac)) = last else { return Ok(Head::START) };
        match mac.try_into() {
            Ok(mac) => Ok(Head { sequence, mac }),
            Err(_) => {
                Err(Fault::Inconsistent(format!("event {sequence} has a code of another length")))
            }
        }
    }
}

/// Room for what surrounds a body in its line, and for the escapes of its quotes: a longer line still has
/// room made for it.
const ROOM: usize = 256;

/// The part of an event that the code covers.
#[derive(Debug)]
pub(super) struct Line<'e> {
    pub(super) sequence: i64,
    pub(super) at: i64,
    pub(super) run: &'e str,
    pub(super) call: Option<&'e str>,
    pub(super) kind: &'e str,
    pub(super) body: &'e str,
}

impl Line<'_> {
    /// The code of this line after `previous`.
    pub(super) fn mac(&self, key: &Key, previous: &[u8; 32]) -> [u8; 32] {
        let mut mac = key.clone();
        mac.update(previous);
        mac.update(self.text().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The canonical JSON array, written directly: it is made for every event that is written or checked.
    fn text(&self) -> String {
        let mut text = String::with_capacity(self.body.len() + ROOM);
        // Writing to a text does not fail.
        let _ = write!(text, "[{},{},", self.sequence, self.at);
        canonical::write_string(self.run, &mut text);
        text.push(',');
        match self.call {
            Some(call) => canonical::write_string(call, &mut text),
            None => text.push_str("null"),
        }
        for part in [self.kind, self.body] {
            text.push(',');
            canonical::write_string(part, &mut text);
        }
        text.push(']');
        text
    }
}

/// The end of the chain within one transaction.
#[derive(Debug)]
pub(super) struct Journal<'k> {
    key: &'k Key,
    /// Moves with every event; put back where the verb that appended is rolled back.
    pub(super) head: Head,
}

impl<'k> Journal<'k> {
    /// Continues after `head`.
    pub(super) fn after(head: Head, key: &'k Key) -> Self {
        Self { key, head }
    }

    /// What the events are chained with.
    pub(super) fn key(&self) -> &'k Key {
        self.key
    }

    /// Appends one event. `body` holds ids, states, digests and what a person decided, so that the
    /// other tables can be checked against it; it repeats no contents.
    pub(super) fn append(
        &mut self,
        conn: &Connection,
        at: Timestamp,
        run: Option<&RunId>,
        call: Option<&CallId>,
        kind: EventKind,
        body: &Value,
    ) -> Result<(), Fault> {
        let body = canonical::to_text(body);
        let line = Line {
            sequence: self.head.sequence + 1,
            at: at.0,
            // Every event of a run names it; the others are about the journal itself.
            run: run.map_or("", RunId::as_str),
            call: call.map(CallId::as_str),
            kind: kind.as_str(),
            body: &body,
        };
        let mac = line.mac(self.key, &self.head.mac);
        conn.prepare_cached(
            "INSERT INTO events (sequence, at, run_id, call_id, kind, body, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            line.sequence,
            line.at,
            line.run,
            line.call,
            line.kind,
            line.body,
            mac
        ])?;
        self.head = Head { sequence: line.sequence, mac };
        Ok(())
    }
}

/// The digest of what an event wrote into the other tables, as its body names it: over the canonical
/// JSON array of the columns that never change, so that one digest vouches for all of them.
pub(super) fn contents(columns: &Value) -> String {
    Digest::of(canonical::to_text(columns).as_bytes()).hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_the_canonical_array_of_its_parts() {
        let check = |call: Option<&str>, body: &str| {
            let line = Line { sequence: 7, at: -3, run: "run_a", call, kind: "k", body };
            let array = json!([7, -3, "run_a", call, "k", body]);
            assert_eq!(line.text(), canonical::to_text(&array));
        };
        check(None, "{}");
        check(Some("call_b"), "{\"a\":\"\\\"\\\\\u{1}\u{1f}ü\n\"}");
    }
}
