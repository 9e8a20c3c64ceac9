//! Values that look like secrets, on their way into the database and out of it. What is stored has a
//! token in the place of each, and the value is kept beside it, encrypted, until its run ends.
//!
//! The token is a keyed hash of run and value: the same value has the same token wherever it stands in
//! a run, so that nothing is stored twice and equal texts stay equal, and another one in another run.
//! XChaCha20-Poly1305 encrypts under a random nonce, long enough that none ever repeats, and is bound
//! to run and token: a row that was moved does not open.

use super::fault::Fault;
use super::key::KeyPlace;
use super::writer::Write;
use crate::domain::ids::RunId;
use crate::domain::secret::{SEAL_BEGIN, SEAL_END, SEAL_LENGTH, shapes};
use crate::store::texts::Texts;
use crate::store::{StoreError, StoredRun, key};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key as CipherKey, KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use rusqlite::{Connection, params};
use sha2::Sha256;
use std::collections::HashMap;

/// Bytes of a nonce (draft-irtf-cfrg-xchacha).
const NONCE: usize = 24;

/// What seals the values of one run.
struct Seal<'r> {
    run: &'r RunId,
    tokens: Hmac<Sha256>,
    cipher: XChaCha20Poly1305,
}

/// Puts tokens in the place of secrets, and keeps these beside. A record without any costs one pass
/// over its texts.
pub(super) fn hide<T: Texts>(
    write: &Write<'_>,
    key: &KeyPlace,
    run: &RunId,
    mut record: T,
) -> Result<T, Fault> {
    let mut seal = None;
    record.each_text(&mut |text: &mut String| {
        let found = shapes(text);
        if found.is_empty() {
            return Ok(());
        }
        let seal = match &mut seal {
            Some(seal) => seal,
            none => none.insert(Seal::new(run, &key.seal(true)?)?),
        };
        let (mut hidden, mut done) = (String::with_capacity(text.len()), 0);
        for range in found {
            let value = &text[range.clone()];
            let token = seal.token(value)?;
            hidden.push_str(&text[done..range.start]);
            hidden.push_str(&token);
            write.execute(
                "INSERT INTO sealed (run_id, token, box) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![run.as_str(), token, seal.close(&token, value)?],
            )?;
            done = range.end;
        }
        hidden.push_str(&text[done..]);
        *text = hidden;
        Ok::<_, Fault>(())
    })?;
    Ok(record)
}

/// A run with its values where their tokens stood. Of a run that has ended none is kept.
pub(super) fn reveal_run(
    conn: &Connection,
    key: &KeyPlace,
    stored: StoredRun,
) -> Result<StoredRun, Fault> {
    if stored.run.state.is_final() {
        return Ok(stored);
    }
    let run = stored.run.id.clone();
    reveal(conn, key, &run, stored)
}

/// Puts the values back where their tokens stand, for a run that goes on.
pub(super) fn reveal<T: Texts>(
    conn: &Connection,
    key: &KeyPlace,
    run: &RunId,
    mut stored: T,
) -> Result<T, Fault> {
    let mut opened: Option<HashMap<String, String>> = None;
    stored.each_text(&mut |text: &mut String| {
        let Some(mut at) = token_at(text, 0) else { return Ok(()) };
        let opened = match &mut opened {
            Some(opened) => opened,
            none => none.insert(open_all(conn, key, run)?),
        };
        let (mut whole, mut done) = (String::with_capacity(text.len()), 0);
        loop {
            let end = at + TOKEN;
            let token = &text[at..end];
            let Some(value) = opened.get(token) else {
                return Err(refused(run, format!("its sealed value `{token}` is missing")));
            };
            whole.push_str(&text[done..at]);
            whole.push_str(value);
            done = end;
            match token_at(text, end) {
                Some(next) => at = next,
                None => break,
            }
        }
        whole.push_str(&text[done..]);
        *text = whole;
        Ok(())
    })?;
    Ok(stored)
}

/// Forgets the values of a run that has ended.
pub(super) fn forget(write: &Write<'_>, run: &RunId) -> Result<(), Fault> {
    write.execute("DELETE FROM sealed WHERE run_id = ?1", [run.as_str()])?;
    Ok(())
}

/// Bytes of a token.
const TOKEN: usize = SEAL_BEGIN.len() + SEAL_LENGTH + SEAL_END.len();

/// Whether a token stands in a text.
pub(super) fn has_token(text: &str) -> bool {
    token_at(text, 0).is_some()
}

/// Where the next token stands. Every text that looks like one is: what looked like one when it was
/// stored was sealed itself.
fn token_at(text: &str, from: usize) -> Option<usize> {
    let mut from = from;
    loop {
        let at = from + text.get(from..)?.find(SEAL_BEGIN)?;
        let digits = at + SEAL_BEGIN.len()..at + SEAL_BEGIN.len() + SEAL_LENGTH;
        let is_hex =
            |digits: &str| digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        if text.get(digits.clone()).is_some_and(is_hex)
            && text.get(digits.end..).is_some_and(|rest| rest.starts_with(SEAL_END))
        {
            return Some(at);
        }
        from = at + SEAL_BEGIN.len();
    }
}

