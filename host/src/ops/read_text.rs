//! Reading text files that people name, and why one cannot be read.

use super::error::OpError;
use crate::domain::role::{Position, Problem, RoleErrors};
use cap_std::ambient_authority;
use cap_std::fs::File;
use std::io::Read;
use std::path::Path;

/// Why a file that a person named cannot be read, in words.
pub(super) fn why_unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        _ if leads_out(error) => "it is a link that leads out of the folder".to_owned(),
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether a path was refused because a link in it leads out of the folder that it has to stay in: a refusal
/// by the system has a number.
pub(super) fn leads_out(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

fn unreadable(shown: &str, what: &str, error: &std::io::Error) -> OpError {
    let reason = why_unreadable(error);
    OpError::Role { rendered: format!("{what} `{shown}` cannot be read: {reason}") }
}

/// Reads a text file that a person named.
///
/// # Errors
/// Why it cannot be read, or that it is too large or no text.
pub(super) fn read_text(
    path: &Path,
    limit: u64,
    shown: &str,
    what: &str,
) -> Result<String, OpError> {
    let cannot = |error: std::io::Error| unreadable(shown, what, &error);
    let file = File::open_ambient(path, ambient_authority()).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > limit {
        return Err(OpError::Role {
            rendered: format!("{what} `{shown}` is larger than {} KiB", limit >> 10),
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let problem = Problem {
            position: Position { line, column: 1 },
            message: "this is not UTF-8 text".into(),
            hint: Some("save it as YAML text in UTF-8".into()),
            missing_variable: None,
        };
        OpError::Role { rendered: RoleErrors { problems: vec![problem] }.render(shown) }
    })
}
