//! HTTP requests of triggers: JSON posted to an address that the role or the host names. No redirect is
//! followed, no proxy of the environment used, and no address repeated in an error: some hold secrets.

use bytes::Bytes;
use reqwest::{Client, redirect};
use rustls::crypto::ring;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a connection may take to be made: as for models.
const CONNECT: Duration = Duration::from_secs(10);

/// The largest answer that is read: a hundred messages of the longest kind are a tenth of it.
const LARGEST: usize = 8 << 20;

/// A client for one address.
#[derive(Debug, Clone)]
pub(in crate::trigger) struct Poster(Client);

/// What came back.
#[derive(Debug)]
pub(in crate::trigger) struct Answer {
    pub(in crate::trigger) status: u16,
    /// Seconds, where it says when to come again.
    pub(in crate::trigger) retry_after: Option<u64>,
    pub(in crate::trigger) body: Bytes,
}

impl Poster {
    /// # Errors
    /// A clause: this machine cannot speak TLS.
    pub(in crate::trigger) fn new(url: &Url) -> Result<Self, String> {
        let builder = Client::builder()
            .user_agent(concat!("initrunner/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(redirect::Policy::none())
            .no_proxy();
        let builder = if url.scheme() == "https" {
            // The process's provider; an error means that there is one already.
            let _ = ring::default_provider().install_default();
            builder
        } else {
            // Otherwise the system's certificates are read, which nobody needs here.
            builder.tls_backend_preconfigured(trusting_nobody().map_err(|it| it.to_string())?)
        };
        builder.build().map(Self).map_err(why)
    }

    /// Posts a JSON body, and reads the answer, within `patience`.
    ///
    /// # Errors
    /// A clause without the address: nothing came back.
    pub(in crate::trigger) async fn post(
        &self,
        url: Url,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Answer, String> {
        let request = self.0.post(url).timeout(patience);
        let request = request.header("content-type", "application/json");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut response = request.body(body).send().await.map_err(why)?;
        let header = response.headers().get("retry-after").and_then(|it| it.to_str().ok());
        let retry_after = header.and_then(|it| it.trim().parse().ok());
        let status = response.status().as_u16();
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(why)? {
            if read.len() + chunk.len() > LARGEST {
                return Err(format!("the answer is larger than {LARGEST} bytes"));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, body: read.into() })
    }
}

fn trusting_nobody() -> Result<rustls::ClientConfig, rustls::Error> {
    Ok(rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}

/// The innermost cause: what the system said. The outer ones repeat the address.
fn why(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
