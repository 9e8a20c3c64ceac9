//! Arguments as one exact text: strict JSON in, RFC 8785 (JSON Canonicalization Scheme) out.
//!
//! What is hashed, what policy and people see and what a component receives is the same text, so
//! nothing that two readers of JSON could understand differently is let in: duplicate keys, lone
//! surrogates, and integers beyond ±(2^53−1), which are not exact in every reader.

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt::{self, Write as _};

/// The largest integer that every JSON reader holds exactly: 2^53 − 1 (RFC 7493, section 2.2).
pub const LARGEST_INTEGER: i64 = (1 << 53) - 1;

/// Why a text is not canonicalisable JSON: one clause, meant for the model that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotCanonical(String);

/// A JSON object and its one canonical text.
#[derive(Debug, Clone, PartialEq)]
pub struct Canonical {
    text: String,
    value: Value,
}

impl Canonical {
    /// Reads a tool call's arguments. Empty or blank text means `{}`: some providers send it for a tool
    /// without arguments.
    ///
    /// # Errors
    /// [`NotCanonical`] where the text is not an object, or could be read in two ways.
    pub fn arguments(text: &str) -> Result<Self, NotCanonical> {
        let value = if text.trim().is_empty() { Value::Object(Map::new()) } else { parse(text)? };
        if !value.is_object() {
            return Err(NotCanonical("the arguments are not a JSON object".into()));
        }
        Ok(Self { text: to_text(&value), value })
    }

    /// The RFC 8785 text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// Reads strict JSON.
///
/// # Errors
/// [`NotCanonical`] for malformed text, duplicate keys, lone surrogates, and numbers beyond
/// ±(2^53−1).
pub fn parse(text: &str) -> Result<Value, NotCanonical> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| NotCanonical(format!("the JSON cannot be used: {error}")))?;
    Ok(value)
}

/// The RFC 8785 text of a value that [`parse`] gave.
pub fn to_text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// A number as RFC 8785 writes it, which is as ECMAScript does.
pub fn number_text(number: &Number) -> String {
    if let Some(integer) = number.as_i64() {
        return integer.to_string();
    }
    // Every number let in is finite, and integers beyond 2^53 never get here.
    number.as_f64().map(|f| ryu_js::Buffer::new().format(f).to_owned()).unwrap_or_default()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.as_i64() {
            // Writing to a text does not fail.
            Some(integer) => {
                let _ = write!(out, "{integer}");
            }
            None => out.push_str(&number_text(number)),
        },
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        // RFC 8785, section 3.2.3: by UTF-16 code units, which differs from byte order beyond the basic
        // plane.
        Value::Object(object) if object.keys().is_sorted_by(|a, b| a.is_ascii() && a < b) => {
            // Our own objects are written in that order.
            write_entries(object.iter(), out);
        }
        Value::Object(object) => {
            let mut entries: Vec<(&String, &Value)> = object.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            write_entries(entries.into_iter(), out);
        }
    }
}

fn write_entries<'v>(entries: impl Iterator<Item = (&'v String, &'v Value)>, out: &mut String) {
    out.push('{');
    for (index, (key, item)) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(key, out);
        out.push(':');
        write(item, out);
    }
    out.push('}');
}

