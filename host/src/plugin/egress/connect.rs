//! From addresses that were looked at to a connection: TCP to one of them, and TLS for the URL's name.

use super::Egress;
use super::address::Address;
use super::refusal::{Kind, Refusal, clip};
use crate::domain::grant::Scheme;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How long one address is tried before the next: a lost packet is sent again after one second, and
/// after three.
const EACH: Duration = Duration::from_secs(5);

/// How many addresses are tried. Services that are up answer at one of the first.
const TRIED: usize = 4;

/// Connects to the first of the addresses that answers. They are all allowed.
pub(super) async fn connect(
    egress: &Egress,
    address: &Address,
    addresses: &[IpAddr],
) -> Result<Box<dyn Stream>, Refusal> {
    let stream = reach(address, addresses).await?;
    // Small messages, each whole: nothing is gained by waiting for more to send.
    let _ = stream.set_nodelay(true);
    if address.scheme == Scheme::Http {
        return Ok(Box::new(stream));
    }
    let host = clip(&address.host.to_string());
    let name = match &address.host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| {
            Refusal::new(Kind::Tls, format!("no certificate can be for the name `{host}`"))
        })?,
        Host::Ipv4(ip) => ServerName::IpAddress((*ip).into()),
        Host::Ipv6(ip) => ServerName::IpAddress((*ip).into()),
    };
    match egress.tls()?.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(Refusal::new(
            Kind::Tls,
            format!("no trusted connection to `{host}`: {}", clip(&error.to_string())),
        )),
    }
}

async fn reach(address: &Address, addresses: &[IpAddr]) -> Result<TcpStream, Refusal> {
    let mut told = String::new();
    for ip in addresses.iter().take(TRIED) {
        let error = match timeout(EACH, TcpStream::connect((*ip, address.port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.kind().to_string(),
            Err(_) => "no answer".to_owned(),
        };
        told = format!("{ip}: {error}");
    }
    let host = clip(&address.host.to_string());
    Err(Refusal::new(
        Kind::Unreachable,
        format!("nothing answers at port {} of `{host}` ({told})", address.port),
    ))
}

/// TLS as every request over it uses it.
pub(super) fn tls(roots: Option<&[Vec<u8>]>) -> Result<TlsConnector, String> {
    let fail = |error: rustls::Error| {
        format!("the certificates that this system trusts cannot be used: {error}")
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(fail)?;
    let mut config = match roots {
        None => builder.with_platform_verifier().map_err(fail)?.with_no_client_auth(),
        Some(roots) => {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(CertificateDer::from(root.clone())).map_err(fail)?;
            }
            builder.with_root_certificates(store).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would let a server tell that two calls belong together.
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}
