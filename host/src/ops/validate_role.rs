//! Checking a role without running it.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::tell_problems::Finding;
use crate::domain::role::{RetryUnknown, Role};
use crate::gate::PolicyOrigin;
use crate::plugin::Effects;
use std::path::Path;

/// A role that can be run.
#[derive(Debug)]
pub struct Validated {
    /// The role.
    pub role: Role,
    /// Each tool as the model sees it: its name, its effects, whether a person is asked.
    pub tools: Vec<(String, Effects, bool)>,
    /// What is missing here to run it, and not wrong with it: the model's key.
    pub missing: Option<String>,
    /// What the role says and that has no effect.
    pub notes: Vec<String>,
}

/// Reads a role and everything it names, and loads its tools; gives the role, to be run.
///
/// # Errors
/// As for [`validate_role`], and a missing key of its model.
pub async fn check_role(host: &Host, path: &Path) -> Result<RoleFile, OpError> {
    let file = RoleFile::read(host, path)?;
    file.open(host).await?;
    Ok(file)
}

/// Reads a role and everything it names, and loads its tools.
///
/// # Errors
/// Every problem found, where in the file.
pub async fn validate_role(host: &Host, path: &Path) -> Result<Validated, OpError> {
    let file = RoleFile::read(host, path)?;
    let (toolset, missing) = file.check(host).await?;
    let mut tools = Vec::new();
    let mut notes = Vec::new();
    for entry in toolset.entries() {
        for tool in &entry.tools {
            let asks = entry.entry.approval_of(&tool.name)
                == crate::domain::approval::ApprovalMode::Required;
            if entry.entry.retry_unknown_of(&tool.name) == RetryUnknown::Auto
                && !tool.effects.idempotent
            {
                notes.push(format!(
                    "`retry_unknown: auto` has no effect on `{}`: its component does not say that the \
                     tool is idempotent, so a person is asked",
                    tool.model_name
                ));
            }
            tools.push((tool.model_name.clone(), tool.effects, asks));
        }
    }
    for (_, origin, policy) in toolset.loaded_policies() {
        let folder = match origin {
            PolicyOrigin::Role(_) => path.parent().unwrap_or(Path::new("")),
            PolicyOrigin::Host => Path::new(""),
        };
        let warnings = policy.warnings.iter();
        notes.extend(warnings.map(|it| Finding::of_source(it, folder).render()));
    }
    Ok(Validated { role: file.role, tools, missing, notes })
}
