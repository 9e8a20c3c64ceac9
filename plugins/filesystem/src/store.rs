//! Putting a changed file in its place: whole, or not at all.

use crate::change::Change;
use crate::place::{clip, missing};
use initrunner_sdk::{Call, Failure};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a change. The new content is complete in a file beside the old one before it takes its place;
/// a file that is not there yet is never taken from somebody who makes it at the same moment.
///
/// # Errors
/// It could not be written; the old file is as it was.
pub fn store(change: &Change, call: &Call) -> Result<(), Failure> {
    let name = clip(&change.place.name);
    let failed = |error: io::Error| missing(&name, &error);
    let path = &change.place.path;
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed)?;
    let (beside, mut file) = beside(folder, call).map_err(failed)?;
    let written = file
        .write_all(change.new.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| put(&beside, path, change.old.is_some()));
    drop(file);
    if written.is_err() || change.old.is_none() {
        // Where the file was new, this is its second name; after an error, what was begun. Nothing is
        // lost where it cannot be removed.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Retry(format!(
            "`{name}` was made by somebody else in the meantime; read it first"
        )),
        _ => failed(error),
    })
}

/// Gives the complete file its name.
fn put(beside: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        // The host lets what replaces a file keep its permissions.
        return fs::rename(beside, path);
    }
    match fs::hard_link(beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // Not every file system has links. Reserving the name first costs no more than the moment in
            // which the file is empty.
            OpenOptions::new().write(true).create_new(true).open(path)?;
            fs::rename(beside, path)
        }
        linked => linked,
    }
}

/// An empty file of our own in a folder. Its name is the call's, so that what a crash leaves behind says
/// whose it is.
fn beside(folder: &Path, call: &Call) -> io::Result<(PathBuf, File)> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 1..=9 {
        let path = folder.join(format!(".{}-{}-{number}.tmp", call.id, call.attempt));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    fn call() -> Call {
        Call {
            id: "call_a".into(),
            attempt: 1,
            idempotency_key: String::new(),
            tool: String::new(),
            arguments: String::new(),
        }
    }

    fn change(folder: &Path, name: &str, old: Option<&str>, new: &str) -> Change {
        let place = Place { name: name.to_owned(), path: folder.join(name) };
        let old = old.map(|old| old.as_bytes().to_vec());
        Change { place, old, new: new.to_owned(), replaced: 0 }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_or_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(store(&change(path, "a/b", None, "one"), &call()), Ok(()));
        assert_eq!(store(&change(path, "a/b", Some("one"), "two"), &call()), Ok(()));
        assert_eq!(fs::read_to_string(path.join("a/b")).unwrap(), "two");
        assert_eq!(names(&path.join("a")), ["b"]);
    }

    #[test]
    fn a_file_that_appeared_in_the_meantime_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("f"), "theirs").unwrap();
        let stored = store(&change(folder.path(), "f", None, "ours"), &call());
        let why = "`f` was made by somebody else in the meantime; read it first";
        assert_eq!(stored, Err(Failure::Retry(why.into())));
        assert_eq!(fs::read_to_string(folder.path().join("f")).unwrap(), "theirs");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn what_another_attempt_left_behind_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".call_a-1-1.tmp"), "left").unwrap();
        assert_eq!(store(&change(folder.path(), "f", None, "new"), &call()), Ok(()));
        assert_eq!(names(folder.path()), [".call_a-1-1.tmp", "f"]);
    }
}
