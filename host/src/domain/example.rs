//! Arguments that a tool's schema allows, for measuring: what its author gives as an example, else the
//! plainest value of each type.

use serde_json::{Map, Value, json};

/// Schemas inside each other that are followed; a schema may refer to itself.
const DEEPEST: usize = 16;

/// Arguments to try, the fullest first: some may not fit, where a schema says what no example can be made
/// from (a pattern, for instance). The last has nothing.
pub fn example_arguments(schema: &Value) -> Vec<Value> {
    let made = |all| Example { root: schema, all }.of(schema, 0);
    let mut examples = vec![made(true), made(false), json!({})];
    examples.dedup();
    examples
}

struct Example<'s> {
    root: &'s Value,
    /// Whether members are there that need not be.
    all: bool,
}

impl Example<'_> {
    fn of(&self, schema: &Value, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        let own = ["const", "default"].into_iter().find_map(|key| schema.get(key));
        let listed = ["examples", "enum"].into_iter().find_map(|key| schema.get(key)?.get(0));
        if let Some(value) = own.or(listed) {
            return value.clone();
        }
        if let Some(place) = schema.get("$ref").and_then(Value::as_str) {
            let found = place.strip_prefix('#').and_then(|place| self.root.pointer(place));
            return found.map_or(Value::Null, |schema| self.of(schema, depth + 1));
        }
        let first = ["anyOf", "oneOf", "allOf"].into_iter().find_map(|key| schema.get(key)?.get(0));
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
            kind => kind.and_then(Value::as_str),
        };
        let number = |key: &str| schema.get(key).and_then(Value::as_i64);
        let least = |key: &str| number(key).and_then(|it| usize::try_from(it).ok()).unwrap_or(0);
        match (kind, first) {
            (Some("object"), _) => self.object(schema, depth),
            (None, _) if schema.get("properties").is_some() => self.object(schema, depth),
            (None, Some(first)) => self.of(first, depth + 1),
            (Some("array"), _) => {
                let items = schema.get("items").map(|items| self.of(items, depth + 1));
                // Hardly an example of anything, where it has to be longer than this.
                let count = least("minItems").clamp(1, 100);
                Value::Array(vec![items.unwrap_or(json!("example")); count])
            }
            (Some("integer" | "number"), _) => json!(number("minimum").unwrap_or(1)),
            (Some("boolean"), _) => json!(true),
            (Some("null"), _) => Value::Null,
            (Some(_) | None, _) => {
                let text = "example".repeat(least("minLength").clamp(1, 7_000).div_ceil(7));
                let most = number("maxLength").and_then(|it| usize::try_from(it).ok());
                json!(text.chars().take(most.unwrap_or(usize::MAX)).collect::<String>())
            }
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return json!({});
        };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|it| it.as_str() == Some(name)))
        };
        let members = properties.iter().filter(|(name, _)| self.all || is_required(name));
        let members = members.map(|(name, schema)| (name.clone(), self.of(schema, depth + 1)));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(schema: Value, expected: Expect) {
        let examples: Vec<String> =
            example_arguments(&schema).iter().map(Value::to_string).collect();
        expected.assert_eq(&examples.join("\n"));
    }

    #[test]
    fn every_type_has_an_example() {
        check(
            json!({"type": "object", "required": ["a", "s"], "properties": {
                "a": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
                "b": {"type": ["boolean", "null"]},
                "c": {"enum": ["GET", "HEAD"]},
                "d": {"default": 7},
                "n": {"type": "number", "minimum": 3},
                "o": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                "s": {"type": "string", "maxLength": 4},
                "t": {"type": "string", "minLength": 9},
                "x": {"examples": [{"y": 1}]},
                "any": {},
            }}),
            expect![[r#"
                {"a":[1,1],"b":true,"c":"GET","d":7,"n":3,"o":null,"s":"exam","t":"exampleexample","x":{"y":1},"any":"example"}
                {"a":[1,1],"s":"exam"}
                {}"#]],
        );
        check(json!({"type": "object"}), expect!["{}"]);
    }

    #[test]
    fn a_schema_that_refers_to_itself_has_an_end() {
        check(
            json!({"type": "object", "properties": {"it": {"$ref": "#"}}}),
            expect![[r#"
            {"it":{"it":{"it":{"it":{"it":{"it":{"it":{"it":{"it":null}}}}}}}}}
            {}"#]],
        );
    }
}
