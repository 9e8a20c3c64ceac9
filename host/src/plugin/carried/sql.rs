//! What `sql` needs: one database.

use super::super::error::EntryProblem;
use crate::domain::grant::{Access, Grants, SqlGrant};
use crate::domain::role::Entry;
use serde_json::Value;
use std::path::Path;

/// What the component calls its database.
const NAME: &str = "database";

/// The defaults here are those of the component's own schema.
pub(super) fn grants(entry: &Entry, role_folder: &Path) -> Result<Grants, Vec<EntryProblem>> {
    let text = |key: &str| entry.config.get(key).and_then(Value::as_str);
    let problem = |message: String, hint: &str| {
        let position = entry.config_positions.get("database").copied().unwrap_or(entry.position);
        Err(vec![EntryProblem { position, message, hint: Some(hint.to_owned()) }])
    };
    // Before the component's own schema is asked: without a grant it would not get that far.
    let Some(path) = text("database").filter(|path| !path.is_empty()) else {
        return problem(
            format!("the entry `{}` names no database", entry.name),
            "write its file, relative to the role: `database: ./data.db`",
        );
    };
    let shown = path.escape_debug();
    if path.contains('\0') {
        return problem(format!("`{shown}` is not the path of a file"), "remove the NUL character");
    }
    if path == ":memory:" || path.starts_with("file:") {
        return problem(
            format!("`{shown}` is not the path of a database file"),
            "write a path, such as `./data.db`; a database in memory would be empty at every call",
        );
    }
    // The scheme of `grants: {sql: …}`, which people may be used to.
    let path =
        path.strip_prefix("sqlite:").map_or(path, |rest| rest.strip_prefix("//").unwrap_or(rest));
    let access = match text("access") {
        Some("write") => Access::Write,
        _ => Access::Read,
    };
    let grant = SqlGrant { name: NAME.to_owned(), path: role_folder.join(path), access };
    Ok(Grants { sql: vec![grant], ..Grants::default() })
}
