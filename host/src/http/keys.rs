//! Who is asking: the file of keys, read again when it has changed.

use crate::domain::api_key::{ApiKey, KeyRole, parse_api_keys};
use crate::domain::digest::Digest;
use crate::domain::role::RoleErrors;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq;

/// The largest file of keys: five thousand are 1 MiB.
const LARGEST: u64 = 1 << 20;

/// What the key of this machine is called.
const LOCAL: &str = "local";

/// The keys of a server.
#[derive(Debug)]
pub struct ApiKeys {
    file: Option<PathBuf>,
    read: Mutex<Option<(Stamp, Arc<[ApiKey]>)>>,
    /// The one that was generated for this machine.
    own: Option<ApiKey>,
}

type Stamp = [i64; 5];

impl ApiKeys {
    /// The keys of a file.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn of_file(path: PathBuf) -> Result<Self, String> {
        let keys = Self { file: Some(path), read: Mutex::default(), own: None };
        if keys.known()?.is_empty() {
            return Err("the file of keys has none; `initrunner key NAME` makes one".into());
        }
        Ok(keys)
    }

    /// One key, for whoever can read this machine's state folder; requests without one may call.
    pub fn of_this_machine(secret: &str) -> Self {
        let roles = KeyRole::WORDS.iter().map(|(_, role)| *role).collect();
        let digest = Digest::of(secret.as_bytes());
        let own = ApiKey { name: LOCAL.into(), roles, digest };
        Self { file: None, read: Mutex::default(), own: Some(own) }
    }

    /// Whether a request without a key is answered as far as calling goes.
    pub(crate) fn keyless(&self) -> bool {
        self.file.is_none()
    }

    /// Whose key this is. It takes the same time whether or not one is known, however much of it is
    /// right.
    ///
    /// # Errors
    /// Why the file of keys cannot be read: then nobody is known.
    pub(crate) fn holder(&self, secret: &str) -> Result<Option<ApiKey>, String> {
        let digest = Digest::of(secret.as_bytes());
        let known = self.known()?;
        let mut found = None;
        for key in known.iter().chain(&self.own) {
            if bool::from(key.digest.as_bytes().ct_eq(digest.as_bytes())) {
                found = Some(key.clone());
            }
        }
        Ok(found)
    }

    /// The one that was made for this machine; nothing where there is a file of keys.
    pub(crate) fn own(&self) -> Option<ApiKey> {
        self.own.clone()
    }

    /// The key of this name, where it is still the one whose digest is `digest`.
    ///
    /// # Errors
    /// As [`ApiKeys::holder`].
    pub(crate) fn still(&self, name: &str, digest: Digest) -> Result<Option<ApiKey>, String> {
        let known = self.known()?;
        let mut all = known.iter().chain(&self.own);
        Ok(all.find(|key| key.name == name && key.digest == digest).cloned())
    }

    fn known(&self) -> Result<Arc<[ApiKey]>, String> {
        let Some(path) = &self.file else { return Ok(Arc::default()) };
        let cannot =
            |why: String| format!("the file of keys `{}` cannot be read: {why}", path.display());
        let stamp = stamp(path).map_err(|error| cannot(why(&error)))?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, keys)) = &*read
            && *known == stamp
        {
            return Ok(Arc::clone(keys));
        }
        let keys = parse_api_keys(&text(path).map_err(cannot)?)
            .map_err(|problems| RoleErrors { problems }.render(&path.display().to_string()))?;
        let keys: Arc<[ApiKey]> = keys.into();
        *read = Some((stamp, Arc::clone(&keys)));
        Ok(keys)
    }
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".into(),
        ErrorKind::PermissionDenied => "this user may not read it".into(),
        ErrorKind::InvalidData => "it is not text in UTF-8".into(),
        _ => error.to_string(),
    }
}

fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let metadata = std::fs::metadata(path)?;
    Ok([
        metadata.ino().cast_signed(),
        metadata.size().cast_signed(),
        metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ])
}

fn text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| why(&error))?;
    // Whoever may write it decides who may do anything.
    let mode = file.metadata().map_err(|error| why(&error))?.mode();
    if mode & 0o022 != 0 {
        return Err("others than its owner may write it; `chmod go-w` it".into());
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| why(&error))?;
    match text.len() as u64 > LARGEST {
        true => Err(format!("it is larger than {} MiB", LARGEST >> 20)),
        false => Ok(text),
    }
}
