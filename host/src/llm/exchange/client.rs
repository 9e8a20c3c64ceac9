//! The HTTP client: no redirects, no ambient proxy, ring for encryption.

use super::super::Timing;
use reqwest::{Client, Url, redirect};
use rustls::crypto::ring;
use std::sync::Arc;

/// Makes the client for one address. `Err` is a clause.
pub(super) fn build(url: &Url, timing: &Timing) -> Result<Client, String> {
    let builder = Client::builder()
        .user_agent(concat!("initrunner/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timing.connect)
        // A redirected POST may change its method, and would carry the prompt to a server that
        // nobody named in the role.
        .redirect(redirect::Policy::none())
        // A role's model is reached the same way whatever the environment of the process is.
        .no_proxy();
    let builder = if url.scheme() == "https" {
        // reqwest takes the process's provider. An error means that there is one already.
        let _ = ring::default_provider().install_default();
        builder
    } else {
        // reqwest would read the system's certificates also where it never needs one.
        builder.tls_backend_preconfigured(trusting_nobody().map_err(|error| error.to_string())?)
    };
    builder.build().map_err(|error| why(&error))
}

fn trusting_nobody() -> Result<rustls::ClientConfig, rustls::Error> {
    Ok(rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}

/// The innermost cause of an error: what the system said. The outer ones repeat the address, with
/// its query.
pub(super) fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no connection in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    let mut characters = text.chars();
    match characters.next() {
        // "Connection refused" in the middle of a sentence, but "TLS" as it is.
        Some(first) if !characters.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text,
    }
}
