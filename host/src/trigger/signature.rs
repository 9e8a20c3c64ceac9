//! Whether a request was signed by who knows the secret, and its name, by which it is told from the same one
//! sent again.

use crate::domain::clock::Timestamp;
use crate::domain::trigger::Signature;
use axum::http::HeaderMap;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;

/// Seconds that a signed time may differ from now, as Standard Webhooks has it: clocks differ, and mail is
/// slow; a copy that is sent later is refused.
const TOLERANCE: i64 = 5 * 60;

/// How a secret of Standard Webhooks begins; base64 follows.
const WHSEC: &str = "whsec_";

/// Why a request does not count. The sentence tells nothing that helps to forge one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsigned {
    /// Headers are missing.
    #[error("the request is not signed: `{0}` is missing")]
    Missing(&'static str),
    /// The signature is another one.
    #[error("the signature does not fit the request; check that both sides have the same secret")]
    Wrong,
    /// It was signed long ago, or in the future.
    #[error("the request was signed at another time; check the clocks of both sides")]
    Stale,
}

/// Whether a secret can sign anything.
///
/// # Errors
/// What is wrong with it, with the cure.
pub(super) fn check_secret(kind: Signature, secret: &str, variable: &str) -> Result<(), String> {
    match key(kind, secret) {
        Some(_) => Ok(()),
        None => Err(format!(
            "what `{variable}` holds signs nothing; copy the secret from who sends: base64 after `{WHSEC}`"
        )),
    }
}

/// The bytes of a secret. None are no key: anybody could sign with that.
fn key(kind: Signature, secret: &str) -> Option<Vec<u8>> {
    let encoded = match kind {
        Signature::GitHub => None,
        Signature::Standard => secret.strip_prefix(WHSEC),
    };
    let key = match encoded {
        Some(encoded) => BASE64.decode(encoded.as_bytes()).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    (!key.is_empty()).then_some(key)
}

/// Checks a request; gives its name.
///
/// GitHub signs the body and nothing else, so that is what a delivery is known by: the same body is the same
/// event, whatever the other headers say.
pub(super) fn verify(
    kind: Signature,
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<String, Unsigned> {
    let header = |name: &'static str| {
        headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Unsigned::Missing(name))
    };
    let key = || key(kind, secret).ok_or(Unsigned::Wrong);
    match kind {
        Signature::GitHub => {
            let given = header("x-hub-signature-256")?;
            let given = given.strip_prefix("sha256=").ok_or(Unsigned::Wrong)?;
            let given =
                HEXLOWER_PERMISSIVE.decode(given.as_bytes()).map_err(|_| Unsigned::Wrong)?;
            let mac = mac(&key()?, &[body]).ok_or(Unsigned::Wrong)?;
            mac.verify_slice(&given).map_err(|_| Unsigned::Wrong)?;
            Ok(format!("github:{}", HEXLOWER.encode(&given)))
        }
        Signature::Standard => {
            let (id, time) = (header("webhook-id")?, header("webhook-timestamp")?);
            let given = header("webhook-signature")?;
            let key = key()?;
            let fits = |one: &str| {
                let signature = one.strip_prefix("v1,")?;
                let signature = BASE64.decode(signature.as_bytes()).ok()?;
                let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
                mac(&key, &parts)?.verify_slice(&signature).ok()
            };
            // Several, while a secret is replaced.
            if !given.split(' ').any(|one| fits(one).is_some()) {
                return Err(Unsigned::Wrong);
            }
            let signed_at: i64 = time.parse().map_err(|_| Unsigned::Stale)?;
            let apart = now.0.div_euclid(1_000_000).saturating_sub(signed_at);
            if apart.unsigned_abs() > TOLERANCE.unsigned_abs() {
                return Err(Unsigned::Stale);
            }
            Ok(format!("standard:{id}"))
        }
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value =
            |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        pairs
            .iter()
            .map(|(name, text)| (name.parse().unwrap_or(axum::http::header::COOKIE), value(text)))
            .collect()
    }

    /// The example of GitHub's documentation, "Validating webhook deliveries".
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn github(signature: &str, secret: &str, body: &[u8]) -> Result<String, Unsigned> {
        let headers = headers(&[("x-hub-signature-256", signature)]);
        verify(Signature::GitHub, secret, &headers, body, Timestamp(0))
    }

    #[test]
    fn githubs_own_example_holds() {
        let signed = format!("sha256={HEX}");
        assert_eq!(github(&signed, SECRET, BODY), Ok(format!("github:{HEX}")));
        assert_eq!(
            github(&signed.to_uppercase().replace("SHA", "sha"), SECRET, BODY),
            Ok(format!("github:{HEX}"))
        );
        for (signature, secret, body) in [
            (signed.as_str(), "another", BODY),
            (&signed, SECRET, b"Hello, World?".as_slice()),
            (HEX, SECRET, BODY),
            ("sha256=", SECRET, BODY),
            ("sha256=zz", SECRET, BODY),
            (&signed[..signed.len() - 2], SECRET, BODY),
            (&format!("sha1={HEX}"), SECRET, BODY),
        ] {
            assert_eq!(github(signature, secret, body), Err(Unsigned::Wrong), "{signature}");
        }
        let none = verify(Signature::GitHub, SECRET, &HeaderMap::new(), BODY, Timestamp(0));
        assert_eq!(none, Err(Unsigned::Missing("x-hub-signature-256")));
    }

    #[test]
    fn a_secret_of_nothing_signs_nothing() {
        let signed = |key: &[u8], text: &[u8]| {
            mac(key, &[text]).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
        };
        let hex = format!("sha256={}", HEXLOWER.encode(&signed(b"", BODY)));
        assert_eq!(github(&hex, "", BODY), Err(Unsigned::Wrong));
        let value = format!("v1,{}", BASE64.encode(&signed(b"", b"a.0.Hello, World!")));
        let headers = headers(&[
            ("webhook-id", "a"),
            ("webhook-timestamp", "0"),
            ("webhook-signature", &value),
        ]);
        for secret in ["whsec_", ""] {
            let told = verify(Signature::Standard, secret, &headers, BODY, Timestamp(0));
            assert_eq!(told, Err(Unsigned::Wrong), "{secret}");
        }
    }

    /// The example of the Standard Webhooks libraries' tests.
    #[test]
    fn the_standards_own_example_holds_for_five_minutes() {
        const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        const TIME: i64 = 1_614_265_330;
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let check = |signature: &str, body: &[u8], now: i64| {
            let headers = headers(&[
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", signature),
            ]);
            verify(Signature::Standard, WHSEC, &headers, body, Timestamp(now * 1_000_000))
        };
        let name = || Ok("standard:msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned());
        assert_eq!(check(signature, body, TIME), name());
        assert_eq!(check(&format!("v1,AAAA v2,x {signature}"), body, TIME + TOLERANCE), name());
        assert_eq!(check(signature, body, TIME - TOLERANCE), name());
        assert_eq!(check(signature, body, TIME + TOLERANCE + 1), Err(Unsigned::Stale));
        assert_eq!(check(signature, body, TIME - TOLERANCE - 1), Err(Unsigned::Stale));
        assert_eq!(check(signature, b"{}", TIME), Err(Unsigned::Wrong));
        assert_eq!(check("v1,", body, TIME), Err(Unsigned::Wrong));
    }
}
