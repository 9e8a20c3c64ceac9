//! A value as JSON: what [`read`](super::read) reads as the same value.

use super::schema::LARGEST_EXACT;
use super::shape::Shape;
use data_encoding::BASE64;
use serde_json::{Map, Number, Value, json};
use wasmtime::component::Val;

/// The JSON of a value of this shape; `None` for a value of another one, which no function gives.
pub(in crate::plugin) fn write(shape: &Shape, value: &Val) -> Option<Value> {
    let list = |of: &Shape, items: &[Val]| {
        items.iter().map(|item| write(of, item)).collect::<Option<Vec<_>>>().map(Value::Array)
    };
    Some(match (shape, value) {
        (_, Val::Bool(value)) => json!(value),
        (_, Val::S8(number)) => json!(number),
        (_, Val::U8(number)) => json!(number),
        (_, Val::S16(number)) => json!(number),
        (_, Val::U16(number)) => json!(number),
        (_, Val::S32(number)) => json!(number),
        (_, Val::U32(number)) => json!(number),
        (_, Val::S64(number)) if number.unsigned_abs() <= LARGEST_EXACT.unsigned_abs() => {
            json!(number)
        }
        (_, Val::S64(number)) => json!(number.to_string()),
        (_, Val::U64(number)) if *number <= LARGEST_EXACT.unsigned_abs() => json!(number),
        (_, Val::U64(number)) => json!(number.to_string()),
        // With the digits of its own precision: 0.1 and not 0.10000000149011612.
        (_, Val::Float32(number)) => float(number.to_string().parse().unwrap_or((*number).into())),
        (_, Val::Float64(number)) => float(*number),
        (_, Val::Char(letter)) => json!(letter),
        (_, Val::String(text)) => json!(text),
        (Shape::Bytes, Val::List(items)) => json!(BASE64.encode(&bytes(items)?)),
        (Shape::List(of), Val::List(items)) => list(of, items)?,
        (Shape::FixedList(of, _), Val::FixedLengthList(items)) => list(of, items)?,
        (Shape::Map(key, of), Val::Map(pairs)) => {
            let pair = |(at, value): &(Val, Val)| Some(json!([write(key, at)?, write(of, value)?]));
            Value::Array(pairs.iter().map(pair).collect::<Option<_>>()?)
        }
        (Shape::Record(fields), Val::Record(values)) => {
            let field = |((name, of), (_, value)): (&(String, Shape), &(String, Val))| {
                Some((name.clone(), write(of, value)?))
            };
            Value::Object(fields.iter().zip(values).map(field).collect::<Option<Map<_, _>>>()?)
        }
        (Shape::Tuple(parts), Val::Tuple(values)) => {
            let both = parts.iter().zip(values);
            Value::Array(both.map(|(of, value)| write(of, value)).collect::<Option<_>>()?)
        }
        (_, Val::Variant(tag, None)) => json!({"tag": tag}),
        (Shape::Variant(cases), Val::Variant(tag, Some(value))) => {
            let (_, of) = cases.iter().find(|(name, _)| name == tag)?;
            json!({"tag": tag, "value": write(of.as_ref()?, value)?})
        }
        (_, Val::Enum(word)) => json!(word),
        (_, Val::Flags(words)) => json!(words),
        (_, Val::Option(None)) => Value::Null,
        (Shape::Option(of), Val::Option(Some(value))) => match of.is_nullable() {
            true => json!({"some": write(of, value)?}),
            false => write(of, value)?,
        },
        (Shape::Result(ok, _), Val::Result(Ok(value))) => {
            json!({"ok": side(ok.as_deref(), value.as_deref())?})
        }
        (Shape::Result(_, err), Val::Result(Err(value))) => {
            json!({"err": side(err.as_deref(), value.as_deref())?})
        }
        _ => return None,
    })
}

fn side(shape: Option<&Shape>, value: Option<&Val>) -> Option<Value> {
    match (shape, value) {
        (Some(shape), Some(value)) => write(shape, value),
        _ => Some(Value::Null),
    }
}

fn float(number: f64) -> Value {
    match Number::from_f64(number) {
        // Its canonical text could be that of an integer (RFC 8785, section 3.2.2.3), which programs read in
        // different ways.
        Some(_) if number.abs() > LARGEST_EXACT as f64 => json!(format!("{number:e}")),
        Some(number) => Value::Number(number),
        None if number.is_nan() => json!("NaN"),
        None if number > 0.0 => json!("Infinity"),
        None => json!("-Infinity"),
    }
}

fn bytes(items: &[Val]) -> Option<Vec<u8>> {
    let byte = |item: &Val| match item {
        Val::U8(byte) => Some(*byte),
        _ => None,
    };
    items.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::super::schema::{self, schema};
    use super::super::shape::sample;
    use super::*;
    use crate::domain::canonical;
    use crate::plugin::schema::{Author, Schema};
    use proptest::prelude::*;

    fn shape_and_value() -> impl Strategy<Value = (Shape, Val)> {
        sample::shape().prop_flat_map(|shape| {
            let value = sample::value(&shape);
            (Just(shape), value)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn what_is_written_fits_the_schema_and_is_read_as_the_same((shape, value) in shape_and_value()) {
            let written = write(&shape, &value).unwrap();
            // As models and stores have it: numbers as RFC 8785 writes them.
            let text = canonical::to_text(&written);
            let again = canonical::parse(&text).unwrap();
            let whole = schema::object([("x", schema(&shape), true)]);
            let compiled = Schema::compile(&whole.to_string(), Author::Unknown).unwrap();
            let fits = compiled.check(&json!({"x": again.clone()}));
            prop_assert!(fits.is_ok(), "{text} {whole} {fits:?}");
            let read = read(&shape, &again);
            prop_assert!(read.is_ok(), "{text} {read:?}");
            // NaN is none of its equals, and -0 is 0 in JSON: both are the same once written.
            prop_assert_eq!(canonical::to_text(&write(&shape, &read.unwrap()).unwrap()), text);
        }

        #[test]
        fn any_json_is_a_value_or_is_told_why(shape in sample::shape(), text in "[\\[\\]{}\",:0-9a-z.-]{0,40}") {
            let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
            if let Ok(value) = read(&shape, &json) {
                prop_assert!(write(&shape, &value).is_some());
            }
        }
    }
}
