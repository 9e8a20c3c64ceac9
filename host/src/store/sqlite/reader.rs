//! Reading, apart from writing, so that a slow list does not hold up a decision. Each verb sees one
//! moment of the database, and what every process has committed before it.

use super::fault::Fault;
use super::seat;
use crate::store::StoreError;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// A verb on its way to the desk; it answers by itself.
pub(super) type Job = Box<dyn FnOnce(&Desk) + Send>;

/// What whoever reads works with.
pub(super) struct Desk {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
}

impl seat::Desk for Desk {
    type Job = Job;

    fn work(&mut self, job: Job, _others: &mut dyn FnMut() -> Option<Job>) {
        job(self);
    }
}

impl Desk {
    /// Runs a verb in a transaction of its own.
    pub(super) fn read<T>(
        &self,
        verb: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        read(&self.conn, &self.path, verb)
    }
}

/// Runs a verb in a transaction of its own that only reads.
pub(super) fn read<T>(
    conn: &Connection,
    path: &Path,
    verb: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, StoreError> {
    let in_transaction = || {
        conn.prepare_cached("BEGIN")?.execute([])?;
        verb(conn)
    };
    let result = in_transaction();
    if !conn.is_autocommit() {
        // Nothing was written; a failure to end it shows in the next verb.
        drop(conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])));
    }
    result.map_err(|fault| fault.at(path))
}
