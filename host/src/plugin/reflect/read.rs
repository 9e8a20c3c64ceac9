//! A value from JSON that fits the schema of its shape. What a schema cannot say is said here: that digits are a
//! number of 64 bits, and text base64.

use super::shape::Shape;
use data_encoding::BASE64;
use serde_json::{Map, Value};
use wasmtime::component::Val;

/// Why JSON is no value: where in it, as a JSON pointer (RFC 6901), and a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugin) struct NoValue {
    pub(in crate::plugin) at: String,
    pub(in crate::plugin) clause: &'static str,
}

impl NoValue {
    fn new(clause: &'static str) -> Self {
        Self { at: String::new(), clause }
    }

    fn under(mut self, key: impl std::fmt::Display) -> Self {
        let key = key.to_string().replace('~', "~0").replace('/', "~1");
        self.at.insert_str(0, &format!("/{key}"));
        self
    }
}

/// # Errors
/// Where it is none.
pub(in crate::plugin) fn read(shape: &Shape, json: &Value) -> Result<Val, NoValue> {
    Ok(match shape {
        Shape::Bool => Val::Bool(json.as_bool().ok_or(NoValue::new("it is no boolean"))?),
        Shape::Integer { bits, signed } => integer(*bits, *signed, json)?,
        Shape::Float { bits } => {
            let number = float(json)?;
            match bits {
                // The nearest one: of most decimal numbers there is no exact one.
                32 => Val::Float32(number as f32),
                _ => Val::Float64(number),
            }
        }
        Shape::Char => {
            let mut letters = text(json)?.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => Val::Char(letter),
                _ => return Err(NoValue::new("it is not one character")),
            }
        }
        Shape::String => Val::String(text(json)?.to_owned()),
        Shape::Bytes => {
            let bytes = BASE64.decode(text(json)?.as_bytes());
            let bytes = bytes.map_err(|_| NoValue::new("it is no base64"))?;
            Val::List(bytes.into_iter().map(Val::U8).collect())
        }
        Shape::List(of) => Val::List(items(json, |_| Some(of))?),
        Shape::FixedList(of, length) => {
            let items = items(json, |_| Some(of))?;
            match items.len() == *length as usize {
                true => Val::FixedLengthList(items),
                false => return Err(NoValue::new("it has another number of items")),
            }
        }
        Shape::Map(key, value) => {
            let pair = |at: usize, pair: &Value| match pair.as_array().map(Vec::as_slice) {
                Some([first, second]) => Ok((
                    read(key, first).map_err(|error| error.under(0).under(at))?,
                    read(value, second).map_err(|error| error.under(1).under(at))?,
                )),
                _ => Err(NoValue::new("it is no `[key, value]`").under(at)),
            };
            let pairs = array(json)?.iter().enumerate().map(|(at, one)| pair(at, one));
            Val::Map(pairs.collect::<Result<_, _>>()?)
        }
        Shape::Record(fields) => {
            let found = object(json)?;
            Val::Record(named(fields, found)?)
        }
        Shape::Tuple(parts) => {
            let items = items(json, |at| parts.get(at))?;
            match items.len() == parts.len() {
                true => Val::Tuple(items),
                false => return Err(NoValue::new("it has another number of items")),
            }
        }
        Shape::Variant(cases) => {
            let found = object(json)?;
            let tag = found.get("tag").and_then(Value::as_str);
            let case = cases.iter().find(|(name, _)| Some(name.as_str()) == tag);
            let Some((name, of)) = case else { return Err(NoValue::new("its `tag` is no case")) };
            let value = match of {
                None => None,
                Some(of) => {
                    let value = found.get("value").unwrap_or(&Value::Null);
                    Some(Box::new(read(of, value).map_err(|error| error.under("value"))?))
                }
            };
            only(found, &["tag", "value"][..1 + usize::from(of.is_some())])?;
            Val::Variant(name.clone(), value)
        }
        Shape::Enum(words) => {
            let word = text(json)?;
            match words.iter().any(|known| known == word) {
                true => Val::Enum(word.to_owned()),
                false => return Err(NoValue::new("it is none of the words")),
            }
        }
        Shape::Flags(words) => {
            let mut set = Vec::new();
            for (at, item) in array(json)?.iter().enumerate() {
                let word = text(item).map_err(|error| error.under(at))?;
                if !words.iter().any(|known| known == word) {
                    return Err(NoValue::new("it is none of the flags").under(at));
                }
                set.push(word);
            }
            // In the order of the type, each once.
            Val::Flags(words.iter().filter(|word| set.contains(&word.as_str())).cloned().collect())
        }
        Shape::Option(of) => match json {
            Value::Null => Val::Option(None),
            _ if of.is_nullable() => {
                let found = object(json)?;
                only(found, &["some"])?;
                let some = found.get("some").ok_or(NoValue::new("it has no `some`"))?;
                Val::Option(Some(Box::new(read(of, some).map_err(|error| error.under("some"))?)))
            }
            some => Val::Option(Some(Box::new(read(of, some)?))),
        },
        Shape::Result(ok, err) => {
            let found = object(json)?;
            let side = |name: &str, of: &Option<std::sync::Arc<Shape>>, value: &Value| match of {
                Some(of) => {
                    let value = read(of, value).map_err(|error| error.under(name))?;
                    Ok(Some(Box::new(value)))
                }
                None if value.is_null() => Ok(None),
                None => Err(NoValue::new("it holds nothing").under(name)),
            };
            match (found.get("ok"), found.get("err")) {
                (Some(value), None) => {
                    only(found, &["ok"])?;
                    Val::Result(Ok(side("ok", ok, value)?))
                }
                (None, Some(value)) => {
                    only(found, &["err"])?;
                    Val::Result(Err(side("err", err, value)?))
                }
                _ => return Err(NoValue::new("it is neither `ok` nor `err`")),
            }
        }
    })
}

