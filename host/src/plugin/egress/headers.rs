//! The headers of a request: those that a component may set, and none of which a server or a proxy
//! could read another message out of.

use super::Request;
use super::limits::EgressLimits;
use super::refusal::{Kind, Refusal, clip};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that are the host's to set or that change what a message is, each with the reason. An
/// underscore counts as a hyphen: gateways turn one into the other.
const REFUSED: [(&str, &str); 21] = [
    ("host", "the host sets it from the address"),
    ("connection", "it belongs to the connection, which the host keeps"),
    ("keep-alive", "it belongs to the connection, which the host keeps"),
    ("proxy-connection", "it belongs to the connection, which the host keeps"),
    ("upgrade", "the connection speaks HTTP and nothing else"),
    ("http2-settings", "the connection speaks HTTP and nothing else"),
    ("transfer-encoding", "the host says how long the body is"),
    ("te", "the host says how bodies are sent"),
    ("trailer", "a request has no trailers"),
    ("expect", "the body is sent at once"),
    ("proxy-authorization", "there is no proxy"),
    ("proxy-authenticate", "there is no proxy"),
    ("proxy-authentication-info", "there is no proxy"),
    // Frameworks take what these say for the method or the path, which a grant then did not cover.
    ("x-http-method-override", "it names another method than the one that is granted"),
    ("x-http-method", "it names another method than the one that is granted"),
    ("x-method-override", "it names another method than the one that is granted"),
    ("x-original-url", "it names another path than the one that is granted"),
    ("x-rewrite-url", "it names another path than the one that is granted"),
    ("x-original-host", "it names another host than the one that is granted"),
    ("forwarded", "it names another host than the one that is granted"),
    ("x-forwarded-host", "it names another host than the one that is granted"),
];

/// The headers of a request, as they will be sent but for the host's own.
pub(super) fn check(request: &Request, limits: &EgressLimits) -> Result<HeaderMap, Refusal> {
    if request.headers.len() > limits.headers {
        return Err(Refusal::new(
            Kind::RequestSize,
            format!("the request has more than {} headers", limits.headers),
        ));
    }
    let bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits.request_head {
        return Err(Refusal::new(
            Kind::RequestSize,
            format!("the headers of the request are larger than {} bytes", limits.request_head),
        ));
    }
    if request.body.len() > limits.request_body {
        return Err(too_large(limits));
    }
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let shown = clip(name);
        let refuse =
            |why: &str| Refusal::denied(format!("the header `{shown}` cannot be set: {why}"));
        let parsed =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse("it is no name"))?;
        let plain = parsed.as_str().replace('_', "-");
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == plain) {
            return Err(refuse(why));
        }
        // RFC 9110, 5.5: no line break, no NUL. Some servers take a lone carriage return for the end.
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| refuse("its value has a line break or another control character"))?;
        if plain == "content-length" {
            // The host writes its own. One that says the same is what careful libraries send.
            let said = value.to_str().ok().filter(|text| *text == request.body.len().to_string());
            if parsed.as_str() != plain || said.is_none() || headers.contains_key(&parsed) {
                return Err(refuse("it is not the one length of the body"));
            }
        }
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// The refusal for a body that is larger than may be sent.
pub(super) fn too_large(limits: &EgressLimits) -> Refusal {
    Refusal::new(
        Kind::RequestSize,
        format!("the body of the request is larger than {} bytes", limits.request_body),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(name: &str, value: &[u8]) -> Result<HeaderMap, String> {
        let headers = vec![(name.to_owned(), value.to_vec())];
        let request = Request { headers, body: b"abc".to_vec(), ..Request::default() };
        check(&request, &EgressLimits::default()).map_err(|refusal| refusal.sentence)
    }

    #[test]
    fn what_belongs_to_the_host_is_refused_in_every_spelling() {
        for (name, why) in REFUSED {
            let sentence = |name: &str| format!("the header `{name}` cannot be set: {why}");
            for name in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                assert_eq!(check_one(&name, b"x").unwrap_err(), sentence(&name));
            }
        }
    }

    #[test]
    fn a_length_is_the_bodys() {
        assert!(check_one("Content-Length", b"3").is_ok());
        for value in ["4", "03", "+3", "3 ", "3, 3", "0x3", ""] {
            assert!(check_one("content-length", value.as_bytes()).is_err(), "{value}");
        }
        assert!(check_one("content_length", b"3").is_err());
    }

    #[test]
    fn no_line_ends_within_a_header() {
        for value in ["a\r\nHost: b", "a\nb", "a\rb", "a\0b"] {
            assert!(check_one("x-a", value.as_bytes()).is_err(), "{value:?}");
        }
        for name in ["", "a b", "a:", "a\r\nb", ":authority", "ä", "a\0"] {
            assert!(check_one(name, b"x").is_err(), "{name:?}");
        }
        assert!(check_one("x-a", "ä\t b".as_bytes()).is_ok());
    }
}
