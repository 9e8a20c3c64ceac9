//! The bytes of components, kept so that a paused run resumes with what was approved, whatever has
//! become of the files.

use super::fault::Fault;
use super::run_row::UNFINISHED;
use super::writer::Write;
use crate::domain::clock::Timestamp;
use crate::domain::component::ComponentBytes;
use crate::domain::digest::Digest;
use rusqlite::{OptionalExtension, params};

/// How long bytes stay after the last unfinished run that needs them: one day, in microseconds. Runs of
/// a role tend to follow each other, and writing some megabytes for each of them would cost more than
/// everything else that a run writes.
pub(super) const KEPT_FOR: i64 = 24 * 60 * 60 * 1_000_000;

/// Stores the components that are not there yet, and keeps the others.
pub(super) fn keep(
    write: &Write<'_>,
    components: &[(Digest, ComponentBytes)],
    at: Timestamp,
) -> Result<(), Fault> {
    for (digest, bytes) in components {
        let known = write
            .conn
            .prepare_cached("SELECT n, unused_since FROM components WHERE digest = ?1")?
            .query_row([digest.as_bytes()], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
            })
            .optional()?;
        match known {
            Some((_, None)) => {}
            Some((n, Some(_))) => {
                write.change_one("UPDATE components SET unused_since = NULL WHERE n = ?1", [n])?;
            }
            None => {
                let bytes = bytes.read().map_err(|error| Fault::Failed(error.to_string()))?;
                // Under a wrong name these bytes would run where others were approved.
                if Digest::of(&bytes) != *digest {
                    return Err(Fault::Failed(format!(
                        "the bytes given for the component {digest} have another digest"
                    )));
                }
                let n = write
                    .insert("INSERT INTO components (digest) VALUES (?1)", [digest.as_bytes()])?;
                write.insert(
                    "INSERT INTO component_bytes (component, bytes) VALUES (?1, ?2)",
                    params![n, bytes.as_ref()],
                )?;
            }
        }
    }
    // Those whose day is over, of any role: nothing else would ever remove the last ones.
    write.execute(
        "DELETE FROM components WHERE unused_since < ?1",
        [at.0.saturating_sub(KEPT_FOR)],
    )?;
    Ok(())
}

/// After a run of `role` has ended: notes which of its components no unfinished run needs any more.
pub(super) fn release(write: &Write<'_>, role: i64, at: Timestamp) -> Result<(), Fault> {
    // As long as another run of the role goes on, it needs all of them: where many do, that is found at once.
    let needed = write
        .conn
        .prepare_cached(&format!("SELECT 1 FROM runs WHERE role = ?1 AND {UNFINISHED} LIMIT 1"))?
        .exists([role])?;
    if needed {
        return Ok(());
    }
    write.execute(
        &format!(
            "UPDATE components SET unused_since = ?1
             WHERE digest IN (SELECT digest FROM role_components WHERE role = ?2)
               AND NOT EXISTS (
                 SELECT 1 FROM role_components AS needs JOIN runs ON runs.role = needs.role
                 WHERE needs.digest = components.digest AND {UNFINISHED})"
        ),
        params![at.0, role],
    )?;
    write.execute(
        "DELETE FROM components WHERE unused_since < ?1",
        [at.0.saturating_sub(KEPT_FOR)],
    )?;
    Ok(())
}
