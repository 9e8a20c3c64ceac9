//! What a role configures.

use crate::url::Base;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The keys a role may use; the host checks roles against it.
pub const CONFIG_SCHEMA: &str = include_str!("config.schema.json");

/// What a role configures, as the schema describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The server and the path below which everything stays. Empty only where nothing is configured,
    /// because somebody looks at the component.
    pub base_url: String,
    /// Methods a call may use. Never empty.
    pub allowed_methods: Vec<String>,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
    /// Names of further headers that a call may set.
    pub allowed_headers: Vec<String>,
    /// For one request, in seconds.
    pub timeout_seconds: u32,
    /// Bytes of a body that are told.
    pub max_response_bytes: u32,
    /// Read by the host alone.
    pub networks: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            allowed_methods: vec!["GET".to_owned(), "HEAD".to_owned()],
            headers: BTreeMap::new(),
            allowed_headers: Vec::new(),
            timeout_seconds: 30,
            max_response_bytes: 65_536,
            networks: Vec::new(),
        }
    }
}

/// Headers that neither a role nor a call sets: the host does, or this component, or nobody may.
const NOT_SET: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method-override",
];

impl Config {
    /// What the schema cannot find wrong.
    ///
    /// # Errors
    /// One sentence for the role's author.
    pub fn check(&self) -> Result<(), String> {
        if !self.base_url.is_empty() {
            Base::read(&self.base_url).map_err(|clause| format!("`base_url` {clause}"))?;
        }
        for name in self.headers.keys() {
            check_name(name).map_err(|clause| format!("`headers`: `{name}` {clause}"))?;
        }
        // A line end at the very end comes from the file that a key was read from, and is left away.
        let mut values = self.headers.iter();
        if let Some((name, _)) = values.find(|(_, value)| value.trim().chars().any(is_odd)) {
            return Err(format!("`headers`: the value of `{name}` has a control character"));
        }
        for name in &self.allowed_headers {
            check_name(name).map_err(|clause| format!("`allowed_headers`: `{name}` {clause}"))?;
            if self.headers.keys().any(|own| own.eq_ignore_ascii_case(name)) {
                return Err(format!(
                    "`allowed_headers`: `{name}` is one of `headers`, which a call cannot change"
                ));
            }
        }
        Ok(())
    }
}

/// Characters that no header's value has.
pub fn is_odd(c: char) -> bool {
    c.is_control() && c != '\t'
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err("is not a header's name");
    }
    if NOT_SET.contains(&name.to_ascii_lowercase().as_str()) {
        return Err("cannot be set: it is the host's, or this tool's own");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_schema_cannot_see_is_found() {
        let check = |config: serde_json::Value, expected: Result<(), &str>| {
            let config: Config = serde_json::from_value(config).unwrap();
            assert_eq!(
                config.check().as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|it| *it)
            );
        };
        let base = "https://a.example";
        check(json!({ "base_url": base }), Ok(()));
        check(json!({ "base_url": base, "headers": { "X-Key": "{{secret:KEY}}" } }), Ok(()));
        check(
            json!({ "base_url": "https://u:p@a.example" }),
            Err("`base_url` has a user in it; put credentials into `headers`"),
        );
        check(
            json!({ "base_url": base, "headers": { "Host": "b" } }),
            Err("`headers`: `Host` cannot be set: it is the host's, or this tool's own"),
        );
        check(
            json!({ "base_url": base, "headers": { "a b": "c" } }),
            Err("`headers`: `a b` is not a header's name"),
        );
        check(
            json!({ "base_url": base, "headers": { "a": "b\r\nc: d" } }),
            Err("`headers`: the value of `a` has a control character"),
        );
        check(
            json!({ "base_url": base, "headers": { "X-A": "b" }, "allowed_headers": ["x-a"] }),
            Err("`allowed_headers`: `x-a` is one of `headers`, which a call cannot change"),
        );
    }
}
