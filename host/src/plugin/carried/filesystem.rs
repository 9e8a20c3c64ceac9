//! What `filesystem` needs: its root.

use super::super::entry::RoleSite;
use super::super::error::EntryProblem;
use crate::domain::grant::{Access, FileGrant, Grants};
use crate::domain::role::Entry;
use serde_json::Value;

/// The component's name of its root. No role says it.
const ROOT: &str = "/files";

/// The default of `access` is that of the component's own schema. Whether the root is there is looked at
/// where all granted files are.
pub(super) fn grants(entry: &Entry, site: &RoleSite<'_>) -> Result<Grants, Vec<EntryProblem>> {
    // Without a root the schema says what is wrong.
    let Some(root) = entry.config.get("root").and_then(Value::as_str) else {
        return Ok(Grants::default());
    };
    let path = site.folder.join(root);
    if path.is_file() {
        return Err(vec![EntryProblem {
            position: entry.config_positions.get("root").copied().unwrap_or(entry.position),
            message: format!("`root` must be a folder, and `{root}` is a file"),
            hint: Some("name the folder that it is in".into()),
        }]);
    }
    let write = entry.config.get("access").and_then(Value::as_str) == Some("write");
    let access = if write { Access::Write } else { Access::Read };
    let files = vec![FileGrant { path, access, guest: ROOT.to_owned() }];
    Ok(Grants { files, ..Grants::default() })
}
