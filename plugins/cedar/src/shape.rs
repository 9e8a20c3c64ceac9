//! What arguments look like to a policy: a JSON Schema read as the type that Cedar gives each place.
//!
//! A shape is never narrower than the schema: whatever the schema allows fits the shape. Where no Cedar
//! type does that, the place has no shape, and policies see its canonical text.

use serde_json::{Map, Value};

/// How deep shapes go. Beyond it a place has none: nobody writes policies about it.
const MAX_DEPTH: usize = 16;

/// How many places of one tool have a shape. References that multiply would make more of them than a
/// schema is worth.
const MAX_PLACES: usize = 1_000;

/// The type of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Long,
    /// Any number.
    Number,
    /// Text.
    String,
    /// `null`, or something.
    Nullable(Box<Shape>),
    /// An array, with the type of its elements where they have one.
    Array(Option<Box<Shape>>),
    /// An object.
    Object(Object),
}

/// The type of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The members that the schema names, by name.
    pub members: Vec<Member>,
    /// Whether there may be others.
    pub open: bool,
}

impl Object {
    /// An object that nothing is known of.
    #[must_use]
    pub fn unknown() -> Self {
        Self { members: Vec::new(), open: true }
    }
}

/// A member that a schema names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether it is always there.
    pub required: bool,
    /// Its type, if it has one.
    pub shape: Option<Shape>,
}

/// The shape of arguments. They are an object whatever the schema says, so that members it does not speak
/// of are merely untyped.
#[must_use]
pub fn of_arguments(schema: &Value) -> Object {
    let mut reader = Reader { root: schema, places: 0 };
    if let Some(root) = schema.as_object()
        && !root.contains_key("type")
        && root.contains_key("properties")
    {
        return reader.object(root, 0, &mut Vec::new());
    }
    match reader.shape(schema, 0, &mut Vec::new()) {
        Some(Shape::Object(object)) => object,
        _ => Object::unknown(),
    }
}

struct Reader<'s> {
    root: &'s Value,
    places: usize,
}

