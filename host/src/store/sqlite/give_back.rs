//! Gives the space of removed rows back to the file system.
//!
//! By `VACUUM` rather than in steps (`auto_vacuum`): pruning is rare and a person waits for it, the
//! files of every version shrink alike, what was removed is gone from the file's free pages too, and
//! no commit pays for it. It needs as much room again for a moment, and nobody can write meanwhile.

use super::fault::Fault;
use super::open::{self, OpenOptions};
use crate::store::StoreError;
use std::fs;

/// Gives the file's size before and after.
pub(super) fn give_back(options: &OpenOptions) -> Result<(u64, u64), StoreError> {
    let fault = |fault: Fault| fault.at(&options.path);
    let size = || {
        let length = fs::metadata(&options.path).map(|found| found.len());
        length.map_err(|error| super::fault::of_file(&error, &options.path))
    };
    let conn = open::again(options)?;
    // The log is written back, so that the file has the size that it says.
    let written_back =
        || conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(Fault::from);
    written_back().map_err(fault)?;
    let before = size()?;
    conn.execute_batch("VACUUM").map_err(Fault::from).map_err(fault)?;
    written_back().map_err(fault)?;
    Ok((before, size()?))
}
