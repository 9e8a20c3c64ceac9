//! Walks the whole journal and says what does not fit: its chain, the heads beside it and elsewhere,
//! and the other tables.

use super::checkpoints::{self, Checkpoint};
use super::fault::Fault;
use super::findings::Findings;
use super::journal::{Head, Line};
use super::key::{Key, KeyPlace};
use super::replay::Replay;
use super::{heads, idempotency, stored_once};
use crate::store::{JournalCheck, JournalHead};
use rusqlite::{Connection, Row, Rows};
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

    fn heads(&self) -> &[Head] {
        match self {
            Beside::Heads(heads) => heads,
            Beside::Nothing | Beside::Missing => &[],
        }
    }
}

pub(super) fn check_journal(
    conn: &Connection,
    key: &KeyPlace,
    beside: &Beside,
    kept: Vec<JournalHead>,
    path: &Path,
) -> Result<JournalCheck, Fault> {
    let mut kept: Vec<Head> = kept.into_iter().map(Head::from).collect();
    kept.sort_by_key(|head| head.sequence);
    // The journal first: what is wrong with it explains much of what does not fit it.
    let (mut findings, mut tables) = (Findings::default(), Findings::default());
    damage(conn, &mut findings)?;
    let count: i64 = conn.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    let events = u64::try_from(count).unwrap_or_default();
    let mut replay = Replay::new(conn);
    // Without any event there may be no key yet, and nothing to check with it.
    let end = if events > 0 {
        let walk = Walk {
            key: &key.read()?,
            end: Some(Head::START),
            beside: Expected { heads: beside.heads(), whose: "the file of chain heads" },
            kept: Expected { heads: &kept, whose: "the head that was kept" },
            findings: &mut findings,
            tables: &mut tables,
        };
        walk.all(conn, &mut replay)?
    } else {
        Head::START
    };
    let written = beside.heads().last().map(|head| (head, "had been written: its end was cut off"));
    let kept = kept.last().map(|head| {
        (head, "is in the head that was kept: the file was rolled back, or its end cut off")
    });
    for (head, known) in written.into_iter().chain(kept) {
        if head.sequence > end.sequence {
            let (end, event) = (end.sequence, head.sequence);
            findings
                .add(|| format!("the journal ends with event {end}, but event {event} {known}"));
        }
    }
    if let Beside::Missing = beside {
        findings.add(|| format!(
            "the file of chain heads `{}` is missing, so nobody can tell whether the end was cut off; if you moved the database without it, make an empty one",
            heads::beside(path).display()
        ));
    }
    let recorded = replay.end(&mut tables)?;
    if recorded.unwrap_or_else(no_checkpoints) != checkpoints::digest(conn)? {
        findings.add(|| {
            "the checkpoints are not those that the last pruning left: one was removed, or put back"
                .into()
        });
    }
    stored_once::check(conn, &mut tables)?;
    idempotency::check(conn, key, &mut tables)?;
    findings.append(tables);
    let mut sentences = findings.sentences.into_iter();
    Ok(JournalCheck {
        events,
        head: end.into(),
        broken: sentences.next(),
        also: sentences.collect(),
        left_out: findings.left_out,
    })
}

/// Has SQLite check that its indexes fit its tables: what is read through an index is then what is in
/// the table.
fn damage(conn: &Connection, findings: &mut Findings) -> Result<(), Fault> {
    let mut statement = conn.prepare("PRAGMA integrity_check(3)")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            findings.add(|| format!("the database's file is damaged: {said}"));
        }
    }
    Ok(())
}

/// The digest of no checkpoints.
fn no_checkpoints() -> String {
    crate::domain::digest::Digest::of(b"").hex()
}

/// Heads that are compared with the events they name.
struct Expected<'h> {
    /// By number, those that were not met yet.
    heads: &'h [Head],
    whose: &'static str,
}

impl Expected<'_> {
    /// Compares with an event that was read, or with the last one that a checkpoint stands for.
    fn meet(&mut self, met: Head, findings: &mut Findings) {
        while let Some((first, rest)) = self.heads.split_first()
            && first.sequence <= met.sequence
        {
            self.heads = rest;
            if first.sequence == met.sequence && first.mac != met.mac {
                let (number, whose) = (met.sequence, self.whose);
                findings.add(|| format!(
                    "event {number} is not the one that was written first: {whose} names another"
                ));
            }
        }
    }

    /// Says which heads name events that were removed, so that nothing can be said of them.
    fn pass(&mut self, hole: &Checkpoint, findings: &mut Findings) {
        while let Some((first, rest)) = self.heads.split_first()
            && first.sequence < hole.last
        {
            self.heads = rest;
            let number = first.sequence;
            if number >= hole.first {
                findings.add(|| format!(
                    "event {number}, which the head that was kept names, was removed by pruning, so it cannot be compared; keep a later head"
                ));
            }
        }
    }
}

