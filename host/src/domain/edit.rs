//! Changing a call's arguments by `KEY=VALUE`. What a value means is what the tool's schema says of its
//! key, and never a guess: where two readings are possible, none is taken.

use super::canonical;
use super::nearest::nearest;
use serde_json::{Map, Value};

/// How many references of a schema are followed: more than nested definitions need, and an end where
/// they go round in a circle.
const MOST_REFERENCES: usize = 16;

/// How many schemas are looked at for the kinds of one key: more than any real union has branches, and an
/// end for one whose branches branch again without end.
const MOST_SCHEMAS: usize = 1000;

/// How deep a key may lead: as deep as JSON is read (serde_json's own limit is 128).
const DEEPEST: usize = 100;

/// The cure wherever a key's value cannot be told from its text.
const WHOLE: &str = "give all arguments as JSON with `--arguments`";

/// One change: the key, with dots between the keys of nested objects, and the value's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `command`, or `options.depth`.
    pub key: String,
    /// As it was typed.
    pub value: String,
}

/// The arguments after `changes`. Whether they fit the schema as a whole is for whoever takes them.
///
/// # Errors
/// A sentence and its cure, where a key is unknown or a value cannot be its key's.
pub fn apply(schema: &Value, arguments: &Value, changes: &[Change]) -> Result<Value, String> {
    for (index, change) in changes.iter().enumerate() {
        if change.key.matches('.').count() > DEEPEST {
            return Err(format!("a key leads more than {DEEPEST} objects deep; {WHOLE}"));
        }
        let inside = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let earlier = &changes[..index];
        if let Some(other) = earlier
            .iter()
            .find(|other| inside(&other.key, &change.key) || inside(&change.key, &other.key))
        {
            return Err(format!(
                "`--set` changes `{}` and `{}`, and one holds the other; set each key once",
                other.key, change.key
            ));
        }
    }
    let mut edited = arguments.clone();
    for change in changes {
        set(schema, schema, &mut edited, &change.key, &change.key, &change.value)?;
    }
    Ok(edited)
}

/// Sets what is left of the key inside `place`, which `schema` describes.
fn set(
    root: &Value,
    schema: &Value,
    place: &mut Value,
    rest: &str,
    key: &str,
    value: &str,
) -> Result<(), String> {
    let schema = resolve(root, schema).ok_or_else(|| cannot_tell(key))?;
    let Some(object) = place.as_object_mut() else {
        return Err(format!("what `{key}` would be set in is no object; {WHOLE}"));
    };
    let (name, inner) = split(schema, rest, key)?;
    let inside = schema_of(schema, name, key)?;
    if let Some(inner) = inner {
        let next = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
        return set(root, inside, next, inner, key, value);
    }
    object.insert(name.to_owned(), read(root, inside, key, value)?);
    Ok(())
}

/// The first key of `rest` and what follows it. A key may itself hold a dot.
fn split<'k>(
    schema: &Value,
    rest: &'k str,
    key: &str,
) -> Result<(&'k str, Option<&'k str>), String> {
    let knows = |name: &str| properties(schema).is_some_and(|known| known.contains_key(name));
    let Some((head, tail)) = rest.split_once('.') else { return Ok((rest, None)) };
    match (knows(rest), knows(head)) {
        (true, true) => Err(format!("`{key}` can be read as two different keys; {WHOLE}")),
        (true, false) => Ok((rest, None)),
        (false, _) => Ok((head, Some(tail))),
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// The schema of one key.
fn schema_of<'s>(schema: &'s Value, name: &str, key: &str) -> Result<&'s Value, String> {
    let known = properties(schema);
    if let Some(found) = known.and_then(|known| known.get(name)) {
        return Ok(found);
    }
    // Other keywords may describe keys as well.
    if ["anyOf", "oneOf", "allOf", "patternProperties"]
        .iter()
        .any(|word| schema.get(word).is_some())
    {
        return Err(cannot_tell(key));
    }
    if let Some(others @ Value::Object(_)) = schema.get("additionalProperties") {
        return Ok(others);
    }
    let names: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it takes none".to_owned(),
        None => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("it knows {}", names.join(", "))
        }
    };
    Err(format!("the tool's schema names no argument `{key}`; {hint}"))
}

/// Follows `$ref` within the document; `None` where it leads nowhere.
fn resolve<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Value> {
    let mut schema = schema;
    for _ in 0..MOST_REFERENCES {
        let Some(reference) = schema.get("$ref") else { return Some(schema) };
        schema = root.pointer(reference.as_str()?.strip_prefix('#')?)?;
    }
    None
}

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    const ALL: [(&'static str, Kind); 7] = [
        ("null", Kind::Null),
        ("boolean", Kind::Boolean),
        ("integer", Kind::Integer),
        ("number", Kind::Number),
        ("string", Kind::String),
        ("array", Kind::Array),
        ("object", Kind::Object),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(number) if number.is_i64() => Kind::Integer,
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        }
    }

    fn takes(self, value: &Value) -> bool {
        let kind = Self::of(value);
        kind == self || (self == Kind::Number && kind == Kind::Integer)
    }
}