fn open_all(
    conn: &Connection,
    key: &KeyPlace,
    run: &RunId,
) -> Result<HashMap<String, String>, Fault> {
    let bytes = key.seal(false).map_err(|fault| match fault {
        Fault::Failed(reason) => refused(run, reason),
        other => other,
    })?;
    let seal = Seal::new(run, &bytes)?;
    let mut statement = conn.prepare_cached("SELECT token, box FROM sealed WHERE run_id = ?1")?;
    let mut rows = statement.query([run.as_str()])?;
    let mut opened = HashMap::new();
    while let Some(row) = rows.next()? {
        let (token, sealed): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let Some(value) = seal.open(&token, &sealed) else {
            return Err(refused(
                run,
                format!(
                    "its sealed value `{token}` was changed, or the key it was sealed with was"
                ),
            ));
        };
        opened.insert(token, value);
    }
    Ok(opened)
}

fn refused(run: &RunId, reason: String) -> Fault {
    Fault::Refused(StoreError::Sealed { run: run.clone(), reason })
}

impl<'r> Seal<'r> {
    fn new(run: &'r RunId, key: &[u8; key::LENGTH]) -> Result<Self, Fault> {
        let unusable = |_| Fault::Failed("the key of sealed values cannot be used".into());
        let keyed = |what: &str| -> Result<_, Fault> {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(unusable)?;
            // One key for each use, so that neither tells anything of the other.
            mac.update(what.as_bytes());
            let derived: [u8; 32] = mac.finalize().into_bytes().into();
            Ok(derived)
        };
        Ok(Self {
            run,
            tokens: Hmac::new_from_slice(&keyed("tokens")?).map_err(unusable)?,
            cipher: XChaCha20Poly1305::new(&CipherKey::from(keyed("values")?)),
        })
    }

    fn token(&self, value: &str) -> Result<String, Fault> {
        let mut mac = self.tokens.clone();
        mac.update(self.run.as_str().as_bytes());
        // No run's id holds one.
        mac.update(b"\n");
        mac.update(value.as_bytes());
        let mut digits = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
        digits.truncate(SEAL_LENGTH);
        Ok(format!("{SEAL_BEGIN}{digits}{SEAL_END}"))
    }

    /// The nonce and the encrypted value.
    fn close(&self, token: &str, value: &str) -> Result<Vec<u8>, Fault> {
        let nonce: [u8; NONCE] =
            key::random().map_err(|error| Fault::Failed(format!("no random bytes: {error}")))?;
        let bound = self.bound(token);
        let payload = Payload { msg: value.as_bytes(), aad: bound.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        // Fails beyond 256 GiB, which no text is.
        let sealed = sealed.map_err(|_| Fault::Failed("a value cannot be sealed".into()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, token: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let bound = self.bound(token);
        let payload = Payload { msg: sealed, aad: bound.as_bytes() };
        let value = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(value).ok()
    }

    /// What a value is bound to.
    fn bound(&self, token: &str) -> String {
        format!("{} {token}", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_where_it_was_sealed_and_nowhere_else() {
        let run = RunId::from_random([1; 16]);
        let other = RunId::from_random([2; 16]);
        let seal = |run, key: u8| match Seal::new(run, &[key; key::LENGTH]) {
            Ok(seal) => seal,
            Err(fault) => panic!("{fault:?}"),
        };
        let ours = seal(&run, 7);
        let Ok(token) = ours.token("value") else { panic!("no token") };
        assert_eq!(token.len(), TOKEN);
        assert_eq!(token_at(&format!("x[sealed:no]{token}"), 0), Some(12));
        assert_eq!(seal(&run, 7).token("value").ok().as_ref(), Some(&token));
        assert_ne!(seal(&other, 7).token("value").ok().as_ref(), Some(&token));
        assert_ne!(seal(&run, 8).token("value").ok().as_ref(), Some(&token));
        assert_ne!(ours.token("valuf").ok().as_ref(), Some(&token));

        let Ok(sealed) = ours.close(&token, "value") else { panic!("not sealed") };
        assert_eq!(ours.open(&token, &sealed).as_deref(), Some("value"));
        assert_eq!(ours.open("[sealed:0000000000000000]", &sealed), None);
        assert_eq!(seal(&other, 7).open(&token, &sealed), None);
        assert_eq!(seal(&run, 8).open(&token, &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(ours.open(&token, &changed), None, "{at}");
            assert_eq!(ours.open(&token, &sealed[..at]), None, "{at}");
        }
    }
}
