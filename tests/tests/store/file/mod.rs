//! What the store in a file adds: processes, files, and what goes wrong with them.

mod commit;
mod cost;
mod damage;
mod kill;
mod lock;
mod owners;
mod permission;
mod read_only;
mod share;

use crate::fixture::Files;
use initrunner::store::StoreError;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use std::time::Duration;

fn opened(options: OpenOptions) -> StoreError {
    match SqliteStore::open(options) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

/// Waits as long as it takes: what is tested is who is first, not how long a busy disk needs for all of
/// them, one sync after the other.
fn patient(files: &Files) -> SqliteStore {
    SqliteStore::open(OpenOptions { busy_timeout: Duration::from_secs(600), ..files.options() })
        .unwrap()
}
