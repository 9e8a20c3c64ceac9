//! What every request passes first: where it comes from, and who sends it.

use super::Shared;
use super::error::ApiError;
use super::rate::Kind;
use crate::domain::api_key::{ApiKey, KeyRole};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeSet;

/// Whoever sends a request without a key, as runs and policies know them. It is nobody's identity: no
/// reviewer is called so.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Who sends a request.
#[derive(Debug, Clone)]
pub(crate) struct Guarded {
    /// The authenticated identity: `key:NAME`, or [`ANONYMOUS`].
    pub(crate) identity: String,
    roles: BTreeSet<KeyRole>,
    /// What they call themselves: recorded, never trusted.
    pub(crate) note: Option<String>,
}

impl Guarded {
    /// Whoever holds this key.
    pub(crate) fn of(key: &ApiKey) -> Self {
        let identity = format!("key:{}", key.name);
        Self { identity, roles: key.roles.clone(), note: None }
    }

    /// # Errors
    /// Whoever has no key may be somebody who has; whoever has one knows now what it is not good for.
    pub(crate) fn may(&self, role: KeyRole) -> Result<(), ApiError> {
        if self.roles.contains(&role) {
            return Ok(());
        }
        let word = KeyRole::WORDS.iter().find(|(_, known)| *known == role).map_or("", |one| one.0);
        Err(match self.identity == ANONYMOUS {
            true => ApiError::new(
                StatusCode::UNAUTHORIZED,
                "no_key",
                format!(
                    "this takes a key with the role `{word}`; send it as `Authorization: Bearer …`"
                ),
            ),
            false => ApiError::new(
                StatusCode::FORBIDDEN,
                "not_permitted",
                format!("{} has not the role `{word}`", self.identity),
            ),
        })
    }

    /// Whether everybody's runs are theirs to see.
    pub(crate) fn sees_all(&self) -> bool {
        self.roles.contains(&KeyRole::Admin) || self.roles.contains(&KeyRole::Reviewer)
    }

    /// Whether a run of this requester is theirs to see.
    pub(crate) fn sees(&self, requester: &str) -> bool {
        self.sees_all() || self.identity == requester
    }
}

/// The longest note that is taken.
const LONGEST_NOTE: usize = 200;

pub(super) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let kind = match *request.method() == Method::POST
        && request.uri().path().starts_with("/v1/approvals/")
    {
        true => Kind::Decision,
        false => Kind::Request,
    };
    let checked = check(&app, request.method(), request.uri(), request.headers())
        .and_then(|guarded| app.rates.count(&guarded.identity, kind).map(|()| guarded));
    match checked {
        Ok(guarded) => {
            request.extensions_mut().insert(guarded);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

fn check(
    app: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Guarded, ApiError> {
    check_once(headers)?;
    check_host(app, uri, headers)?;
    check_path(uri.path())?;
    if !method.is_safe() {
        check_origin(app, headers)?;
    }
    if *method == Method::POST {
        check_type(headers)?;
    }
    let note = headers.get("x-resolved-by").map(|note| match note.to_str() {
        Ok(note) if note.len() <= LONGEST_NOTE => Ok(note.trim().to_owned()),
        _ => Err(ApiError::bad(
            "X-Resolved-By",
            format!("`X-Resolved-By` is no visible text of at most {LONGEST_NOTE} characters"),
        )),
    });
    let note = note.transpose()?.filter(|note| !note.is_empty());
    let holder = match bearer(headers)? {
        Some(secret) => app.keys.holder(secret).map_err(|why| keys_unusable(&why))?,
        None => None,
    };
    match holder {
        Some(key) => Ok(Guarded { note, ..Guarded::of(&key) }),
        // Clients that cannot do without a key send whatever they like.
        None if app.keys.keyless() => {
            let roles = BTreeSet::from([KeyRole::Caller]);
            Ok(Guarded { identity: ANONYMOUS.into(), roles, note })
        }
        None => Err(match headers.contains_key(header::AUTHORIZATION) {
            true => ApiError::new(StatusCode::UNAUTHORIZED, "unknown_key", "this key is not known"),
            false => ApiError::new(
                StatusCode::UNAUTHORIZED,
                "no_key",
                "a key is needed; send it as `Authorization: Bearer …`",
            ),
        }),
    }
}

/// Whoever operates the server reads why; a stranger need not know of its files.
pub(crate) fn keys_unusable(why: &str) -> ApiError {
    tracing::error!(why, "the file of keys cannot be used");
    let message = "the server cannot tell keys from one another now: its log says why";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_keys", message)
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let secret = value.to_str().ok().and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    });
    match secret {
        Some(secret) if !secret.is_empty() => Ok(Some(secret)),
        _ => Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "unusable_key",
            "`Authorization` is no bearer key; send `Authorization: Bearer …`",
        )),
    }
}

/// Of two of these, a proxy in front may have gone by the other one (RFC 9110, section 5.3, and RFC 9112,
/// section 3.2).
pub(crate) fn check_once(headers: &HeaderMap) -> Result<(), ApiError> {
    const ONCE: [(HeaderName, &str); 5] = [
        (header::HOST, "Host"),
        (header::AUTHORIZATION, "Authorization"),
        (header::CONTENT_TYPE, "Content-Type"),
        (header::ORIGIN, "Origin"),
        (HeaderName::from_static("idempotency-key"), "Idempotency-Key"),
    ];
    match ONCE.iter().find(|(name, _)| headers.get_all(name).iter().nth(1).is_some()) {
        None => Ok(()),
        Some((_, shown)) => Err(ApiError::bad(shown, format!("`{shown}` is sent twice"))),
    }
}

/// A path is text: what it names is looked up and shown.
pub(crate) fn check_path(path: &str) -> Result<(), ApiError> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|digit| (*digit as char).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high << 4 | low));
                rest = &after[2..];
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    match str::from_utf8(&bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::bad("path", "the path is not text in UTF-8")),
    }
}

/// A name that leads here only for a page that wants to read what a loopback server says (DNS
/// rebinding) is none of ours.
pub(crate) fn check_host(app: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    if !app.options.listen.ip().is_loopback() {
        return Ok(());
    }
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // A whole address, as one asks a proxy, holds before the header (RFC 9112, section 3.2.2).
    let host = uri.authority().map_or(named, |authority| authority.as_str());
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let ours = name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match ours {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "foreign_host",
            "this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`",
        )),
    }
}

/// A page of another origin may not change anything, unless it is allowed to.
fn check_origin(app: &Shared, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, name)| name.eq_ignore_ascii_case(host));
    match own || app.options.origins.iter().any(|known| known == origin) {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "pages of this origin may not use this server; `--cors-origin` allows one",
        )),
    }
}

/// A form that a page sends without being asked for has another type. Of what changes something, a page can
/// send nothing but a POST without the browser asking beforehand.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let kind = kind.and_then(Result::ok).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "send `Content-Type: application/json`",
        )),
    }
}
