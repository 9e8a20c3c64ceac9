//! Files and folders.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Whether something may be changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Looked at only.
    #[default]
    Read,
    /// Looked at and changed.
    Write,
}

/// One folder, with everything below it, or one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGrant {
    /// Where it is: absolute once resolved; in a role, as written.
    pub path: PathBuf,
    /// Whether it may be changed.
    pub access: Access,
    /// What the component calls it.
    #[serde(rename = "as")]
    pub guest: String,
}
