//! Checkpoints: what stands in the journal for events that pruning removed.
//!
//! Runs interleave in one chain, so pruning leaves holes. A checkpoint is a row for one hole: the
//! numbers of its first and last event, the code of the last one, which the next event is chained to,
//! and a seal. The seal is HMAC-SHA256 under the journal's key over all of that and the code before
//! the hole. So nobody without the key can make a hole look pruned, or move a checkpoint to another
//! place. The event `journal_pruned` holds the digest of all checkpoints there were after it; so
//! nobody can put an older checkpoint back with the events that a later pruning removed.

use super::fault::Fault;
use super::journal::Head;
use super::key::Key;
use crate::domain::canonical;
use crate::domain::digest::Digest;
use data_encoding::HEXLOWER;
use hmac::Mac;
use rusqlite::{Connection, Row};
use serde_json::json;

/// One hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) first: i64,
    pub(super) last: i64,
    /// The code of the last event that was removed.
    pub(super) mac: [u8; 32],
    pub(super) seal: Vec<u8>,
}

impl Checkpoint {
    /// Seals the hole between `before` and the event after `last`.
    pub(super) fn sealed(key: &Key, before: &Head, last: Head) -> Self {
        let first = before.sequence + 1;
        let seal = seal(key, before, first, &last).to_vec();
        Self { first, last: last.sequence, mac: last.mac, seal }
    }

    /// Whether this host sealed it, in this place.
    pub(super) fn holds(&self, key: &Key, before: &Head) -> bool {
        let last = Head { sequence: self.last, mac: self.mac };
        let expected = seal(key, before, self.first, &last);
        self.first == before.sequence + 1 && self.last >= self.first && self.seal == expected
    }

    pub(super) fn read(row: &Row<'_>) -> Result<Self, Fault> {
        let (first, last) = (row.get(0)?, row.get(1)?);
        let mac = row.get::<_, Vec<u8>>(2)?.try_into().map_err(|_| {
            Fault::Inconsistent(format!(
                "the checkpoint at event {first} has a code of another length"
            ))
        })?;
        Ok(Self { first, last, mac, seal: row.get(3)? })
    }
}

fn seal(key: &Key, before: &Head, first: i64, last: &Head) -> [u8; 32] {
    let codes = [HEXLOWER.encode(&before.mac), HEXLOWER.encode(&last.mac)];
    // No event's line begins with a word, so a seal is never an event's code.
    let line = json!(["checkpoint", first, last.sequence, codes[0], codes[1]]);
    let mut mac = key.clone();
    mac.update(canonical::to_text(&line).as_bytes());
    mac.finalize().into_bytes().into()
}

/// Every checkpoint's columns, in order.
pub(super) const ALL: &str = "SELECT first, last, mac, seal FROM checkpoints ORDER BY first";

/// The digest of all checkpoints, as `journal_pruned` holds it.
pub(super) fn digest(conn: &Connection) -> Result<String, Fault> {
    let mut statement = conn.prepare_cached(ALL)?;
    let mut found = statement.query([])?;
    let mut whole = sha2::Sha256::default();
    while let Some(row) = found.next()? {
        let checkpoint = Checkpoint::read(row)?;
        sha2::Digest::update(&mut whole, checkpoint.first.to_be_bytes());
        sha2::Digest::update(&mut whole, checkpoint.last.to_be_bytes());
        sha2::Digest::update(&mut whole, checkpoint.mac);
    }
    let bytes: [u8; 32] = sha2::Digest::finalize(whole).into();
    Ok(Digest::from_bytes(bytes).hex())
}
