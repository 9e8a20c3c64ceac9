//! Requests that a client may send again: the same key means the same request
//! (draft-ietf-httpapi-idempotency-key-header).

use super::error::ApiError;
use super::guard::Guarded;
use crate::domain::canonical;
use crate::domain::client_id::ClientId;
use crate::domain::digest::Digest;
use crate::store::Idempotency;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

const HEADER: &str = "idempotency-key";

/// What tells this request from others, where the client named it. `what` is all that is asked for besides
/// the body.
pub(super) fn sent(
    headers: &HeaderMap,
    caller: &Guarded,
    what: &Value,
    body: &Map<String, Value>,
) -> Result<Option<Idempotency>, ApiError> {
    let Some(key) = client_id(headers, HEADER, "Idempotency-Key")? else { return Ok(None) };
    let asked = canonical::to_text(&json!([what, body]));
    let request = Digest::of(asked.as_bytes());
    Ok(Some(Idempotency { owner: caller.identity.clone(), key, request }))
}

/// A client's own name for something, from a header.
pub(super) fn client_id(
    headers: &HeaderMap,
    header: &str,
    shown: &str,
) -> Result<Option<ClientId>, ApiError> {
    let Some(value) = headers.get(header) else { return Ok(None) };
    let text = str::from_utf8(value.as_bytes())
        .map_err(|_| ApiError::bad(shown, format!("`{shown}` is not text in UTF-8")))?;
    let id = ClientId::parse(text);
    Ok(Some(id.map_err(|error| ApiError::bad(shown, format!("`{shown}`: {error}")))?))
}
