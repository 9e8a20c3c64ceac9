//! TLS: the certificate must be for the name in the URL, from an authority that is trusted, whatever
//! address the name has.

use super::server::{Server, ok};
use super::{Desk, Names, get, grant, refused, wait};
use initrunner::domain::grant::{HttpGrant, Scheme};
use initrunner::plugin::egress::{EgressOptions, Kind, Request};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority, made for one test.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: Vec<u8>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A server's side of TLS, with a certificate for these names or addresses.
    fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn desk(root: &Authority, host: &str, port: u16) -> Desk {
    let names = Names::of(&[("api.example.com", &[&["127.0.0.1"]])]);
    let granted = HttpGrant { scheme: Scheme::Https, ..grant(host, port, &["127.0.0.1/32"]) };
    let options = EgressOptions {
        resolver: Some(names),
        roots: Some(vec![root.root.clone()]),
        ..EgressOptions::default()
    };
    Desk::with(options, vec![granted])
}

fn over_tls(authority: &str) -> Request {
    Request { scheme: "https".into(), ..get(authority, "/") }
}

#[test]
fn a_certificate_is_for_the_name_in_the_url() {
    wait(async {
        let authority = Authority::new("ours");
        let check = async |certificate: &[&str], host: &str| {
            let acceptor = authority.acceptor(certificate);
            let server = Server::at("127.0.0.1:0", Some(acceptor), |_| ok("", "private")).await;
            let desk = desk(&authority, host, server.port());
            let outcome = desk.send(over_tls(&format!("{host}:{}", server.port()))).await;
            (outcome, server.seen())
        };
        let (outcome, seen) = check(&["api.example.com"], "api.example.com").await;
        assert_eq!(outcome.unwrap().body, b"private");
        assert!(seen[0].contains("host: api.example.com:"), "{seen:?}");
        let (outcome, _) = check(&["127.0.0.1"], "127.0.0.1").await;
        assert_eq!(outcome.unwrap().body, b"private");

        // For the address that the name has, for another name, for a name below it: not for this one.
        for certificate in
            [&["127.0.0.1"][..], &["evil.example"], &["x.api.example.com"], &["*.com"]]
        {
            let (outcome, seen) = check(certificate, "api.example.com").await;
            refused(outcome, Kind::Tls, "no trusted connection to `api.example.com`");
            assert_eq!(seen.len(), 0, "nothing is sent before the server is known");
        }
        let (outcome, _) = check(&["api.example.com"], "127.0.0.1").await;
        refused(outcome, Kind::Tls, "no trusted connection to `127.0.0.1`");
    });
}

#[test]
fn only_trusted_authorities_count() {
    wait(async {
        let (authority, other) = (Authority::new("ours"), Authority::new("another"));
        let acceptor = other.acceptor(&["api.example.com"]);
        let server = Server::at("127.0.0.1:0", Some(acceptor), |_| ok("", "")).await;
        let address = format!("api.example.com:{}", server.port());
        let mut desk = desk(&authority, "api.example.com", server.port());
        refused(desk.send(over_tls(&address)).await, Kind::Tls, "UnknownIssuer");
        // Those of the system, as in every program that is not a test: ours is not among them.
        let names = Names::of(&[("api.example.com", &[&["127.0.0.1"]])]);
        let options = EgressOptions { resolver: Some(names), ..EgressOptions::default() };
        desk.egress = initrunner::plugin::egress::Egress::new(options);
        refused(desk.send(over_tls(&address)).await, Kind::Tls, "certificate");
        assert_eq!(server.seen().len(), 0);
    });
}

#[test]
fn what_speaks_no_tls_gets_nothing() {
    wait(async {
        let server = Server::start(|_| ok("", "")).await;
        let mut desk = desk(&Authority::new("ours"), "api.example.com", server.port());
        desk.time = Duration::from_millis(300);
        let outcome = desk.send(over_tls(&format!("api.example.com:{}", server.port()))).await;
        assert!(matches!(outcome.unwrap_err().kind, Kind::Tls | Kind::Slow));
        assert_eq!(server.seen().len(), 0);
    });
}
