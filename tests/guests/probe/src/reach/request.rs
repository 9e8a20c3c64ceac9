//! Sends requests as a hostile component would: through the bare interface, with whatever a test names.

use initrunner_sdk::{Content, Failure};
use serde::Deserialize;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, IncomingBody, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    method: String,
    scheme: String,
    authority: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    trailers: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            scheme: "http".into(),
            authority: String::new(),
            path: "/".into(),
            headers: Vec::new(),
            body: String::new(),
            trailers: false,
        }
    }
}

/// Sends one, and tells what came of it.
pub(crate) fn send(text: &str) -> Result<Content, Failure> {
    Ok(Content::Text(try_send(text).unwrap_or_else(|told| told)))
}

/// As [`send`], and reports a failure of its own where it was refused.
pub(crate) fn send_or_fail(text: &str) -> Result<Content, Failure> {
    try_send(text).map(Content::Text).map_err(Failure::Failed)
}

/// As [`send`], and crashes where it was refused.
#[expect(clippy::panic, reason = "crashing is what is tested")]
pub(crate) fn send_or_crash(text: &str) -> Result<Content, Failure> {
    match try_send(text) {
        Ok(told) => Ok(Content::Text(told)),
        Err(told) => panic!("{told}"),
    }
}

/// Sends so many at once and waits for none, then asks how each ended.
pub(crate) fn flood(text: &str) -> Result<Content, Failure> {
    let mut pending = Vec::new();
    for _ in 0..1_000 {
        match outgoing(text) {
            Ok(request) => match outgoing_handler::handle(request, None) {
                Ok(response) => pending.push(response),
                Err(error) => return Ok(Content::Text(format!("refused: {error:?}"))),
            },
            Err(told) => return Ok(Content::Text(told)),
        }
        if pending.len() == 200 {
            break;
        }
    }
    let (mut answered, mut refused) = (0, 0);
    for response in pending {
        response.subscribe().block();
        match response.get() {
            Some(Ok(Ok(_))) => answered += 1,
            _ => refused += 1,
        }
    }
    Ok(Content::Text(format!("{answered} answered, {refused} refused")))
}

/// Opens a request and never ends its body.
pub(crate) fn hold(text: &str) -> Result<Content, Failure> {
    let request = outgoing(text).map_err(Failure::Failed)?;
    let body = request.body();
    match outgoing_handler::handle(request, None) {
        Ok(response) => response.subscribe().block(),
        Err(error) => return Ok(Content::Text(format!("refused: {error:?}"))),
    }
    drop(body);
    Ok(Content::Text("it was not waited for".into()))
}

fn outgoing(text: &str) -> Result<OutgoingRequest, String> {
    let wanted: Wanted = serde_json::from_str(text).map_err(|error| error.to_string())?;
    make(&wanted)
}

fn make(wanted: &Wanted) -> Result<OutgoingRequest, String> {
    let fields = Fields::new();
    for (name, value) in &wanted.headers {
        fields.append(name, value.as_bytes()).map_err(|error| format!("no header: {error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    let method = match wanted.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "CONNECT" => Method::Connect,
        "TRACE" => Method::Trace,
        other => Method::Other(other.into()),
    };
    let scheme = match wanted.scheme.as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.into()),
    };
    request.set_method(&method).map_err(|()| "no method")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "no scheme")?;
    request.set_authority(Some(&wanted.authority)).map_err(|()| "no authority")?;
    request.set_path_with_query(Some(&wanted.path)).map_err(|()| "no path")?;
    Ok(request)
}

fn try_send(text: &str) -> Result<String, String> {
    let wanted: Wanted = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let request = make(&wanted)?;
    let body = request.body().map_err(|()| "no body")?;
    let response = outgoing_handler::handle(request, None)
        .map_err(|error| format!("refused at once: {error:?}"))?;
    if let Ok(stream) = body.write() {
        // In pieces, as long as somebody reads them.
        for piece in wanted.body.as_bytes().chunks(4096) {
            if stream.blocking_write_and_flush(piece).is_err() {
                break;
            }
        }
    }
    let trailers = wanted.trailers.then(Fields::new);
    let _ = OutgoingBody::finish(body, trailers);
    response.subscribe().block();
    let response = match response.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(error))) => return Err(format!("refused: {error:?}")),
        other => return Err(format!("nothing: {}", other.is_some())),
    };
    let mut told = format!("status {}", response.status());
    for (name, value) in response.headers().entries() {
        told.push_str(&format!("\n{name}: {}", String::from_utf8_lossy(&value)));
    }
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut whole = Vec::new();
    loop {
        match stream.blocking_read(4096) {
            Ok(bytes) => whole.extend(bytes),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    drop(stream);
    drop(IncomingBody::finish(body));
    told.push_str("\n\n");
    told.push_str(&String::from_utf8_lossy(&whole));
    Ok(told)
}
