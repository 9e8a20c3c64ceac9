//! Requests over HTTP that start runs: signed, counted, and answered when the run is written down.

use super::Shared;
use super::inbox::{AcceptError, Accepted, Arrival, Inbox};
use super::signature::verify;
use crate::domain::trigger::{Signature, TriggerKind, TriggerSpec, WebhookSpec};
use crate::ops::{OpError, RoleFile};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::{error, warn};

/// Bytes of a body: GitHub sends less than 25 MB and mostly some 20 KB; a prompt takes no more than 64 KB of
/// it.
const LARGEST_BODY: usize = 1 << 20;

/// How long a body may take: whoever sends it drop by drop is hung up on.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is counted within.
const MINUTE: Duration = Duration::from_secs(60);

/// Headers that a prompt may name: those that say what happened. Others may hold what is nobody's business.
const TOLD: [&str; 3] = ["x-", "webhook-", "content-type"];

/// And those of them that do: `X-Gitlab-Token`, `X-Api-Key`, `X-Forwarded-Authorization`, `X-Hub-Signature`. No
/// model reads a secret.
const UNTOLD: [&str; 8] =
    ["signature", "token", "key", "secret", "auth", "password", "cookie", "credential"];

struct Hooks {
    shared: Arc<Shared>,
    /// When the next request of each trigger would come, did they come evenly.
    due: Mutex<HashMap<(String, String), Instant>>,
}

/// The paths of all roles, as they are at each request.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(hook).with_state(Arc::new(Hooks { shared, due: Mutex::default() }))
}

/// Whether some role has a webhook.
pub(super) fn any(roles: &super::roles::RoleSet) -> bool {
    let hook = |trigger: &TriggerSpec| matches!(trigger.kind, TriggerKind::Webhook(_));
    roles.values().any(|file| file.role.triggers.iter().any(hook))
}

fn find(shared: &Shared, path: &str) -> Option<(Arc<RoleFile>, TriggerSpec, WebhookSpec)> {
    shared.roles.now().values().find_map(|file| {
        file.role.triggers.iter().find_map(|trigger| match &trigger.kind {
            TriggerKind::Webhook(hook) if hook.path == path => {
                Some((Arc::clone(file), trigger.clone(), hook.clone()))
            }
            _ => None,
        })
    })
}

async fn hook(State(hooks): State<Arc<Hooks>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/health" {
        return (StatusCode::OK, Json(json!({"status": "ok"}))).into_response();
    }
    let Some((file, trigger, spec)) = find(&hooks.shared, &path) else {
        return refuse(StatusCode::NOT_FOUND, "no webhook listens here");
    };
    if request.method() != Method::POST {
        let refused = refuse(StatusCode::METHOD_NOT_ALLOWED, "a webhook takes POST");
        return ([(header::ALLOW, "POST")], refused).into_response();
    }
    let (parts, body) = request.into_parts();
    let body = match read(&parts.headers, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let Some(secret) = (hooks.shared.environment)(&spec.secret_env) else {
        error!(
            trigger = trigger.name,
            variable = spec.secret_env,
            "the webhook's secret is not set"
        );
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the webhook is not set up");
    };
    let now = hooks.shared.host.now();
    let key = match verify(spec.signature, secret.trim(), &parts.headers, &body, now) {
        Ok(key) => key,
        Err(why) => {
            warn!(role = file.role.name, trigger = trigger.name, %why, "a request was refused");
            return refuse(StatusCode::UNAUTHORIZED, &why.to_string());
        }
    };
    if is_ping(&spec, &parts.headers) {
        return (StatusCode::OK, Json(json!({"status": "pong"}))).into_response();
    }
    if let Err(wait) = hooks.count(&file.role.name, &trigger.name, spec.rate_limit) {
        let told = format!("more than {} requests in a minute", spec.rate_limit);
        return later(StatusCode::TOO_MANY_REQUESTS, &told, wait.as_secs() + 1);
    }
    let prompt = prompt(&trigger, &parts.headers, &body);
    let inbox = Inbox::new(Arc::clone(&hooks.shared), &file.role.name, &trigger.name);
    answer(inbox.accept(Arrival::new(key, prompt)).await)
}

