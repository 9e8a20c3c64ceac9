//! The first-party components that the binary carries, and what each is granted by its own
//! configuration.

use crate::domain::digest::Digest;
use crate::domain::grant::{Grants, ProcessGrant, Programs};
use serde_json::{Map, Value};
use std::path::Path;

/// One component in the binary.
pub(super) struct Carried {
    pub(super) name: &'static str,
    pub(super) bytes: &'static [u8],
    pub(super) digest: [u8; 32],
}

include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The names of the built-in types.
pub fn names() -> impl Iterator<Item = &'static str> {
    CARRIED.iter().map(|carried| carried.name)
}

/// A built-in's bytes and their digest.
pub fn find(name: &str) -> Option<(Digest, &'static [u8])> {
    let carried = CARRIED.iter().find(|carried| carried.name == name)?;
    Some((Digest::from_bytes(carried.digest), carried.bytes))
}

/// The bytes of the built-in with this digest.
pub fn with_digest(digest: &Digest) -> Option<&'static [u8]> {
    CARRIED.iter().find(|carried| carried.digest == *digest.as_bytes()).map(|carried| carried.bytes)
}

/// What a built-in may reach under a configuration that is valid for its schema. First-party tools do
/// not need a `grants:` key: what they are configured to do says what they need.
pub(super) fn grants(name: &str, config: &Map<String, Value>, role_folder: &Path) -> Grants {
    match name {
        "shell" => Grants { process: Some(shell(config, role_folder)) },
        _ => Grants::default(),
    }
}

/// The defaults here are those of the component's own schema.
fn shell(config: &Map<String, Value>, role_folder: &Path) -> ProcessGrant {
    let words = |key: &str| -> std::collections::BTreeSet<String> {
        let items = config.get(key).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let number = |key: &str, default: u32| {
        config
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(default)
    };
    let scripts = config.get("shell").and_then(Value::as_bool).unwrap_or(false);
    let allowed = words("allowed_commands");
    let folder = config.get("working_dir").and_then(Value::as_str).unwrap_or(".");
    ProcessGrant {
        programs: if allowed.is_empty() { Programs::Any } else { Programs::Named(allowed) },
        scripts,
        working_directory: role_folder.join(folder),
        environment: words("env"),
        timeout_ms: number("timeout_seconds", 30).saturating_mul(1000),
        max_output_bytes: number("max_output_bytes", 64 << 10),
    }
}
