//! HTTP requests.

use super::HostPattern;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Host;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Over TLS.
    #[default]
    Https,
    /// In the clear.
    Http,
}

impl Scheme {
    /// The port where an address names none (RFC 9110, 4.2).
    pub fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }

    /// As an address begins.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// The requests that one grant covers: all five must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpGrant {
    /// The scheme, exactly.
    pub scheme: Scheme,
    /// The host.
    pub host: HostPattern,
    /// The ports, exactly.
    pub ports: Vec<u16>,
    /// The methods, exactly.
    pub methods: Vec<String>,
    /// What the path begins with, at a `/`: `/v1` covers `/v1` and `/v1/x`, and not `/v10`.
    pub path: String,
    /// Networks that are not part of the public internet and that the host may resolve to all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
}

/// What of a request a grant is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The host, canonical.
    pub host: &'a Host<String>,
    /// The port.
    pub port: u16,
    /// The method, exactly as it would be sent.
    pub method: &'a str,
    /// The path as it would be sent, without the query.
    pub path: &'a str,
}

impl HttpGrant {
    /// Whether it covers a request. A path that servers could read as another one is covered only where
    /// the grant holds all paths.
    pub fn covers(&self, target: &Target<'_>) -> bool {
        self.reaches(target)
            && self.methods.iter().any(|method| method == target.method)
            && (self.path == "/" || ambiguity(target.path).is_none())
            && is_below(target.path, &self.path)
    }

    /// Whether it is about the server of a request, whatever method and path.
    pub fn reaches(&self, target: &Target<'_>) -> bool {
        self.scheme == target.scheme
            && self.host.covers(target.host)
            && self.ports.contains(&target.port)
    }
}

impl Target<'_> {
    /// The grant to write for this request, in one line of YAML.
    pub fn grant_line(&self) -> String {
        let mut keys = Vec::new();
        if self.scheme != Scheme::Https {
            keys.push(format!("scheme: {}", self.scheme.name()));
        }
        // An address in brackets would be a list.
        keys.push(match self.host {
            Host::Ipv6(_) => format!("host: '{}'", self.host),
            _ => format!("host: {}", self.host),
        });
        if self.port != self.scheme.port() {
            keys.push(format!("ports: [{}]", self.port));
        }
        if self.method != "GET" && self.method != "HEAD" {
            keys.push(format!("methods: [{}]", self.method));
        }
        format!("grants: {{http: [{{{}}}]}}", keys.join(", "))
    }
}

/// Whether a path is at or below the beginning that a grant names.
fn is_below(path: &str, beginning: &str) -> bool {
    let Some(rest) = path.strip_prefix(beginning) else { return false };
    rest.is_empty() || beginning.ends_with('/') || rest.starts_with('/')
}

/// Whether a text is the beginning of a path in its one spelling, as a grant needs it.
pub fn is_path_beginning(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%');
    path.starts_with('/') && path.chars().all(plain) && ambiguity(path).is_none()
}

