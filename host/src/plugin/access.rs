//! What one call may reach beyond the inert world: what its entry was granted, as far as the kind of
//! call allows.

use super::process::Announce;
use crate::domain::grant::Grants;
use crate::domain::secret::Secrets;
use std::path::PathBuf;
use std::sync::Arc;

/// How far a call may use its grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Not at all: `manifest` and `describe` are pure.
    Nothing,
    /// Looking only: `prepare` may read what it is granted to read.
    Look,
    /// All of them: `invoke`.
    Act,
}

/// What one call may reach.
#[derive(Clone)]
pub(super) struct Access {
    /// The entry's grants.
    pub(super) grants: Arc<Grants>,
    /// The values of the granted environment variables, by name; of a secret, its placeholder.
    pub(super) environment: Arc<[(String, String)]>,
    /// The role's secrets.
    pub(super) secrets: Arc<Secrets>,
    /// Folders that nothing may reach: the host's own state.
    pub(super) protected: Arc<[PathBuf]>,
    /// Whether the grants follow from the entry's configuration: then no `grants` line would help.
    pub(super) configured: bool,
    /// Who is told of each program before it runs.
    pub(super) announce: Option<Announce>,
    /// How far the grants go.
    pub(super) reach: Reach,
}

impl Access {
    /// Of a component that is only asked who it is.
    pub(super) fn nothing() -> Self {
        Self {
            grants: Arc::default(),
            environment: Arc::default(),
            secrets: Arc::default(),
            protected: Arc::default(),
            configured: false,
            announce: None,
            reach: Reach::Nothing,
        }
    }
}
