//! Databases.

use super::Access;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlGrant {
    /// What the component opens it by.
    pub name: String,
    /// The SQLite file: absolute once resolved; in a role, as written behind `sqlite:`.
    pub path: PathBuf,
    /// With [`Access::Read`] the file is opened read-only.
    pub access: Access,
}