/// Why a path may mean another one to a server or a proxy before it, as a clause; `None`: it cannot.
pub fn ambiguity(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    if path.contains('\\') || lower.contains("%5c") {
        return Some("has a backslash, which some servers read as `/`");
    }
    if path.contains("//") || lower.contains("%2f") {
        return Some("has an empty segment or an encoded `/`");
    }
    let double = |rest: &str| {
        rest.strip_prefix("%25").is_some_and(|rest| {
            rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
        })
    };
    if lower.match_indices('%').any(|(at, _)| double(&lower[at..])) {
        return Some("is percent-encoded twice");
    }
    if ["%00", "%0a", "%0d"].iter().any(|code| lower.contains(code)) {
        return Some("has an encoded control character");
    }
    // Some servers drop what follows a `;` in a segment before they resolve it.
    let dots = |segment: &str| {
        let decoded = segment.replace("%2e", ".").replace("%3b", ";");
        matches!(decoded.split(';').next(), Some("." | ".."))
    };
    if lower.split('/').any(dots) {
        return Some("has a segment `.` or `..`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::canonical_host;
    use super::*;
    use proptest::prelude::*;

    fn grant(path: &str) -> HttpGrant {
        HttpGrant {
            scheme: Scheme::Https,
            host: HostPattern::parse("*.example.com").unwrap(),
            ports: vec![443, 8443],
            methods: vec!["GET".into(), "POST".into()],
            path: path.into(),
            networks: vec![],
        }
    }

    fn covers(
        grant: &HttpGrant,
        scheme: Scheme,
        host: &str,
        port: u16,
        what: (&str, &str),
    ) -> bool {
        let host = canonical_host(host).unwrap();
        grant.covers(&Target { scheme, host: &host, port, method: what.0, path: what.1 })
    }

    #[test]
    fn all_five_must_fit() {
        let grant = grant("/v1");
        let check = |scheme, host, port, method, path, expected| {
            let fits = covers(&grant, scheme, host, port, (method, path));
            assert_eq!(fits, expected, "{scheme:?} {host} {port} {method} {path}");
        };
        use Scheme::{Http, Https};
        check(Https, "a.example.com", 443, "GET", "/v1", true);
        check(Https, "A.EXAMPLE.COM.", 8443, "POST", "/v1/x", true);
        check(Http, "a.example.com", 443, "GET", "/v1", false);
        check(Https, "example.com", 443, "GET", "/v1", false);
        check(Https, "a.b.example.com", 443, "GET", "/v1", false);
        check(Https, "a.example.com", 80, "GET", "/v1", false);
        check(Https, "a.example.com", 443, "get", "/v1", false);
        check(Https, "a.example.com", 443, "DELETE", "/v1", false);
        check(Https, "a.example.com", 443, "GET", "/v10", false);
        check(Https, "a.example.com", 443, "GET", "/V1", false);
        check(Https, "a.example.com", 443, "GET", "/", false);
    }

    #[test]
    fn a_path_with_two_readings_is_below_nothing() {
        for path in [
            "/v1/../admin",
            "/v1/./x",
            "/v1/..",
            "/v1/%2e%2e/admin",
            "/v1/.%2E/admin",
            "/v1/..%2fadmin",
            "/v1/..%5cadmin",
            "/v1/..\\admin",
            "/v1//admin",
            "/v1/..;/admin",
            "/v1/..;x=y/admin",
            "/v1/%2e%2e%3b/admin",
            "/v1/%252e%252e/admin",
            "/v1/%252fadmin",
            "/v1/x%00.png",
            "/v1/x%0d%0ay",
        ] {
            assert!(!covers(&grant("/v1"), Scheme::Https, "a.example.com", 443, ("GET", path)));
            assert!(ambiguity(path).is_some(), "{path}");
            assert!(covers(&grant("/"), Scheme::Https, "a.example.com", 443, ("GET", path)));
        }
        for path in ["/v1/a.b", "/v1/...", "/v1/.well-known", "/v1/a;b", "/v1/100%25", "/v1/%C3%BC"]
        {
            assert!(covers(&grant("/v1"), Scheme::Https, "a.example.com", 443, ("GET", path)));
        }
        assert!(covers(&grant("/v1/"), Scheme::Https, "a.example.com", 443, ("GET", "/v1/x")));
        assert!(!covers(&grant("/v1/"), Scheme::Https, "a.example.com", 443, ("GET", "/v1")));
    }

    /// What the most obliging server could make of a path.
    fn resolved(path: &str) -> String {
        let mut path = path.to_ascii_lowercase();
        for _ in 0..3 {
            for (code, plain) in
                [("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%3b", ";"), ("%25", "%"), ("%00", "")]
            {
                path = path.replace(code, plain);
            }
        }
        let mut parts: Vec<&str> = Vec::new();
        let path = path.replace('\\', "/");
        for segment in path.split('/') {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => drop(parts.pop()),
                _ => parts.push(segment),
            }
        }
        format!("/{}", parts.join("/"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_covered_is_below_the_grant_for_every_server(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "/", "/v1", "v1", ".", "..", "/..", "%2e", "%2E%2e", "%2f", "%2F", "\\", "%5c", ";",
                    "%3b", "%25", "%252e", "%252f", "%00", "a", "admin", "//", ";x=y", "%",
                ]),
                0..8,
            ),
        ) {
            let path = format!("/v1{}", parts.concat());
            if covers(&grant("/v1"), Scheme::Https, "a.example.com", 443, ("GET", &path)) {
                let resolved = resolved(&path);
                prop_assert!(is_below(&resolved, "/v1"), "{path} is {resolved}");
            }
        }
    }

    #[test]
    fn the_line_to_add_names_what_the_defaults_do_not() {
        let check = |scheme, host, port, method, expected: &str| {
            let host = canonical_host(host).unwrap();
            let target = Target { scheme, host: &host, port, method, path: "/x" };
            assert_eq!(target.grant_line(), expected);
        };
        check(Scheme::Https, "a.example", 443, "GET", "grants: {http: [{host: a.example}]}");
        check(
            Scheme::Http,
            "[::1]",
            8080,
            "POST",
            "grants: {http: [{scheme: http, host: '[::1]', ports: [8080], methods: [POST]}]}",
        );
        check(
            Scheme::Https,
            "a.example",
            80,
            "HEAD",
            "grants: {http: [{host: a.example, ports: [80]}]}",
        );
    }
}
