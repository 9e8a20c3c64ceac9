//! The JSON Schema (draft 2020-12) of a shape: exactly the JSON that is read as a value of it.

use super::shape::Shape;
use serde_json::{Map, Value, json};

/// The largest integer up to which every one is a number of JSON that all programs read alike (RFC 8259,
/// section 6).
pub(super) const LARGEST_EXACT: i64 = (1 << 53) - 1;

/// A float as a text.
const FLOAT: &str = r"^(NaN|-?Infinity|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?)$";

pub(in crate::plugin) fn schema(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer { bits: 64, signed } => {
            let least = if *signed { -LARGEST_EXACT } else { 0 };
            let digits = if *signed { "^-?[0-9]{1,19}$" } else { "^[0-9]{1,20}$" };
            json!({"anyOf": [
                {"type": "integer", "minimum": least, "maximum": LARGEST_EXACT},
                {"type": "string", "pattern": digits},
            ]})
        }
        Shape::Integer { bits, signed: true } => {
            let most = (1_i64 << (bits - 1)) - 1;
            json!({"type": "integer", "minimum": -most - 1, "maximum": most})
        }
        Shape::Integer { bits, signed: false } => {
            json!({"type": "integer", "minimum": 0, "maximum": (1_i64 << bits) - 1})
        }
        Shape::Float { .. } => {
            json!({"anyOf": [{"type": "number"}, {"type": "string", "pattern": FLOAT}]})
        }
        Shape::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Shape::String => json!({"type": "string"}),
        Shape::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Shape::List(of) => json!({"type": "array", "items": schema(of)}),
        Shape::FixedList(of, length) => {
            json!({"type": "array", "items": schema(of), "minItems": length, "maxItems": length})
        }
        Shape::Map(key, value) => {
            json!({"type": "array", "items": array(&[schema(key), schema(value)])})
        }
        Shape::Record(fields) => {
            object(fields.iter().map(|(name, of)| (name.as_str(), schema(of), !of.is_nullable())))
        }
        Shape::Tuple(parts) => array(&parts.iter().map(schema).collect::<Vec<_>>()),
        Shape::Variant(cases) => {
            let case = |(name, of): &(String, Option<Shape>)| match of {
                None => object([("tag", json!({"const": name}), true)]),
                Some(of) => {
                    let needed = !of.is_nullable();
                    object([("tag", json!({"const": name}), true), ("value", schema(of), needed)])
                }
            };
            json!({"oneOf": cases.iter().map(case).collect::<Vec<_>>()})
        }
        Shape::Enum(words) => json!({"type": "string", "enum": words[..]}),
        Shape::Flags(words) if words.is_empty() => json!({"type": "array", "maxItems": 0}),
        Shape::Flags(words) => json!({
            "type": "array", "items": {"type": "string", "enum": words[..]}, "uniqueItems": true,
        }),
        Shape::Option(of) => {
            let some = match of.is_nullable() {
                true => object([("some", schema(of), true)]),
                false => schema(of),
            };
            json!({"anyOf": [some, {"type": "null"}]})
        }
        Shape::Result(ok, err) => {
            let side = |name, of: &Option<std::sync::Arc<Shape>>| {
                let of = of.as_ref().map_or_else(|| json!({"type": "null"}), |of| schema(of));
                object([(name, of, true)])
            };
            json!({"oneOf": [side("ok", ok), side("err", err)]})
        }
    }
}

/// An object of these properties and no others, each with whether it is needed.
pub(super) fn object<'n>(parts: impl IntoIterator<Item = (&'n str, Value, bool)>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, of, needed) in parts {
        if needed {
            required.push(json!(name));
        }
        properties.insert(name.to_owned(), of);
    }
    json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    })
}

fn array(parts: &[Value]) -> Value {
    match parts.len() {
        0 => json!({"type": "array", "maxItems": 0}),
        length => json!({
            "type": "array", "prefixItems": parts, "items": false, "minItems": length,
        }),
    }
}
