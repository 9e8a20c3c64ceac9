//! Refuses, when a role is loaded, a database that already lies in the host's own state. What counts is
//! [`locate`](super::locate), whenever the file is opened.

use super::super::error::EntryProblem;
use super::locate::is_protected;
use crate::domain::grant::SqlGrant;
use crate::domain::role::Entry;
use std::path::PathBuf;

/// Refuses grants of the host's own state.
///
/// # Errors
/// Each of them, at the entry, or at the key of its configuration that names a database.
pub(in super::super) fn keep_out(
    entry: &Entry,
    grants: &[SqlGrant],
    protected: &[PathBuf],
) -> Result<(), Vec<EntryProblem>> {
    let position = entry.config_positions.get("database").copied().unwrap_or(entry.position);
    let inside = grants.iter().filter(|grant| is_protected(&grant.path, protected));
    let problems: Vec<EntryProblem> = inside
        .map(|grant| EntryProblem {
            position,
            message: format!(
                "the file of the database `{}` is part of the host's own state, which no grant covers",
                grant.name.escape_debug()
            ),
            hint: Some("name a file outside of the state folder".to_owned()),
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
