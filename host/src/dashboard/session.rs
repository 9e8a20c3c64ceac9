//! Who is signed in: a random token in a cookie, and of it the SHA-256 digest here. Each sign-in is a file of
//! the state folder, so that whoever is signed in stays so when the server starts again, and signing out ends
//! it for good. Nothing here turns back into a token or a key.
//!
//! The rules are those of the OWASP session management cheat sheet: a token of 256 random bits, a new one at
//! each sign-in and every hour, an end that no use puts off.

use super::random;
use crate::domain::api_key::ApiKey;
use crate::domain::clock::Timestamp;
use crate::domain::digest::Digest;
use crate::http::ApiKeys;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq;

const SECOND: i64 = 1_000_000;

/// How long somebody stays signed in: a working day with its breaks.
pub(super) const LASTS: i64 = 12 * 60 * 60 * SECOND;

/// How old a token may become before the next page has a new one.
const RENEWED_AFTER: i64 = 60 * 60 * SECOND;

/// How long the token before that still holds: what the browser had asked for meanwhile arrives.
const OVERLAP: i64 = 60 * SECOND;

/// The sessions of a server.
#[derive(Debug)]
pub(super) enum Sessions {
    /// A file each, in a folder that this user alone can read.
    Folder(PathBuf),
    /// Where nothing is written down.
    Memory(Mutex<HashMap<String, Session>>),
}

/// Somebody who is signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// The name of the key that they signed in with.
    key: String,
    /// Its digest: whoever's key was replaced or removed is signed out.
    digest: String,
    /// What forms of theirs carry. It stays the same when the token is renewed: pages are open for long.
    pub(super) csrf: String,
    /// Up to when it holds, however much it is used.
    ends_at: i64,
    /// When its token was made.
    renewed_at: i64,
}

impl Session {
    /// Whether a form carries this session's token.
    pub(super) fn sent_this(&self, token: &str) -> bool {
        self.csrf.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Whether its token is old enough for a new one.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        now.0 - self.renewed_at >= RENEWED_AFTER
    }

    /// For how many seconds it still holds.
    pub(super) fn lasts(&self, now: Timestamp) -> i64 {
        (self.ends_at - now.0).max(0) / SECOND
    }
}

impl Sessions {
    /// Kept in a folder; in memory where there is none.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        folder.map_or_else(|| Self::Memory(Mutex::default()), Self::Folder)
    }

    /// Signs somebody in. Gives the token for their cookie.
    ///
    /// # Errors
    /// Where it cannot be written down.
    pub(super) fn begin(&self, key: &ApiKey, now: Timestamp) -> io::Result<(String, Session)> {
        self.forget_ended(now);
        let session = Session {
            key: key.name.clone(),
            digest: key.digest.to_string(),
            csrf: random::token(),
            ends_at: now.0 + LASTS,
            renewed_at: now.0,
        };
        let token = random::token();
        self.put(&token, &session)?;
        Ok((token, session))
    }

    /// Who has this token, and the key that they signed in with, as it is now.
    ///
    /// # Errors
    /// Why the file of keys cannot be read.
    pub(super) fn find(
        &self,
        token: &str,
        keys: &ApiKeys,
        now: Timestamp,
    ) -> Result<Option<(Session, ApiKey)>, String> {
        let Some(session) = self.get(token).filter(|session| session.ends_at > now.0) else {
            return Ok(None);
        };
        let Some(digest) = Digest::parse(&session.digest) else { return Ok(None) };
        Ok(keys.still(&session.key, digest)?.map(|key| (session, key)))
    }

    /// A new token in the place of one.
    ///
    /// # Errors
    /// Where it cannot be written down: the old one holds then.
    pub(super) fn renew(
        &self,
        token: &str,
        session: &Session,
        now: Timestamp,
    ) -> io::Result<String> {
        let renewed = Session { renewed_at: now.0, ..session.clone() };
        let new = random::token();
        self.put(&new, &renewed)?;
        // It is not renewed again by whatever still comes with it.
        let ends_at = session.ends_at.min(now.0 + OVERLAP);
        self.put(token, &Session { ends_at, ..renewed })?;
        Ok(new)
    }

    /// Signs somebody out.
    pub(super) fn end(&self, token: &str) {
        match self {
            Self::Folder(folder) => {
                let _ = fs::remove_file(folder.join(name(token)));
            }
            Self::Memory(sessions) => {
                lock(sessions).remove(&name(token));
            }
        }
    }

    fn get(&self, token: &str) -> Option<Session> {
        match self {
            Self::Folder(folder) => read(&folder.join(name(token))),
            Self::Memory(sessions) => lock(sessions).get(&name(token)).cloned(),
        }
    }

    fn put(&self, token: &str, session: &Session) -> io::Result<()> {
        match self {
            Self::Folder(folder) => write(folder, &name(token), session),
            Self::Memory(sessions) => {
                lock(sessions).insert(name(token), session.clone());
                Ok(())
            }
        }
    }

    /// Those that ended are of no use to anybody.
    fn forget_ended(&self, now: Timestamp) {
        match self {
            Self::Folder(folder) => {
                for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                    let path = entry.path();
                    if read(&path).is_none_or(|session| session.ends_at <= now.0) {
                        let _ = fs::remove_file(path);
                    }
                }
            }
            Self::Memory(sessions) => {
                lock(sessions).retain(|_, session| session.ends_at > now.0);
            }
        }
    }
}

