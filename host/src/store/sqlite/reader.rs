//! The one thread that reads, so that a slow list does not hold up a decision. Each verb sees one
//! moment of the database, and what every process has committed before it.

use super::fault::Fault;
use crate::store::StoreError;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

/// A verb on its way to the reader; it answers by itself.
pub(super) type Job = Box<dyn FnOnce(&Desk) + Send>;

/// What the thread owns.
pub(super) struct Desk {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
}

impl Desk {
    /// Works until the store is dropped.
    pub(super) fn work(self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            job(&self);
        }
    }

    /// Runs a verb in a transaction of its own.
    pub(super) fn read<T>(
        &self,
        verb: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let in_transaction = || {
            self.conn.prepare_cached("BEGIN")?.execute([])?;
            verb(&self.conn)
        };
        let result = in_transaction();
        if !self.conn.is_autocommit() {
            // Nothing was written; a failure to end it shows in the next verb.
            drop(self.conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])));
        }
        result.map_err(|fault| fault.at(&self.path))
    }
}
