//! The secrets that a role declares, and what can be done with them.

use super::encode::forms;
use super::redact::{Matcher, RedactedStream, redact_all};
use crate::domain::canonical;
use crate::domain::role::Role;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The fewest characters of a secret: a shorter one occurs in ordinary text by chance, and its
/// replacement would tell where.
pub const SHORTEST: usize = 8;

/// What stands for a secret in every text that is not its value's destination.
pub fn placeholder(name: &str) -> String {
    format!("{{{{secret:{name}}}}}")
}

/// The declared secrets of one role, with their values.
///
/// It has no way to give a value except [`Secrets::fill`], and its `Debug` shows names only.
#[derive(Default)]
pub struct Secrets {
    declared: Vec<Declared>,
    /// `None` where nothing is declared: then nothing costs anything.
    matcher: Option<Arc<Matcher>>,
}

struct Declared {
    name: String,
    value: String,
    placeholder: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.declared.iter().map(|secret| &secret.name)).finish()
    }
}

impl Secrets {
    /// The secrets of a role. Those that have no value now, or one that is too short to be looked for,
    /// are left out: reading the role has refused them, except for a model's key, which may be missing
    /// where nothing is asked of the model, and a mere word where its server checks none.
    pub fn of(role: &Role, lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let names = role.secret_names().into_iter();
        Self::new(names.filter_map(|name| Some((name.to_owned(), lookup(name)?))))
    }

    /// Secrets by name. Blanks around a value are not part of it: keys are pasted and read from files.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        let declared: Vec<Declared> = values
            .into_iter()
            .filter(|(_, value)| is_long_enough(value))
            .map(|(name, value)| Declared { placeholder: placeholder(&name), name, value })
            .collect();
        let needles = declared.iter().flat_map(|secret| {
            forms(secret.value.trim()).into_iter().map(|form| (form, secret.placeholder.as_str()))
        });
        let matcher = Matcher::new(needles).map(Arc::new);
        Self { declared, matcher }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    /// Whether a variable is one.
    pub fn declares(&self, name: &str) -> bool {
        self.declared.iter().any(|secret| secret.name == name)
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.declared.iter().map(|secret| secret.name.as_str())
    }

