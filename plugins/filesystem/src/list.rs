//! `list`: what is in a folder, and the walk that `search` shares.

use crate::config::Config;
use crate::place::{Place, Root, clip, missing};
use initrunner_sdk::{Content, Failure};
use serde::Deserialize;
use std::fs;

/// Names that one call looks at: a walk over a whole disk serves nobody.
const NAMES: usize = 50_000;

/// What the model may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The folder; the root where it is not said.
    #[serde(default)]
    pub path: String,
    /// How many levels; one where it is not said.
    pub depth: Option<usize>,
}

/// What something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file of so many bytes.
    File(u64),
    /// A link, and where it leads.
    Link(String),
    /// A pipe, a socket, a device.
    Other,
}

/// A walk through folders, in the order of names, without following links.
#[derive(Debug, Default)]
pub struct Walk {
    /// How many names were left out by the role's configuration.
    pub excluded: usize,
    /// How many names and folders could not be read.
    pub unreadable: usize,
    /// Whether there were more names than one call looks at.
    pub cut: bool,
    seen: usize,
}

impl Walk {
    /// Tells `each` of everything below a folder, to `depth` levels, until it answers `false`.
    ///
    /// # Errors
    /// The folder itself cannot be read.
    pub fn over(
        &mut self,
        root: &Root,
        from: &Place,
        depth: usize,
        each: &mut dyn FnMut(&Place, &Kind) -> bool,
    ) -> Result<(), Failure> {
        let entries =
            self.entries(root, from).map_err(|error| missing(&clip(&from.name), &error))?;
        self.visit(root, entries, depth, each);
        Ok(())
    }

    fn visit(
        &mut self,
        root: &Root,
        entries: Vec<(Place, Kind)>,
        depth: usize,
        each: &mut dyn FnMut(&Place, &Kind) -> bool,
    ) -> bool {
        for (place, kind) in entries {
            if !each(&place, &kind) {
                return false;
            }
            if kind != Kind::Folder || depth <= 1 {
                continue;
            }
            match self.entries(root, &place) {
                Ok(inner) => {
                    if !self.visit(root, inner, depth - 1, each) {
                        return false;
                    }
                }
                Err(_) => self.unreadable += 1,
            }
        }
        !self.cut
    }

    fn entries(&mut self, root: &Root, folder: &Place) -> std::io::Result<Vec<(Place, Kind)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder.path)? {
            if self.seen >= NAMES {
                self.cut = true;
                break;
            }
            self.seen += 1;
            let Ok(entry) = entry else {
                self.unreadable += 1;
                continue;
            };
            let Ok(name) = entry.file_name().into_string() else {
                self.unreadable += 1;
                continue;
            };
            let name =
                if folder.name.is_empty() { name } else { format!("{}/{name}", folder.name) };
            if root.excludes(&name) {
                self.excluded += 1;
                continue;
            }
            let path = entry.path();
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            let kind = if about.is_dir() {
                Kind::Folder
            } else if about.is_file() {
                Kind::File(about.len())
            } else if about.is_symlink() {
                let target = fs::read_link(&path).ok();
                Kind::Link(target.map(|it| clip(&it.to_string_lossy())).unwrap_or_default())
            } else {
                Kind::Other
            };
            found.push((Place { name, path }, kind));
        }
        found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        Ok(found)
    }

    /// What was not looked at, for the last line of a result.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut add = |count: usize, what: &str| {
            if count > 0 {
                notes.push(format!("{count} {what}"));
            }
        };
        add(self.excluded, "left out by the role's configuration");
        add(self.unreadable, "that cannot be read");
        if self.cut {
            notes.push(format!("stopped after {NAMES} names; ask for a folder further down"));
        }
        notes
    }
}

/// Lists.
///
/// # Errors
/// The folder cannot be read.
pub fn list(root: &Root, config: &Config, arguments: &Arguments) -> Result<Content, Failure> {
    let place = root.find(&arguments.path)?;
    if fs::metadata(&place.path).is_ok_and(|about| !about.is_dir()) {
        return Err(Failure::Retry(format!(
            "`{}` is no folder; read it instead",
            clip(&place.name)
        )));
    }
    let (mut lines, mut more) = (Vec::new(), false);
    let mut walk = Walk::default();
    walk.over(root, &place, arguments.depth.unwrap_or(1), &mut |place, kind| {
        if lines.len() == config.max_results {
            more = true;
            return false;
        }
        let name = clip(&place.name);
        lines.push(match kind {
            Kind::Folder => format!("{name}/"),
            Kind::File(bytes) => format!("{name}  {bytes} bytes"),
            Kind::Link(target) => format!("{name} -> {target}"),
            Kind::Other => format!("{name}  neither file nor folder"),
        });
        true
    })?;
    let mut notes = walk.notes();
    if more {
        notes.push(format!("more than {} entries; list a folder of it", config.max_results));
    }
    if lines.is_empty() && notes.is_empty() {
        notes.push("the folder is empty".into());
    }
    if !notes.is_empty() {
        lines.push(format!("[{}]", notes.join("; ")));
    }
    Ok(Content::Text(lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, arguments: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["src/a.rs", "src/deep/b.rs", ".git/config", "README.md", "empty/.env"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text\n").unwrap();
        }
        std::os::unix::fs::symlink("src/a.rs", folder.path().join("link")).unwrap();
        let config: Config = serde_json::from_str(config).unwrap();
        let root = Root::at(folder.path().to_owned(), &config);
        let said = match list(&root, &config, &serde_json::from_str(arguments).unwrap()) {
            Ok(Content::Text(text)) => text,
            Err(Failure::Retry(text)) => format!("retry: {text}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_folder_is_listed_in_order() {
        check(
            "{}",
            "{}",
            "README.md  5 bytes\nempty/\nlink -> src/a.rs\nsrc/\n[1 left out by the role's configuration]",
        );
        check(
            "{}",
            r#"{"path": "src", "depth": 2}"#,
            "src/a.rs  5 bytes\nsrc/deep/\nsrc/deep/b.rs  5 bytes",
        );
        check("{}", r#"{"path": "empty"}"#, "[1 left out by the role's configuration]");
        check(
            r#"{"max_results": 2}"#,
            "{}",
            "README.md  5 bytes\nempty/\n[1 left out by the role's configuration; more than 2 entries; list a folder of it]",
        );
        check("{}", r#"{"path": "README.md"}"#, "retry: `README.md` is no folder; read it instead");
        check(
            "{}",
            r#"{"path": "none"}"#,
            "retry: `none`: there is no such file; list its folder to see what is there",
        );
        check(
            r#"{"exclude": ["src", "empty", "*.md", "link"]}"#,
            r#"{"path": ".git"}"#,
            ".git/config  5 bytes",
        );
    }
}