impl<'s> Reader<'s> {
    /// The shape of what `schema` allows. `open` are the references being followed.
    fn shape(&mut self, schema: &'s Value, depth: usize, open: &mut Vec<&'s str>) -> Option<Shape> {
        self.places += 1;
        if depth > MAX_DEPTH || self.places > MAX_PLACES {
            return None;
        }
        let schema = schema.as_object()?;
        if let Some(reference) = schema.get("$ref") {
            // What stands beside a reference narrows it.
            let reference = reference.as_str()?;
            if open.contains(&reference) {
                return None;
            }
            let target = self.resolve(reference)?;
            open.push(reference);
            let shape = self.shape(target, depth + 1, open);
            open.pop();
            return shape;
        }
        if let Some(types) = schema.get("type") {
            return self.typed(types, schema, depth, open);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return of_values(values);
        }
        if let Some(value) = schema.get("const") {
            return of_values(std::slice::from_ref(value));
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = schema.get(key).and_then(Value::as_array) {
                return self.one_of(choices, depth, open);
            }
        }
        match schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            // All of them hold, so that each one alone is wide enough.
            Some([only]) => self.shape(only, depth + 1, open),
            _ => None,
        }
    }

    fn resolve(&self, reference: &str) -> Option<&'s Value> {
        let pointer = reference.strip_prefix('#')?;
        // An anchor or an escape of URLs: rare, and untyped is always right.
        if pointer.contains('%') || !(pointer.is_empty() || pointer.starts_with('/')) {
            return None;
        }
        self.root.pointer(pointer)
    }

    fn typed(
        &mut self,
        types: &Value,
        schema: &'s Map<String, Value>,
        depth: usize,
        open: &mut Vec<&'s str>,
    ) -> Option<Shape> {
        let mut names: Vec<&str> = match types {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().map(Value::as_str).collect::<Option<_>>()?,
            _ => return None,
        };
        let all = names.len();
        names.retain(|name| *name != "null");
        let nullable = names.len() < all;
        if names.contains(&"number") {
            names.retain(|name| *name != "integer");
        }
        names.dedup();
        let [name] = names.as_slice() else { return None };
        let shape = match *name {
            "boolean" => Shape::Bool,
            "integer" => Shape::Long,
            "number" => Shape::Number,
            "string" => Shape::String,
            "array" => Shape::Array(self.elements(schema, depth, open).map(Box::new)),
            "object" => Shape::Object(self.object(schema, depth, open)),
            _ => return None,
        };
        Some(if nullable { Shape::Nullable(Box::new(shape)) } else { shape })
    }

    fn elements(
        &mut self,
        schema: &'s Map<String, Value>,
        depth: usize,
        open: &mut Vec<&'s str>,
    ) -> Option<Shape> {
        // The first elements have types of their own then.
        if schema.contains_key("prefixItems") || schema.contains_key("unevaluatedItems") {
            return None;
        }
        self.shape(schema.get("items")?, depth + 1, open)
    }

    fn object(
        &mut self,
        schema: &'s Map<String, Value>,
        depth: usize,
        open: &mut Vec<&'s str>,
    ) -> Object {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let others = schema.get("additionalProperties") != Some(&Value::Bool(false))
            || schema.contains_key("patternProperties");
        let properties = schema.get("properties").and_then(Value::as_object);
        let members = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| Member {
                name: name.clone(),
                required: required.contains(&name.as_str()),
                shape: self.shape(schema, depth + 1, open),
            })
            .collect();
        Object { members, open: others }
    }

    /// One of several is a type only where the others are `null`.
    fn one_of(
        &mut self,
        choices: &'s [Value],
        depth: usize,
        open: &mut Vec<&'s str>,
    ) -> Option<Shape> {
        let is_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) == Some("null");
        let nullable = choices.iter().any(|choice| is_null(&choice));
        let mut others = choices.iter().filter(|choice| !is_null(choice));
        let shape = self.shape(others.next()?, depth + 1, open)?;
        for other in others {
            if self.shape(other, depth + 1, open)? != shape {
                return None;
            }
        }
        match shape {
            Shape::Nullable(_) => Some(shape),
            shape if nullable => Some(Shape::Nullable(Box::new(shape))),
            shape => Some(shape),
        }
    }
}

/// The shape of one of these values.
fn of_values(values: &[Value]) -> Option<Shape> {
    let mut shape = None;
    let mut nullable = false;
    for value in values {
        let this = match value {
            Value::Null => {
                nullable = true;
                continue;
            }
            Value::Bool(_) => Shape::Bool,
            Value::String(_) => Shape::String,
            Value::Number(number) if number.is_i64() => Shape::Long,
            _ => return None,
        };
        if shape.get_or_insert_with(|| this.clone()) != &this {
            return None;
        }
    }
    let shape = shape?;
    Some(if nullable { Shape::Nullable(Box::new(shape)) } else { shape })
}

#[cfg(test)]
mod tests {
    use super::{Shape, of_arguments};
    use serde_json::{Value, json};