    /// The text with every value, in every form, replaced by its placeholder.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(matcher) = &self.matcher else { return Cow::Borrowed(text) };
        match redact_all(matcher, text.as_bytes()) {
            None => Cow::Borrowed(text),
            Some(bytes) => Cow::Owned(match String::from_utf8(bytes) {
                Ok(text) => text,
                // Every form is text, so what is left between them is, too.
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }

    /// [`Secrets::redact`] for a text that one owns.
    pub fn redacted(&self, text: String) -> String {
        match self.redact(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(redacted) => redacted,
        }
    }

    /// JSON with every value replaced in keys, texts and numbers. `None`: it holds none.
    pub fn redact_json(&self, value: &Value) -> Option<Value> {
        self.matcher.as_ref()?;
        match value {
            Value::Null | Value::Bool(_) => None,
            Value::Number(_) => match self.redact(&canonical::to_text(value)) {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(text.into()),
            },
            Value::String(text) => match self.redact(text) {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(text.into()),
            },
            Value::Array(items) => {
                let redacted: Vec<_> = items.iter().map(|item| self.redact_json(item)).collect();
                redacted.iter().any(Option::is_some).then(|| {
                    let both = redacted.into_iter().zip(items);
                    both.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect()
                })
            }
            Value::Object(pairs) => {
                let mut changed = false;
                let mut object = Map::new();
                for (key, value) in pairs {
                    let key = self.redact(key);
                    let new = self.redact_json(value);
                    changed |= new.is_some() || matches!(key, Cow::Owned(_));
                    object.insert(key.into_owned(), new.unwrap_or_else(|| value.clone()));
                }
                changed.then_some(Value::Object(object))
            }
        }
    }

    /// The text of a call's arguments with every value replaced: still JSON, and canonical, where it
    /// was JSON and held one; unchanged to the byte where it held none.
    pub fn redact_arguments<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.matcher.is_none() {
            return Cow::Borrowed(text);
        }
        match canonical::parse(text) {
            Ok(value) => match self.redact_json(&value) {
                Some(redacted) => Cow::Owned(canonical::to_text(&redacted)),
                None => Cow::Borrowed(text),
            },
            Err(_) => self.redact(text),
        }
    }

    /// Whether JSON text holds a value, also within a text that is JSON itself.
    pub fn are_in_json(&self, text: &str) -> bool {
        if self.matcher.is_none() {
            return false;
        }
        let inside = |value: &Value| {
            self.redact_json(value).is_some() || texts_of(value).any(|text| self.are_in_text(text))
        };
        self.are_in_text(text) || serde_json::from_str::<Value>(text).is_ok_and(|it| inside(&it))
    }

    fn are_in_text(&self, text: &str) -> bool {
        let nested = || match text.trim_start().as_bytes().first() {
            Some(b'{' | b'[' | b'"') => serde_json::from_str::<Value>(text)
                .is_ok_and(|value| self.redact_json(&value).is_some()),
            _ => false,
        };
        matches!(self.redact(text), Cow::Owned(_)) || nested()
    }

    /// A stream of text or bytes whose pieces may cut a value in two.
    pub fn stream(&self) -> RedactedStream {
        RedactedStream::new(self.matcher.clone())
    }

    /// The first secret whose placeholder stands in a text.
    pub fn named_in(&self, text: &str) -> Option<&str> {
        let named = |secret: &&Declared| text.contains(&secret.placeholder);
        self.declared.iter().find(named).map(|secret| secret.name.as_str())
    }

    /// The text with placeholders replaced by their values, once: a value that looks like a
    /// placeholder stays. The only way from a placeholder to a value, for the two places that hand one on:
    /// to a program its environment, to a server a granted header.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        loop {
            let first = self
                .declared
                .iter()
                .filter_map(|secret| Some((rest.find(&secret.placeholder)?, secret)))
                .min_by_key(|(at, _)| *at);
            let Some((at, secret)) = first else { break };
            filled.push_str(&rest[..at]);
            filled.push_str(&secret.value);
            rest = &rest[at + secret.placeholder.len()..];
        }
        filled.push_str(rest);
        filled
    }
}

/// Whether a value is long enough for a secret.
pub(in crate::domain) fn is_long_enough(value: &str) -> bool {
    value.trim().chars().count() >= SHORTEST
}

