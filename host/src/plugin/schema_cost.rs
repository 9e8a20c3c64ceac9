//! How much work a schema makes of checking a value, before anything is checked.
//!
//! The author of a component is not trusted, and a few lines of schema can ask for more work than there
//! is time: each of thirty definitions that refers twice to the next one. A check runs on a thread of the
//! host and cannot be stopped, so it is not begun where it would take too long.

use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// Checks of one schema against one value that are begun at most: some tens of milliseconds.
const MOST_WORK: u64 = 200_000;

/// Patterns in one schema: each is compiled when the role is loaded, in a millisecond or two at worst.
const MOST_PATTERNS: usize = 500;

/// Parts of one schema that something in it refers to. Compiling follows one reference from within another,
/// and would run out of stack somewhere in the thousands.
const MOST_REFERRED: usize = 300;

/// Checks within checks: as deep as values are nested, twice. More would run out of stack.
const DEEPEST: u32 = 256;

/// What a keyword's schemas are applied to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    /// The same value.
    Same,
    /// The member of its own name.
    Member,
    /// Every member.
    Members,
    /// Every item.
    Items,
    /// Nothing, until something refers to it.
    Nothing,
}

/// How a keyword holds schemas.
#[derive(Clone, Copy)]
enum Holds {
    One,
    /// One, or a list of them.
    List,
    /// Under names.
    Named,
}

/// The keywords of draft 2020-12 and of the drafts before it that hold schemas.
const KEYWORDS: [(&str, Holds, To); 23] = [
    ("allOf", Holds::List, To::Same),
    ("anyOf", Holds::List, To::Same),
    ("oneOf", Holds::List, To::Same),
    ("not", Holds::One, To::Same),
    ("if", Holds::One, To::Same),
    ("then", Holds::One, To::Same),
    ("else", Holds::One, To::Same),
    ("dependentSchemas", Holds::Named, To::Same),
    ("dependencies", Holds::Named, To::Same),
    ("extends", Holds::List, To::Same),
    ("properties", Holds::Named, To::Member),
    ("patternProperties", Holds::Named, To::Members),
    ("additionalProperties", Holds::One, To::Members),
    ("unevaluatedProperties", Holds::One, To::Members),
    ("propertyNames", Holds::One, To::Members),
    ("items", Holds::List, To::Items),
    ("prefixItems", Holds::List, To::Items),
    ("additionalItems", Holds::One, To::Items),
    ("contains", Holds::One, To::Items),
    ("unevaluatedItems", Holds::One, To::Items),
    ("contentSchema", Holds::One, To::Nothing),
    ("$defs", Holds::Named, To::Nothing),
    ("definitions", Holds::Named, To::Nothing),
];

/// The schemas directly within a schema: the name it is under, where it has one.
fn within(schema: &Map<String, Value>) -> impl Iterator<Item = (To, Option<&str>, &Value)> {
    KEYWORDS.iter().filter_map(|(key, holds, to)| Some((*holds, *to, schema.get(*key)?))).flat_map(
        |(holds, to, value)| {
            let found: Vec<(To, Option<&str>, &Value)> = match (holds, value) {
                (Holds::Named, Value::Object(named)) => {
                    named.iter().map(|(name, one)| (to, Some(name.as_str()), one)).collect()
                }
                (Holds::List, Value::Array(list)) => {
                    list.iter().map(|one| (to, None, one)).collect()
                }
                (Holds::Named, _) => Vec::new(),
                (_, one) => vec![(to, None, one)],
            };
            found
        },
    )
}

/// Refuses a schema whose work cannot be told beforehand: other references than into itself, by a path.
///
/// # Errors
/// One clause saying what is wrong with it.
pub(super) fn check_form(root: &Value) -> Result<(), String> {
    let mut waiting = vec![root];
    let mut patterns = 0;
    let mut targets = BTreeSet::new();
    while let Some(schema) = waiting.pop() {
        let Value::Object(object) = schema else { continue };
        for key in ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor"] {
            if object.contains_key(key) {
                return Err(format!(
                    "it uses `{key}`; refer to a definition with `\"$ref\": \"#/…\"`"
                ));
            }
        }
        let inner_id =
            ["$id", "id"].iter().any(|key| object.get(*key).is_some_and(Value::is_string));
        if inner_id && !std::ptr::eq(schema, root) {
            return Err("it has an `$id` within itself".into());
        }
        if let Some(reference) = object.get("$ref") {
            let Some(target) = reference.as_str().and_then(|text| referred(root, text)) else {
                return Err(
                    "it has a `$ref` that is not `#` or the path `#/…` of a part of it".into()
                );
            };
            targets.insert(std::ptr::from_ref(target) as usize);
            if targets.len() > MOST_REFERRED {
                return Err(format!("it refers to more than {MOST_REFERRED} parts of itself"));
            }
        }
        patterns += usize::from(object.contains_key("pattern"));
        patterns += object.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
        if patterns > MOST_PATTERNS {
            return Err(format!("it has more than {MOST_PATTERNS} patterns"));
        }
        waiting.extend(within(object).map(|(_, _, schema)| schema));
    }
    Ok(())
}

/// What a reference within the same document refers to.
fn referred<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let path = reference.strip_prefix('#')?;
    if path.is_empty() {
        return Some(root);
    }
    if !path.starts_with('/') {
        return None;
    }
    // The URI's own escapes; those of the path are `pointer`'s.
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    root.pointer(&decoded)
}

/// Whether a value can be checked in a time that nobody notices. The schema has passed [`check_form`].
pub(super) fn is_affordable(root: &Value, value: &Value) -> bool {
    let mut counted = Counted { root, known: HashMap::new(), left: MOST_WORK, depth: 0 };
    counted.work(root, value).is_some_and(|work| work <= MOST_WORK)
}

