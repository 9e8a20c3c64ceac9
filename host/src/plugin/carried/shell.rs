//! What `shell` needs: programs.

use crate::domain::grant::{Grants, ProcessGrant, ProgramGrant, Programs};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;

/// The defaults here are those of the component's own schema.
pub(super) fn grants(config: &Map<String, Value>, role_folder: &Path) -> Grants {
    let words = |key: &str| -> BTreeSet<String> {
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
    let flag = |key: &str| config.get(key).and_then(Value::as_bool).unwrap_or(false);
    let network = flag("network");
    let folders =
        |key: &str| words(key).into_iter().map(|folder| role_folder.join(folder)).collect();
    let allowed = words("allowed_commands").into_iter();
    let named: Vec<_> =
        allowed.map(|name| ProgramGrant { name, arguments: None, network }).collect();
    let folder = config.get("working_dir").and_then(Value::as_str).unwrap_or(".");
    let process = ProcessGrant {
        programs: if named.is_empty() { Programs::Any } else { Programs::Named(named) },
        scripts: flag("shell"),
        network,
        working_directory: role_folder.join(folder),
        read: folders("read"),
        write: folders("write"),
        environment: words("env"),
        timeout_ms: number("timeout_seconds", 30).saturating_mul(1000),
        max_output_bytes: number("max_output_bytes", 64 << 10),
    };
    Grants { process: Some(process), ..Grants::default() }
}
