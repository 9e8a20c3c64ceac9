//! The state folder: where runs, keys and compiled components live.

use super::error::OpError;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The state folder of this user, or the one that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// The folder named by `INITRUNNER_HOME`, else the platform's data folder.
    ///
    /// # Errors
    /// Where neither is known.
    pub fn find(environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, OpError> {
        let named = |name| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(folder) = named("INITRUNNER_HOME") {
            return std::path::absolute(&folder).map(Self).map_err(|error| OpError::Setup {
                message: format!("`INITRUNNER_HOME` cannot be used: {error}"),
                hint: "set it to the path of a folder".into(),
            });
        }
        let data = if cfg!(target_os = "macos") {
            named("HOME").map(|home| home.join("Library/Application Support"))
        } else {
            // XDG base directories: a relative path there is to be ignored.
            named("XDG_DATA_HOME")
                .filter(|path| path.is_absolute())
                .or_else(|| named("HOME").map(|home| home.join(".local/share")))
        };
        data.map(|data| Self(data.join("initrunner"))).ok_or_else(|| OpError::Setup {
            message: "there is no place for the state folder: neither `INITRUNNER_HOME` nor `HOME` is set".into(),
            hint: "set `INITRUNNER_HOME` to a folder".into(),
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder where it is missing, private to this user.
    ///
    /// # Errors
    /// Where it cannot be made, with the way to another one.
    pub(super) fn make(&self) -> Result<(), OpError> {
        if self.0.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(|error| {
            let reason = match error.kind() {
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                    "there is a file in its place, or in the place of a folder around it".into()
                }
                io::ErrorKind::PermissionDenied => {
                    "this user may not write to the folder around it".into()
                }
                io::ErrorKind::NotFound => "nothing can be made in the folder around it".into(),
                io::ErrorKind::ReadOnlyFilesystem => "its file system is read-only".into(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "there is no space left for it".into()
                }
                _ => error.to_string(),
            };
            OpError::Setup {
                message: format!(
                    "the state folder `{}` cannot be made: {reason}",
                    self.0.display()
                ),
                hint: "set `INITRUNNER_HOME` to a folder that this user may make and write".into(),
            }
        })
    }

    /// The database, unless another was named.
    pub fn database(&self) -> PathBuf {
        self.0.join("audit.db")
    }

    /// Keys: outside the database, so that a copy of it proves nothing and opens nothing.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// How far roles may go on this host; it need not be there.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The key of this machine's server.
    pub fn api_key(&self) -> PathBuf {
        self.0.join("api-key")
    }

    /// What was typed in conversations.
    pub fn history(&self) -> PathBuf {
        self.0.join("history")
    }

    /// Compiled components.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)]) -> Option<String> {
        let find = |name: &str| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        Home::find(&find).ok().map(|home| home.path().display().to_string())
    }

    #[test]
    fn the_named_folder_wins() {
        assert_eq!(check(&[("INITRUNNER_HOME", "/x"), ("HOME", "/h")]).as_deref(), Some("/x"));
        assert_eq!(check(&[]), None);
        if cfg!(target_os = "linux") {
            let found = check(&[("HOME", "/h"), ("INITRUNNER_HOME", "")]);
            assert_eq!(found.as_deref(), Some("/h/.local/share/initrunner"));
            let found = check(&[("HOME", "/h"), ("XDG_DATA_HOME", "relative")]);
            assert_eq!(found.as_deref(), Some("/h/.local/share/initrunner"));
            let found = check(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d")]);
            assert_eq!(found.as_deref(), Some("/d/initrunner"));
        }
    }
}