/// Every text in a JSON value, keys left out.
fn texts_of(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.as_str())),
        Value::Array(items) => Box::new(items.iter().flat_map(texts_of)),
        Value::Object(pairs) => Box::new(pairs.values().flat_map(texts_of)),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets::new([
            ("KEY".to_owned(), "hunter2-hunter2\n".to_owned()),
            ("PIN".to_owned(), "12345678".to_owned()),
            ("ODD".to_owned(), "qu\"ote\\é/x".to_owned()),
        ])
    }

    #[test]
    fn every_form_becomes_the_placeholder() {
        for (text, redacted) in [
            ("a hunter2-hunter2 b", "a {{secret:KEY}} b"),
            ("hunter2-hunter2hunter2-hunter2", "{{secret:KEY}}{{secret:KEY}}"),
            ("aHVudGVyMi1odW50ZXIy", "{{secret:KEY}}"),
            ("MTIzNDU2Nzg=", "{{secret:PIN}}"),
            ("MTIzNDU2Nzg", "{{secret:PIN}}"),
            ("hunter2%2Dhunter2", "{{secret:KEY}}"),
            ("hunter2%2dhunter2", "{{secret:KEY}}"),
            ("qu%22ote%5C%C3%A9%2Fx", "{{secret:ODD}}"),
            ("qu%22ote%5c%c3%a9/x", "{{secret:ODD}}"),
            (r#"{"a":"qu\"ote\\é/x"}"#, r#"{"a":"{{secret:ODD}}"}"#),
            (r#"{"a":"qu\"ote\\\u00e9\/x"}"#, r#"{"a":"{{secret:ODD}}"}"#),
            // A line end within is not part of it: tools wrap what they encode.
            ("hunter2-\nhunter2\n", "{{secret:KEY}}\n"),
            ("aHVudGVy\r\nMi1odW50ZXIy\r\n", "{{secret:KEY}}\r\n"),
            // What is not whole stays.
            ("hunter2-hunter", "hunter2-hunter"),
            ("", ""),
        ] {
            assert_eq!(secrets().redact(text), redacted, "{text}");
        }
    }

    #[test]
    fn base64_is_found_wherever_the_value_begins() {
        for before in ["", "x", "xy", "xyz"] {
            for after in ["", "z", "zz", "zzz"] {
                let text = format!("{before}hunter2-hunter2{after}");
                for encoding in [data_encoding::BASE64, data_encoding::BASE64URL_NOPAD] {
                    let encoded = encoding.encode(text.as_bytes());
                    let redacted = secrets().redact(&encoded).into_owned();
                    assert!(redacted.contains("{{secret:KEY}}"), "{text}: {redacted}");
                    assert!(redacted.len() < 14 + 12, "{text}: {redacted}");
                }
            }
        }
    }

    #[test]
    fn json_stays_json() {
        let check = |text: &str, expected: &str| {
            assert_eq!(secrets().redact_arguments(text), expected);
        };
        check(r#"{ "b": 1, "a" : "x" }"#, r#"{ "b": 1, "a" : "x" }"#);
        check(r#"{ "b": 1, "a" : "12345678" }"#, r#"{"a":"{{secret:PIN}}","b":1}"#);
        check(
            r#"{"a":[12345678,{"12345678":null}]}"#,
            r#"{"a":["{{secret:PIN}}",{"{{secret:PIN}}":null}]}"#,
        );
        check(r#"{"a":"hunter2\u002dhunter2"}"#, r#"{"a":"{{secret:KEY}}"}"#);
        check(r#"{"a":"{{secret:KEY}}"}"#, r#"{"a":"{{secret:KEY}}"}"#);
        check("no JSON 12345678", "no JSON {{secret:PIN}}");
        assert!(secrets().are_in_json(r#"{"f":{"arguments":"{\"a\":\"qu\\\"ote\\\\é/x\"}"}}"#));
        assert!(secrets().are_in_json(r#"{"f":["{\"a\":12345678}"]}"#));
        assert!(!secrets().are_in_json(r#"{"f":["{\"a\":1234567}"]}"#));
    }

    #[test]
    fn a_placeholder_is_filled_once() {
        let secrets = Secrets::new([
            ("A".to_owned(), "{{secret:B}}".to_owned()),
            ("B".to_owned(), "bbbbbbbb".to_owned()),
        ]);
        assert_eq!(
            secrets.fill("x{{secret:A}}{{secret:B}}{{secret:C}}"),
            "x{{secret:B}}bbbbbbbb{{secret:C}}"
        );
        assert_eq!(secrets.named_in("x{{secret:B}}"), Some("B"));
        assert_eq!(secrets.named_in("{{secret:C}}"), None);
    }

    #[test]
    fn a_value_is_not_shown() {
        assert_eq!(format!("{:?}", secrets()), r#"["KEY", "PIN", "ODD"]"#);
        assert_eq!(secrets().fill("{{secret:KEY}}"), "hunter2-hunter2\n");
        let short = Secrets::new([("A".to_owned(), " 1234567\n".to_owned())]);
        assert!(short.is_empty());
        assert_eq!(short.redact("1234567"), "1234567");
    }
}
