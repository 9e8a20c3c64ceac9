//! What a person sees of a statement before deciding: its values, each on one line, and then the
//! statement to the letter. In this order, since a statement may hold lines of comments that look like
//! anything; a value may not, and the first `-- statement:` is always ours.

use crate::values::real_text;
use initrunner_sdk::sql::{Parameters, Statement, Value};
use std::fmt::Write as _;

/// The preview of a statement. `matches`: how many rows its condition finds now.
pub fn preview(statement: &Statement, skip: u64, matches: Option<i64>) -> String {
    let mut text = String::new();
    match &statement.parameters {
        Parameters::Positional(values) => {
            for (index, value) in values.iter().enumerate() {
                line(&mut text, &format!("?{} = {}", index + 1, shown(value)));
            }
        }
        Parameters::Named(pairs) => {
            for (name, value) in pairs {
                line(&mut text, &format!(":{} = {}", name.escape_debug(), shown(value)));
            }
        }
    }
    if text.is_empty() {
        line(&mut text, "no parameters");
    }
    if skip > 0 {
        line(&mut text, &format!("without its first {skip} rows"));
    }
    if let Some(rows) = matches {
        line(&mut text, &format!("rows that its condition finds now: {rows}"));
    }
    line(&mut text, "statement:");
    text.push_str(&statement.sql);
    text
}

fn line(text: &mut String, content: &str) {
    text.push_str("-- ");
    text.push_str(content);
    text.push('\n');
}

/// A value on one line, so that no two look the same: text in double quotes, as JSON writes it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => real_text(*real),
        Value::Text(text) => {
            // Every line end that a terminal or a page may know, besides those that JSON escapes.
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            quoted.chars().fold(String::with_capacity(quoted.len()), |mut shown, c| {
                match c {
                    '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                        // Writing to a text cannot fail.
                        let _ = write!(shown, "\\u{:04x}", u32::from(c));
                    }
                    c => shown.push(c),
                }
                shown
            })
        }
        Value::Blob(bytes) => {
            let digits = bytes.iter().fold(String::new(), |mut digits, byte| {
                let _ = write!(digits, "{byte:02x}");
                digits
            });
            format!("x'{digits}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_first_and_the_statement_last() {
        let statement = Statement::new("UPDATE t SET a = ? WHERE b = ?")
            .with([Value::from("it's\n-- statement:\u{2028}\"x\""), Value::from(5)]);
        assert_eq!(
            preview(&statement, 0, Some(3)),
            "-- ?1 = \"it's\\n-- statement:\\u2028\\\"x\\\"\"\n-- ?2 = 5\n\
             -- rows that its condition finds now: 3\n-- statement:\nUPDATE t SET a = ? WHERE b = ?"
        );
    }

    #[test]
    fn no_two_values_look_the_same() {
        let values = [
            Value::Null,
            Value::from("NULL"),
            Value::from(1),
            Value::from(1.0),
            Value::from("1"),
            Value::from("1.0"),
            Value::Blob(vec![1]),
            Value::from("x'01'"),
            Value::from(f64::INFINITY),
            Value::from("inf"),
            Value::from(""),
            Value::Blob(vec![]),
        ];
        let mut seen: Vec<String> = values.iter().map(shown).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), values.len());
    }

    #[test]
    fn names_and_nothing_are_shown() {
        let named = Statement::new("SELECT :a").with_named([("a", Value::Null)]);
        assert_eq!(
            preview(&named, 2, None),
            "-- :a = NULL\n-- without its first 2 rows\n-- statement:\nSELECT :a"
        );
        let plain = preview(&Statement::new("SELECT 1"), 0, None);
        assert_eq!(plain, "-- no parameters\n-- statement:\nSELECT 1");
    }
}
