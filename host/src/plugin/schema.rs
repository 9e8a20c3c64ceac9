//! JSON Schemas from components: compiled once, and failures as sentences.

use super::carried;
use super::limits::DESCRIPTION;
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
        let draft = match author {
            // What first-party schemas use means the same in draft 7, whose schema of schemas compiles
            // in a fraction of the time: more than everything else that a run starts with.
            Author::FirstParty => Draft::Draft7,
            Author::Unknown => Draft::Draft202012,
        };
        let options =
            jsonschema::options().with_draft(draft).with_pattern_options(PatternOptions::regex());
        let validator = options.build(&source).map_err(|error| error.to_string())?;
        Ok(Self { source, validator })
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
        self.validator
            .iter_errors(value)
            .take(5)
            .map(|error| {
                let path = error.instance_path().to_string();
                (path, error.masked_with("the value").to_string())
            })
            .collect()
    }

    /// Whether a value fits; the first things that do not, in one clause.
    ///
    /// # Errors
    /// The clause.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if self.validator.is_valid(value) {
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
