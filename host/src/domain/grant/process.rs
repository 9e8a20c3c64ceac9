//! Programs.

use crate::domain::fnmatch::Pattern;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Which programs may be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Programs {
    /// Any program, by its name on the fixed `PATH` or by a path.
    Any,
    /// Only these.
    Named(Vec<ProgramGrant>),
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramGrant {
    /// The exact text: `git` is neither `./git` nor `/usr/bin/git`.
    pub name: String,
    /// A glob for each argument, in order; a last one of `**` covers any number of further arguments.
    /// `None`: any arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<String>>,
    /// Whether it may use the network.
    pub network: bool,
}

impl ProgramGrant {
    /// Whether it may be started with these arguments.
    pub fn covers(&self, arguments: &[String]) -> bool {
        let Some(globs) = &self.arguments else { return true };
        let (globs, open) = match globs.split_last() {
            Some((last, before)) if last == REST => (before, true),
            _ => (globs.as_slice(), false),
        };
        let enough =
            if open { arguments.len() >= globs.len() } else { arguments.len() == globs.len() };
        enough && globs.iter().zip(arguments).all(|(glob, text)| Pattern::new(glob).matches(text))
    }
}

impl ProcessGrant {
    /// Whether anything may use the network.
    pub fn is_online(&self) -> bool {
        match &self.programs {
            Programs::Named(programs) => {
                programs.iter().any(|it| it.network) || (self.scripts && self.network)
            }
            Programs::Any => self.network,
        }
    }
}

/// The last glob that stands for any further arguments, as in a path it stands for any folders.
const REST: &str = "**";

/// What the process capability may do for one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessGrant {
    /// Which programs.
    pub programs: Programs,
    /// Whether scripts (`sh -c`) may be run: apart from programs, since a script can name any program.
    pub scripts: bool,
    /// Whether scripts may use the network, and programs where any may be named.
    pub network: bool,
    /// Where programs run: an absolute path.
    pub working_directory: PathBuf,
    /// Where else they may read: absolute paths.
    pub read: Vec<PathBuf>,
    /// Where else they may read and write: absolute paths.
    pub write: Vec<PathBuf>,
    /// Names of environment variables that may be passed on.
    pub environment: BTreeSet<String>,
    /// The longest a program may run, in milliseconds.
    pub timeout_ms: u32,
    /// The most bytes kept of each of its output streams.
    pub max_output_bytes: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_covered_one_by_one() {
        let check = |globs: Option<&[&str]>, arguments: &[&str], expected: bool| {
            let owned = |texts: &[&str]| texts.iter().map(|it| it.to_string()).collect::<Vec<_>>();
            let grant =
                ProgramGrant { name: "git".into(), arguments: globs.map(owned), network: false };
            assert_eq!(grant.covers(&owned(arguments)), expected, "{globs:?} {arguments:?}");
        };
        check(None, &["push", "--force"], true);
        check(Some(&[]), &[], true);
        check(Some(&[]), &["status"], false);
        check(Some(&["status"]), &["status"], true);
        check(Some(&["status"]), &["status", "-s"], false);
        check(Some(&["log", "**"]), &["log"], true);
        check(Some(&["log", "**"]), &["log", "-p", "x"], true);
        check(Some(&["log", "**"]), &["push"], false);
        check(Some(&["log", "**"]), &[], false);
        check(Some(&["show", "v*"]), &["show", "v1"], true);
        check(Some(&["show", "v*"]), &["show", "--ext-diff"], false);
        check(Some(&["**", "x"]), &["a", "x"], true);
        check(Some(&["**", "x"]), &["a", "b", "x"], false);
    }
}