/// The kinds that a schema allows; `None` where it does not say.
fn kinds(root: &Value, schema: &Value) -> Option<Vec<Kind>> {
    let mut found = Vec::new();
    let mut open = vec![schema];
    let mut seen = 0;
    while let Some(schema) = open.pop() {
        seen += 1;
        let schema = resolve(root, schema).filter(|_| seen <= MOST_SCHEMAS)?;
        match schema.get("type") {
            Some(Value::String(word)) => found.push(Kind::parse(word)?),
            Some(Value::Array(words)) => {
                for word in words {
                    found.push(Kind::parse(word.as_str()?)?);
                }
            }
            Some(_) => return None,
            None => {
                if let Some(values) = schema.get("enum").and_then(Value::as_array) {
                    found.extend(values.iter().map(Kind::of));
                } else if let Some(value) = schema.get("const") {
                    found.push(Kind::of(value));
                } else {
                    let branches = schema.get("anyOf").or_else(|| schema.get("oneOf"))?;
                    open.extend(branches.as_array()?);
                }
            }
        }
    }
    Some(Kind::ALL.into_iter().map(|(_, kind)| kind).filter(|kind| found.contains(kind)).collect())
}

/// Reads a value's text as what its schema says it is.
fn read(root: &Value, schema: &Value, key: &str, text: &str) -> Result<Value, String> {
    let kinds = kinds(root, schema).filter(|kinds| !kinds.is_empty());
    let kinds = kinds.ok_or_else(|| cannot_tell(key))?;
    // The text itself, and the JSON that it spells.
    let as_text = kinds.contains(&Kind::String).then(|| Value::String(text.to_owned()));
    let as_json = canonical::parse(text)
        .ok()
        .filter(|value| !value.is_string() && kinds.iter().any(|kind| kind.takes(value)));
    match (as_text, as_json) {
        (Some(value), None) | (None, Some(value)) => Ok(value),
        (Some(_), Some(value)) => Err(format!(
            "the value of `{key}` can be text, and it can be the {} that it spells; {WHOLE}",
            Kind::of(&value).word()
        )),
        (None, None) => {
            let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
            let words = words.join(" or ");
            Err(format!(
                "the value of `{key}` is not JSON of the type {words}; write one, or {WHOLE}"
            ))
        }
    }
}

