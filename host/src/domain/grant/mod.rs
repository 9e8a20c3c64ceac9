//! What a component may reach: nothing, until a role grants it. A file for each capability.

mod files;
mod host;
mod http;
mod process;
mod secrets;
mod sql;

pub use files::{Access, FileGrant};
pub use host::{HostPattern, canonical_host};
pub use http::{HttpGrant, Scheme, Target, ambiguity, is_path_beginning};
pub use process::{ProcessGrant, ProgramGrant, Programs};
pub use secrets::SecretGrant;
pub use sql::SqlGrant;

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Everything one entry's component may reach. Paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grants {
    /// Programs, where the process capability is granted.
    pub process: Option<ProcessGrant>,
    /// Requests, each of which one of these must cover.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// Files and folders, under the names that the component sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileGrant>,
    /// Databases, by the names that the component opens them with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sql: Vec<SqlGrant>,
    /// Where the values of the role's secrets may go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretGrant>,
    /// Names of environment variables that the component sees; of a secret, its placeholder.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub env: BTreeSet<String>,
}
