//! One request and one response over a connection that is closed afterwards. The response is read whole,
//! within its limits, and only what belongs to it is handed on.

use super::address::Address;
use super::connect::Stream;
use super::limits::EgressLimits;
use super::refusal::{Kind, Refusal, clip};
use super::{Pass, Request, Response};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::error::Error as _;
use std::io;
use std::pin::pin;
use std::time::Duration;

/// Headers of a response that belong to the connection and not to what it carries.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Sends `request` with `headers` and reads the answer.
pub(super) async fn send(
    stream: Box<dyn Stream>,
    address: &Address,
    request: &Request,
    headers: HeaderMap,
    limits: &EgressLimits,
    pass: Pass<'_>,
) -> Result<Response, Refusal> {
    let message = message(address, request, headers)?;
    let broken = |error: hyper::Error| broken(&error, address, limits);
    let mut client = http1::Builder::new();
    client.max_headers(limits.headers).max_buf_size(limits.response_head);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let work = async {
        let waiting = sender.send_request(message);
        let response = within(pass.first_byte, request, waiting).await?.map_err(broken)?;
        receive(response, request, address, limits, pass.between_bytes).await
    };
    // The connection is driven here and not in a task of its own: whoever drops this ends it.
    let (mut work, mut connection) = (pin!(work), pin!(connection));
    tokio::select! {
        biased;
        result = &mut work => result,
        // What it says is in the result as well, which may have been read completely.
        _ = &mut connection => work.await,
    }
}

fn message(
    address: &Address,
    request: &Request,
    mut headers: HeaderMap,
) -> Result<http::Request<Full<Bytes>>, Refusal> {
    let host = HeaderValue::from_str(&address.authority())
        .map_err(|_| Refusal::denied("the host's name cannot be sent"))?;
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    // RFC 9110, 8.6: methods with a meaning for a body say its length also where there is none.
    let expects = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    if expects || !request.body.is_empty() {
        headers.insert(CONTENT_LENGTH, request.body.len().into());
    } else {
        headers.remove(CONTENT_LENGTH);
    }
    let path = clip(&address.path_and_query);
    let mut message = http::Request::builder()
        .method(request.method.as_str())
        .uri(address.path_and_query.as_str())
        .body(Full::new(Bytes::from(request.body.clone())))
        .map_err(|error| Refusal::denied(format!("the path `{path}` cannot be sent: {error}")))?;
    *message.headers_mut() = headers;
    Ok(message)
}

async fn receive(
    response: http::Response<Incoming>,
    request: &Request,
    address: &Address,
    limits: &EgressLimits,
    between: Option<Duration>,
) -> Result<Response, Refusal> {
    let host = clip(&address.host.to_string());
    let protocol = |sentence: String| Err(Refusal::new(Kind::Protocol, sentence));
    let (head, mut body) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return protocol(format!("`{host}` answered by changing the protocol, which is not done"));
    }
    let codings = head.headers.get_all(TRANSFER_ENCODING);
    if codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return protocol(format!("`{host}` answered in a transfer coding that is not `chunked`"));
    }
    let too_large = || {
        let limit = limits.response_body;
        let sentence = format!("the response of `{host}` is larger than {limit} bytes");
        Refusal::new(Kind::ResponseSize, sentence)
    };
    let length =
        head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if request.method != "HEAD"
        && length.is_some_and(|length: u64| length > limits.response_body as u64)
    {
        return Err(too_large());
    }
    let mut whole = Vec::new();
    while let Some(frame) = within(between, request, body.frame()).await? {
        let frame = frame.map_err(|error| broken(&error, address, limits))?;
        // Trailers are left out: nobody reads them, and some would overrule headers.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limits.response_body {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(Response { status: head.status.as_u16(), headers: handed_on(&head.headers), body: whole })
}

/// The headers of the response itself.
fn handed_on(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .filter(|(name, _)| !OF_THE_CONNECTION.contains(&&**name) && !named.contains(name))
        .collect()
}

/// Waits no longer than the component asked for.
async fn within<T>(
    limit: Option<Duration>,
    request: &Request,
    work: impl Future<Output = T>,
) -> Result<T, Refusal> {
    let Some(limit) = limit else { return Ok(work.await) };
    let slow = |_| Refusal::slow(request, "within the time that the component gave it");
    tokio::time::timeout(limit, work).await.map_err(slow)
}

fn broken(error: &hyper::Error, address: &Address, limits: &EgressLimits) -> Refusal {
    let host = clip(&address.host.to_string());
    if error.is_parse_too_large() {
        let (most, bytes) = (limits.headers, limits.response_head);
        return Refusal::new(
            Kind::ResponseSize,
            format!("`{host}` answered with more than {most} headers or {bytes} bytes of them"),
        );
    }
    let clause = if error.is_incomplete_message() || broke_off(error) {
        "ended the connection before its answer was complete".to_owned()
    } else {
        format!("gave no answer that is HTTP: {}", clip(&error.to_string()))
    };
    Refusal::new(Kind::Protocol, format!("`{host}` {clause}"))
}

/// Whether the connection ended within a body.
fn broke_off(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof)
}
