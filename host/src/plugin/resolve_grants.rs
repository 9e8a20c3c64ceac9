//! From what a role says to what its entry's component may reach: for a built-in, what its
//! configuration needs; for any other, what the role grants, and only that.

use super::carried;
use super::entry::RoleSite;
use super::error::{EntryProblem, LoadError};
use super::limits::CallLimits;
use crate::domain::grant::{Access, FileGrant, Grants, ProcessGrant, ProgramGrant, Programs};
use crate::domain::limit::Ceilings;
use crate::domain::nearest::nearest;
use crate::domain::role::{Entry, EntrySource, GrantSpec, ProcessGrantSpec};

/// The grants of an entry whose configuration is valid.
///
/// # Errors
/// A `grants` key on a built-in, and secrets that the role does not declare.
pub(super) fn resolve_grants(
    entry: &Entry,
    site: &RoleSite<'_>,
) -> Result<Grants, Vec<EntryProblem>> {
    let fail = |error: LoadError| vec![error.at(entry.source_position)];
    if let EntrySource::Type(name) = &entry.source
        // Also where a stored run has a former build of it: no other component may have its name.
        && carried::find(name).is_some()
    {
        if entry.grants != GrantSpec::default() {
            return Err(fail(LoadError::with_hint(
                format!("the built-in `{name}` takes no `grants`"),
                "what it may reach follows from its own configuration",
            )));
        }
        return carried::grants(name, entry, site);
    }
    let spec = &entry.grants;
    for secret in &spec.secrets {
        if !site.secrets.declares(&secret.name) {
            let declared = site.secrets.names();
            let hint = match nearest(&secret.name, declared) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add `secrets: [{}]` to the role", secret.name),
            };
            let message = format!("`{}` is not one of the role's secrets", secret.name);
            return Err(fail(LoadError::with_hint(message, hint)));
        }
    }
    let mut grants = Grants {
        process: None,
        http: spec.http.clone(),
        files: spec.files.clone(),
        sql: spec.sql.clone(),
        secrets: spec.secrets.clone(),
        env: spec.env.iter().cloned().collect(),
    };
    for file in &mut grants.files {
        file.path = site.folder.join(&file.path);
    }
    for database in &mut grants.sql {
        database.path = site.folder.join(&database.path);
    }
    grants.process = process(spec, site, &grants.files);
    Ok(grants)
}

/// Programs see the files that the component sees, under their own names.
fn process(spec: &GrantSpec, site: &RoleSite<'_>, files: &[FileGrant]) -> Option<ProcessGrant> {
    if spec.process.is_empty() {
        return None;
    }
    let (mut programs, mut scripts, mut online) = (Vec::new(), false, false);
    for item in &spec.process {
        match item.clone() {
            ProcessGrantSpec::Program { name, arguments, network } => {
                programs.push(ProgramGrant { name, arguments, network });
            }
            ProcessGrantSpec::Script { network } => {
                scripts = true;
                online |= network;
            }
        }
    }
    // What a call has where nothing is said; its own limits end its programs too.
    let limits = CallLimits::new(&Ceilings::default());
    let granted = |access: Access| {
        let files = files.iter().filter(move |file| file.access == access);
        files.map(|file| file.path.clone()).collect()
    };
    Some(ProcessGrant {
        programs: Programs::Named(programs),
        scripts,
        network: online,
        working_directory: site.folder.to_owned(),
        read: granted(Access::Read),
        write: granted(Access::Write),
        environment: spec.env.iter().cloned().collect(),
        timeout_ms: u32::try_from(limits.timeout.as_millis()).unwrap_or(u32::MAX),
        max_output_bytes: u32::try_from(limits.output).unwrap_or(u32::MAX),
    })
}
