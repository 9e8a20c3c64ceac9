//! Checks what is stored once for many runs against its own digest: roles, and components' bytes.

use super::create_run;
use super::fault::Fault;
use super::findings::Findings;
use crate::domain::digest::Digest;
use rusqlite::Connection;

/// Adds a sentence for each that was changed.
pub(super) fn check(conn: &Connection, findings: &mut Findings) -> Result<(), Fault> {
    let mut roles = conn.prepare("SELECT n, digest, name, path, text, files FROM roles")?;
    let mut components =
        conn.prepare("SELECT digest FROM role_components WHERE role = ?1 ORDER BY position")?;
    let mut found = roles.query([])?;
    while let Some(row) = found.next()? {
        let n: i64 = row.get(0)?;
        let mut digests = Vec::new();
        let mut of_role = components.query([n])?;
        while let Some(row) = of_role.next()? {
            digests.push(super::rows::digest(row.get(0)?)?);
        }
        let name = row.get_ref(2)?.as_str()?;
        let digest = create_run::role_digest(&create_run::Role {
            name,
            path: row.get_ref(3)?.as_blob()?,
            text: row.get_ref(4)?.as_str()?,
            files: &serde_json::from_str(row.get_ref(5)?.as_str()?)?,
            components: &digests,
        });
        if row.get_ref(1)?.as_blob()? != digest.as_bytes() {
            findings.add(|| {
                format!(
                    "the text, place or components of the role `{name}` (role {n}) were changed"
                )
            });
        }
    }
    let mut stored = conn.prepare(
        "SELECT digest, bytes FROM component_bytes JOIN components ON components.n = component",
    )?;
    let mut found = stored.query([])?;
    while let Some(row) = found.next()? {
        let digest = super::rows::digest(row.get(0)?)?;
        if Digest::of(row.get_ref(1)?.as_blob()?) != digest {
            findings.add(|| format!("the bytes of the component {digest} were changed"));
        }
    }
    Ok(())
}