/// Writes a text as a JSON string. RFC 8785, section 3.2.2.2: the short escapes, `\u00xx` for other controls,
/// all else as it is.
pub fn write_string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut plain = 0;
    // Most text needs no escape and is copied whole. What needs one is a single byte.
    while let Some(ahead) = first_to_escape(&text.as_bytes()[plain..]) {
        let at = plain + ahead;
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match char::from(text.as_bytes()[at]) {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{9}' => out.push_str("\\t"),
            '\u{a}' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\u{d}' => out.push_str("\\r"),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Where the first byte stands that JSON wants escaped. Looks at eight at a time: every event that is
/// written or checked goes through here.
fn first_to_escape(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHEST: u64 = ONES << 7;
    // Sets the highest bit of each byte that is less than `limit`, and maybe of some behind the first one.
    let less = |eight: u64, limit: u64| eight.wrapping_sub(ONES * limit) & !eight & HIGHEST;
    let is = |eight: u64, byte: u8| less(eight ^ (ONES * u64::from(byte)), 1);
    let (eights, rest) = bytes.as_chunks::<8>();
    for (index, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let found = less(eight, 0x20) | is(eight, b'"') | is(eight, b'\\');
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let last = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
    last.map(|at| bytes.len() - rest.len() + at)
}

/// Builds a value and refuses what serde_json would let through.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn beyond<E: de::Error>() -> E {
    E::custom("an integer is beyond ±9007199254740991; pass it as a string")
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        if number.unsigned_abs() > LARGEST_INTEGER.unsigned_abs() {
            return Err(beyond());
        }
        Ok(Value::from(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(beyond()),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        // `1e20` is the integer 100000000000000000000 in canonical form: judged by value, not spelling.
        #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact as f64")]
        if !number.is_finite() || number.abs() > LARGEST_INTEGER as f64 {
            return Err(beyond());
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is an integer within ±2^53")]
        if number.fract() == 0.0 {
            // `1.0`, `-0.0` and `1` are one value with one canonical text.
            return Ok(Value::from(number as i64));
        }
        Number::from_f64(number).map(Value::Number).ok_or_else(beyond)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(Strict)?;
            if object.insert(key, value).is_some() {
                return Err(de::Error::custom("a key occurs twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let canonical = Canonical::arguments(text).map(|c| c.text().to_owned());
        assert_eq!(canonical.unwrap_or_else(|error| format!("! {error}")), expected);
        if !expected.starts_with('!') {
            assert_eq!(Canonical::arguments(expected).map(|c| c.text), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn the_text_is_rfc_8785() {
        check("", "{}");
        check(r#" { "b" : 1.0, "a" : [1e2, -0, 1.50, 1e-7] } "#, r#"{"a":[100,0,1.5,1e-7],"b":1}"#);
        check(r#"{"\u20ac":"\u0001\n\"\\\/\u00e9"}"#, "{\"€\":\"\\u0001\\n\\\"\\\\/é\"}");
        // Beyond the basic plane a key sorts before U+FB33, by UTF-16 units.
        check("{\"\u{fb33}\":1,\"\u{1f600}\":2}", "{\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        check(
            r#"{"a":1,"a":1}"#,
            "! the JSON cannot be used: a key occurs twice in one object at line 1 column 13",
        );
        for text in [
            r#"{"a":"\ud800"}"#,
            r#"{"a":9007199254740992}"#,
            r#"{"a":-9007199254740992}"#,
            r#"{"a":99999999999999999999}"#,
            r#"{"a":1e20}"#,
            r#"{"a":1e400}"#,
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            r#"{"a":1} x"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":1,"\u0061":2}"#,
            "[1]",
            "1",
            "nul",
        ] {
            assert!(Canonical::arguments(text).is_err(), "{text}");
        }
        assert!(
            Canonical::arguments(&format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)))
                .is_err()
        );
    }

    #[test]
    fn a_byte_that_needs_an_escape_is_found_wherever_it_stands() {
        for length in 0..40 {
            for byte in 0..=255_u8 {
                let plain = [b'a', 0x7f, b' ', b'!', b'[', b']', b'#', 0xe9];
                let mut bytes: Vec<u8> = (0..length).map(|at| plain[at % plain.len()]).collect();
                assert_eq!(first_to_escape(&bytes), None);
                let escaped = byte < 0x20 || byte == b'"' || byte == b'\\';
                for at in (0..length).rev() {
                    bytes[at] = byte;
                    assert_eq!(first_to_escape(&bytes), escaped.then_some(at), "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn the_largest_integer_passes() {
        check(r#"{"a":9007199254740991}"#, r#"{"a":9007199254740991}"#);
        check(r#"{"a":-9007199254740991}"#, r#"{"a":-9007199254740991}"#);
    }
}
