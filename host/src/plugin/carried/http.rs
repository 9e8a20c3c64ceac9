//! What `http` needs: requests to its server, and its secrets there.

use super::super::entry::RoleSite;
use super::super::error::EntryProblem;
use crate::domain::grant::{
    Grants, HostPattern, HttpGrant, Scheme, SecretGrant, is_path_beginning,
};
use crate::domain::role::Entry;
use crate::domain::secret::placeholder;
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::net::IpAddr;
use url::Url;

/// The defaults here are those of the component's own schema. What the schema finds wrong is left to it.
pub(super) fn grants(entry: &Entry, site: &RoleSite<'_>) -> Result<Grants, Vec<EntryProblem>> {
    let config = &entry.config;
    let problem = |key: &str, message: String, hint: &str| {
        let position = entry.config_positions.get(key).copied().unwrap_or(entry.position);
        vec![EntryProblem { position, message, hint: Some(hint.to_owned()) }]
    };
    let Some(base) = config.get("base_url").and_then(Value::as_str) else {
        return Ok(Grants::default());
    };
    if let Some(name) = site.secrets.named_in(base) {
        let message = format!("`base_url` holds the secret `{name}`");
        return Err(problem(
            "base_url",
            message,
            "put it into `headers`: addresses are logged and shown",
        ));
    }
    let server = server(base).map_err(|clause| {
        let hint = "write a server and a path, such as `https://api.example.com/v1`";
        problem("base_url", format!("`base_url` {clause}"), hint)
    })?;
    let mut networks = Vec::new();
    for text in texts(config, "networks") {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        networks.push(network.map_err(|_| {
            let hint = "write an address and the length of its prefix, such as `10.0.0.0/8`";
            problem("networks", "`networks` has an item that is no network".to_owned(), hint)
        })?);
    }
    let methods: Vec<String> = texts(config, "allowed_methods").map(str::to_owned).collect();
    let methods = match methods.is_empty() {
        true => ["GET", "HEAD"].map(str::to_owned).to_vec(),
        false => methods,
    };
    let mut secrets = Vec::new();
    for (header, value) in config.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        let named = site.secrets.names().filter(|name| value.contains(&placeholder(name)));
        secrets.extend(named.map(|name| SecretGrant {
            name: name.to_owned(),
            host: server.host.clone(),
            header: header.to_ascii_lowercase(),
        }));
    }
    let http = HttpGrant { methods, networks, ..server };
    if let Some(secret) = secrets.first()
        && http.scheme == Scheme::Http
        && !http.networks.iter().any(|network| network.addr().is_loopback())
    {
        let message = format!(
            "the secret `{}` would be sent over plain HTTP, where others can read it",
            secret.name
        );
        return Err(problem("base_url", message, "begin `base_url` with `https://`"));
    }
    Ok(Grants { http: vec![http], secrets, ..Grants::default() })
}

/// The one server, all of it that an address tells; no methods and networks yet.
fn server(base: &str) -> Result<HttpGrant, &'static str> {
    let url = Url::parse(base).map_err(|_| "is not a URL")?;
    let scheme = match url.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err("does not begin with `https://` or `http://`"),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user in it; put credentials into `headers`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment");
    }
    let host = url.host_str().ok_or("names no host")?;
    let host = HostPattern::parse(host).map_err(|_| "has a host that cannot be used")?;
    // As it is written: parsing has taken `..` and the like out of it.
    let behind = base.split_once("://").map_or("", |(_, rest)| rest);
    let path = behind.find('/').map_or("/", |at| &behind[at..]);
    if !is_path_beginning(path) {
        return Err("has a path that is not plain: no `.`, `..`, `//`, `%` and blanks");
    }
    // A slash at its end says nothing more: a call's path is put below it in any case.
    let path = if path == "/" { path } else { path.trim_end_matches('/') };
    Ok(HttpGrant {
        scheme,
        host,
        ports: vec![url.port().unwrap_or(scheme.port())],
        methods: vec![],
        path: path.to_owned(),
        networks: vec![],
    })
}

fn texts<'c>(config: &'c Map<String, Value>, key: &str) -> impl Iterator<Item = &'c str> {
    config.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_one_server_and_one_path() {
        let check = |base: &str, expected: Result<&str, &str>| {
            let told = server(base)
                .map(|it| format!("{} {} {:?} {}", it.scheme.name(), it.host, it.ports, it.path));
            assert_eq!(told.as_deref().map_err(|it| *it), expected, "{base}");
        };
        check("https://API.example.com", Ok("https api.example.com [443] /"));
        check("https://api.example.com/v1/", Ok("https api.example.com [443] /v1"));
        check("http://[::1]:8080/x", Ok("http [::1] [8080] /x"));
        check("http://0x7f.1/", Ok("http 127.0.0.1 [80] /"));
        check(
            "https://a.example/v1/../admin",
            Err("has a path that is not plain: no `.`, `..`, `//`, `%` and blanks"),
        );
        check("https://u:p@a.example", Err("has a user in it; put credentials into `headers`"));
        check("https://a.example?x", Err("has a query or a fragment"));
        check("ftp://a.example", Err("does not begin with `https://` or `http://`"));
        check("https://", Err("is not a URL"));
    }
}
