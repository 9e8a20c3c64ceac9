//! What an approval is for: digests, most of which are the same for every call of an entry. Those are
//! stored once, so that thousands of waiting calls take little room.

use super::fault::Fault;
use super::writer::Write;
use crate::domain::approval::{Binding, BindingPart};
use crate::domain::digest::Digest;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A binding as two columns: the row of the shared parts, and the others as JSON.
pub(super) type Columns = (Option<i64>, Option<String>);

/// Stores a binding.
pub(super) fn store(write: &Write<'_>, binding: Option<&Binding>) -> Result<Columns, Fault> {
    let Some(binding) = binding else { return Ok((None, None)) };
    let (own, shared): (BTreeMap<_, _>, BTreeMap<_, _>) =
        binding.parts.iter().partition(|(part, _)| is_of_the_call(**part));
    let shared = serde_json::to_string(&shared)?;
    // Told only where something changed, and then of what the calls of an entry share.
    let details = match binding.details.is_empty() {
        true => None,
        false => Some(serde_json::to_string(&binding.details)?),
    };
    let digest = Digest::of(format!("{shared}{}", details.as_deref().unwrap_or("")).as_bytes());
    let known = write
        .conn
        .prepare_cached("SELECT n FROM bindings WHERE digest = ?1")?
        .query_row([digest.as_bytes()], |row| row.get(0))
        .optional()?;
    let n = match known {
        Some(n) => n,
        None => write.insert(
            "INSERT INTO bindings (digest, parts, details) VALUES (?1, ?2, ?3)",
            params![digest.as_bytes(), shared, details],
        )?,
    };
    Ok((Some(n), Some(serde_json::to_string(&own)?)))
}

/// Reads a binding back.
pub(super) fn read(conn: &Connection, columns: Columns) -> Result<Option<Binding>, Fault> {
    let (n, own) = match columns {
        (None, None) => return Ok(None),
        (Some(n), Some(own)) => (n, own),
        _ => return Err(Fault::Inconsistent("a binding lacks one of its halves".into())),
    };
    let (shared, details): (String, Option<String>) = conn
        .prepare_cached("SELECT parts, details FROM bindings WHERE n = ?1")?
        .query_row([n], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut parts: BTreeMap<BindingPart, String> = serde_json::from_str(&shared)?;
    parts.extend(serde_json::from_str::<BTreeMap<BindingPart, String>>(&own)?);
    let details = details.map(|text| serde_json::from_str(&text)).transpose()?;
    Ok(Some(Binding { parts, details: details.unwrap_or_default() }))
}

/// What the calls that share a binding have people told, beside what each of them would do.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// How far their programs would be isolated.
    pub(super) isolation: Option<Arc<str>>,
    /// Why policies want a person asked.
    pub(super) policy: Arc<[String]>,
}

/// Reads it.
pub(super) fn told(conn: &Connection, shared: i64) -> Result<Told, Fault> {
    let details: Option<String> = conn
        .prepare_cached("SELECT details FROM bindings WHERE n = ?1")?
        .query_row([shared], |row| row.get(0))
        .optional()?
        .flatten();
    let Some(details) = details else { return Ok(Told::default()) };
    let binding = Binding { parts: BTreeMap::new(), details: serde_json::from_str(&details)? };
    Ok(Told {
        isolation: binding.isolation().map(Arc::from),
        policy: binding.policy_reasons().into_iter().map(str::to_owned).collect(),
    })
}

const fn is_of_the_call(part: BindingPart) -> bool {
    match part {
        BindingPart::Arguments | BindingPart::Preview => true,
        BindingPart::Component
        | BindingPart::Tool
        | BindingPart::Role
        | BindingPart::Configuration
        | BindingPart::Grants
        | BindingPart::Policy => false,
    }
}
