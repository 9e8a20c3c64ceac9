//! A JSON object whose values stay the exact text they came as.
//!
//! `serde_json::Value` rewrites numbers, and a flattened struct cannot hold raw values.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// The fields in the order they came; a repeated one stands twice.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The last field of this name that is not `null`.
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let mut named = self.0.iter().rev().filter(|(key, _)| key == name);
        named.next().map(|(_, value)| &**value).filter(|value| value.get() != "null")
    }

    /// That field, if it is a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(string)
    }

    /// Sets a field, where it stands or at the front.
    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().rev().find(|(key, _)| key == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.insert(0, (name.to_owned(), value)),
        }
    }
}

/// The string that a raw value is, if it is one.
pub(super) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// A string as a raw value.
pub(super) fn raw_string(text: &str) -> Box<RawValue> {
    // Writing a string as JSON cannot fail; were it to, `null` is at least JSON.
    serde_json::value::to_raw_value(text).unwrap_or_default()
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = access.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_exact_text() {
        let text = r#"{"a":1.0,"b":{"z" : [1e2, "\u00e9"]},"c":null,"a":99999999999999999999}"#;
        let mut fields: Fields = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), text);
        assert_eq!(fields.get("a").unwrap().get(), "99999999999999999999");
        assert!(fields.get("c").is_none());
        fields.set("c", raw_string("é\n"));
        fields.set("d", raw_string("x"));
        assert_eq!(fields.text("c").unwrap(), "é\n");
        assert!(serde_json::to_string(&fields).unwrap().starts_with(r#"{"d":"x","a":1.0,"#));
    }
}