/// A walk along the chain.
struct Walk<'w> {
    key: &'w Key,
    /// The end of the part that was walked; `None` after an event that is missing: what the next one is
    /// chained to is not known.
    end: Option<Head>,
    beside: Expected<'w>,
    kept: Expected<'w>,
    findings: &'w mut Findings,
    /// What the replay finds.
    tables: &'w mut Findings,
}

impl Walk<'_> {
    /// Walks all of it; gives its last event.
    fn all(mut self, conn: &Connection, replay: &mut Replay<'_>) -> Result<Head, Fault> {
        let mut checkpoints = conn.prepare(checkpoints::ALL)?;
        let mut checkpoints = checkpoints.query([])?;
        let mut hole = next_hole(&mut checkpoints)?;
        let mut statement = conn.prepare(
            "SELECT sequence, at, run_id, call_id, kind, body, mac FROM events ORDER BY sequence",
        )?;
        let mut found = statement.query([])?;
        let mut last = 0;
        while let Some(row) = found.next()? {
            let sequence = row.get(0)?;
            while let Some(checkpoint) = hole.take_if(|hole| hole.first <= sequence) {
                self.missing(last + 1, checkpoint.first);
                last = self.hole(&checkpoint, sequence);
                hole = next_hole(&mut checkpoints)?;
            }
            self.missing(last + 1, sequence);
            self.event(row, replay)?;
            last = sequence;
        }
        while let Some(checkpoint) = hole.take() {
            // Pruning itself is an event, so no hole is the end.
            self.findings.add(|| {
                format!(
                    "a checkpoint at event {} is after the end of the journal",
                    checkpoint.first
                )
            });
            hole = next_hole(&mut checkpoints)?;
        }
        Ok(self.end.unwrap_or(Head { sequence: last, mac: [0; 32] }))
    }

    /// Says that the events from `first` on and before `next` are missing, if there are any.
    fn missing(&mut self, first: i64, next: i64) {
        if first >= next {
            return;
        }
        self.end = None;
        let last = next - 1;
        self.findings.add(|| match first == last {
            true => format!("event {first} is missing"),
            false => format!("events {first} to {last} are missing"),
        });
    }

    /// Goes over a hole before event `next`; gives the last event it stands for.
    fn hole(&mut self, hole: &Checkpoint, next: i64) -> i64 {
        let (first, last) = (hole.first, hole.last);
        let fits = last < next && self.end.is_none_or(|end| hole.holds(self.key, &end));
        if !fits {
            self.findings.add(|| {
                format!(
                    "the checkpoint for events {first} to {last} was not written by pruning them"
                )
            });
        }
        self.kept.pass(hole, self.findings);
        let end = Head { sequence: last, mac: hole.mac };
        self.beside.meet(end, self.findings);
        self.kept.meet(end, self.findings);
        self.end = Some(end);
        last.min(next - 1)
    }

    fn event(&mut self, row: &Row<'_>, replay: &mut Replay<'_>) -> Result<(), Fault> {
        let line = Line {
            sequence: row.get(0)?,
            at: row.get(1)?,
            run: row.get_ref(2)?.as_str()?,
            call: row.get_ref(3)?.as_str_or_null()?,
            kind: row.get_ref(4)?.as_str()?,
            body: row.get_ref(5)?.as_str()?,
        };
        let stored = row.get_ref(6)?.as_blob()?;
        let trusted = self.end.is_some_and(|end| line.mac(self.key, &end.mac) == stored);
        if !trusted && self.end.is_some() {
            let number = line.sequence;
            self.findings.add(|| format!(
                "event {number} was changed, is not in its place, or was written with another key"
            ));
        }
        // The next one was chained to what was stored here first, which may still be there.
        self.end = stored.try_into().ok().map(|mac| Head { sequence: line.sequence, mac });
        if let Some(end) = self.end {
            self.beside.meet(end, self.findings);
            self.kept.meet(end, self.findings);
        }
        replay.event(&line, trusted, self.tables)
    }
}

fn next_hole(checkpoints: &mut Rows<'_>) -> Result<Option<Checkpoint>, Fault> {
    checkpoints.next()?.map(Checkpoint::read).transpose()
}