/// Reads a body, within its limits.
async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Response> {
    let too_large = || {
        let told = format!("the body is larger than {LARGEST_BODY} bytes");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &told)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    let announced = announced.and_then(|it| it.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LARGEST_BODY) {
        return Err(too_large());
    }
    match tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST_BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

/// What GitHub sends when a webhook is set up.
fn is_ping(spec: &WebhookSpec, headers: &HeaderMap) -> bool {
    let event = headers.get("x-github-event").and_then(|value| value.to_str().ok());
    spec.signature == Signature::GitHub && event == Some("ping")
}

/// What the model is asked: the body as JSON where it is some, else as text.
fn prompt(trigger: &TriggerSpec, headers: &HeaderMap, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let body = serde_json::from_slice(body).unwrap_or_else(|_| Value::from(text.as_ref()));
    let told = headers.iter().filter(|(name, _)| {
        TOLD.iter().any(|told| name.as_str().starts_with(told))
            && !UNTOLD.iter().any(|untold| name.as_str().contains(untold))
    });
    let told: Map<String, Value> = told
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    let event = json!({"body": body, "header": told});
    trigger.prompt.as_ref().map(|prompt| prompt.fill(&event, Some(&text))).unwrap_or_default()
}

fn answer(accepted: Result<Accepted, AcceptError>) -> Response {
    let done = |status: StatusCode, run: &str, repeated: bool| {
        (status, Json(json!({"run_id": run, "repeated": repeated}))).into_response()
    };
    match accepted {
        Ok(Accepted::New(run)) => done(StatusCode::ACCEPTED, run.as_str(), false),
        Ok(Accepted::Repeated(run)) => done(StatusCode::OK, run.as_str(), true),
        Err(error @ AcceptError::QueueFull(_)) => {
            later(StatusCode::SERVICE_UNAVAILABLE, &error.to_string(), MINUTE.as_secs())
        }
        Err(error @ AcceptError::DayIsOver(_)) => {
            later(StatusCode::TOO_MANY_REQUESTS, &error.to_string(), 60 * MINUTE.as_secs())
        }
        Err(error @ AcceptError::Gone) => refuse(StatusCode::NOT_FOUND, &error.to_string()),
        Err(AcceptError::Failed(why)) => {
            // Names files of this machine.
            error!(%why, "a request could not be accepted");
            let told = match why {
                OpError::MissingVariables { .. } => "the role is not set up",
                _ => "it could not be written down; try again",
            };
            later(StatusCode::SERVICE_UNAVAILABLE, told, MINUTE.as_secs())
        }
    }
}

fn refuse(status: StatusCode, told: &str) -> Response {
    (status, Json(json!({"error": {"message": told}}))).into_response()
}

fn later(status: StatusCode, told: &str, seconds: u64) -> Response {
    ([(header::RETRY_AFTER, seconds.to_string())], refuse(status, told)).into_response()
}

impl Hooks {
    /// Counts a request that was signed: a minute's worth may come at once.
    fn count(&self, role: &str, trigger: &str, a_minute: u32) -> Result<(), Duration> {
        let interval = MINUTE / a_minute.max(1);
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let key = (role.to_owned(), trigger.to_owned());
        let next = due.get(&key).copied().unwrap_or(now).max(now) + interval;
        let ahead = next.saturating_duration_since(now);
        if ahead > MINUTE {
            return Err(ahead - MINUTE);
        }
        due.insert(key, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::template::Template;
    use crate::domain::yaml::Position;

    #[test]
    fn no_prompt_has_what_a_header_keeps_secret() {
        let prompt = Template::parse("{{ header }}", &["header"]).ok();
        let hook = WebhookSpec {
            path: "/h".into(),
            secret_env: "S".into(),
            signature: Signature::GitHub,
            rate_limit: 1,
        };
        let trigger = TriggerSpec {
            name: "h".into(),
            prompt,
            kind: TriggerKind::Webhook(hook),
            position: Position::default(),
        };
        let mut headers = HeaderMap::new();
        for name in [
            "x-github-event",
            "x-hub-signature-256",
            "x-gitlab-token",
            "x-api-key",
            "x-forwarded-authorization",
            "x-client-secret",
            "authorization",
            "cookie",
        ] {
            headers.insert(name, header::HeaderValue::from_static("v"));
        }
        assert_eq!(super::prompt(&trigger, &headers, b"{}"), r#"{"x-github-event":"v"}"#);
    }
}
