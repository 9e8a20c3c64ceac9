//! `wasi:http`: always linked, since language runtimes import it whether they use it or not. Each request
//! is read whole and handed to the egress guard; without a grant it refuses all of them.

use super::super::access::{Access, Reach};
use super::super::egress::{
    Egress, Exchange, Kind, Pass, Refusal, Request as Plain, Response as Answer,
};
use super::super::limits::CallLimits;
use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::{Instant as TokioInstant, timeout_at};
use wasmtime_wasi_http::{
    Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks,
};

/// What one call may send, and what was told of that.
pub(in super::super) struct Outgoing {
    call: Arc<Call>,
}

struct Call {
    egress: Arc<Egress>,
    access: Access,
    /// When a request must be over.
    until: Instant,
    sent: AtomicU32,
    received: AtomicUsize,
    at_a_time: Semaphore,
    said: Mutex<Said>,
}

/// A component is told a code of `wasi:http` and no more. What it meant is kept here.
#[derive(Default)]
struct Said {
    /// The guard's first refusal: whatever went wrong afterwards, it began with this.
    refused: Option<String>,
    /// What went wrong with the last request, unless a later one succeeded.
    failed: Option<String>,
}

/// The bytes of headers that a component may hold in one list; wasmtime counts what they take in memory.
const FIELDS: usize = 64 << 10;

/// What `wasi:http` needs to know of this host.
pub(in super::super) fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS);
    context
}

impl Outgoing {
    /// For a call that begins now.
    pub(in super::super) fn new(egress: &Arc<Egress>, access: &Access, limits: CallLimits) -> Self {
        // A request ends a little before its call, so that the component can still say so.
        let margin = (limits.timeout / 10).min(Duration::from_millis(500));
        let call = Call {
            egress: Arc::clone(egress),
            access: access.clone(),
            until: Instant::now() + limits.timeout.saturating_sub(margin),
            sent: AtomicU32::new(0),
            received: AtomicUsize::new(0),
            at_a_time: Semaphore::new(egress.limits().at_a_time),
            said: Mutex::default(),
        };
        Self { call: Arc::new(call) }
    }

    /// The sentence about a request that was refused or failed, where there was one.
    pub(in super::super) fn note(&self) -> Option<String> {
        let said = self.call.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.refused.clone().or_else(|| said.failed.clone())
    }
}

impl Call {
    async fn send(
        &self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<Answer, Refusal> {
        let outcome = self.try_send(request, options).await;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Ok(_) => said.failed = None,
            Err(refusal) if refusal.is_by_guard() => {
                said.refused.get_or_insert_with(|| told(refusal));
            }
            Err(refusal) => said.failed = Some(told(refusal)),
        }
        outcome
    }

    async fn try_send(
        &self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<Answer, Refusal> {
        match self.access.reach {
            Reach::Act => {}
            Reach::Look => {
                return Err(denied("none may be sent while a call is only being prepared".into()));
            }
            Reach::Nothing => {
                return Err(denied("none may be sent by a component that describes itself".into()));
            }
        }
        let most = self.egress.limits().requests;
        if self.sent.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(denied(format!("one call may send {most} at most")));
        }
        let slow = |_| Refusal {
            kind: Kind::Slow,
            sentence: "the component did not finish it within the time of the call".to_owned(),
        };
        let until = TokioInstant::from_std(self.until);
        let waiting = async {
            // Closed never: the semaphore lives as long as this.
            let permit = self.at_a_time.acquire().await.ok();
            (permit, self.read(request).await)
        };
        let (_permit, plain) = timeout_at(until, waiting).await.map_err(slow)?;
        let options = options.unwrap_or_default();
        let pass = Pass {
            grants: &self.access.grants,
            secrets: &self.access.secrets,
            until: self.until,
            connect: options.connect_timeout,
            first_byte: options.first_byte_timeout,
            between_bytes: options.between_bytes_timeout,
        };
        // Both sides of it are here, as plain values.
        let Exchange { request: _, outcome } = self.egress.exchange(pass, plain?).await;
        let answer = outcome?;
        let most = self.egress.limits().received;
        let before = self.received.fetch_add(answer.body.len(), Ordering::Relaxed);
        if before.saturating_add(answer.body.len()) > most {
            return Err(Refusal {
                kind: Kind::ResponseSize,
                sentence: format!("the responses to one call may have {most} bytes in all"),
            });
        }
        Ok(answer)
    }

    /// The whole request. The component writes its body while this reads it.
    async fn read(&self, request: Request<WasiBody>) -> Result<Plain, Refusal> {
        let (head, mut body) = request.into_parts();
        let limit = self.egress.limits().request_body;
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| denied("the component gave up its body".into()))?;
            let Ok(data) = frame.into_data() else {
                return Err(denied("its body has trailers, which are not sent".into()));
            };
            if whole.len() + data.len() > limit {
                return Err(Refusal {
                    kind: Kind::RequestSize,
                    sentence: format!("the body of the request is larger than {limit} bytes"),
                });
            }
            whole.extend_from_slice(&data);
        }
        let uri = &head.uri;
        let headers = head.headers.iter();
        Ok(Plain {
            method: head.method.as_str().to_owned(),
            scheme: uri.scheme_str().unwrap_or_default().to_owned(),
            authority: uri.authority().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            path: uri.path_and_query().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: whole,
        })
    }
}

fn denied(sentence: String) -> Refusal {
    Refusal { kind: Kind::Denied, sentence }
}

/// With its subject.
fn told(refusal: &Refusal) -> String {
    match refusal.is_by_guard() {
        true => format!("an HTTP request was refused: {refusal}"),
        false => format!("an HTTP request failed: {refusal}"),
    }
}

/// The nearest code of `wasi:http`.
fn code(refusal: Refusal) -> Error {
    match refusal.kind {
        Kind::Denied => Error::HttpRequestDenied,
        Kind::Address => Error::DestinationIpProhibited,
        Kind::Name => Error::DnsError { rcode: None, info_code: None },
        Kind::Unreachable => Error::ConnectionRefused,
        Kind::Tls => Error::TlsCertificateError,
        Kind::Slow => Error::HttpResponseTimeout,
        Kind::RequestSize => Error::HttpRequestBodySize(None),
        Kind::ResponseSize => Error::HttpResponseBodySize(None),
        Kind::Protocol => Error::HttpProtocolError,
    }
}

/// The answer as `wasi:http` hands it on.
fn handed_on(answer: Answer) -> Result<Response<WasiBody>, Error> {
    let body = Full::new(Bytes::from(answer.body)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).map_err(|_| Error::HttpProtocolError)?;
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::HttpProtocolError)?;
        let value = HeaderValue::from_bytes(&value).map_err(|_| Error::HttpProtocolError)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send> {
        let call = Arc::clone(&self.call);
        Box::new(async move {
            let answer = call.send(request, options).await.map_err(code)?;
            let nothing_left: Io = Box::new(std::future::ready(Ok(())));
            Ok((handed_on(answer)?, nothing_left))
        })
    }

    /// None here: the guard refuses them with a sentence.
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|_| false)
    }

    /// Any: the guard refuses others with a sentence.
    fn is_supported_scheme(&mut self, _scheme: &Scheme) -> bool {
        true
    }

    /// The guard sets it, from the address that it compared.
    fn set_host_header(&mut self) -> bool {
        false
    }
}
