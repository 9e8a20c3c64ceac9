//! The roles that a process which serves many offers: read and checked when it starts.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::validate_role::check_role;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The roles, by name.
pub struct Roles(BTreeMap<String, Arc<RoleFile>>);

/// Why roles cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum RolesError {
    /// Of each role that cannot be used, what is wrong with it.
    #[error("{0}")]
    Roles(String),
    /// This host cannot use any role.
    #[error(transparent)]
    Host(OpError),
    /// What was named holds no roles.
    #[error("{0}")]
    Nothing(String),
}

impl Roles {
    /// Reads one role, or each `*.yaml` and `*.yml` of a folder that says it is one.
    ///
    /// # Errors
    /// Everything wrong with any of them: a server that offered some would be missing others.
    pub async fn read(host: &Host, path: &Path) -> Result<Self, RolesError> {
        let paths = role_paths(path)?;
        let mut roles: BTreeMap<String, Arc<RoleFile>> = BTreeMap::new();
        let mut wrong = Vec::new();
        for path in paths {
            match check_role(host, &path).await {
                Ok(file) => {
                    let name = file.role.name.clone();
                    if let Some(other) = roles.insert(name.clone(), Arc::new(file)) {
                        wrong.push(format!(
                            "two roles are called `{name}`: `{}` and `{}`",
                            other.path.display(),
                            path.display()
                        ));
                    }
                }
                Err(error @ (OpError::Role { .. } | OpError::MissingVariables { .. })) => {
                    wrong.push(error.to_string());
                }
                Err(
                    error @ (OpError::Setup { .. } | OpError::Config { .. } | OpError::Store(_)),
                ) => {
                    return Err(RolesError::Host(error));
                }
                Err(error) => wrong.push(format!("{}: {error}", path.display())),
            }
        }
        match wrong.is_empty() {
            true => Ok(Self(roles)),
            false => Err(RolesError::Roles(wrong.join("\n"))),
        }
    }

    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<&Arc<RoleFile>> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RoleFile>> {
        self.0.values()
    }
}

/// The files that a path names: itself, or each `*.yaml` and `*.yml` of a folder that says it is a role.
///
/// # Errors
/// [`RolesError::Nothing`] where there is none.
pub fn role_paths(path: &Path) -> Result<Vec<PathBuf>, RolesError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = yaml_paths(path)?;
    found.retain(|path| is_role(path));
    match found.is_empty() {
        true => Err(RolesError::Nothing(format!(
            "the folder `{}` holds no role; a role is a `*.yaml` file with a `model`",
            path.display()
        ))),
        false => Ok(found),
    }
}

/// Each `*.yaml` and `*.yml` of a folder, sorted. A model's script and a policy's cases are YAML too.
///
/// # Errors
/// [`RolesError::Nothing`] where the folder cannot be read.
pub fn yaml_paths(folder: &Path) -> Result<Vec<PathBuf>, RolesError> {
    let cannot = |error: std::io::Error| {
        RolesError::Nothing(format!("the folder `{}` cannot be read: {error}", folder.display()))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if yaml && !hidden && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file of a folder says that it is a role: it has a `model`.
pub fn is_role(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.trim_start().starts_with("model:"))
}