/// The fields of a record, or the parameters of a function, in their order.
///
/// # Errors
/// Where one is missing, is none of its shape, or there are others.
pub(in crate::plugin) fn named(
    fields: &[(String, Shape)],
    found: &Map<String, Value>,
) -> Result<Vec<(String, Val)>, NoValue> {
    let value = |(name, of): &(String, Shape)| {
        let json = match found.get(name) {
            None if of.is_nullable() => &Value::Null,
            None => return Err(NoValue::new("it is missing").under(name)),
            Some(json) => json,
        };
        Ok((name.clone(), read(of, json).map_err(|error| error.under(name))?))
    };
    let read = fields.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    match found.keys().find(|key| !fields.iter().any(|(name, _)| name == *key)) {
        Some(other) => Err(NoValue::new("nothing is called so").under(other)),
        None => Ok(read),
    }
}

fn only(found: &Map<String, Value>, known: &[&str]) -> Result<(), NoValue> {
    match found.keys().find(|key| !known.contains(&key.as_str())) {
        Some(other) => Err(NoValue::new("nothing is called so").under(other)),
        None => Ok(()),
    }
}

fn text(json: &Value) -> Result<&str, NoValue> {
    json.as_str().ok_or(NoValue::new("it is no text"))
}

fn array(json: &Value) -> Result<&[Value], NoValue> {
    json.as_array().map(Vec::as_slice).ok_or(NoValue::new("it is no list"))
}

fn object(json: &Value) -> Result<&Map<String, Value>, NoValue> {
    json.as_object().ok_or(NoValue::new("it is no object"))
}

fn items<'s>(
    json: &Value,
    shape: impl Fn(usize) -> Option<&'s Shape>,
) -> Result<Vec<Val>, NoValue> {
    let item = |(at, item): (usize, &Value)| {
        let of = shape(at).ok_or(NoValue::new("it has another number of items"))?;
        read(of, item).map_err(|error| error.under(at))
    };
    array(json)?.iter().enumerate().map(item).collect()
}

fn float(json: &Value) -> Result<f64, NoValue> {
    match json {
        Value::Number(number) => number.as_f64().ok_or(NoValue::new("it is no number")),
        Value::String(word) => match word.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            // The library knows other words for those as well, which the schema does not.
            digits if digits.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()) => {
                digits.parse().map_err(|_| NoValue::new("it is no number"))
            }
            _ => Err(NoValue::new("it is no number")),
        },
        _ => Err(NoValue::new("it is no number")),
    }
}

fn integer(bits: u32, signed: bool, json: &Value) -> Result<Val, NoValue> {
    const OUTSIDE: NoValue = NoValue { at: String::new(), clause: "it is outside of its bounds" };
    const NONE: NoValue = NoValue { at: String::new(), clause: "it is no whole number" };
    let number: i128 = match json {
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => number.into(),
            (_, Some(number), _) => number.into(),
            // `1.0` is a whole number as well (JSON Schema, core, section 4.2.3).
            (.., Some(number)) if number.fract() == 0.0 && number.abs() < 1e19 => number as i128,
            _ => return Err(NONE),
        },
        Value::String(digits) if bits == 64 => digits.parse().map_err(|_| NONE)?,
        _ => return Err(NONE),
    };
    fn within<T: TryFrom<i128>>(number: i128) -> Result<T, NoValue> {
        T::try_from(number).map_err(|_| OUTSIDE)
    }
    Ok(match (bits, signed) {
        (8, true) => Val::S8(within(number)?),
        (8, false) => Val::U8(within(number)?),
        (16, true) => Val::S16(within(number)?),
        (16, false) => Val::U16(within(number)?),
        (32, true) => Val::S32(within(number)?),
        (32, false) => Val::U32(within(number)?),
        (_, true) => Val::S64(within(number)?),
        (_, false) => Val::U64(within(number)?),
    })
}
