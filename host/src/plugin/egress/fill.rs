//! Secrets on their way out and back. A component knows placeholders; the value is put in for one
//! secret, one host and one header that the role grants together, and what comes back holds the
//! placeholder again.

use super::address::Address;
use super::refusal::{Kind, Refusal, clip};
use super::{Pass, Request, Response};
use crate::domain::grant::{Scheme, Target};
use crate::domain::secret::{Secrets, placeholder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue};
use std::borrow::Cow;
use std::net::IpAddr;

/// Puts values in where they are granted, and gives the name of one that was put in.
pub(super) fn fill(
    headers: &mut HeaderMap,
    target: &Target<'_>,
    request: &Request,
    pass: Pass<'_>,
) -> Result<Option<String>, Refusal> {
    let secrets = pass.secrets;
    if secrets.is_empty() {
        return Ok(None);
    }
    keep_out(request, target, secrets)?;
    let mut filled = None;
    for (header, value) in headers.iter_mut() {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let named: Vec<&str> =
            secrets.names().filter(|name| text.contains(&placeholder(name))).collect();
        for name in &named {
            let granted = pass.grants.secrets.iter().any(|grant| {
                grant.name == *name
                    && grant.host.covers(target.host)
                    && grant.header == header.as_str()
            });
            if !granted {
                return Err(Refusal::denied(format!(
                    "the secret `{name}` may not go to `{}` in the header `{header}`; to allow it, add \
                     `{}` to the entry (for the built-in `http`: write it in the entry's `headers`)",
                    target.host,
                    line(name, target, header.as_str()),
                )));
            }
        }
        let Some(name) = named.first() else { continue };
        // Blanks around a value are no part of it; keys are pasted with a line end.
        let whole = secrets.fill(&text);
        let mut whole = HeaderValue::from_bytes(whole.trim().as_bytes()).map_err(|_| {
            Refusal::denied(format!(
                "the value of the secret `{name}` cannot stand in a header: it has a line break or \
                 another control character"
            ))
        })?;
        whole.set_sensitive(true);
        *value = whole;
        filled = Some((*name).to_owned());
    }
    if filled.is_some() {
        // A compressed answer would hide the value if the server repeated it.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(filled)
}

/// Refuses a placeholder where no value ever goes, rather than send it on as it is.
fn keep_out(request: &Request, target: &Target<'_>, secrets: &Secrets) -> Result<(), Refusal> {
    let decoded = |text: &str| {
        text.replace("%7B", "{")
            .replace("%7b", "{")
            .replace("%7D", "}")
            .replace("%7d", "}")
            .replace("%3A", ":")
            .replace("%3a", ":")
    };
    let body = String::from_utf8_lossy(&request.body);
    let names = request.headers.iter().map(|(name, _)| ("header's name", Cow::Borrowed(&**name)));
    let places = [("address", decoded(&request.path).into()), ("body", body)];
    for (place, text) in places.into_iter().chain(names) {
        if let Some(name) = secrets.named_in(&text) {
            return Err(Refusal::denied(format!(
                "the secret `{name}` cannot be part of a request's {place}, only the value of a header \
                 that the role grants for its host: `{}`",
                line(name, target, "authorization"),
            )));
        }
    }
    Ok(())
}

fn line(name: &str, target: &Target<'_>, header: &str) -> String {
    let host = target.host;
    format!("grants: {{secrets: [{{name: {name}, host: '{host}', header: {header}}}]}}")
}

/// Refuses to send a value in the clear, except to this machine itself.
pub(super) fn keep_private(
    name: &str,
    target: &Target<'_>,
    addresses: &[IpAddr],
) -> Result<(), Refusal> {
    let stays_here = addresses.iter().all(|ip| ip.to_canonical().is_loopback());
    if target.scheme == Scheme::Https || stays_here {
        return Ok(());
    }
    Err(Refusal::denied(format!(
        "the secret `{name}` would go to `{}` over plain HTTP, where others can read it; use `https`, \
         or an address of this machine itself",
        target.host
    )))
}

/// Refuses a compressed answer to a request that held a secret.
pub(super) fn refuse_coded(response: &Response, address: &Address) -> Result<(), Refusal> {
    let coded = response.headers.iter().find(|(name, value)| {
        name == CONTENT_ENCODING.as_str() && !value.eq_ignore_ascii_case(b"identity")
    });
    let Some((_, coding)) = coded else { return Ok(()) };
    Err(Refusal::new(
        Kind::Protocol,
        format!(
            "`{}` answered with the content coding `{}` though none was accepted, and the secret that it \
             was sent could not be found in that again",
            address.host,
            clip(&String::from_utf8_lossy(coding))
        ),
    ))
}

/// The response with every value replaced by its placeholder.
pub(super) fn redact(mut response: Response, secrets: &Secrets) -> Response {
    if secrets.is_empty() {
        return response;
    }
    let whole = |bytes: &[u8]| {
        let mut stream = secrets.stream();
        let mut out = stream.push(bytes).into_owned();
        out.extend(stream.finish());
        out
    };
    // A name that holds a value is not one that anybody needs.
    response.headers.retain(|(name, _)| matches!(secrets.redact(name), Cow::Borrowed(_)));
    for (_, value) in &mut response.headers {
        *value = whole(value);
    }
    let length = response.body.len();
    response.body = whole(&response.body);
    if response.body.len() != length {
        let now = response.body.len().to_string().into_bytes();
        for (_, value) in response.headers.iter_mut().filter(|(name, _)| name == "content-length") {
            value.clone_from(&now);
        }
    }
    response
}
