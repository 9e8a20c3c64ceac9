//! Notices to a server, signed as Standard Webhooks 1.0 says: whoever has the secret knows that a request is
//! ours, whole, recent, and whether it came before.

use super::words::{calls, subject};
use crate::domain::digest::Digest;
use crate::json;
use crate::ops::Host;
use crate::store::CallRecord;
use crate::trigger::chat::read_address;
use crate::trigger::open_calls::OpenCalls;
use crate::trigger::post::Poster;
use crate::trigger::{Notice, SendError, Sender, Sending};
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json as value};
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a server may take ("15s-30s", Standard Webhooks on time-outs).
const PATIENCE: Duration = Duration::from_secs(20);

/// How a secret begins that is base64, by the same specification.
const PREFIX: &str = "whsec_";

/// The least of a secret, in bytes ("between 24 bytes (192 bits) and 64 bytes (512 bits)"): a shorter one is
/// guessed.
const SHORTEST_SECRET: usize = 24;

/// What a webhook is made of.
pub struct WebhookParts {
    /// The host that it works for.
    pub host: Host,
    /// Where notices go.
    pub url: String,
    /// What signs them.
    pub secret: String,
    /// The variable that has it.
    pub secret_env: String,
}

/// One server.
struct Webhook {
    host: Host,
    url: Url,
    poster: Poster,
    key: Vec<u8>,
}

/// Makes a sender to a server; nothing is sent yet.
///
/// # Errors
/// A sentence with the cure: the address or the secret cannot be used.
pub fn open(parts: WebhookParts) -> Result<Arc<dyn Sender>, String> {
    let url = read_address(&parts.url, "https", "http")?;
    let key = check_secret(&parts.secret, &parts.secret_env)?;
    let poster = Poster::new(&url)?;
    Ok(Arc::new(Webhook { host: parts.host, url, poster, key }))
}

/// The bytes of the secret in a variable.
///
/// # Errors
/// What is wrong with it, with the cure.
pub(in crate::trigger) fn check_secret(secret: &str, variable: &str) -> Result<Vec<u8>, String> {
    key(secret).filter(|key| key.len() >= SHORTEST_SECRET).ok_or_else(|| {
        format!(
            "what `{variable}` holds signs nothing; put {SHORTEST_SECRET} random bytes or more there, as \
             `{PREFIX}` and base64"
        )
    })
}

fn key(secret: &str) -> Option<Vec<u8>> {
    match secret.strip_prefix(PREFIX) {
        Some(encoded) => BASE64.decode(encoded.as_bytes()).ok(),
        None => Some(secret.as_bytes().to_vec()),
    }
}

/// The signature of one request: `v1,` and base64.
fn sign(key: &[u8], id: &str, seconds: i64, body: &str) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    let mac = mac.chain_update(format!("{id}.{seconds}.{body}")).finalize().into_bytes();
    Some(format!("v1,{}", BASE64.encode(&mac)))
}

impl Webhook {
    async fn tell(&self, notice: &Notice) -> Result<(), SendError> {
        let now = self.host.now();
        let seconds = now.0.div_euclid(1_000_000);
        // The same at each attempt, and without a full stop, which the signature joins with.
        let id = format!("msg_{}", Digest::of(notice.key.as_bytes()).hex());
        let body = body(notice, &now.to_string()).to_string();
        let signature = sign(&self.key, &id, seconds, &body)
            .ok_or_else(|| SendError::Never("the secret cannot be used".into()))?;
        let time = seconds.to_string();
        let headers = [
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", time.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        let sent = self.poster.post(self.url.clone(), &headers, body.into_bytes(), PATIENCE);
        let host = self.url.host_str().unwrap_or_default();
        let answer = sent
            .await
            .map_err(|why| SendError::Later(format!("{host} cannot be reached: {why}")))?;
        let said = format!("{host} answered {}", answer.status);
        match answer.status {
            200..=299 => Ok(()),
            // A server that is busy, or starting.
            408 | 409 | 425 | 429 | 500.. => Err(SendError::Later(match answer.retry_after {
                Some(after) => format!("{said}; it asks for {after} s"),
                None => said,
            })),
            // Redirects are not followed: nobody signed for the other place.
            300..=399 => {
                Err(SendError::Never(format!("{said}: name the address that it moved to")))
            }
            _ => Err(SendError::Never(said)),
        }
    }
}

impl Sender for Webhook {
    fn send(&self, notice: Notice) -> Sending<'_> {
        Box::pin(async move {
            self.tell(&notice).await?;
            Ok(None)
        })
    }
}

fn body(notice: &Notice, at: &str) -> Value {
    let run = &notice.run.run;
    let open = OpenCalls::of(calls(notice));
    let calls: Vec<Value> = calls(notice).map(call).collect();
    value!({
        "type": format!("run.{}", notice.kind.as_str()),
        "timestamp": at,
        "data": {
            "run_id": run.id.as_str(),
            "role": notice.role,
            "state": run.state.as_str(),
            "trigger": run.trigger,
            "requester": run.requester,
            "outcome": run.outcome,
            "summary": subject(notice),
            "calls": calls,
            "resume": open.command(&run.id),
        },
    })
}

fn call(call: &CallRecord) -> Value {
    let mut told = json::pending(call);
    if let Some(told) = told.as_object_mut() {
        told.insert("state".into(), call.state.as_str().into());
        let decision = call.decision.as_ref().map(|decision| decision.as_str());
        told.insert("decision".into(), decision.into());
        let resolver = call.resolver.as_ref();
        let by = resolver.map(|resolver| resolver.authenticated_as.as_str());
        told.insert("authenticated_as".into(), by.into());
        told.insert("decided_at".into(), call.decided_at.map(|at| at.to_string()).into());
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the README of the specification's reference libraries.
    #[test]
    fn a_request_is_signed_as_the_specification_shows() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn a_secret_is_base64_behind_its_prefix() {
        assert_eq!(key("whsec_AAEC"), Some(vec![0, 1, 2]));
        assert_eq!(key("whsec_!"), None);
        assert_eq!(key("plain"), Some(b"plain".to_vec()));
    }
}
