//! The roles that a process which serves many offers: read and checked when it starts.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::validate_role::check_role;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// The roles, by name, as they were last read.
pub struct Roles {
    paths: Vec<PathBuf>,
    read: RwLock<Read>,
}

/// What reading gave.
#[derive(Default)]
struct Read {
    roles: BTreeMap<String, Arc<RoleFile>>,
    broken: Vec<BrokenRole>,
}

/// A role file that cannot be used.
#[derive(Debug, Clone)]
pub struct BrokenRole {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it: a sentence, or one for each place with what to do about it.
    pub why: String,
}

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
        let read = read(host, role_paths(path)?).await.map_err(RolesError::Host)?;
        if !read.broken.is_empty() {
            let wrong: Vec<&str> = read.broken.iter().map(|broken| broken.why.as_str()).collect();
            return Err(RolesError::Roles(wrong.join("\n")));
        }
        Ok(Self { paths: vec![path.to_owned()], read: RwLock::new(read) })
    }

    /// Reads what can be read of several files and folders, and keeps what is wrong with the others: for
    /// whoever shows that to people.
    ///
    /// # Errors
    /// [`RolesError::Host`] where this host cannot use any role; [`RolesError::Nothing`] where a path that is
    /// named is not there.
    pub async fn read_usable(host: &Host, paths: Vec<PathBuf>) -> Result<Self, RolesError> {
        let roles = Self { paths, read: RwLock::default() };
        roles.read_again(host).await?;
        Ok(roles)
    }

    /// Reads the same files and folders again. Where that fails, what was read before stays.
    ///
    /// # Errors
    /// As [`Roles::read_usable`].
    pub async fn read_again(&self, host: &Host) -> Result<(), RolesError> {
        let mut found = Vec::new();
        for path in &self.paths {
            match path.is_dir() {
                true => found.extend(yaml_paths(path)?.into_iter().filter(|path| is_role(path))),
                false => found.push(path.clone()),
            }
        }
        found.dedup();
        let read = read(host, found).await.map_err(RolesError::Host)?;
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// The files and folders that they are read from.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<Arc<RoleFile>> {
        self.known().roles.get(name).cloned()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<RoleFile>> {
        self.known().roles.values().cloned().collect()
    }

    /// The files that cannot be used.
    pub fn broken(&self) -> Vec<BrokenRole> {
        self.known().broken.clone()
    }

    fn known(&self) -> RwLockReadGuard<'_, Read> {
        self.read.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// # Errors
/// Where this host cannot use any role.
async fn read(host: &Host, paths: Vec<PathBuf>) -> Result<Read, OpError> {
    let mut read = Read::default();
    for path in paths {
        let why = match check_role(host, &path).await {
            Ok(file) => {
                let (name, file) = (file.role.name.clone(), Arc::new(file));
                let Some(other) = read.roles.get(&name) else {
                    read.roles.insert(name, file);
                    continue;
                };
                format!(
                    "two roles are called `{name}`: `{}` and `{}`",
                    other.path.display(),
                    file.path.display()
                )
            }
            Err(error @ (OpError::Role { .. } | OpError::MissingVariables { .. })) => {
                error.to_string()
            }
            Err(error @ (OpError::Setup { .. } | OpError::Config { .. } | OpError::Store(_))) => {
                return Err(error);
            }
            Err(error) => format!("{}: {error}", path.display()),
        };
        read.broken.push(BrokenRole { path, why });
    }
    Ok(read)
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
