//! From a call to the request that it means: what a person is shown is what is sent.

use crate::config::{Config, is_odd};
use crate::url::Base;
use initrunner_sdk::Failure;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the model may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Arguments {
    /// One of the allowed methods; the first of them if it is left out.
    pub method: Option<String>,
    /// Below the base URL.
    pub path: String,
    /// Parameters.
    pub query: Map<String, Value>,
    /// Harmless headers.
    pub headers: BTreeMap<String, String>,
    /// The body as text.
    pub body: Option<String>,
    /// The body as JSON.
    pub json: Option<Value>,
}

/// The request that a call means. A secret in it is a placeholder.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Names and values, the role's first.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Methods that change nothing (RFC 9110, 9.2.1).
pub const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// Headers that a call may set in any role: none of them says who is asking.
const HARMLESS: [&str; 10] = [
    "accept",
    "accept-language",
    "cache-control",
    "content-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "prefer",
];

/// The header by which a server can tell that a request is the same one, sent again.
const KEY: &str = "Idempotency-Key";

/// Makes the request of a call.
///
/// # Errors
/// The arguments cannot be right, and nothing is sent.
pub fn plan(config: &Config, arguments: Arguments, key: &str) -> Result<Plan, Failure> {
    let wrong = |text: String| Failure::InvalidArguments(text);
    let base = Base::read(&config.base_url)
        .map_err(|clause| Failure::Failed(format!("the role's `base_url` {clause}")))?;
    let method = match (arguments.method, config.allowed_methods.first()) {
        (Some(method), _) => method,
        (None, Some(first)) => first.clone(),
        (None, None) => return Err(Failure::Failed("the role allows no method".into())),
    };
    if !config.allowed_methods.contains(&method) {
        return Err(wrong(format!(
            "the method `{method}` is not allowed; the role's `allowed_methods` are {}",
            config.allowed_methods.join(", ")
        )));
    }
    let query = parameters(&arguments.query).map_err(wrong)?;
    let url = base
        .join(&arguments.path, &query)
        .map_err(|clause| wrong(format!("the path `{}` {clause}", arguments.path)))?;

    let (body, kind) = match (arguments.body, arguments.json) {
        (Some(_), Some(_)) => return Err(wrong("give `body` or `json`, not both".into())),
        (Some(text), None) => (Some(text), "text/plain; charset=utf-8"),
        (None, Some(json)) => (Some(json.to_string()), "application/json"),
        (None, None) => (None, ""),
    };
    if body.is_some() && SAFE.contains(&method.as_str()) {
        return Err(wrong(format!("a `{method}` has no body; use another method, or `query`")));
    }

    let trimmed = |(name, value): (&String, &String)| (name.clone(), value.trim().to_owned());
    let mut headers: Vec<(String, String)> = config.headers.iter().map(trimmed).collect();
    for (name, value) in arguments.headers {
        check_header(config, &name, &value).map_err(wrong)?;
        headers.push((name, value));
    }
    let mut add = |name: &str, value: &str| {
        if !headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    if body.is_some() {
        add("Content-Type", kind);
    }
    if !SAFE.contains(&method.as_str()) {
        add(KEY, key);
    }
    // Many servers refuse a request that does not say who sends it.
    add("User-Agent", concat!("initrunner-http/", env!("CARGO_PKG_VERSION")));
    // Nothing here could undo a compression.
    add("Accept-Encoding", "identity");
    Ok(Plan { method, url, headers, body: body.unwrap_or_default().into_bytes() })
}

impl Plan {
    /// The request as a person reads it: line, headers, body. The key is another one for each call, and
    /// two equal calls should look equal.
    pub fn preview(&self) -> String {
        let mut text = format!("{} {}", self.method, self.url);
        for (name, value) in &self.headers {
            let value = if name == KEY { "(one for each call)" } else { value };
            text.push_str(&format!("\n{name}: {value}"));
        }
        if !self.body.is_empty() {
            text.push_str("\n\n");
            text.push_str(&String::from_utf8_lossy(&self.body));
        }
        text
    }
}

/// A list gives its name several times.
fn parameters(query: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for (name, value) in query {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return Err(format!("the parameter `{name}` is no text, number or list")),
            };
            pairs.push((name.clone(), text));
        }
    }
    Ok(pairs)
}