fn cannot_tell(key: &str) -> String {
    format!("the tool's schema does not say what type `{key}` has; {WHOLE}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "command": {"type": "string"},
                "count": {"type": "integer"},
                "ratio": {"type": "number"},
                "force": {"type": "boolean"},
                "tags": {"type": "array"},
                "nothing": {"type": "null"},
                "maybe": {"type": ["string", "null"]},
                "mixed": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/word"}]},
                "limit": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
                "level": {"enum": [1, 2]},
                "anything": {},
                "round": {"$ref": "#/$defs/round"},
                "endless": {"$ref": "#/$defs/endless"},
                "options": {"$ref": "#/$defs/options"},
                "tree": {"$ref": "#/$defs/tree"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "a.b": {"type": "string"},
                "x.y": {"type": "string"},
                "x": {"type": "object", "properties": {"y": {"type": "string"}}}
            },
            "$defs": {
                "word": {"type": "string"},
                "round": {"$ref": "#/$defs/round"},
                "endless": {"anyOf": [{"$ref": "#/$defs/endless"}, {"$ref": "#/$defs/endless"}]},
                "tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}},
                "options": {
                    "type": "object",
                    "properties": {"depth": {"type": "integer"}, "name": {"type": "string"}},
                    "additionalProperties": false
                }
            },
            "additionalProperties": false
        })
    }

    fn check(changes: &[&str], expected: Expect) {
        let arguments = json!({"command": "ls", "options": {"name": "n"}});
        let changes: Vec<Change> = changes
            .iter()
            .map(|change| {
                let (key, value) = change.split_once('=').unwrap();
                Change { key: key.into(), value: value.into() }
            })
            .collect();
        let text = match apply(&schema(), &arguments, &changes) {
            Ok(edited) => canonical::to_text(&edited),
            Err(sentence) => format!("! {sentence}"),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn a_text_stays_a_text_whatever_it_spells() {
        check(
            &["command=rm -rf ./scratch/old"],
            expect![[r#"{"command":"rm -rf ./scratch/old","options":{"name":"n"}}"#]],
        );
        check(&["command=5"], expect![[r#"{"command":"5","options":{"name":"n"}}"#]]);
        check(&["command="], expect![[r#"{"command":"","options":{"name":"n"}}"#]]);
        check(&["command=\"a\"=b"], expect![[r#"{"command":"\"a\"=b","options":{"name":"n"}}"#]]);
        check(&["command=null"], expect![[r#"{"command":"null","options":{"name":"n"}}"#]]);
    }

    #[test]
    fn everything_else_is_strict_json() {
        check(
            &["count=3", "ratio=1.50", "force=true", "tags=[1]", "nothing=null", "level=2"],
            expect![[
                r#"{"command":"ls","count":3,"force":true,"level":2,"nothing":null,"options":{"name":"n"},"ratio":1.5,"tags":[1]}"#
            ]],
        );
        check(&["ratio=2"], expect![[r#"{"command":"ls","options":{"name":"n"},"ratio":2}"#]]);
        for wrong in ["count=3.5", "count=three", "count=", "count=\"3\"", "count=null", "count=03"]
        {
            check(
                &[wrong],
                expect![
                    "! the value of `count` is not JSON of the type integer; write one, or give all arguments as JSON with `--arguments`"
                ],
            );
        }
        check(
            &["force=yes"],
            expect![
                "! the value of `force` is not JSON of the type boolean; write one, or give all arguments as JSON with `--arguments`"
            ],
        );
        check(
            &["tags={\"a\":1}"],
            expect![
                "! the value of `tags` is not JSON of the type array; write one, or give all arguments as JSON with `--arguments`"
            ],
        );
    }

    #[test]
    fn of_two_readings_none_is_taken() {
        check(&["maybe=x"], expect![[r#"{"command":"ls","maybe":"x","options":{"name":"n"}}"#]]);
        check(
            &["maybe=null"],
            expect![
                "! the value of `maybe` can be text, and it can be the null that it spells; give all arguments as JSON with `--arguments`"
            ],
        );
        check(
            &["mixed=5"],
            expect![
                "! the value of `mixed` can be text, and it can be the integer that it spells; give all arguments as JSON with `--arguments`"
            ],
        );
        check(&["mixed=5x"], expect![[r#"{"command":"ls","mixed":"5x","options":{"name":"n"}}"#]]);
        check(
            &["limit=null"],
            expect![[r#"{"command":"ls","limit":null,"options":{"name":"n"}}"#]],
        );
        for key in ["anything=1", "round=1", "endless=1"] {
            let name = key.trim_end_matches("=1");
            let expected = format!(
                "! the tool's schema does not say what type `{name}` has; give all arguments as JSON with `--arguments`"
            );
            let change = Change { key: name.into(), value: "1".into() };
            let found = apply(&schema(), &json!({}), &[change]).unwrap_err();
            assert_eq!(format!("! {found}"), expected);
        }
    }

    #[test]
    fn a_dotted_key_leads_into_objects() {
        check(
            &["options.depth=2"],
            expect![[r#"{"command":"ls","options":{"depth":2,"name":"n"}}"#]],
        );
        check(
            &["labels.env=prod"],
            expect![[r#"{"command":"ls","labels":{"env":"prod"},"options":{"name":"n"}}"#]],
        );
        check(&["a.b=c"], expect![[r#"{"a.b":"c","command":"ls","options":{"name":"n"}}"#]]);
        check(
            &["x.y=1"],
            expect![
                "! `x.y` can be read as two different keys; give all arguments as JSON with `--arguments`"
            ],
        );
        check(
            &["command.x=1"],
            expect![
                "! what `command.x` would be set in is no object; give all arguments as JSON with `--arguments`"
            ],
        );
    }

    #[test]
    fn a_key_leads_only_so_deep() {
        let change =
            |dots| Change { key: format!("tree{}", ".a".repeat(dots)), value: "{}".into() };
        assert!(apply(&schema(), &json!({}), &[change(DEEPEST)]).is_ok());
        let refused = apply(&schema(), &json!({}), &[change(50_000)]).unwrap_err();
        assert!(refused.starts_with("a key leads more than 100 objects deep"), "{refused}");
    }

    #[test]
    fn an_unknown_key_and_a_key_set_twice_are_refused() {
        check(
            &["comand=x"],
            expect!["! the tool's schema names no argument `comand`; did you mean `command`?"],
        );
        check(
            &["options.speed=1"],
            expect![
                "! the tool's schema names no argument `options.speed`; it knows `depth`, `name`"
            ],
        );
        check(
            &["options={}", "options.depth=1"],
            expect![
                "! `--set` changes `options` and `options.depth`, and one holds the other; set each key once"
            ],
        );
        check(
            &["count=1", "count=2"],
            expect![
                "! `--set` changes `count` and `count`, and one holds the other; set each key once"
            ],
        );
    }
}
