//! From a path that a model wrote to a file of the root.
//!
//! The host keeps every path inside the granted root, whatever is done here. What is done here gives a
//! sentence in the place of an error number, and keeps what is excluded out: also under the other names
//! that links give it.

use crate::config::{Config, ROOT};
use crate::glob::Glob;
use initrunner_sdk::Failure;
use std::fs;
use std::io;
use std::path::PathBuf;

/// How many links one path may go through, as on Linux.
const LINKS: usize = 40;

/// The root, and what of it is not seen.
#[derive(Debug)]
pub struct Root {
    folder: PathBuf,
    excluded: Vec<Glob>,
}

/// A file or folder below the root, every link in its path resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From the root, with `/`; empty for the root itself.
    pub name: String,
    /// Where the component opens it.
    pub path: PathBuf,
}

impl Root {
    /// The root of a call.
    pub fn new(config: &Config) -> Self {
        Self::at(PathBuf::from(ROOT), config)
    }

    /// A root elsewhere, for tests.
    pub fn at(folder: PathBuf, config: &Config) -> Self {
        Self { folder, excluded: config.excluded() }
    }

    /// Whether no tool sees a path.
    pub fn excludes(&self, name: &str) -> bool {
        self.excluded.iter().any(|glob| glob.covers(name))
    }

    /// The place that a path names; it need not exist.
    ///
    /// # Errors
    /// [`Failure::InvalidArguments`]: the path is absolute, leads out, or names what is excluded.
    pub fn find(&self, asked: &str) -> Result<Place, Failure> {
        let invalid =
            |why: &str| Err(Failure::InvalidArguments(format!("`{}` {why}", clip(asked))));
        if asked.contains('\0') {
            return invalid("is not a path: it contains NUL");
        }
        if asked.starts_with('/') {
            return invalid("is absolute; name files relative to the root, such as `src/main.rs`");
        }
        let mut rest: Vec<String> = parts(asked);
        rest.reverse();
        let (mut names, mut links): (Vec<String>, usize) = (Vec::new(), 0);
        while let Some(part) = rest.pop() {
            if part == ".." {
                if names.pop().is_none() {
                    return invalid("leads out of the root");
                }
                continue;
            }
            names.push(part);
            let name = names.join("/");
            if self.excludes(&name) {
                return invalid("is excluded by the role's configuration");
            }
            let path = self.folder.join(&name);
            let Ok(target) = fs::read_link(&path) else { continue };
            links += 1;
            if links > LINKS {
                return invalid("goes through too many links");
            }
            let Some(target) = target.to_str().filter(|target| !target.starts_with('/')) else {
                return invalid("leads through a link out of the root");
            };
            names.pop();
            rest.extend(parts(target).into_iter().rev());
        }
        let name = names.join("/");
        let path = if name.is_empty() { self.folder.clone() } else { self.folder.join(&name) };
        Ok(Place { name, path })
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
}

/// A path inside a sentence: short, on one line.
pub fn clip(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The whole of a file.
///
/// # Errors
/// There is no such file, it is a folder or something else, or larger than `limit`.
pub fn load(place: &Place, limit: u64) -> Result<Vec<u8>, Failure> {
    let name = clip(&place.name);
    let found = fs::metadata(&place.path).map_err(|error| missing(&name, &error))?;
    if found.is_dir() {
        return Err(Failure::Retry(format!("`{name}` is a folder; list it instead")));
    }
    if !found.is_file() {
        return Err(Failure::Retry(format!("`{name}` is neither a file nor a folder")));
    }
    if found.len() > limit {
        return Err(Failure::Retry(format!(
            "`{name}` has {} bytes, and files of more than {limit} are not read; search it, or ask for \
             another file",
            found.len()
        )));
    }
    fs::read(&place.path).map_err(|error| missing(&name, &error))
}

/// The sentence for a file that cannot be opened.
pub fn missing(name: &str, error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; list its folder to see what is there",
        io::ErrorKind::PermissionDenied => "it may not be opened",
        io::ErrorKind::NotADirectory => "a part of the path is no folder",
        io::ErrorKind::StorageFull => "there is no room for it",
        _ => return Failure::Failed(format!("`{name}`: {error}")),
    };
    Failure::Retry(format!("`{name}`: {why}"))
}

/// A file's bytes as text.
///
/// # Errors
/// It is not UTF-8.
pub fn text(place: &Place, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        Failure::Retry(format!(
            "`{}` is not UTF-8 text: it has {} bytes, and the one at {} fits no character; it may be \
             binary",
            clip(&place.name),
            error.as_bytes().len(),
            error.utf8_error().valid_up_to()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let config: Config = serde_json::from_str("{}").unwrap();
        fs::create_dir_all(folder.path().join("src/deep")).unwrap();
        fs::write(folder.path().join("src/a.rs"), "a").unwrap();
        fs::write(folder.path().join(".env"), "KEY=1").unwrap();
        for (name, target) in [
            ("link", "src/a.rs"),
            ("up", "../"),
            ("etc", "/etc"),
            ("env", ".env"),
            ("src/env", "../.env"),
            ("loop", "loop"),
            ("src/deep/back", ".."),
        ] {
            symlink(target, folder.path().join(name)).unwrap();
        }
        let root = Root::at(folder.path().to_owned(), &config);
        (folder, root)
    }

    #[track_caller]
    fn finds(asked: &str, expected: &str) {
        let (_folder, root) = root();
        let found = match root.find(asked) {
            Ok(place) => place.name,
            Err(Failure::InvalidArguments(why)) => why,
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(found, expected, "{asked}");
    }

    #[test]
    fn a_path_is_one_below_the_root() {
        finds("src/a.rs", "src/a.rs");
        finds("./src//a.rs", "src/a.rs");
        finds("", "");
        finds(".", "");
        finds("new/file", "new/file");
        finds("src/../link", "src/a.rs");
        finds("src/deep/back/a.rs", "src/a.rs");
        finds(
            "/etc/passwd",
            "`/etc/passwd` is absolute; name files relative to the root, such as `src/main.rs`",
        );
        finds("../x", "`../x` leads out of the root");
        finds("src/../../x", "`src/../../x` leads out of the root");
        finds("up/x", "`up/x` leads out of the root");
        finds("etc/passwd", "`etc/passwd` leads through a link out of the root");
        finds("loop", "`loop` goes through too many links");
        finds("a\0b", "`a\u{fffd}b` is not a path: it contains NUL");
    }

    #[test]
    fn what_is_excluded_has_no_other_name() {
        for asked in [".env", ".ENV", "env", "src/env", "src/../.env", "src/deep/back/env"] {
            finds(asked, &format!("`{asked}` is excluded by the role's configuration"));
        }
    }

    #[test]
    fn a_file_that_is_no_text_says_so() {
        let place = Place { name: "x".into(), path: "x".into() };
        let Err(Failure::Retry(why)) = text(&place, b"ab\xff".to_vec()) else { panic!() };
        assert_eq!(
            why,
            "`x` is not UTF-8 text: it has 3 bytes, and the one at 2 fits no character; it may be binary"
        );
    }
}
