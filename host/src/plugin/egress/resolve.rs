//! From a host to the addresses that may be connected to. A name is resolved once for each request, and
//! what was looked at is what is connected to: an answer that changes later changes nothing.

use super::address::Address;
use super::global::why_not_global;
use super::refusal::{Kind, Refusal, clip};
use crate::domain::grant::HttpGrant;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use url::Host;

/// The addresses of a name, when they are known.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Says which addresses a name has.
pub trait Resolver: Send + Sync {
    /// The addresses of a name, which is canonical: lower case, ASCII, no dot at its end.
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a>;
}

/// The system's own resolver, with its hosts file.
pub(super) struct System;

impl Resolver for System {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// More addresses than any service has: what is behind them is not looked at, so all are refused.
const MOST: usize = 64;

/// The addresses of a host, where one grant allows every one of them.
pub(super) async fn vet(
    resolver: &dyn Resolver,
    address: &Address,
    grants: &[&HttpGrant],
) -> Result<Vec<IpAddr>, Refusal> {
    let host = clip(&address.host.to_string());
    let addresses = match &address.host {
        Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
        Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
        Host::Domain(name) => resolver.resolve(name).await.map_err(|error| {
            Refusal::new(Kind::Name, format!("the name `{host}` cannot be resolved: {error}"))
        })?,
    };
    if addresses.is_empty() {
        return Err(Refusal::new(Kind::Name, format!("the name `{host}` has no address")));
    }
    if addresses.len() > MOST {
        return Err(Refusal::new(
            Kind::Address,
            format!("the name `{host}` has more than {MOST} addresses"),
        ));
    }
    // One that is not allowed is enough: whoever answers for the name could have it tried first.
    let mut refused = None;
    for grant in grants {
        let bad = addresses.iter().find_map(|ip| Some((ip, why_not_allowed(*ip, grant)?)));
        match bad {
            None => return Ok(addresses),
            Some(found) => refused = Some(found),
        }
    }
    let Some((ip, why)) = refused else {
        return Err(Refusal::denied(format!("`{host}` is not granted")));
    };
    let subject = match &address.host {
        Host::Domain(_) => format!("`{host}` has the address `{ip}`, which"),
        _ => format!("`{ip}`"),
    };
    Err(Refusal::new(
        Kind::Address,
        format!(
            "{subject} is not on the public internet ({why}); if that is meant, add `networks: \
             ['{}']` to the grant that covers it (for the built-in `http`: to its entry)",
            ip.to_canonical()
        ),
    ))
}

/// Why an address may not be connected to under a grant.
fn why_not_allowed(ip: IpAddr, grant: &HttpGrant) -> Option<String> {
    let why = why_not_global(ip)?;
    // A mapped address is the other spelling of an IPv4 one, and leads to it.
    let plain = ip.to_canonical();
    let named = grant.networks.iter().any(|net| net.contains(&ip) || net.contains(&plain));
    (!named).then_some(why)
}
