//! Files of cases below a folder: found, and read.

use super::error::OpError;
use super::open_role::{read_text, why_unreadable};
use crate::domain::policy_case::{CaseFile, parse_cases};
use crate::domain::role::RoleErrors;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::path::{Path, PathBuf};

/// The largest file of cases: what the YAML reader takes.
const LARGEST: u64 = 1 << 20;

/// Folders inside each other: as for policies.
const DEEPEST: usize = 8;

/// Files below one folder: ten times what the largest set of policies we know of is tested with.
const MOST_FILES: usize = 1_000;

/// One file that was found.
pub(super) struct FoundCases {
    /// The path, as a person may open it from here.
    pub(super) path: PathBuf,
    /// Its cases, or what is wrong with it, rendered with its place.
    pub(super) read: Result<CaseFile, String>,
}

/// Reads every file of cases, `*.yaml` or `*.yml`, in a folder and those inside it, in the order of their
/// names; or the one file that was named. Hidden files are left out, and links that lead out of the folder
/// are not followed.
///
/// # Errors
/// Where the folder itself cannot be read. What is wrong with a file is in the answer.
pub(super) fn read_cases(place: &Path) -> Result<Vec<FoundCases>, OpError> {
    let mut found = Vec::new();
    if place.is_file() {
        found.push(FoundCases { path: place.to_owned(), read: read_file(place) });
        return Ok(found);
    }
    let dir = Dir::open_ambient_dir(place, ambient_authority());
    let dir = dir.map_err(|error| cannot_list(place, &error))?;
    search(place, &dir, 1, &mut found)?;
    Ok(found)
}

fn search(
    place: &Path,
    dir: &Dir,
    depth: usize,
    found: &mut Vec<FoundCases>,
) -> Result<(), OpError> {
    if depth > DEEPEST {
        let rendered = format!("the folders of `{}` are more than {DEEPEST} deep", place.display());
        return Err(OpError::Role { rendered });
    }
    let cannot = |error: std::io::Error| cannot_list(place, &error);
    let mut names = Vec::new();
    for entry in dir.entries().map_err(cannot)? {
        names.push(entry.map_err(cannot)?.file_name());
    }
    names.sort();
    for name in names {
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = place.join(&name);
        let is_case = path.extension().is_some_and(|it| it == "yaml" || it == "yml");
        // Of a link that leads out, nobody can say here what it leads to.
        let read = match dir.metadata(&name) {
            Err(error) => {
                Err(format!("{}: it cannot be read: {}", path.display(), why_unreadable(&error)))
            }
            Ok(metadata) if metadata.is_dir() => {
                let inner = dir.open_dir(&name).map_err(|error| cannot_list(&path, &error))?;
                search(&path, &inner, depth + 1, found)?;
                continue;
            }
            Ok(metadata) if is_case && !metadata.is_file() => {
                Err(format!("{}: it is no file", path.display()))
            }
            Ok(_) if is_case => read_file(&path),
            Ok(_) => continue,
        };
        if found.len() >= MOST_FILES {
            let rendered = format!(
                "there are more than {MOST_FILES} files of cases; name a folder with fewer of them"
            );
            return Err(OpError::Role { rendered });
        }
        found.push(FoundCases { path, read });
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<CaseFile, String> {
    let shown = path.display().to_string();
    let text = read_text(path, LARGEST, &shown, "the file of cases");
    let text = text.map_err(|error| error.to_string())?;
    parse_cases(&text).map_err(|problems| RoleErrors { problems }.render(&shown))
}

fn cannot_list(place: &Path, error: &std::io::Error) -> OpError {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        _ => why_unreadable(error),
    };
    OpError::Role { rendered: format!("the folder `{}` cannot be read: {why}", place.display()) }
}
