//! Addresses of services: encrypted, or on this machine.

use url::{Host, Url};

/// Reads an address under which `secure` (such as `https`) is spoken, or `plain` to this machine itself: what
/// is sent there has the bot's token.
///
/// # Errors
/// A sentence with the cure.
pub(in crate::trigger) fn read(text: &str, secure: &str, plain: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no address: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` has more than a host and a path; leave the rest out"));
    }
    if url.scheme() == secure {
        return match url.host() {
            Some(_) => Ok(url),
            None => Err(format!("`{text}` names no host")),
        };
    }
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == plain && here {
        return Ok(url);
    }
    Err(format!(
        "`{text}` is not encrypted; give one that begins with `{secure}://` (`{plain}://` is for loopback addresses)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        let check = |text: &str, fits: bool| {
            assert_eq!(read(text, "https", "http").is_ok(), fits, "{text}");
        };
        check("https://api.telegram.org", true);
        check("https://chat.example.com:8443/api", true);
        check("http://127.0.0.1:8080", true);
        check("http://127.8.0.1", true);
        check("http://[::1]:8080", true);
        check("http://localhost:8080", true);
        check("http://localhost.example.com", false);
        check("http://api.telegram.org", false);
        check("http://10.0.0.1", false);
        check("http://127.0.0.1.example.com", false);
        check("ftp://127.0.0.1", false);
        check("https://user:password@api.telegram.org", false);
        check("https://api.telegram.org#x", false);
        check("api.telegram.org", false);
    }
}
