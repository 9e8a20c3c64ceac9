//! The egress guard: every HTTP request that a component sends passes it, and nothing else of a
//! component reaches a network.
//!
//! A request is read into one plain spelling ([`address`], [`headers`]), compared with the entry's
//! grants ([`rule`]), and its secrets are looked at ([`fill`]). Then the host's name is resolved once
//! ([`resolve`]); each of its addresses must be on the public internet ([`global`]) or in a network that
//! the grant names. The connection goes to an address that was looked at ([`connect`]), with the URL's
//! name for TLS. One request is sent and one response is read, whole and within limits ([`send`]).
//!
//! It follows no redirect, uses no proxy, keeps no connection, stores no cookie and decompresses
//! nothing. A component that is told to look elsewhere sends another request, which passes here again.

mod address;
mod connect;
mod fill;
mod global;
mod headers;
mod limits;
mod refusal;
mod resolve;
mod rule;
mod send;

pub use limits::EgressLimits;
pub use refusal::{Kind, Refusal};
pub use resolve::{Addresses, Resolver};

use crate::domain::grant::{Grants, Target};
use crate::domain::secret::Secrets;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::{Instant as TokioInstant, timeout_at};
use tokio_rustls::TlsConnector;

/// How requests leave the host.
#[derive(Clone, Default)]
pub struct EgressOptions {
    /// Who says which addresses a name has; `None`: the system.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Certificates (DER) of the authorities that are trusted instead of the system's: for tests.
    pub roots: Option<Vec<Vec<u8>>>,
    /// How much a request may use.
    pub limits: EgressLimits,
}

/// A request, as plain as a component can say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// `https` or `http`.
    pub scheme: String,
    /// The host, and a port where it is not the scheme's own.
    pub authority: String,
    /// The path with the query.
    pub path: String,
    /// Names and values, in order. A secret is a placeholder.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// A whole response. What was a secret is a placeholder again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case and values, in order; without those that belong to the connection.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body, as it was sent: never decompressed.
    pub body: Vec<u8>,
}

/// What was asked and what came of it, as plain values without a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// As the component said it.
    pub request: Request,
    /// The answer, or why there is none.
    pub outcome: Result<Response, Refusal>,
}

/// What one request may use.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// What its entry is granted.
    pub grants: &'a Grants,
    /// The role's secrets.
    pub secrets: &'a Secrets,
    /// When it must be over.
    pub until: Instant,
    /// The longest it may take to connect.
    pub connect: Option<Duration>,
    /// The longest wait for the beginning of the response.
    pub first_byte: Option<Duration>,
    /// The longest wait within the response.
    pub between_bytes: Option<Duration>,
}

/// The guard of one process.
pub struct Egress {
    resolver: Arc<dyn Resolver>,
    roots: Option<Vec<Vec<u8>>>,
    /// Made for the first request over TLS: reading the system's certificates takes a while.
    tls: OnceLock<Result<TlsConnector, String>>,
    limits: EgressLimits,
    connections: Semaphore,
}

impl Egress {
    /// A guard. Nothing is read or connected to before a request is sent.
    pub fn new(options: EgressOptions) -> Self {
        Self {
            resolver: options.resolver.unwrap_or_else(|| Arc::new(resolve::System)),
            roots: options.roots,
            tls: OnceLock::new(),
            connections: Semaphore::new(options.limits.connections),
            limits: options.limits,
        }
    }

    /// How much requests may use.
    pub fn limits(&self) -> &EgressLimits {
        &self.limits
    }

    /// Sends one request, if it may be sent, and waits for the whole response.
    pub async fn exchange(&self, pass: Pass<'_>, request: Request) -> Exchange {
        let outcome =
            match timeout_at(TokioInstant::from_std(pass.until), self.send(pass, &request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Refusal::slow(&request, "within the time of the call")),
            };
        // A server's words are in some errors, and it was told a secret.
        let outcome = outcome.map_err(|refusal| refusal.redacted(pass.secrets));
        Exchange { request, outcome }
    }

    async fn send(&self, pass: Pass<'_>, request: &Request) -> Result<Response, Refusal> {
        let address = address::read(request, &self.limits)?;
        let target = Target {
            scheme: address.scheme,
            host: &address.host,
            port: address.port,
            method: &request.method,
            path: address.path(),
        };
        let grants = rule::covering(&pass.grants.http, &target)?;
        let mut headers = headers::check(request, &self.limits)?;
        let filled = fill::fill(&mut headers, &target, request, pass)?;

        let Ok(_connection) = self.connections.acquire().await else {
            return Err(Refusal::new(Kind::Unreachable, "the host is shutting down"));
        };
        let mut begun = pass.until;
        if let Some(limit) = pass.connect {
            begun = begun.min(Instant::now() + limit);
        }
        let connecting = async {
            let addresses = resolve::vet(&*self.resolver, &address, &grants).await?;
            if let Some(name) = &filled {
                fill::keep_private(name, &target, &addresses)?;
            }
            connect::connect(self, &address, &addresses).await
        };
        let stream = timeout_at(TokioInstant::from_std(begun), connecting)
            .await
            .map_err(|_| Refusal::slow(request, "while the host connected to it"))??;
        let response = send::send(stream, &address, request, headers, &self.limits, pass).await?;
        if filled.is_some() {
            fill::refuse_coded(&response, &address)?;
        }
        Ok(fill::redact(response, pass.secrets))
    }

    fn tls(&self) -> Result<&TlsConnector, Refusal> {
        let made = self.tls.get_or_init(|| connect::tls(self.roots.as_deref()));
        made.as_ref().map_err(|error| Refusal::new(Kind::Tls, error.clone()))
    }
}
