//! Decides about a database's file before SQLite sees its name: which file it is, and that it is one
//! that may be opened.
//!
//! Nothing is opened here. Closing any descriptor of a file gives up the locks that this process holds
//! on it (fcntl(2), POSIX locks), and another call may be in the middle of a transaction.

use super::super::bindings::initrunner::host::sql::Error;
use super::Database;
use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database (<https://sqlite.org/tempfiles.html>). It writes to what is
/// there, so each must be as plain a file as the database.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Which file a path led to: device and inode.
type Identity = (u64, u64);

/// Where a database is.
#[derive(Debug)]
pub(super) struct Place {
    /// Its path without links.
    pub(super) path: PathBuf,
    /// The file; `None`: there is none yet.
    found: Option<Identity>,
}

impl Place {
    pub(super) fn is_missing(&self) -> bool {
        self.found.is_none()
    }
}

/// Finds a database's file.
///
/// # Errors
/// There is no folder for it; it is no plain file; it is the host's own.
pub(super) fn locate(database: &Database) -> Result<Place, Error> {
    let name = &database.name;
    let path = database.path();
    let link = match fs::symlink_metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(unreachable(name, &error)),
    };
    if link.as_ref().is_some_and(|it| it.file_type().is_symlink()) {
        return Err(Error::Failed(format!(
            "the file of the database `{name}` is a symbolic link, which could lead elsewhere at any \
             time; grant the file that it leads to"
        )));
    }
    let place = match &link {
        Some(metadata) => {
            if !metadata.is_file() {
                return Err(Error::Failed(format!(
                    "the file of the database `{name}` is {}, not a file",
                    kind(metadata.file_type())
                )));
            }
            let path = fs::canonicalize(path).map_err(|error| unreachable(name, &error))?;
            Place { path, found: Some(identity(metadata)) }
        }
        None => {
            let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
                return Err(no_folder(name));
            };
            let folder = fs::canonicalize(folder).map_err(|_| no_folder(name))?;
            Place { path: folder.join(file), found: None }
        }
    };
    if Protected::of(&database.protected).holds(&place.path) {
        return Err(own_state(name));
    }
    if let Some(names) = link.map(|it| it.nlink()).filter(|names| *names > 1) {
        // It may be the host's own by another name. Nor would SQLite find, under one name, the journal
        // that it left under the other (howtocorrupt.html, 2.4).
        return Err(Error::Failed(format!(
            "the file of the database `{name}` has {names} names (hard links); grant one that has no \
             other, such as a copy"
        )));
    }
    for suffix in BESIDE {
        let Ok(metadata) = fs::symlink_metadata(beside(&place.path, suffix)) else { continue };
        if !metadata.is_file() || metadata.nlink() > 1 {
            return Err(Error::Failed(format!(
                "the file `…{suffix}` beside the database `{name}` is not one that SQLite made; \
                 remove it"
            )));
        }
    }
    Ok(place)
}

/// Whether the path still leads to the file that was looked at, now that SQLite has it open.
///
/// # Errors
/// Somebody put another in its place.
pub(super) fn still_there(place: &Place, name: &str) -> Result<(), Error> {
    let now = fs::symlink_metadata(&place.path).ok().filter(Metadata::is_file);
    match (now, place.found) {
        (Some(now), Some(found)) if identity(&now) == found => Ok(()),
        // One that SQLite has just made has no other name.
        (Some(now), None) if now.nlink() == 1 => Ok(()),
        _ => Err(Error::Failed(format!(
            "the file of the database `{name}` was replaced while it was opened; try again"
        ))),
    }
}

/// Whether a path leads into one of the protected folders, as far as that can be told now: for a
/// refusal when a role is loaded. What counts is [`locate`], when the file is opened.
pub(super) fn is_protected(path: &Path, protected: &[PathBuf]) -> bool {
    let mut resolved: Option<PathBuf> = None;
    // The part of it that exists, resolved, with the rest behind it.
    for ancestor in path.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            // Joined with nothing it would end in a `/`, which no file does.
            resolved = Some(real.components().chain(rest.components()).collect());
            break;
        }
    }
    let path = resolved.unwrap_or_else(|| path.to_owned());
    Protected::of(protected).holds(&path)
}

/// The host's own folders.
struct Protected {
    folders: Vec<PathBuf>,
    /// The same: mounted elsewhere, a folder is the same one by another path.
    identities: Vec<Identity>,
}

impl Protected {
    fn of(folders: &[PathBuf]) -> Self {
        let resolved = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let folders: Vec<PathBuf> = folders.iter().map(resolved).collect();
        let identity = |path: &PathBuf| fs::symlink_metadata(path).ok().map(|it| identity(&it));
        Self { identities: folders.iter().filter_map(identity).collect(), folders }
    }

    /// Whether a path without links is one of them, or leads through one.
    fn holds(&self, path: &Path) -> bool {
        let is_one = |path: &Path| {
            fs::symlink_metadata(path).is_ok_and(|it| self.identities.contains(&identity(&it)))
        };
        self.folders.iter().any(|own| path.starts_with(own)) || path.ancestors().any(is_one)
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn kind(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn no_folder(name: &str) -> Error {
    Error::NotFound(format!("the folder of the database `{name}` does not exist"))
}

fn unreachable(name: &str, error: &std::io::Error) -> Error {
    // Only the kind: the system's message for it may hold a path.
    Error::Failed(format!("the file of the database `{name}` cannot be reached: {}", error.kind()))
}

/// What is said of the host's own state.
pub(super) fn own_state(name: &str) -> Error {
    Error::NotGranted(format!(
        "the file of the database `{name}` is part of the host's own state, which no grant covers"
    ))
}