struct Counted<'s> {
    root: &'s Value,
    /// Schema and value, by where they lie in memory → the work; `None` while it is being counted.
    known: HashMap<(usize, usize), Option<u64>>,
    /// Counting itself has an end too.
    left: u64,
    depth: u32,
}

impl Counted<'_> {
    /// The number of schemas that are applied to `value` and all within it, with repetitions. `None`:
    /// more than can be afforded, or without end.
    fn work(&mut self, schema: &Value, value: &Value) -> Option<u64> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let work = self.count(schema, value);
        self.depth -= 1;
        work
    }

    fn count(&mut self, schema: &Value, value: &Value) -> Option<u64> {
        let Value::Object(object) = schema else { return Some(1) };
        let pair = (std::ptr::from_ref(schema) as usize, std::ptr::from_ref(value) as usize);
        if let Some(known) = self.known.get(&pair) {
            // One that is still being counted applies itself to the same value again.
            return *known;
        }
        self.left = self.left.checked_sub(1)?;
        self.known.insert(pair, None);
        let mut work = 1 + own(object, value);
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            work += self.work(referred(self.root, reference)?, value)?;
        }
        for (to, name, schema) in within(object) {
            match (to, value) {
                (To::Same, _) => work += self.work(schema, value)?,
                (To::Member, Value::Object(members)) => {
                    if let Some(member) = name.and_then(|name| members.get(name)) {
                        work += self.work(schema, member)?;
                    }
                }
                (To::Members, Value::Object(members)) => {
                    for member in members.values() {
                        work += self.work(schema, member)?;
                    }
                }
                (To::Items, Value::Array(items)) => {
                    for item in items {
                        work += self.work(schema, item)?;
                    }
                }
                _ => {}
            }
            if work > MOST_WORK {
                return None;
            }
        }
        self.known.insert(pair, Some(work));
        Some(work)
    }
}

/// The work of the keywords that hold no schemas and compare more than one thing.
fn own(schema: &Map<String, Value>, value: &Value) -> u64 {
    let compared = schema.get("enum").and_then(Value::as_array).map_or(0, Vec::len) as u64;
    let unique = match (schema.get("uniqueItems"), value) {
        (Some(Value::Bool(true)), Value::Array(items)) => items.len() as u64,
        _ => 0,
    };
    let matched = match (schema.get("pattern"), value) {
        // A character is matched in the time of a fraction of a check.
        (Some(_), Value::String(text)) => text.len() as u64 / 16,
        _ => 0,
    };
    compared / 16 + unique + matched
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn affordable(schema: &Value, value: &Value) -> bool {
        check_form(schema).unwrap();
        is_affordable(schema, value)
    }

    /// `d0` refers twice to `d1`, and so on.
    fn doubling(levels: usize) -> Value {
        let mut definitions = Map::new();
        for level in 0..levels {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(format!("d{level}"), json!({"allOf": [next, next]}));
        }
        definitions.insert(format!("d{levels}"), json!({"type": "object"}));
        json!({"type": "object", "$defs": definitions, "$ref": "#/$defs/d0"})
    }

    #[test]
    fn work_that_doubles_is_not_begun() {
        assert!(affordable(&doubling(8), &json!({})));
        assert!(!affordable(&doubling(20), &json!({})));
        assert!(!affordable(&doubling(200), &json!({})));
        assert!(check_form(&doubling(2_000)).is_err());
        // By the depth of the value.
        let twice = json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
        let deep = |levels: usize| (0..levels).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(affordable(&twice, &deep(10)));
        assert!(!affordable(&twice, &deep(30)));
        // A tree is described like this, and is no work at all.
        let tree = json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}});
        let full = (0..8).fold(json!({}), |below, _| json!({"left": below, "right": below}));
        assert!(affordable(&tree, &full));
    }

    #[test]
    fn what_applies_itself_to_the_same_value_has_no_end() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        ] {
            assert!(!affordable(&schema, &json!({})), "{schema}");
        }
    }

    #[test]
    fn ordinary_arguments_are_affordable() {
        let schema = json!({
            "type": "object",
            "properties": {
                "rows": {"type": "array", "items": {"type": "array", "items": {"type": ["string", "number"]}}},
                "mode": {"enum": ["a", "b"]},
            },
            "additionalProperties": false,
        });
        let rows: Vec<Value> = (0..1_000).map(|row| json!([row, "x", 1.5])).collect();
        assert!(affordable(&schema, &json!({"rows": rows, "mode": "a"})));
    }

    #[test]
    fn references_stay_within_and_are_paths() {
        let check = |schema: Value| check_form(&schema).is_ok();
        assert!(check(json!({"$defs": {"a/b": {}}, "$ref": "#/$defs/a~1b"})));
        assert!(check(json!({"$id": "https://example.com/x", "$ref": "#"})));
        // A property may have any name, and an example any content.
        assert!(check(json!({"properties": {"$ref": {"type": "string"}, "$anchor": {}}})));
        assert!(check(json!({"const": {"$ref": "http://a"}, "enum": [{"$dynamicRef": 1}]})));
        assert!(!check(json!({"$ref": "http://example.com/x"})));
        assert!(!check(json!({"properties": {"a": {"$ref": "other.json#/a"}}})));
        assert!(!check(json!({"$ref": "#/missing"})));
        assert!(!check(json!({"$ref": "#anchor", "$defs": {"a": {"$anchor": "anchor"}}})));
        assert!(!check(json!({"$dynamicRef": "#"})));
        assert!(!check(json!({"$defs": {"a": {"$id": "b"}}})));
        let many =
            (0..501).map(|n| (format!("a{n}"), json!({"pattern": "x"}))).collect::<Map<_, _>>();
        assert!(!check(json!({"properties": many})));
    }
}