fn lock(sessions: &Mutex<HashMap<String, Session>>) -> MutexGuard<'_, HashMap<String, Session>> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a session is called: nothing that a client sends is part of a path.
fn name(token: &str) -> String {
    Digest::of(token.as_bytes()).hex().to_string()
}

fn read(path: &Path) -> Option<Session> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Whole, or not at all: a server that reads meanwhile signs nobody out.
fn write(folder: &Path, name: &str, session: &Session) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = folder.join(format!("{name}.{}", random::token()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(&serde_json::to_vec(session)?)?;
    let renamed = fs::rename(&draft, folder.join(name));
    if renamed.is_err() {
        let _ = fs::remove_file(&draft);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HOUR: i64 = 60 * 60 * SECOND;

    fn check(sessions: &Sessions) {
        let (secret, at) = ("irk_x", |hours: i64| Timestamp(hours * HOUR));
        let keys = ApiKeys::of_this_machine(secret);
        let key = keys.holder(secret).unwrap().unwrap();
        let found = |token: &str, now| sessions.find(token, &keys, now).unwrap().is_some();
        let (token, session) = sessions.begin(&key, at(0)).unwrap();
        assert!(found(&token, at(1)) && !found("", at(1)) && !found("x", at(1)));
        assert!(!session.is_old(Timestamp(HOUR - 1)) && session.is_old(at(1)));
        assert!(session.sent_this(&session.csrf) && !session.sent_this(""));

        let renewed = sessions.renew(&token, &session, at(1)).unwrap();
        let (now, _) = sessions.find(&renewed, &keys, at(1)).unwrap().unwrap();
        assert_eq!(now.csrf, session.csrf);
        let soon = Timestamp(HOUR + 59 * SECOND);
        assert!(found(&token, soon) && !found(&token, Timestamp(HOUR + OVERLAP)));
        assert!(found(&renewed, at(11)) && !found(&renewed, at(12)), "no use puts its end off");

        // Another key of that name is another person.
        let others = ApiKeys::of_this_machine("irk_y");
        assert!(sessions.find(&renewed, &others, at(2)).unwrap().is_none());
        sessions.end(&renewed);
        assert!(!found(&renewed, at(2)));

        let (ended, _) = sessions.begin(&key, at(0)).unwrap();
        sessions.begin(&key, at(13)).unwrap();
        assert!(sessions.get(&ended).is_none(), "what ended is not kept");
    }

    #[test]
    fn a_session_holds_until_it_ends_and_for_its_key_alone() {
        check(&Sessions::new(None));
        let folder = std::env::temp_dir().join(format!("sessions-{}", random::token()));
        check(&Sessions::new(Some(folder.clone())));
        let kept: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!kept.is_empty() && !kept.concat().contains("irk_"), "{kept:?}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn roles_of_a_key_are_those_of_now() {
        let sessions = Sessions::new(None);
        let (key, _) = ApiKey::generate("a", BTreeSet::new(), [1; 32]);
        let (token, _) = sessions.begin(&key, Timestamp(0)).unwrap();
        // This machine's keys have no `a`.
        let keys = ApiKeys::of_this_machine("irk_x");
        assert!(sessions.find(&token, &keys, Timestamp(1)).unwrap().is_none());
    }
}
