//! Looking at the granted files when a role is loaded: that they are there, and that nothing of the
//! host's own is among them.

use super::super::error::LoadError;
use super::super::limits::OPEN_FILES;
use super::open::is_of_the_kernel;
use super::root::{guest_parts, open_folder, parts, stripped};
use crate::domain::grant::FileGrant;
use std::io;
use std::path::{Path, PathBuf};

/// Checks granted files and resolves the links in their paths. What an approval is bound to is then where
/// they really are.
///
/// # Errors
/// The first grant that cannot be given, with the cure.
pub(in super::super) fn check(
    grants: &mut [FileGrant],
    protected: &[PathBuf],
) -> Result<(), LoadError> {
    // Each is held open during a call; the rest is the component's.
    let most = OPEN_FILES / 2;
    if grants.len() > most {
        return Err(LoadError::with_hint(
            format!("{} files and folders are granted, and at most {most} can be", grants.len()),
            "grant a folder that holds several of them",
        ));
    }
    for grant in grants.iter_mut() {
        check_one(grant, protected)?;
    }
    let mut names: Vec<(String, &FileGrant)> = Vec::new();
    for grant in grants.iter() {
        let single = !grant.path.is_dir();
        let place = if single { guest_parts(&grant.guest).0 } else { grant.guest.clone() };
        let place = stripped(&place);
        let clash = names.iter().find(|(name, other)| {
            let both_files = single && !other.path.is_dir();
            *name == place && (!both_files || stripped(&other.guest) == stripped(&grant.guest))
        });
        if let Some((_, other)) = clash {
            // A component has one folder of each name; which of the two it found would be chance.
            return Err(LoadError::with_hint(
                format!(
                    "the component would see `{}` and `{}` in one place",
                    other.guest, grant.guest
                ),
                "give one of them another folder with `as`, such as `as: /other`",
            ));
        }
        names.push((place, grant));
    }
    Ok(())
}

fn check_one(grant: &mut FileGrant, protected: &[PathBuf]) -> Result<(), LoadError> {
    // Without `.` at the end and the like.
    let said = grant.path.components().collect::<PathBuf>().display().to_string();
    let path = std::fs::canonicalize(&grant.path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::with_hint(
            format!("`{said}`, which the entry grants, is not there"),
            "create it, or grant a folder that exists; relative paths start from the role file's folder",
        ),
        _ => LoadError::new(format!("`{said}`, which the entry grants, cannot be used: {error}")),
    })?;
    if path.to_str().is_none() {
        // The grants are part of what an approval is bound to, and that is text.
        return Err(LoadError::with_hint(
            format!("the name of `{said}` is not Unicode text"),
            "rename the folder",
        ));
    }
    for state in protected {
        let state = resolved(state);
        let where_to = state.display();
        let message = if path == state {
            format!("`{said}` is where the host keeps its own state")
        } else if path.starts_with(&state) {
            format!("`{said}` is inside `{where_to}`, where the host keeps its own state")
        } else if state.starts_with(&path) {
            // Hiding it would take a check of every path against what is renamed meanwhile.
            format!("`{said}` contains `{where_to}`, where the host keeps its own state")
        } else {
            continue;
        };
        let hint = "grant a folder beside it; no tool may read or change runs, approvals or keys";
        return Err(LoadError::with_hint(message, hint));
    }
    if grant.guest.split('/').any(|part| part == "..") {
        return Err(LoadError::with_hint(
            format!("a component cannot be given a folder under the name `{}`", grant.guest),
            "give it a name without `..` with `as`, such as `as: /data`",
        ));
    }
    let cannot = |error: io::Error| {
        LoadError::new(format!("`{said}`, which the entry grants, cannot be opened: {error}"))
    };
    let kind = std::fs::metadata(&path).map_err(cannot)?;
    let folder = if kind.is_dir() {
        open_folder(&path).map_err(cannot)?
    } else if kind.is_file() {
        let named = parts(&path).filter(|_| !guest_parts(&grant.guest).1.is_empty());
        let (folder, _) = named.ok_or_else(|| {
            LoadError::with_hint(
                format!("the component cannot be given the file `{said}` under this name"),
                "name a file with `as`, such as `as: /data/notes.txt`",
            )
        })?;
        open_folder(folder).map_err(cannot)?
    } else {
        return Err(LoadError::with_hint(
            format!("`{said}` is neither a file nor a folder"),
            "pipes, sockets and devices cannot be granted",
        ));
    };
    let devices = ["/dev", "/sys"].iter().any(|own| path == Path::new(own));
    if devices || path == Path::new("/") || is_of_the_kernel(&folder).map_err(cannot)? {
        return Err(LoadError::with_hint(
            format!("`{said}` shows the machine itself and cannot be granted"),
            "grant the folder with the files that the tool is for",
        ));
    }
    grant.path = path;
    Ok(())
}

/// Where a folder is, or will be once it is made.
fn resolved(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = std::fs::canonicalize(ancestor) {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path.to_owned()
}
