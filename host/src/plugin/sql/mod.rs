//! Databases for components: SQLite files that a role names, opened for one call, read or changed
//! under limits, and closed.
//!
//! What a component may do with one is decided in four places, each of which would do alone for most
//! of it:
//!
//! - [`locate`] decides about the *file*: a plain one, by no link, and none of the host's own state;
//! - [`session`] opens it: read-only unless something is to be changed, *defensive*, a schema that is
//!   not trusted, no attached databases, and SQLite's own limits on everything that grows;
//! - [`authorize`] decides about each thing that a *statement* does, while SQLite compiles it;
//! - [`watch`] ends what takes too long or too much memory, while SQLite runs it.
//!
//! SQLite's calls block, so each runs on a thread of its own ([`desk`]); the call that waits for it
//! never waits longer than its deadline, whatever the thread is stuck in.
//!
//! This is another SQL than the store's. The store's statements are ours and its file is the host's;
//! here statements and files are somebody else's, and nothing is shared with the store.
//!
//! Sources: <https://sqlite.org/security.html>, <https://sqlite.org/c3ref/set_authorizer.html>,
//! <https://sqlite.org/limits.html>, <https://sqlite.org/howtocorrupt.html>.

mod authorize;
mod bind;
mod check;
mod collect;
mod desk;
mod execute;
mod fault;
mod keep_out;
mod locate;
mod query;
mod session;
mod watch;

pub(super) use check::check;
pub(super) use desk::run;
pub(super) use execute::execute;
pub(super) use keep_out::keep_out;
pub(super) use query::query;
pub(super) use watch::Watch;

use crate::domain::grant::{Access, SqlGrant};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that come back where a component does not say: about as many as a model reads.
const ROWS: u32 = 1_000;

/// The most rows: beyond it a component should ask the database and not itself.
const MOST_ROWS: u32 = 100_000;

/// Bytes that come back where a component does not say: as many as a result has.
const BYTES: u32 = 256 << 10;

/// The most bytes: as many as the largest result that a role can ask for.
const MOST_BYTES: u32 = 4 << 20;

/// Bytes of one statement: SQL that people still read before they approve it. What is longer belongs
/// into parameters.
const STATEMENT: usize = 64 << 10;

/// One granted database, as one call may use it.
#[derive(Debug, Clone)]
pub(super) struct Database {
    name: String,
    path: PathBuf,
    access: Access,
    protected: Arc<[PathBuf]>,
}

impl Database {
    /// A granted database, and the folders that nothing may reach.
    pub(super) fn new(grant: &SqlGrant, protected: &Arc<[PathBuf]>) -> Self {
        Self {
            name: grant.name.clone(),
            path: grant.path.clone(),
            access: grant.access,
            protected: Arc::clone(protected),
        }
    }

    /// Whether it may be changed.
    pub(super) fn may_change(&self) -> bool {
        self.access == Access::Write
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// How much may come back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    rows: usize,
    bytes: usize,
}

impl Room {
    /// What a component asks for, within what the host allows.
    pub(super) fn of(rows: Option<u32>, bytes: Option<u32>) -> Self {
        Self {
            rows: rows.unwrap_or(ROWS).min(MOST_ROWS) as usize,
            bytes: bytes.unwrap_or(BYTES).min(MOST_BYTES) as usize,
        }
    }
}
