//! A host in a grant, in the one spelling that it is compared in.

use serde::{Deserialize, Serialize};
use std::fmt;
use url::Host;

/// A host's name or address, or one label and a name: `*.example.com` covers `a.example.com`, and
/// neither `example.com` nor `a.b.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HostPattern {
    any_label: bool,
    host: Host<String>,
}

impl HostPattern {
    /// Reads a host as a person writes it, without a scheme or a port. Names become lower case and
    /// ASCII (IDNA, UTS 46), addresses their one canonical form, and a dot at the end goes.
    ///
    /// # Errors
    /// What is wrong, as a clause about it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (any_label, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if name.contains('*') {
            return Err("has a `*` that is not its whole first label");
        }
        if name.contains("://") {
            return Err("has a scheme, which has a key of its own");
        }
        let is_address = name.starts_with('[') && name.ends_with(']');
        if name.contains([':', '/', '@', '?', '#', '\\', '%']) && !is_address {
            return Err("has more in it than a host");
        }
        let host = canonical_host(name).ok_or("is no host's name and no address")?;
        if any_label && !matches!(&host, Host::Domain(name) if name.contains('.')) {
            // `*.com` would be the internet.
            return Err("leaves too much open: a `*.` stands before a name with a dot");
        }
        Ok(Self { any_label, host })
    }

    /// Whether every host that it covers is covered by `outer` too.
    pub fn is_within(&self, outer: &Self) -> bool {
        self == outer || (!self.any_label && outer.covers(&self.host))
    }

    /// Whether it covers a host in its canonical form.
    pub fn covers(&self, host: &Host<String>) -> bool {
        match (&self.host, host) {
            (Host::Domain(own), Host::Domain(name)) if self.any_label => {
                name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == own)
            }
            (own, host) => !self.any_label && own == host,
        }
    }
}

/// The one form of a host in which it is compared and connected to: a name in lower case and ASCII
/// without a dot at its end, or an address. An IPv6 address stands in brackets. `None`: it is none.
pub fn canonical_host(text: &str) -> Option<Host<String>> {
    // The URL standard's host parser reads every spelling of an IPv4 address that a resolver might:
    // octal, hexadecimal, fewer than four parts.
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            // One dot at the end is the root; two are no name. RFC 1035, 2.3.4: 253 characters.
            let labels = name.split('.').all(|label| (1..=63).contains(&label.len()));
            (labels && name.len() <= 253).then(|| Host::Domain(name.to_owned()))
        }
        address => Some(address),
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = if self.any_label { "*." } else { "" };
        write!(f, "{any}{}", self.host)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for HostPattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let parsed = HostPattern::parse(text).map(|host| host.to_string());
            assert_eq!(parsed.as_deref().map_err(|it| *it), expected, "{text}");
        };
        check("API.Example.com.", Ok("api.example.com"));
        check("bücher.example", Ok("xn--bcher-kva.example"));
        check("*.example.com", Ok("*.example.com"));
        check("0x7f.1", Ok("127.0.0.1"));
        check("[::1]", Ok("[::1]"));
        check("localhost", Ok("localhost"));
        check("::1", Err("has more in it than a host"));
        check("*.com", Err("leaves too much open: a `*.` stands before a name with a dot"));
        check("*", Err("has a `*` that is not its whole first label"));
        check("a.*.com", Err("has a `*` that is not its whole first label"));
        check("*.127.0.0.1", Err("leaves too much open: a `*.` stands before a name with a dot"));
        check("https://a.example", Err("has a scheme, which has a key of its own"));
        check("a.example:8080", Err("has more in it than a host"));
        check("user@a.example", Err("has more in it than a host"));
        check("", Err("is no host's name and no address"));
        check("a..example", Err("is no host's name and no address"));
    }

    #[test]
    fn a_star_is_one_label() {
        let pattern = HostPattern::parse("*.example.com").unwrap();
        let covers = |text| pattern.covers(&canonical_host(text).unwrap());
        assert!(covers("a.example.com"));
        assert!(covers("A.EXAMPLE.com."));
        assert!(!covers("example.com"));
        assert!(!covers("a.b.example.com"));
        assert!(!covers("aexample.com"));
        let exact = HostPattern::parse("example.com").unwrap();
        assert!(exact.covers(&canonical_host("example.com.").unwrap()));
        assert!(!exact.covers(&canonical_host("a.example.com").unwrap()));
    }
}
