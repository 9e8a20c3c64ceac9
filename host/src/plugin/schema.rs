//! JSON Schemas from components: compiled once, and failures as sentences.

use super::carried;
use super::limits::DESCRIPTION;
use super::schema_cost;
use crate::domain::canonical;
use crate::domain::digest::Digest;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// Who wrote a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// The binary carries the component.
    FirstParty,
    /// Anybody.
    Unknown,
}

impl Author {
    pub(super) fn of(component: &Digest) -> Self {
        match carried::with_digest(component) {
            Some(_) => Self::FirstParty,
            None => Self::Unknown,
        }
    }
}

/// A compiled schema and its source.
#[derive(Debug)]
pub struct Schema {
    source: Value,
    validator: Validator,
    author: Author,
}

/// Bytes that one compiled pattern may take: thousands of states, compiled in a millisecond or two.
const LARGEST_PATTERN: usize = 1 << 20;

/// Characters of a clause about a schema or a value: it may quote a part of the schema.
const LONGEST_CLAUSE: usize = 500;

fn clipped(clause: &str) -> String {
    match clause.char_indices().nth(LONGEST_CLAUSE) {
        Some((end, _)) => format!("{}…", &clause[..end]),
        None => clause.to_owned(),
    }
}

impl Schema {
    /// Compiles a schema that a component gave. References to other documents are refused, and
    /// patterns are matched by an engine whose time is linear: the author is not trusted.
    ///
    /// # Errors
    /// One clause saying what is wrong with it.
    pub(super) fn compile(text: &str, author: Author) -> Result<Self, String> {
        if text.len() > DESCRIPTION {
            return Err(format!("it is larger than {DESCRIPTION} bytes"));
        }
        let source = canonical::parse(text).map_err(|error| error.to_string())?;
        if source.get("type").and_then(Value::as_str) != Some("object") {
            return Err("it does not describe an object (`\"type\": \"object\"`)".into());
        }
        if author == Author::Unknown {
            schema_cost::check_form(&source)?;
        }
        let draft = match author {
            // What first-party schemas use means the same in draft 7, whose schema of schemas compiles
            // in a fraction of the time: more than everything else that a run starts with.
            Author::FirstParty => Draft::Draft7,
            Author::Unknown => Draft::Draft202012,
        };
        let patterns = PatternOptions::regex().size_limit(LARGEST_PATTERN);
        let options = jsonschema::options().with_draft(draft).with_pattern_options(patterns);
        let validator = options.build(&source).map_err(|error| clipped(&error.to_string()))?;
        Ok(Self { source, validator, author })
    }

    /// The schema's own text, as a value.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The names of the properties it knows.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        let properties = self.source.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(|object| object.keys().map(String::as_str))
    }

    /// What does not fit, as `(path, clause)`, at most five: values are masked, since the text goes to
    /// logs.
    pub fn problems(&self, value: &Value) -> Vec<(String, String)> {
        if !self.is_affordable(value) {
            let clause =
                "the component's schema makes more work of checking this than the host does";
            return vec![(String::new(), clause.to_owned())];
        }
        self.validator
            .iter_errors(value)
            .take(5)
            .map(|error| {
                let path = error.instance_path().to_string();
                (clipped(&path), clipped(&error.masked_with("the value").to_string()))
            })
            .collect()
    }

    fn is_affordable(&self, value: &Value) -> bool {
        self.author == Author::FirstParty || schema_cost::is_affordable(&self.source, value)
    }

    /// Whether a value fits; the first things that do not, in one clause.
    ///
    /// # Errors
    /// The clause.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if self.is_affordable(value) && self.validator.is_valid(value) {
            return Ok(());
        }
        let clauses: Vec<String> = self
            .problems(value)
            .into_iter()
            .map(
                |(path, clause)| {
                    if path.is_empty() { clause } else { format!("at `{path}`: {clause}") }
                },
            )
            .collect();
        Err(clauses.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    /// A chain of references: each part refers to the next one.
    fn chain(length: usize) -> String {
        let link = |level| json!({"$ref": format!("#/$defs/d{}", level + 1)});
        let mut parts: Map<String, Value> =
            (0..length).map(|level| (format!("d{level}"), link(level))).collect();
        parts.insert(format!("d{length}"), json!({}));
        json!({"type": "object", "$defs": parts, "$ref": "#/$defs/d0"}).to_string()
    }

    #[test]
    fn a_hostile_schema_is_refused_or_harmless() {
        let compile = |text: &str| Schema::compile(text, Author::Unknown);
        // As long as may be: neither compiling nor checking runs out of stack.
        let schema = compile(&chain(298)).unwrap();
        assert!(schema.check(&json!({})).is_err());
        assert!(compile(&chain(200)).unwrap().check(&json!({})).is_ok());
        assert!(compile(&chain(2_000)).is_err());
        assert!(compile(r#"{"type": "object", "pattern": "(a{1000}){1000}"}"#).is_err());
        assert!(compile(r##"{"type": "object", "$ref": "http://127.0.0.1/x"}"##).is_err());
        let clause = compile(r##"{"type": "object", "allOf": [{"$ref": "#"}]}"##).unwrap();
        assert!(clause.check(&json!({})).unwrap_err().contains("more work"));
        let long =
            compile(&json!({"type": "object", "required": ["x".repeat(100_000)]}).to_string());
        assert!(long.unwrap().check(&json!({})).unwrap_err().len() < 3_000);
    }
}
