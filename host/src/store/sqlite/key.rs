//! The journal's key: outside the database, so that whoever can change only the database cannot make
//! the journal agree with the change. Beside it the key of sealed values.

use super::fault::{Fault, of_file};
use crate::store::{StoreError, key};
use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use std::io;
use std::path::PathBuf;

/// The file's name in its folder.
const FILE: &str = "audit.key";

/// The name of the file with the key of sealed values. A key of its own: whoever checks the journal
/// needs no secret.
const SEAL_FILE: &str = "seal.key";

/// HMAC-SHA256 with the key already in it.
pub(super) type Key = Hmac<Sha256>;

/// Where a store's key is.
#[derive(Debug, Clone)]
pub(super) enum KeyPlace {
    /// In this folder.
    Folder(PathBuf),
    /// Made for this store and forgotten with it.
    Memory([u8; key::LENGTH]),
}

impl KeyPlace {
    /// A key that only this process will ever know.
    pub(super) fn random() -> Result<Self, Fault> {
        let bytes =
            key::random().map_err(|error| Fault::Failed(format!("no random bytes: {error}")))?;
        Ok(KeyPlace::Memory(bytes))
    }

    /// Reads the key.
    pub(super) fn read(&self) -> Result<Key, Fault> {
        let bytes = match self {
            KeyPlace::Memory(bytes) => *bytes,
            KeyPlace::Folder(folder) => {
                let path = folder.join(FILE);
                key::read(&path).map_err(|error| {
                    let path = path.display();
                    Fault::Failed(match error.kind() {
                        io::ErrorKind::NotFound => format!(
                            "the journal's key `{path}` is missing; restore it, or move the database away"
                        ),
                        io::ErrorKind::InvalidData => format!(
                            "the journal's key `{path}` is damaged: {error}; restore it, or move the database away"
                        ),
                        _ => format!("the journal's key `{path}` cannot be read: {error}"),
                    })
                })?
            }
        };
        Key::new_from_slice(&bytes)
            .map_err(|error| Fault::Failed(format!("the journal's key cannot be used: {error}")))
    }

    /// Reads the key of sealed values; makes it where it is missing, if `make` says so. Most hosts never
    /// seal anything, and have none.
    pub(super) fn seal(&self, make: bool) -> Result<[u8; key::LENGTH], Fault> {
        let folder = match self {
            KeyPlace::Memory(bytes) => return Ok(*bytes),
            KeyPlace::Folder(folder) => folder,
        };
        let path = folder.join(SEAL_FILE);
        let read = if make { key::load_or_create(&path) } else { key::read(&path) };
        read.map_err(|error| {
            let path = path.display();
            Fault::Failed(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("the key `{path}` that its values are sealed with is missing")
                }
                io::ErrorKind::InvalidData => {
                    format!("the key `{path}` that values are sealed with is damaged: {error}")
                }
                _ => {
                    format!("the key `{path}` that values are sealed with cannot be used: {error}")
                }
            })
        })
    }

    /// Makes the key for a new database, unless there is one: databases may share a key.
    pub(super) fn ensure(&self) -> Result<(), StoreError> {
        let KeyPlace::Folder(folder) = self else { return Ok(()) };
        let path = folder.join(FILE);
        key::ensure(&path).map_err(|error| of_file(&error, &path))
    }
}
