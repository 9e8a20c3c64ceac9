//! Where a request goes, read once and in one spelling: what is compared is what is connected to.

use super::Request;
use super::limits::EgressLimits;
use super::refusal::{Kind, Refusal, clip};
use crate::domain::grant::{Scheme, canonical_host};
use url::Host;

/// Where a request goes.
pub(super) struct Address {
    pub(super) scheme: Scheme,
    /// Canonical.
    pub(super) host: Host<String>,
    pub(super) port: u16,
    /// The path with the query, as it is sent.
    pub(super) path_and_query: String,
}

impl Address {
    /// The path alone.
    pub(super) fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Reads scheme, authority and path.
pub(super) fn read(request: &Request, limits: &EgressLimits) -> Result<Address, Refusal> {
    let scheme = match request.scheme.as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => {
            return Err(Refusal::denied(format!(
                "the scheme `{}` cannot be used: a request goes over `https` or `http`",
                clip(other)
            )));
        }
    };
    let (host, port) = read_authority(&request.authority)
        .map_err(|clause| Refusal::denied(format!("`{}` {clause}", clip(&request.authority))))?;
    let path = if request.path.is_empty() { "/" } else { request.path.as_str() };
    let path_and_query = match path.strip_prefix('?') {
        Some(query) => format!("/?{query}"),
        None => path.to_owned(),
    };
    if path_and_query.len() > limits.path {
        return Err(Refusal::new(
            Kind::RequestSize,
            format!("the path with its query is longer than {} bytes", limits.path),
        ));
    }
    if let Some(clause) = unusable(&path_and_query) {
        return Err(Refusal::denied(format!("the path `{}` {clause}", clip(&path_and_query))));
    }
    Ok(Address { scheme, host, port: port.unwrap_or(scheme.port()), path_and_query })
}

/// Host and port, or what is wrong with them, as a clause.
fn read_authority(text: &str) -> Result<(Host<String>, Option<u16>), &'static str> {
    if text.contains('@') {
        return Err("has a user before its host; credentials go into a header");
    }
    if text.contains('%') {
        return Err("has a `%` in its host; write the host in plain letters");
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/\\?#*<>^|\"'`{},;".contains(c);
    if text.contains(odd) {
        return Err("has more in it than a host and a port");
    }
    let (host, port) = match text.rfind(']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => Some(read_port(port).ok_or("has no port behind its `:`")?),
        None if port.is_empty() => None,
        None => return Err("has more in it than a host and a port"),
    };
    let host = canonical_host(host).ok_or("is no host's name and no address")?;
    Ok((host, port))
}

/// Digits only, and in one spelling.
fn read_port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

/// Why a path cannot be sent, as a clause: what would end the request line early or begin another one,
/// and what is no path.
fn unusable(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("does not begin with `/`");
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("has a blank, a control character or one beyond ASCII; percent-encode it");
    }
    if path.contains('#') {
        return Some("has a `#`, which is never sent");
    }
    if path.contains('\\') {
        return Some("has a backslash, which some servers read as `/`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_a_port() {
        let check = |text: &str, expected: Result<(&str, Option<u16>), &str>| {
            let read = read_authority(text).map(|(host, port)| (host.to_string(), port));
            let read = read.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(read.map_err(|clause| *clause), expected, "{text}");
        };
        let more = Err("has more in it than a host and a port");
        let none = Err("is no host's name and no address");
        let port = Err("has no port behind its `:`");
        check("API.example.com.", Ok(("api.example.com", None)));
        check("a.example:8080", Ok(("a.example", Some(8080))));
        check("0x7f.1:80", Ok(("127.0.0.1", Some(80))));
        check("１２７.0.0.1", Ok(("127.0.0.1", None)));
        check("[::1]:80", Ok(("[::1]", Some(80))));
        check("a.example:", port);
        check("a.example:0", port);
        check("a.example:+80", port);
        check("a.example:080", port);
        check("a.example:65536", port);
        check("a.example:80:81", port);
        check("::1", port);
        check("[::1]x", more);
        check("[::1", port);
        check("[fe80::1%25eth0]", Err("has a `%` in its host; write the host in plain letters"));
        check("user@a.example", Err("has a user before its host; credentials go into a header"));
        check("a.example/x", more);
        check(
            "a.example\\@b.example",
            Err("has a user before its host; credentials go into a header"),
        );
        check("a b", more);
        check("", none);
    }
}
