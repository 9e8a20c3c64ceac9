//! What a server says when it does not answer.

use super::super::ModelError;
use super::send::{Again, Failure};
use super::{Server, retry};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// The most that is read of an error's body: 64 KiB hold any message, of which 500 characters are
/// shown.
const LARGEST_BODY: usize = 64 << 10;

/// Reads a response that is not a success. `attempt` counts from 1.
pub(super) async fn read(server: &Server, mut response: Response, attempt: u32) -> Failure {
    let status = response.status();
    let header = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let asked = retry::asked_wait(&header);
    let location = header("location");

    let mut body = Vec::new();
    while body.len() < LARGEST_BODY {
        // Whatever stops the body, the status has been said.
        match timeout(server.timing.idle, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            _ => break,
        }
    }
    let body = String::from_utf8_lossy(&body);
    let asked = asked.or_else(|| retry_delay(&body));
    let message = if status.is_redirection() {
        format!("it redirects to `{}`, which is not followed", location.as_deref().unwrap_or("?"))
    } else if body.trim().is_empty() {
        status.canonical_reason().unwrap_or("no message").to_owned()
    } else {
        message(&body)
    };
    judge(server, status, &body, server.shown(&message), attempt, asked)
}

fn judge(
    server: &Server,
    status: StatusCode,
    body: &str,
    message: String,
    attempts: u32,
    asked: Option<Duration>,
) -> Failure {
    let url = server.url();
    let without_credit = code(body).as_deref() == Some("insufficient_quota");
    let status = status.as_u16();
    match status {
        401..=403 => Failure::last(no_access(server, status, message)),
        // Gemini's way to say 401.
        400 if body.contains("API_KEY_INVALID") => {
            Failure::last(no_access(server, status, message))
        }
        // A provider's way to say 402: waiting does not fill an account.
        429 if without_credit => Failure::last(no_access(server, status, message)),
        408 | 409 | 425 | 429 | 500.. => Failure {
            again: Some(Again { why: format!("status {status}: {message}"), asked }),
            error: ModelError::Unavailable { url, status, message, attempts },
        },
        _ => Failure::last(ModelError::Rejected { url, status, message }),
    }
}

fn no_access(server: &Server, status: u16, message: String) -> ModelError {
    let cure = match (&server.key, status) {
        (_, 402 | 429) => "add credit to the account, then resume".to_owned(),
        (Some(key), _) => format!("check the key in `{}`, then resume", key.variable),
        (None, _) => {
            "no key was sent: name the variable that holds one in the role's `api_key_env`"
                .to_owned()
        }
    };
    ModelError::NoAccess { url: server.url(), status, message, cure }
}

/// The message in an error's body, in any of the shapes that servers give it; else the body.
pub(in crate::llm) fn message(body: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    find_message(&value).unwrap_or_else(|| body.to_owned())
}

fn find_message(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(find_message),
        Value::Object(object) => {
            // `error` of OpenAI and most, `message` of vLLM and Mistral, `detail` of FastAPI with `msg`
            // within it.
            let fields = ["error", "message", "detail", "msg"];
            fields.iter().find_map(|field| object.get(*field).and_then(find_message))
        }
        _ => None,
    }
}

/// The wait that Gemini asks for, in the body and in no header: `"retryDelay": "34s"`.
fn retry_delay(body: &str) -> Option<Duration> {
    let value: Value = serde_json::from_str(body).ok()?;
    let details = value.get("error")?.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

fn code(body: &str) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    Some(value.get("error")?.get("code")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_in_every_shape() {
        for (body, expected) in [
            (r#"{"error":{"message":"a","code":1}}"#, "a"),
            (r#"{"error":"b"}"#, "b"),
            (r#"[{"error":{"message":"c"}}]"#, "c"),
            (r#"{"object":"error","message":"d"}"#, "d"),
            (r#"{"detail":[{"loc":["body"],"msg":"e"}]}"#, "e"),
            (r#"{"detail":"f"}"#, "f"),
            (r#"{"error":{"message":""}}"#, r#"{"error":{"message":""}}"#),
            ("<html>", "<html>"),
            ("7", "7"),
        ] {
            assert_eq!(message(body), expected);
        }
        assert_eq!(
            code(r#"{"error":{"code":"insufficient_quota"}}"#).unwrap(),
            "insufficient_quota"
        );
        assert_eq!(code(r#"{"error":{"code":7}}"#), None);
        let delay = |delay| {
            let body =
                format!(r#"{{"error":{{"details":[{{"a":1}},{{"retryDelay":"{delay}"}}]}}}}"#);
            retry_delay(&body)
        };
        assert_eq!(delay("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!([delay("-1s"), delay("1"), delay("NaNs"), retry_delay("[]")], [None; 4]);
    }
}
