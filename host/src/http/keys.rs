//! Who is asking: bearer keys, each with a name and what its holder may do. A key is 32 random bytes; of
//! it a file holds the SHA-256 digest alone, which nobody can turn back.
//!
//! ```toml
//! [[key]]
//! name = "ci"
//! roles = ["caller"]
//! sha256 = "0c1e…"
//! ```

use crate::domain::digest::Digest;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq;

/// What every key begins with: scanners for leaked keys find it.
const PREFIX: &str = "irk_";

/// The largest file of keys: ten thousand are 1 MiB.
const LARGEST: u64 = 1 << 20;

/// What a key's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyRole {
    /// Run roles, and see and cancel the runs that it started.
    Caller,
    /// See what waits, and decide.
    Reviewer,
    /// See and cancel everybody's runs.
    Admin,
}

impl KeyRole {
    /// The words, as the file has them.
    pub const WORDS: [(&'static str, KeyRole); 3] =
        [("caller", Self::Caller), ("reviewer", Self::Reviewer), ("admin", Self::Admin)];

    /// The role of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, role)| *role)
    }
}

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What its holder sends; it is kept nowhere else.
    pub secret: String,
    /// What the file has of it.
    pub entry: String,
}

/// Makes a key from randomness.
pub fn new_key(name: &str, roles: &BTreeSet<KeyRole>, random: [u8; 32]) -> NewKey {
    let secret = format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&random));
    let words: Vec<String> = KeyRole::WORDS
        .iter()
        .filter(|(_, role)| roles.contains(role))
        .map(|(word, _)| format!("\"{word}\""))
        .collect();
    let entry = format!(
        "[[key]]\nname = \"{name}\"\nroles = [{}]\nsha256 = \"{}\"\n",
        words.join(", "),
        Digest::of(secret.as_bytes()).hex()
    );
    NewKey { secret, entry }
}

/// One key, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    name: String,
    roles: BTreeSet<KeyRole>,
    digest: Digest,
}

/// Whom a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) name: String,
    pub(crate) roles: BTreeSet<KeyRole>,
}

/// The keys of a server.
#[derive(Debug)]
pub struct ApiKeys {
    /// The file, read again when it has changed.
    file: Option<PathBuf>,
    /// Whether a request without a key is answered as far as calling goes.
    keyless: bool,
    read: Mutex<Option<(Stamp, Arc<[Known]>)>>,
    /// The one that was generated for this machine.
    own: Option<Known>,
}

type Stamp = [i64; 5];

impl ApiKeys {
    /// The keys of a file.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn of_file(path: PathBuf) -> Result<Self, String> {
        let keys = Self { file: Some(path), keyless: false, read: Mutex::default(), own: None };
        if keys.known()?.is_empty() {
            return Err(format!(
                "the file of keys `{}` has none; `initrunner key NAME --role caller` makes one",
                keys.file.as_deref().unwrap_or(Path::new("")).display()
            ));
        }
        Ok(keys)
    }

    /// One key for whoever can read this machine's state folder; requests without one may call.
    pub fn of_this_machine(secret: &str) -> Self {
        let own = Known {
            name: "local".into(),
            roles: KeyRole::WORDS.iter().map(|(_, role)| *role).collect(),
            digest: Digest::of(secret.as_bytes()),
        };
        Self { file: None, keyless: true, read: Mutex::default(), own: Some(own) }
    }

    /// Whether a request without a key is answered as far as calling goes.
    pub(crate) fn keyless(&self) -> bool {
        self.keyless
    }

    /// Whose key this is. It takes the same time whether or not one is known, however much of it is
    /// right.
    ///
    /// # Errors
    /// Why the file of keys cannot be read: then nobody is known.
    pub(crate) fn holder(&self, secret: &str) -> Result<Option<Holder>, String> {
        let digest = Digest::of(secret.as_bytes());
        let mut found = None;
        for known in self.known()?.iter().chain(&self.own) {
            if bool::from(known.digest.as_bytes().ct_eq(digest.as_bytes())) {
                let Known { name, roles, .. } = known.clone();
                found = Some(Holder { name, roles });
            }
        }
        Ok(found)
    }

    fn known(&self) -> Result<Arc<[Known]>, String> {
        let Some(path) = &self.file else { return Ok(Arc::default()) };
        let cannot = |why: String| format!("the file of keys `{}` cannot be used: {why}", path.display());
        let stamp = stamp(path).map_err(|error| cannot(why(&error)))?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, keys)) = &*read
            && *known == stamp
        {
            return Ok(Arc::clone(keys));
        }
        let keys: Arc<[Known]> = parse(&text(path).map_err(cannot)?).map_err(cannot)?.into();
        *read = Some((stamp, Arc::clone(&keys)));
        Ok(keys)
    }
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".into(),
        ErrorKind::PermissionDenied => "this user may not read it".into(),
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
    let read = file.take(LARGEST + 1).read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        ErrorKind::InvalidData => "it is not text in UTF-8".into(),
        _ => why(&error),
    })?;
    match text.len() as u64 > LARGEST {
        true => Err(format!("it is larger than {} MiB", LARGEST >> 20)),
        false => Ok(text),
    }
}

fn parse(text: &str) -> Result<Vec<Known>, String> {
    let root: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        format!("it is not valid TOML: {}", error.message())
    })?;
    let root = serde_json::to_value(root).unwrap_or_default();
    let unknown = root.as_object().into_iter().flatten().find(|(key, _)| *key != "key");
    if let Some((key, _)) = unknown {
        return Err(format!("unknown key `{key}`; it has tables `[[key]]`"));
    }
    let Some(items) = root.get("key") else { return Ok(Vec::new()) };
    let items = items.as_array().ok_or("`key` is no list of tables; write `[[key]]`")?;
    let mut known: Vec<Known> = Vec::with_capacity(items.len());
    for (number, item) in (1..).zip(items) {
        let one = parse_one(item).map_err(|why| format!("key {number}: {why}"))?;
        if known.iter().any(|other| other.name == one.name) {
            return Err(format!("two keys are called `{}`", one.name));
        }
        known.push(one);
    }
    Ok(known)
}

fn parse_one(item: &Value) -> Result<Known, String> {
    let item = item.as_object().ok_or("it is no table")?;
    if let Some(key) = item.keys().find(|key| !matches!(&***key, "name" | "roles" | "sha256")) {
        return Err(format!("unknown key `{key}`; there are `name`, `roles` and `sha256`"));
    }
    let name = item.get("name").and_then(Value::as_str).ok_or("`name` is missing")?;
    if !is_name(name) {
        return Err(format!("`{}` is no name: {NAME_RULE}", crate::domain::visible::one_line(name)));
    }
    let words = item.get("roles").and_then(Value::as_array).ok_or("`roles` is no list")?;
    let mut roles = BTreeSet::new();
    for word in words {
        let role = word.as_str().and_then(KeyRole::parse);
        roles.insert(role.ok_or("a role is none of `caller`, `reviewer` and `admin`")?);
    }
    let digest = item.get("sha256").and_then(Value::as_str).and_then(Digest::parse);
    let digest = digest.ok_or("`sha256` is no digest of 64 hexadecimal digits")?;
    Ok(Known { name: name.to_owned(), roles, digest })
}

/// What a key may be called.
pub(crate) const NAME_RULE: &str = "1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`";

/// Whether a key may be called so. The name is a part of `key:NAME`, which roles and policies compare.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}
