//! Reads a component's bytes.

use super::fault::Fault;
use crate::domain::digest::Digest;
use rusqlite::{Connection, OptionalExtension};

pub(super) fn component(conn: &Connection, digest: &Digest) -> Result<Option<Vec<u8>>, Fault> {
    let bytes: Option<Vec<u8>> = conn
        .prepare_cached(
            "SELECT bytes FROM component_bytes JOIN components ON components.n = component
             WHERE digest = ?1",
        )?
        .query_row([digest.as_bytes()], |row| row.get(0))
        .optional()?;
    match bytes {
        // They are about to be run under this name.
        Some(bytes) if Digest::of(&bytes) != *digest => Err(Fault::Inconsistent(format!(
            "the bytes stored for the component {digest} were changed"
        ))),
        bytes => Ok(bytes),
    }
}
