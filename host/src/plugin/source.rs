//! Finding an entry's component: a built-in by its type, or a file.

use super::carried;
use super::component::LARGEST_COMPONENT;
use super::error::{EntryProblem, LoadError};
use crate::domain::component::ComponentBytes;
use crate::domain::digest::Digest;
use crate::domain::nearest::nearest;
use crate::domain::role::{Entry, EntrySource, PolicyComponent};
use cap_std::ambient_authority;
use cap_std::fs::File;
use std::io::Read;
use std::path::Path;

/// A component's bytes.
#[derive(Debug, Clone)]
pub struct Source {
    /// What people call it: the type or the path.
    pub name: String,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: ComponentBytes,
}

impl Source {
    /// The component of an entry of a role in `folder`.
    ///
    /// # Errors
    /// A problem at the place where the role names it.
    pub fn of(entry: &Entry, folder: &Path) -> Result<Self, EntryProblem> {
        let found = match &entry.source {
            EntrySource::Type(name) => Self::built_in(name),
            EntrySource::Component(name)
                if name.starts_with("oci://") || name.starts_with("sha256:") =>
            {
                Err(LoadError::with_hint(
                    format!(
                        "`{name}` names an installed component, and this version installs none"
                    ),
                    "name a file: `component: PATH`",
                ))
            }
            EntrySource::Component(path) => Self::file(&folder.join(path)),
        };
        found.map_err(|error| error.at(entry.source_position))
    }

    /// A built-in.
    ///
    /// # Errors
    /// A sentence that names the ones there are.
    pub fn built_in(name: &str) -> Result<Self, LoadError> {
        let Some((digest, bytes)) = carried::find(name) else {
            let hint = match nearest(name, carried::names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let names: Vec<String> = carried::names().map(|n| format!("`{n}`")).collect();
                    format!(
                        "the types are {}; a component file is named with `component: PATH`",
                        names.join(", ")
                    )
                }
            };
            return Err(LoadError::with_hint(format!("there is no tool type `{name}`"), hint));
        };
        Ok(Self { name: name.to_owned(), digest, bytes })
    }

    /// The component of a policy of a role, or of a host's configuration, in `folder`.
    ///
    /// # Errors
    /// A sentence that says what may be named, or why the file cannot be used.
    pub fn of_policy(component: &PolicyComponent, folder: &Path) -> Result<Self, LoadError> {
        let name = match component {
            PolicyComponent::File(name)
                if name.starts_with("oci://") || name.starts_with("sha256:") =>
            {
                return Err(LoadError::with_hint(
                    format!(
                        "`{name}` names an installed component, and this version installs none"
                    ),
                    "name a file: `component: PATH`",
                ));
            }
            PolicyComponent::File(path) => return Self::file(&folder.join(path)),
            PolicyComponent::BuiltIn(name) => name,
        };
        if let Some((digest, bytes)) = carried::find_policy(name) {
            return Ok(Self { name: name.clone(), digest, bytes });
        }
        let hint = match nearest(name, carried::policy_names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let names: Vec<String> =
                    carried::policy_names().map(|n| format!("`{n}`")).collect();
                format!(
                    "there are {}; a file is named with its path: `./{name}.wasm`",
                    names.join(", ")
                )
            }
        };
        Err(LoadError::with_hint(format!("there is no policy component `{name}`"), hint))
    }

    /// A component file.
    ///
    /// # Errors
    /// A sentence for a file that is missing, unreadable or too large.
    pub fn file(path: &Path) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        let cannot = |error: std::io::Error| {
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
                _ => error.to_string(),
            };
            LoadError::with_hint(
                format!("the component `{name}` cannot be read: {reason}"),
                "relative paths start from the role file's folder",
            )
        };
        let file = File::open_ambient(path, ambient_authority()).map_err(cannot)?;
        let mut bytes = Vec::new();
        let limit = LARGEST_COMPONENT as u64 + 1;
        file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
        if bytes.len() > LARGEST_COMPONENT {
            return Err(LoadError::new(format!(
                "the component `{name}` is larger than {} MiB",
                LARGEST_COMPONENT >> 20
            )));
        }
        Ok(Self { name, digest: Digest::of(&bytes), bytes: bytes.into() })
    }
}
