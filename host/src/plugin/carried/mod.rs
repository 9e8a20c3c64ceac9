//! The first-party components that the binary carries, and what each is granted by its own
//! configuration.

mod filesystem;
mod http;
mod shell;
mod sql;

use super::entry::RoleSite;
use super::error::EntryProblem;
use crate::domain::component::ComponentBytes;
use crate::domain::digest::Digest;
use crate::domain::grant::Grants;
use crate::domain::role::{Entry, EntrySource};
use serde_json::Value;
use std::time::Duration;

/// One component in the binary.
pub(super) struct Carried {
    pub(super) name: &'static str,
    /// Packed; see [`ComponentBytes::packed`].
    pub(super) deflated: &'static [u8],
    /// How many bytes that stands for, and their digest.
    pub(super) size: usize,
    pub(super) digest: [u8; 32],
}

impl Carried {
    fn bytes(&self) -> ComponentBytes {
        ComponentBytes::packed(self.deflated, self.size)
    }
}

include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The names of the built-in types.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|carried| carried.name)
}

/// A built-in's bytes and their digest.
pub fn find(name: &str) -> Option<(Digest, ComponentBytes)> {
    find_in(TOOLS, name)
}

/// The names of the built-in policies.
pub fn policy_names() -> impl Iterator<Item = &'static str> {
    POLICIES.iter().map(|carried| carried.name)
}

/// A built-in policy's bytes and their digest.
pub fn find_policy(name: &str) -> Option<(Digest, ComponentBytes)> {
    find_in(POLICIES, name)
}

fn find_in(list: &[Carried], name: &str) -> Option<(Digest, ComponentBytes)> {
    let carried = list.iter().find(|carried| carried.name == name)?;
    Some((Digest::from_bytes(carried.digest), carried.bytes()))
}

/// The bytes of the built-in, tool or policy, with this digest.
pub fn with_digest(digest: &Digest) -> Option<ComponentBytes> {
    let mut all = TOOLS.iter().chain(POLICIES);
    all.find(|carried| carried.digest == *digest.as_bytes()).map(Carried::bytes)
}

/// What a built-in may reach under a configuration that is valid for its schema. First-party tools do
/// not need a `grants:` key: what they are configured to do says what they need.
///
/// # Errors
/// A configuration that its schema cannot find wrong, at its key.
pub(super) fn grants(
    name: &str,
    entry: &Entry,
    site: &RoleSite<'_>,
) -> Result<Grants, Vec<EntryProblem>> {
    match name {
        "filesystem" => filesystem::grants(entry, site),
        "http" => http::grants(entry, site),
        "shell" => Ok(shell::grants(&entry.config, site.folder)),
        "sql" => sql::grants(entry, site.folder),
        _ => Ok(Grants::default()),
    }
}

/// How long a built-in says that one of its requests or statements may take, where it says so: the call
/// must outlive it to be able to tell. The defaults are those of the component's own schema.
pub(super) fn own_time(entry: &Entry) -> Option<Duration> {
    let EntrySource::Type(name) = &entry.source else { return None };
    let default = match name.as_str() {
        "http" => 30,
        "sql" => 10,
        _ => return None,
    };
    let asked = entry.config.get("timeout_seconds").and_then(Value::as_u64);
    Some(Duration::from_secs(asked.unwrap_or(default)))
}
