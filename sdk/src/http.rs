//! Sending HTTP requests, where a role grants it.
//!
//! The host sends them, not the component: to the servers, methods and paths that the role grants, at
//! addresses on the public internet, and it follows no redirect. A secret is a placeholder here, such as
//! `Bearer {{secret:API_KEY}}` in a configuration; put it into a header as it is, and the host puts the
//! value in where the role grants that.
//!
//! ```no_run
//! use initrunner_sdk::{Failure, http};
//!
//! fn forecast(city: &str) -> Result<String, Failure> {
//!     let response = http::Request::get(&format!("https://wttr.in/{city}?format=j1"))
//!         .header("accept", "application/json")
//!         .send()?;
//!     match response.status {
//!         200 => Ok(response.text()),
//!         status => Err(Failure::Failed(format!("the server answered {status}"))),
//!     }
//! }
//! ```

use crate::Failure;
use std::time::Duration;
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, HeaderError, IncomingBody, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, Scheme,
};
use wasip2::io::poll;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// A request, made with [`Request::new`] and sent once with [`Request::send`].
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    timeout: Option<Duration>,
}

/// A whole response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200. One beyond 399 is a response like any other.
    pub status: u16,
    /// Names in lower case, and values, in the server's order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body as the server sent it: nothing decompresses it. Ask for no compression, or undo it.
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It is no request: the sentence says why. Nothing was sent.
    Invalid(String),
    /// The host refused it, and nothing was sent. Why, and what a role has to say to allow it, the host
    /// adds to the failure of the call.
    Refused,
    /// There was no answer in time. The request may have been sent.
    TimedOut,
    /// It was tried: the sentence says what happened. The request may have been sent.
    Failed(String),
}

impl Request {
    /// A request without headers and body. The URL begins with `https://` or `http://`, and is encoded
    /// as it is to be sent.
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
        }
    }

    /// A `GET`.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` of a body.
    pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", url).body(body)
    }

    /// With one header more. The host refuses those that are its own to set, such as `Host`.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a limit on all of it, from connecting to the last byte. Without one the call's own limit
    /// counts, which ends the component as well.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sends it and waits for the whole response.
    ///
    /// # Errors
    /// Any [`Error`]. A status of 400 and more is none.
    pub fn send(self) -> Result<Response, Error> {
        let request = self.outgoing()?;
        let Ok(body) = request.body() else {
            return Err(Error::Invalid("the request's body cannot be opened".into()));
        };
        let response = outgoing_handler::handle(request, None).map_err(told)?;
        // The host reads the body once the request is on its way.
        write(body, &self.body);

        let arrived = response.subscribe();
        match self.timeout {
            None => arrived.block(),
            Some(limit) => {
                let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
                let late = monotonic_clock::subscribe_duration(nanoseconds);
                if !poll::poll(&[&arrived, &late]).contains(&0) {
                    return Err(Error::TimedOut);
                }
            }
        }
        match response.get() {
            Some(Ok(Ok(response))) => read(response),
            Some(Ok(Err(code))) => Err(told(code)),
            _ => Err(Error::Failed("the host gave no response".into())),
        }
    }

    fn outgoing(&self) -> Result<OutgoingRequest, Error> {
        let url = Url::read(&self.url).map_err(|clause| {
            Error::Invalid(format!("`{}` cannot be requested: {clause}", self.url))
        })?;
        let fields = Fields::new();
        for (name, value) in &self.headers {
            fields.append(name, value).map_err(|error| {
                let why = match error {
                    HeaderError::InvalidSyntax => {
                        "its name or its value has a character that no \
                                                   header has"
                    }
                    HeaderError::Forbidden => "it is the host's to set",
                    _ => "there are too many headers, or they are too large",
                };
                Error::Invalid(format!("the header `{name}` cannot be sent: {why}"))
            })?;
        }
        let request = OutgoingRequest::new(fields);
        let unusable = |what: &str, text: &str| Error::Invalid(format!("`{text}` is no {what}"));
        let method = method(&self.method);
        request.set_method(&method).map_err(|()| unusable("method", &self.method))?;
        request.set_scheme(Some(&url.scheme)).map_err(|()| unusable("scheme", &self.url))?;
        request.set_authority(Some(url.authority)).map_err(|()| unusable("host", url.authority))?;
        request.set_path_with_query(Some(url.path)).map_err(|()| unusable("path", url.path))?;
        Ok(request)
    }
}

