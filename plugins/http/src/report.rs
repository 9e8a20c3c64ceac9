//! What the model reads of a response.

use initrunner_sdk::http::Response;
use initrunner_sdk::{Content, Failure};
use serde_json::{Map, Value, json};

/// Headers that a model can do something with. Cookies are not among them.
const TOLD: [&str; 14] = [
    "allow",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];

/// The beginnings of names that are told as well: how often one may still ask.
const TOLD_BEGINNINGS: [&str; 2] = ["ratelimit", "x-ratelimit-"];

/// The largest integer that every reader of JSON takes exactly: 2^53 − 1.
const LARGEST: f64 = 9_007_199_254_740_991.0;

/// As deep as JSON may be to be told as JSON; the host reads a little deeper than twice that.
const DEEPEST: usize = 60;

/// The result of a call: status, headers, and the body as JSON or as text. Any status is a result; only
/// the model knows whether it wanted a 404.
///
/// # Errors
/// None that can be met: the result is always JSON.
pub fn report(response: &Response, limit: usize) -> Result<Content, Failure> {
    let mut told = Map::new();
    told.insert("status".into(), response.status.into());
    let headers = headers(response);
    if !headers.is_empty() {
        told.insert("headers".into(), Value::Object(headers));
    }
    let truncated = response.body.len() > limit;
    let mut notes = Vec::new();
    if (300..400).contains(&response.status) && response.header("location").is_some() {
        notes.push("the redirect was not followed".to_owned());
    }
    if let Some(coding) = response.header("content-encoding") {
        notes.push(format!("the body is encoded with `{coding}`"));
    }
    match body(response, limit) {
        Body::Nothing => {}
        Body::Told(value) => {
            told.insert("body".into(), value);
        }
        Body::Binary => {
            notes.push(format!("the body is {} bytes, and no text", response.body.len()))
        }
    }
    if truncated {
        told.insert("truncated".into(), true.into());
        notes
            .push(format!("the body has {} bytes, of which {limit} are told", response.body.len()));
    }
    if !notes.is_empty() {
        told.insert("note".into(), notes.join("; ").into());
    }
    Content::json(&Value::Object(told))
}

fn headers(response: &Response) -> Map<String, Value> {
    let mut told: Map<String, Value> = Map::new();
    for (name, value) in &response.headers {
        let is_told = TOLD.contains(&name.as_str())
            || TOLD_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
        if !is_told {
            continue;
        }
        let text = String::from_utf8_lossy(value);
        let text = match told.get(name) {
            Some(Value::String(before)) => format!("{before}, {text}"),
            _ => text.into_owned(),
        };
        told.insert(name.clone(), json!(text));
    }
    told
}

enum Body {
    Nothing,
    Told(Value),
    Binary,
}

fn body(response: &Response, limit: usize) -> Body {
    let whole = &response.body;
    if whole.is_empty() {
        return Body::Nothing;
    }
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_json = kind == "application/json" || kind.ends_with("+json");
    if is_json
        && whole.len() <= limit
        && let Ok(value) = serde_json::from_slice::<Value>(whole)
        && is_exact(&value, 0)
    {
        return Body::Told(value);
    }
    let kept = &whole[..whole.len().min(limit)];
    let text = match std::str::from_utf8(kept) {
        Ok(text) => text.to_owned(),
        // A character that was cut in two at the end.
        Err(error) if error.error_len().is_none() && kept.len() < whole.len() => {
            String::from_utf8_lossy(&kept[..error.valid_up_to()]).into_owned()
        }
        Err(_) if kind.starts_with("text/") => String::from_utf8_lossy(kept).into_owned(),
        Err(_) => return Body::Binary,
    };
    // Each of them takes six bytes in JSON, and text has none.
    let odd = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    if text.chars().any(odd) { Body::Binary } else { Body::Told(text.into()) }
}

/// Whether a value is told exactly as JSON: the host refuses numbers that readers round differently.
fn is_exact(value: &Value, depth: usize) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= LARGEST),
        Value::Array(items) => depth < DEEPEST && items.iter().all(|it| is_exact(it, depth + 1)),
        Value::Object(pairs) => depth < DEEPEST && pairs.values().all(|it| is_exact(it, depth + 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Value {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), value.as_bytes().into()));
        let response = Response { status, headers: headers.collect(), body: body.into() };
        match report(&response, 16).unwrap() {
            Content::Json(text) => serde_json::from_str(&text).unwrap(),
            Content::Text(text) => panic!("{text}"),
        }
    }

    const JSON: [(&str, &str); 1] = [("content-type", "application/json; charset=utf-8")];

    fn body_of(body: &[u8]) -> Value {
        told(200, &JSON, body)["body"].clone()
    }

    #[test]
    fn json_is_told_as_json_where_it_stays_exact() {
        assert_eq!(body_of(br#"{"a": [1, 2.5]}"#), json!({ "a": [1, 2.5] }));
        assert_eq!(body_of(b"9007199254740991"), json!(9_007_199_254_740_991_u64));
        assert_eq!(body_of(b"9007199254740992"), json!("9007199254740992"));
        assert_eq!(body_of(b"1e300"), json!("1e300"));
        assert_eq!(body_of(b"{\"a\": "), json!("{\"a\": "));
        assert_eq!(body_of(b""), json!(null));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let headers = vec![("content-type".into(), b"application/json".to_vec())];
        let response = Response { status: 200, headers, body: deep.clone().into_bytes() };
        assert!(matches!(body(&response, 1000), Body::Told(Value::String(text)) if text == deep));
    }

    #[test]
    fn text_is_cut_at_a_character_and_says_so() {
        let text = "abcdefghijklmno\u{20ac}";
        let result = told(200, &[("content-type", "text/plain")], text.as_bytes());
        assert_eq!(
            result,
            json!({
                "status": 200,
                "headers": { "content-type": "text/plain" },
                "body": "abcdefghijklmno",
                "truncated": true,
                "note": "the body has 18 bytes, of which 16 are told",
            })
        );
        // Half of a JSON text is told as text.
        assert_eq!(body_of(b"[1,2,3,4,5,6,7,8,9]"), json!("[1,2,3,4,5,6,7,8"));
    }

    #[test]
    fn what_is_no_text_is_counted() {
        let result = told(200, &[("content-type", "image/png")], b"\x89PNG\r\n");
        assert_eq!(result["note"], json!("the body is 6 bytes, and no text"));
        assert_eq!(result.get("body"), None);
        assert_eq!(told(200, &[], b"a\0b")["note"], json!("the body is 3 bytes, and no text"));
        assert_eq!(
            told(200, &[("content-type", "text/html")], b"a\xffb")["body"],
            json!("a\u{fffd}b")
        );
    }

    #[test]
    fn a_redirect_is_told_and_cookies_are_not() {
        let headers =
            [("location", "https://b.example/"), ("set-cookie", "a=b"), ("x-ratelimit-left", "3")];
        assert_eq!(
            told(302, &headers, b""),
            json!({
                "status": 302,
                "headers": { "location": "https://b.example/", "x-ratelimit-left": "3" },
                "note": "the redirect was not followed",
            })
        );
    }
}
