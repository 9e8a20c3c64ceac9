//! What a component may reach: nothing, until a role grants it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Everything one entry's component may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Programs, where the process capability is granted.
    pub process: Option<ProcessGrant>,
}

/// Which programs may be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Programs {
    /// Any program, by its name on the fixed `PATH` or by a path.
    Any,
    /// Only these, as exact texts: `git` is neither `./git` nor `/usr/bin/git`.
    Named(BTreeSet<String>),
}

/// What the process capability may do for one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessGrant {
    /// Which programs.
    pub programs: Programs,
    /// Whether scripts (`sh -c`) may be run: apart from programs, since a script can name any program.
    pub scripts: bool,
    /// Where programs run: an absolute path.
    pub working_directory: PathBuf,
    /// Names of environment variables that may be passed on.
    pub environment: BTreeSet<String>,
    /// The longest a program may run, in milliseconds.
    pub timeout_ms: u32,
    /// The most bytes kept of each of its output streams.
    pub max_output_bytes: u32,
}
