//! The host's own configuration, `config.toml` in the state folder: how far the roles of this host may
//! go. It only takes away: what it says nothing about is as free as without it.

mod parse;
pub(in crate::domain) mod read_toml;
mod within;

pub use parse::parse;
pub use within::Excess;

use super::grant::{FileGrant, HttpGrant, SecretGrant, SqlGrant};
use super::limit::Ceilings;
use super::role::{PolicySpec, Problem, ProcessGrantSpec};

/// What the host's configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostConfig {
    /// Where it was read, for whoever is told to change it.
    pub path: String,
    /// `[limits]`: how much the calls of a role may ask for.
    pub ceilings: Ceilings,
    /// `[grants]`: what roles may grant.
    pub grants: GrantCeiling,
    /// `[[policy]]`: who decides about the calls of every role, beside the role's own. Relative paths
    /// begin at the configuration's folder.
    pub policies: Vec<PolicySpec>,
}

/// What roles may grant. Of each capability: `None`, whatever they like; else what one of these covers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantCeiling {
    /// Programs and scripts.
    pub process: Option<Vec<ProcessGrantSpec>>,
    /// Requests.
    pub http: Option<Vec<HttpGrant>>,
    /// Files and folders, by absolute paths.
    pub files: Option<Vec<FileGrant>>,
    /// Databases, by absolute paths; their names say nothing here.
    pub sql: Option<Vec<SqlGrant>>,
    /// Where the values of secrets may go.
    pub secrets: Option<Vec<SecretGrant>>,
    /// Environment variables, for components and for the programs that they run.
    pub env: Option<Vec<String>>,
}

/// Everything wrong with the configuration's text, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Problem>);
