//! The URL of a request: the role's base, and below it what a call says. A path that some server could
//! read as one outside the base is refused.

/// The role's base URL, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Base<'b> {
    /// Scheme, host and port.
    pub origin: &'b str,
    /// The path, as written; empty where there is none.
    pub path: &'b str,
}

impl<'b> Base<'b> {
    /// Reads a base URL. The host knows names and addresses; here only the parts are told apart.
    ///
    /// # Errors
    /// What is wrong, as a clause.
    pub fn read(text: &'b str) -> Result<Self, &'static str> {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or("does not begin with `https://` or `http://`")?;
        if text.contains(['?', '#']) {
            return Err("has a query or a fragment, which belong to a call");
        }
        let authority = rest.split('/').next().unwrap_or_default();
        if !authority.is_ascii() {
            return Err("has letters beyond ASCII in its host; write it in its `xn--` form");
        }
        if authority.contains('@') {
            return Err("has a user in it; put credentials into `headers`");
        }
        if authority.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("is not a URL");
        }
        let (origin, path) = text.split_at(text.len() - rest.len() + authority.len());
        if check_path(path).is_err() || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a path that is not plain");
        }
        Ok(Self { origin, path })
    }

    /// The URL of a path below this one.
    ///
    /// # Errors
    /// What is wrong with the path, as a clause.
    pub fn join(&self, path: &str, query: &[(String, String)]) -> Result<String, &'static str> {
        if path.contains("://") {
            return Err("is a whole URL; give the path below the base URL only");
        }
        if path.contains(['?', '#']) {
            return Err("has a `?` or a `#`; parameters go into `query`");
        }
        check_path(path)?;
        let mut url = self.origin.to_owned();
        if path.is_empty() {
            url.push_str(if self.path.is_empty() { "/" } else { self.path });
        } else {
            url.push_str(self.path.strip_suffix('/').unwrap_or(self.path));
            url.push('/');
            encode(path.strip_prefix('/').unwrap_or(path), PATH, &mut url);
        }
        for (index, (name, value)) in query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            encode(name, UNRESERVED, &mut url);
            url.push('=');
            encode(value, UNRESERVED, &mut url);
        }
        Ok(url)
    }
}

/// RFC 3986, 2.3, beside letters and digits.
const UNRESERVED: &[u8] = b"-._~";

/// What stays as it is in a path (RFC 3986, 3.3): a call writes it encoded where it has to be.
const PATH: &[u8] = b"-._~!$&'()*+,;=:@/%";

fn encode(text: &str, keeps: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || keeps.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Refuses what could mean another path than it says.
fn check_path(path: &str) -> Result<(), &'static str> {
    let lower = path.to_ascii_lowercase();
    for (at, _) in lower.match_indices('%') {
        let code = lower.as_bytes().get(at + 1..at + 3);
        if !code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)) {
            return Err("has a `%` that encodes nothing; write it as `%25`");
        }
    }
    if path.contains('\\') || path.contains("//") {
        return Err("has a backslash or an empty segment");
    }
    if ["%2f", "%5c", "%00", "%0a", "%0d"].iter().any(|code| lower.contains(code)) {
        return Err("has an encoded slash, backslash or control character");
    }
    let twice = |(at, _)| {
        let code = lower.as_bytes().get(at + 3..at + 5);
        code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    };
    if lower.match_indices("%25").any(twice) {
        return Err("is percent-encoded twice");
    }
    let leads_out = |segment: &str| {
        let decoded = segment.replace("%2e", ".").replace("%3b", ";");
        matches!(decoded.split(';').next(), Some("." | ".."))
    };
    if lower.split('/').any(leads_out) {
        return Err("has a segment `.` or `..`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_an_origin_and_a_path() {
        let check = |text: &str, expected: Result<(&str, &str), &str>| {
            let base = Base::read(text);
            assert_eq!(base.as_ref().map(|it| (it.origin, it.path)).map_err(|it| *it), expected);
        };
        check("https://a.example", Ok(("https://a.example", "")));
        check("http://a.example:80/v1/", Ok(("http://a.example:80", "/v1/")));
        check("ftp://a", Err("does not begin with `https://` or `http://`"));
        check("https://", Err("is not a URL"));
        check("https:///x", Err("is not a URL"));
        check("https://a b", Err("is not a URL"));
        check("https://a?x", Err("has a query or a fragment, which belong to a call"));
        check("https://u@a", Err("has a user in it; put credentials into `headers`"));
        check(
            "https://bücher.example",
            Err("has letters beyond ASCII in its host; write it in its `xn--` form"),
        );
        check("https://a/..", Err("has a path that is not plain"));
        check("https://a/ä", Err("has a path that is not plain"));
    }

    #[test]
    fn a_path_stays_below_the_base() {
        let base = Base::read("https://a.example/v1").unwrap();
        let check = |path: &str, expected: Result<&str, &str>| {
            let joined = base.join(path, &[]);
            assert_eq!(joined.as_deref().map_err(|it| *it), expected, "{path}");
        };
        check("", Ok("https://a.example/v1"));
        check("/", Ok("https://a.example/v1/"));
        check("users/1", Ok("https://a.example/v1/users/1"));
        check("/users/ü 1", Ok("https://a.example/v1/users/%C3%BC%201"));
        check("/a%20b/c:d@e", Ok("https://a.example/v1/a%20b/c:d@e"));
        check("/{{secret:K}}", Ok("https://a.example/v1/%7B%7Bsecret:K%7D%7D"));
        let dots = Err("has a segment `.` or `..`");
        check("..", dots);
        check("/users/../../admin", dots);
        check("/%2e%2E/admin", dots);
        check("/.%2e;x/admin", dots);
        check("/./x", dots);
        let empty = Err("has a backslash or an empty segment");
        check("//evil.example/x", empty);
        check("/x//y", empty);
        check("\\\\evil.example", empty);
        let encoded = Err("has an encoded slash, backslash or control character");
        check("/..%2fadmin", encoded);
        check("/..%5Cadmin", encoded);
        check("/x%0d%0ay", encoded);
        check("/%252e%252e/admin", Err("is percent-encoded twice"));
        check("/100%", Err("has a `%` that encodes nothing; write it as `%25`"));
        check("/x?y", Err("has a `?` or a `#`; parameters go into `query`"));
        check(
            "https://evil.example/",
            Err("is a whole URL; give the path below the base URL only"),
        );
    }

    #[test]
    fn parameters_are_encoded() {
        let base = Base::read("https://a.example").unwrap();
        let query = [("q", "a b&c=d"), ("ü", "%+/")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(
            base.join("", &query).unwrap(),
            "https://a.example/?q=a%20b%26c%3Dd&%C3%BC=%25%2B%2F"
        );
    }
}