fn check_header(config: &Config, name: &str, value: &str) -> Result<(), String> {
    let is = |other: &String| other.eq_ignore_ascii_case(name);
    if config.headers.keys().any(is) {
        return Err(format!("the header `{name}` is set by the role; leave it out"));
    }
    let lower = name.to_ascii_lowercase();
    if !HARMLESS.contains(&lower.as_str()) && !config.allowed_headers.iter().any(is) {
        return Err(format!(
            "the header `{name}` cannot be set by a call, unless the role's `allowed_headers` has it; \
             these can: {}",
            HARMLESS.join(", ")
        ));
    }
    if value.chars().any(is_odd) {
        return Err(format!("the value of the header `{name}` has a control character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn preview(config: Value, arguments: Value) -> Result<String, String> {
        let config: Config = serde_json::from_value(config).unwrap();
        let arguments: Arguments = serde_json::from_value(arguments).unwrap();
        match plan(&config, arguments, "run_1/call_1") {
            Ok(plan) => Ok(plan.preview()),
            Err(Failure::InvalidArguments(text)) => Err(text),
            Err(other) => panic!("{other:?}"),
        }
    }

    const END: &str = "\nUser-Agent: initrunner-http/0.1.0\nAccept-Encoding: identity";

    #[test]
    fn a_call_is_one_request() {
        let role = json!({
            "base_url": "https://api.example.com/v1",
            "allowed_methods": ["GET", "POST"],
            "headers": { "Authorization": "Bearer {{secret:KEY}}\n" },
        });
        assert_eq!(
            preview(role.clone(), json!({})).unwrap(),
            format!(
                "GET https://api.example.com/v1\nAuthorization: Bearer {{{{secret:KEY}}}}{END}"
            )
        );
        let call = json!({
            "method": "POST",
            "path": "/users",
            "query": { "dry": true, "tag": ["a", 2] },
            "headers": { "Accept": "application/json" },
            "json": { "name": "x" },
        });
        assert_eq!(
            preview(role.clone(), call).unwrap(),
            format!(
                "POST https://api.example.com/v1/users?dry=true&tag=a&tag=2\n\
                 Authorization: Bearer {{{{secret:KEY}}}}\nAccept: application/json\n\
                 Content-Type: application/json\nIdempotency-Key: (one for each call){END}\n\n\
                 {{\"name\":\"x\"}}"
            )
        );
        let text = preview(role, json!({ "method": "POST", "body": "hé" })).unwrap();
        assert!(text.contains("Content-Type: text/plain; charset=utf-8"), "{text}");
    }

    #[test]
    fn the_key_is_sent_with_what_is_not_safe() {
        let config = Config {
            base_url: "https://a.example".into(),
            allowed_methods: ["GET", "DELETE"].map(str::to_owned).to_vec(),
            ..Config::default()
        };
        let key = |method: &str| {
            let arguments = Arguments { method: Some(method.into()), ..Arguments::default() };
            let plan = plan(&config, arguments, "run_1/call_1").unwrap();
            plan.headers.into_iter().find(|(name, _)| name == KEY).map(|(_, value)| value)
        };
        assert_eq!(key("DELETE").as_deref(), Some("run_1/call_1"));
        assert_eq!(key("GET"), None);
    }

    #[test]
    fn what_a_call_may_not_say_is_refused_with_a_reason() {
        let role = json!({
            "base_url": "https://a.example",
            "headers": { "X-Key": "k" },
            "allowed_headers": ["X-Trace"],
        });
        let check = |call: Value, expected: &str| {
            let error = preview(role.clone(), call).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        };
        check(json!({ "method": "POST" }), "the method `POST` is not allowed; the role's");
        check(json!({ "path": "/../x" }), "the path `/../x` has a segment `.` or `..`");
        check(json!({ "body": "x" }), "a `GET` has no body");
        check(json!({ "body": "x", "json": 1 }), "give `body` or `json`, not both");
        check(json!({ "headers": { "x-key": "v" } }), "the header `x-key` is set by the role");
        for name in ["Authorization", "Cookie", "Host", "X-Other", "Content-Length", "Range"] {
            let expected = format!("the header `{name}` cannot be set by a call");
            check(json!({ "headers": { name: "v" } }), &expected);
        }
        check(
            json!({ "headers": { "Accept": "a\r\nHost: b" } }),
            "the value of the header `Accept` has a control character",
        );
        check(json!({ "query": { "a": { "b": 1 } } }), "the parameter `a` is no text");
        assert!(preview(role, json!({ "headers": { "x-trace": "v" } })).is_ok());
    }
}