impl Response {
    /// The first value of a header, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text; what is no UTF-8 becomes replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(text) => Failure::InvalidArguments(text),
            Error::Refused => Failure::Failed("the request was refused, and was not sent".into()),
            Error::TimedOut => Failure::Failed(
                "there was no answer in time; the request may have been sent".into(),
            ),
            Error::Failed(text) => Failure::Failed(text),
        }
    }
}

/// The parts of a URL that `wasi:http` takes one by one.
#[derive(Debug)]
struct Url<'u> {
    scheme: Scheme,
    authority: &'u str,
    path: &'u str,
}

impl<'u> Url<'u> {
    fn read(text: &'u str) -> Result<Self, &'static str> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err("it does not begin with `https://` or `http://`");
        };
        // What is behind a `#` is the client's own and is never sent.
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err("it names no host");
        }
        Ok(Self { scheme, authority, path: if path.is_empty() { "/" } else { path } })
    }
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) {
    // Where the host has ended the request it says why in the response.
    if let Ok(stream) = body.write() {
        let _ = write_all(&stream, bytes);
    }
    let _ = OutgoingBody::finish(body, None);
}

fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    stream.flush()
}

fn read(response: IncomingResponse) -> Result<Response, Error> {
    let cut = || Error::Failed("the response broke off".into());
    let status = response.status();
    let headers = response.headers().entries();
    let body = response.consume().map_err(|()| cut())?;
    let whole = read_all(&body.stream().map_err(|()| cut())?).ok_or_else(cut)?;
    drop(IncomingBody::finish(body));
    Ok(Response { status, headers, body: whole })
}

fn read_all(stream: &InputStream) -> Option<Vec<u8>> {
    // Enough that a large response takes few calls, and little beside it in memory.
    const PIECE: u64 = 64 << 10;
    let mut whole = Vec::new();
    loop {
        match stream.blocking_read(PIECE) {
            Ok(bytes) => whole.extend_from_slice(&bytes),
            Err(StreamError::Closed) => return Some(whole),
            Err(StreamError::LastOperationFailed(_)) => return None,
        }
    }
}

/// What a code of `wasi:http` means, as far as this host uses them.
fn told(code: ErrorCode) -> Error {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => Error::Refused,
        ErrorCode::HttpRequestBodySize(_) => {
            Error::Invalid("the request is larger than may be sent".into())
        }
        ErrorCode::HttpResponseBodySize(_) => {
            Error::Failed("the response is larger than may be received".into())
        }
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionTimeout => Error::TimedOut,
        ErrorCode::DnsError(_) => Error::Failed("the host's name cannot be resolved".into()),
        ErrorCode::ConnectionRefused => Error::Failed("the server cannot be reached".into()),
        ErrorCode::TlsCertificateError | ErrorCode::TlsProtocolError => {
            Error::Failed("there is no trusted connection to the server".into())
        }
        ErrorCode::HttpProtocolError => {
            Error::Failed("the server gave no answer that can be used".into())
        }
        other => Error::Failed(format!("the request failed: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let check = |text: &str, expected: Result<(&str, &str), &str>| {
            let url = Url::read(text);
            let parts = url.as_ref().map(|url| (url.authority, url.path)).map_err(|it| *it);
            assert_eq!(parts, expected, "{text}");
        };
        check("https://a.example", Ok(("a.example", "/")));
        check("http://a.example:80/x?y=/z#f", Ok(("a.example:80", "/x?y=/z")));
        check("https://a.example?x", Ok(("a.example", "?x")));
        check("https://[::1]:80/", Ok(("[::1]:80", "/")));
        check("https:///x", Err("it names no host"));
        check("ftp://a.example", Err("it does not begin with `https://` or `http://`"));
        check("a.example", Err("it does not begin with `https://` or `http://`"));
    }

    #[test]
    fn a_header_is_found_in_any_case() {
        let headers = vec![("content-type".to_owned(), b"text/plain".to_vec())];
        let response = Response { status: 200, headers, body: b"\xff".to_vec() };
        assert_eq!(response.header("Content-Type"), Some("text/plain"));
        assert_eq!(response.header("x"), None);
        assert_eq!(response.text(), "\u{fffd}");
    }
}
