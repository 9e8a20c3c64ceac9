//! Whether an entry's grants stay within what the host's configuration allows; a built-in's, which
//! follow from its own keys, as well.

use super::error::EntryProblem;
use crate::domain::config::HostConfig;
use crate::domain::grant::Grants;
use crate::domain::role::Entry;
use std::path::{Path, PathBuf};

/// Checks it each time that an entry is loaded, so also when a run resumes.
///
/// # Errors
/// Everything that is granted beyond it, with what to write to allow it.
pub(super) fn within_config(
    entry: &Entry,
    grants: &Grants,
    config: &HostConfig,
) -> Result<(), Vec<EntryProblem>> {
    let excesses = config.grants.excesses(grants, &real);
    if excesses.is_empty() {
        return Ok(());
    }
    let problem = |excess: crate::domain::config::Excess| EntryProblem {
        position: entry.source_position,
        message: format!(
            "the entry `{}` is granted {}, which this host does not allow",
            entry.name, excess.what
        ),
        hint: Some(format!(
            "to allow it, add `{}` to the list `{}` under `[grants]` in `{}`",
            excess.item, excess.list, config.path
        )),
    };
    Err(excesses.into_iter().map(problem).collect())
}

/// Where a path leads: every link of the part that exists is followed. What does not exist yet is left
/// as it is written, and a `..` in it is not followed: it may lead anywhere by then.
fn real(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let Ok(found) = above.canonicalize() {
            let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
            return found.join(rest);
        }
    }
    path.to_owned()
}