    /// The shape of the argument `x`, as a few words.
    fn check(x: Value, expected: &str) {
        let schema = json!({"type": "object", "properties": {"x": x}, "$defs": {
            "text": {"type": "string"},
            "tree": {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}}},
        }});
        let shape = of_arguments(&schema).members.remove(0).shape;
        assert_eq!(shape.as_ref().map_or("-".to_owned(), words), expected, "{x}");
    }

    fn words(shape: &Shape) -> String {
        match shape {
            Shape::Bool => "bool".to_owned(),
            Shape::Long => "long".to_owned(),
            Shape::Number => "number".to_owned(),
            Shape::String => "string".to_owned(),
            Shape::Nullable(shape) => format!("{}?", words(shape)),
            Shape::Array(None) => "[-]".to_owned(),
            Shape::Array(Some(shape)) => format!("[{}]", words(shape)),
            Shape::Object(object) => {
                let members = object.members.iter().map(|member| {
                    let optional = if member.required { "" } else { "?" };
                    let shape = member.shape.as_ref().map_or("-".to_owned(), words);
                    format!("{}{optional}:{shape}", member.name)
                });
                let members = members.collect::<Vec<_>>().join(" ");
                if object.open { format!("{{{members}}}") } else { format!("={{{members}}}") }
            }
        }
    }

    #[test]
    fn a_schema_gives_each_place_one_type_or_none() {
        for (schema, shape) in [
            (json!({"type": "boolean"}), "bool"),
            (json!({"type": "integer", "minimum": 3}), "long"),
            (json!({"type": "number"}), "number"),
            (json!({"type": ["integer", "number"]}), "number"),
            (json!({"type": "string", "pattern": "^a"}), "string"),
            (json!({"type": ["string"]}), "string"),
            (json!({"type": ["string", "null"]}), "string?"),
            (json!({"type": ["string", "integer"]}), "-"),
            (json!({"type": "null"}), "-"),
            (json!({"type": 3}), "-"),
            (json!({}), "-"),
            (json!(true), "-"),
            (json!(false), "-"),
            (json!({"enum": ["a", "b"]}), "string"),
            (json!({"enum": ["a", null]}), "string?"),
            (json!({"enum": ["a", 1]}), "-"),
            (json!({"enum": [1, 2]}), "long"),
            (json!({"enum": [1, 2.5]}), "-"),
            (json!({"enum": [{}]}), "-"),
            (json!({"enum": []}), "-"),
            (json!({"const": true}), "bool"),
            (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), "string?"),
            (json!({"oneOf": [{"type": "null"}, {"type": ["null", "string"]}]}), "string?"),
            (json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), "-"),
            (json!({"anyOf": [{"type": "string"}, {"const": "x"}]}), "string"),
            (json!({"allOf": [{"type": "string"}]}), "string"),
            (json!({"allOf": [{"type": "string"}, {"minLength": 2}]}), "-"),
            (json!({"$ref": "#/$defs/text"}), "string"),
            (json!({"$ref": "#/$defs/tree"}), "{child?:-}"),
            (json!({"$ref": "#/$defs/none"}), "-"),
            (json!({"$ref": "#anchor"}), "-"),
            (json!({"$ref": "https://example.com/"}), "-"),
            (json!({"type": "array"}), "[-]"),
            (json!({"type": "array", "items": {"type": "string"}}), "[string]"),
            (json!({"type": "array", "items": {"type": "string"}, "prefixItems": [{}]}), "[-]"),
            (json!({"type": "array", "items": {"type": "array"}}), "[[-]]"),
            (json!({"type": "object"}), "{}"),
            (json!({"type": "object", "additionalProperties": false}), "={}"),
            (json!({"type": "object", "additionalProperties": {"type": "string"}}), "{}"),
            (
                json!({"type": "object", "additionalProperties": false, "patternProperties": {}}),
                "{}",
            ),
            (
                json!({"type": "object", "required": ["b", "c"],
                    "properties": {"a": {"type": "integer"}, "b": {}}}),
                "{a?:long b:-}",
            ),
        ] {
            check(schema, shape);
        }
    }

    #[test]
    fn a_schema_that_multiplies_is_cut_short() {
        let mut definitions = serde_json::Map::new();
        for level in 0..30 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(
                format!("d{level}"),
                json!({"type": "object", "properties": {"a": next, "b": next, "c": next}}),
            );
        }
        let schema = json!({"type": "object", "$defs": definitions,
            "properties": {"x": {"$ref": "#/$defs/d0"}}});
        assert!(format!("{:?}", of_arguments(&schema)).len() < 1_000_000);
    }

    #[test]
    fn arguments_are_an_object_whatever_the_schema_says() {
        let members = |schema| of_arguments(&schema).members.len();
        assert_eq!(members(json!({"properties": {"x": {"type": "string"}}})), 1);
        assert_eq!(members(json!({"anyOf": [{"type": "object"}, {"type": "object"}]})), 0);
        assert_eq!(members(json!({"type": "string"})), 0);
        assert_eq!(members(json!(null)), 0);
        assert_eq!(members(json!({"$ref": "#"})), 0);
    }
}
