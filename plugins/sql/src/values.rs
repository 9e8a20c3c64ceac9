//! SQLite's values as JSON, and back. JSON has one kind of number and no bytes, so whatever it cannot
//! say exactly is an object with the type as its only key: `{"integer": "…"}`, `{"real": "…"}`,
//! `{"blob": "BASE64"}`.

use data_encoding::BASE64;
use initrunner_sdk::sql::{Parameters, Value};
use serde_json::{Value as Json, json};

/// The largest integer that every JSON reader holds exactly: 2^53 − 1 (RFC 7493, section 2.2). The host
/// refuses larger ones.
const LARGEST: i64 = (1 << 53) - 1;

/// A value as the model reads it.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(integer) if (-LARGEST..=LARGEST).contains(integer) => json!(integer),
        Value::Integer(integer) => json!({ "integer": integer.to_string() }),
        Value::Real(real) if real.abs() <= LARGEST as f64 => json!(real),
        Value::Real(real) => json!({ "real": real_text(*real) }),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!({ "blob": BASE64.encode(bytes) }),
    }
}

/// A number as SQLite and people read it.
pub fn real_text(real: f64) -> String {
    // `{:?}` writes a fraction or an exponent in any case, and the fewest digits that give it back.
    format!("{real:?}")
}

/// What a call's `params` stand for.
///
/// # Errors
/// What is wrong with them, as a sentence.
pub fn parameters(params: &Json) -> Result<Parameters, String> {
    match params {
        Json::Null => Ok(Parameters::Positional(Vec::new())),
        Json::Array(values) => {
            let value = |(index, value)| from_json(value, &format!("parameter {}", index + 1));
            values
                .iter()
                .enumerate()
                .map(value)
                .collect::<Result<_, _>>()
                .map(Parameters::Positional)
        }
        Json::Object(pairs) => {
            let pair = |(name, value): (&String, &Json)| {
                // Written as in the statement, or without the sign.
                let bare = name.strip_prefix([':', '@', '$']).unwrap_or(name);
                let value = from_json(value, &format!("the parameter `{}`", bare.escape_debug()))?;
                Ok((bare.to_owned(), value))
            };
            pairs.iter().map(pair).collect::<Result<_, String>>().map(Parameters::Named)
        }
        _ => Err("`params` is neither a list nor an object".to_owned()),
    }
}

fn from_json(json: &Json, which: &str) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(real)) => Value::Real(real),
            (None, None) => return Err(format!("{which} is a number that SQLite does not have")),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Object(pairs) if pairs.len() == 1 => {
            let text = |json: &Json| match json {
                Json::String(text) => Some(text.clone()),
                Json::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let typed = pairs.iter().next().and_then(|(key, value)| Some((key, text(value)?)));
            match typed.as_ref().map(|(key, text)| (key.as_str(), text.as_str())) {
                Some(("integer", text)) => text
                    .parse()
                    .map(Value::Integer)
                    .map_err(|_| format!("{which} is no integer of 64 bits"))?,
                Some(("real", text)) => match text.parse::<f64>() {
                    Ok(real) if !real.is_nan() => Value::Real(real),
                    _ => return Err(format!("{which} is no number")),
                },
                Some(("blob", text)) => BASE64
                    .decode(text.as_bytes())
                    .map(Value::Blob)
                    .map_err(|_| format!("{which} is not in base64"))?,
                _ => return Err(not_a_value(which)),
            }
        }
        Json::Array(_) | Json::Object(_) => return Err(not_a_value(which)),
    })
}

fn not_a_value(which: &str) -> String {
    format!(
        "{which} is no value: give text, a number, a boolean or null, or one of {{\"integer\": \
         \"…\"}}, {{\"real\": \"…\"}}, {{\"blob\": \"BASE64\"}}; for JSON, give its text"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round(value: Value, json: Json) {
        assert_eq!(to_json(&value), json);
        assert_eq!(parameters(&json!([json])), Ok(Parameters::Positional(vec![value])));
    }

    #[test]
    fn every_value_comes_back_as_it_was() {
        round(Value::Null, json!(null));
        round(Value::Integer(0), json!(0));
        round(Value::Integer(LARGEST), json!(9_007_199_254_740_991_i64));
        round(Value::Integer(LARGEST + 1), json!({"integer": "9007199254740992"}));
        round(Value::Integer(i64::MIN), json!({"integer": "-9223372036854775808"}));
        round(Value::Integer(i64::MAX), json!({"integer": "9223372036854775807"}));
        round(Value::Real(0.5), json!(0.5));
        round(Value::Real(1e300), json!({"real": "1e300"}));
        round(Value::Real(f64::INFINITY), json!({"real": "inf"}));
        round(Value::Real(f64::NEG_INFINITY), json!({"real": "-inf"}));
        round(Value::Text("a\0'\n".into()), json!("a\0'\n"));
        round(Value::Text(String::new()), json!(""));
        round(Value::Blob(vec![0, 255]), json!({"blob": "AP8="}));
        round(Value::Blob(vec![]), json!({"blob": ""}));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let check = |json: Json, said: &str| {
            let error = parameters(&json).expect_err("refused");
            assert!(error.contains(said), "{json}: {error}");
        };
        check(json!("x"), "neither a list nor an object");
        check(json!([[1]]), "parameter 1 is no value");
        check(json!([1, {}]), "parameter 2 is no value");
        check(json!([{"integer": "1", "real": "1"}]), "is no value");
        check(json!([{"integer": "9223372036854775808"}]), "no integer of 64 bits");
        check(json!([{"integer": null}]), "is no value");
        check(json!([{"real": "nan"}]), "is no number");
        check(json!([{"blob": "x"}]), "not in base64");
        check(json!({"a\nb": []}), "the parameter `a\\nb` is no value");
    }

    #[test]
    fn a_type_can_be_said() {
        let check = |json: Json, value: Value| {
            assert_eq!(
                parameters(&json!({":a": json})),
                Ok(Parameters::Named(vec![("a".into(), value)]))
            );
        };
        check(json!({"real": 1}), Value::Real(1.0));
        check(json!({"integer": 1}), Value::Integer(1));
        check(json!(true), Value::Integer(1));
        assert_eq!(parameters(&Json::Null), Ok(Parameters::Positional(vec![])));
    }
}
