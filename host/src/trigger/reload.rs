//! Reading roles again when their files change. Runs that were accepted keep the role that they were accepted
//! under; a role that cannot be read is left as it was.

use super::roles::{RoleSet, conflicts};
use super::{Shared, stopped, webhook};
use crate::ops::{RoleFile, check_role, is_role, yaml_paths};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// How often is looked: soon enough for somebody who edits a role, and a look costs microseconds.
const LOOK: Duration = Duration::from_secs(1);

/// What a file is like: when it was written, its length, and which one it is.
pub(super) type Print = (i64, i64, u64, u64);

/// What the files of a daemon's roles are like.
#[derive(Default)]
pub(super) struct Prints {
    roles: BTreeMap<PathBuf, Print>,
    /// Files beside them that are none, and need not be read again as long as they stay as they are.
    others: BTreeMap<PathBuf, Print>,
}

/// Looks until the process is asked to stop. `known` is what the files were like before they were read.
/// `listens`: whether webhooks can be taken.
pub(super) async fn watch(shared: Arc<Shared>, path: PathBuf, mut known: Prints, listens: bool) {
    let mut stop = shared.stop.clone();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let found = prints(&path, &known);
        if found.roles == known.roles {
            known = found;
            continue;
        }
        // Written in pieces, it may be half there: it has to be the same twice.
        tokio::time::sleep(LOOK / 5).await;
        if prints(&path, &known).roles != found.roles {
            continue;
        }
        let changed: Vec<PathBuf> = found
            .roles
            .iter()
            .filter(|(path, print)| known.roles.get(*path) != Some(print))
            .map(|(path, _)| path.clone())
            .collect();
        known = found;
        read_again(&shared, &changed, &known, listens).await;
    }
}

/// What they are like now, given what they were like before. One that was a role is one until it is gone: whether
/// it still looks like one, or can be read, is told when it is read.
pub(super) fn prints(path: &Path, before: &Prints) -> Prints {
    let mut found = Prints::default();
    let one = !path.is_dir();
    let there = if one { vec![path.to_owned()] } else { yaml_paths(path).unwrap_or_default() };
    let paths: BTreeSet<PathBuf> = there.into_iter().chain(before.roles.keys().cloned()).collect();
    for path in paths {
        let was_role = before.roles.get(&path);
        let print = match std::fs::metadata(&path) {
            Ok(file) => (file.mtime(), file.mtime_nsec(), file.size(), file.ino()),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(_) => match was_role {
                Some(known) => *known,
                None => continue,
            },
        };
        let is_known_other = before.others.get(&path) == Some(&print);
        let role = one || was_role.is_some() || !is_known_other && is_role(&path);
        let files = if role { &mut found.roles } else { &mut found.others };
        files.insert(path, print);
    }
    found
}

async fn read_again(shared: &Arc<Shared>, changed: &[PathBuf], there: &Prints, listens: bool) {
    let before = shared.roles.now();
    let kept = |file: &&Arc<RoleFile>| {
        let same = |path: &PathBuf| absolute(path) == file.path;
        there.roles.keys().any(same) && !changed.iter().any(same)
    };
    let mut roles: RoleSet = before
        .values()
        .filter(kept)
        .map(|file| (file.role.name.clone(), Arc::clone(file)))
        .collect();
    let mut news = Vec::new();
    for path in changed {
        let old = before.values().find(|file| file.path == absolute(path));
        let left = |why: &str| match old {
            Some(old) => warn!(role = old.role.name, "the role was left as it was: {why}"),
            None => warn!(path = %path.display(), "the role was not taken: {why}"),
        };
        let put_back = |roles: &mut RoleSet| {
            if let Some(old) = old {
                roles.insert(old.role.name.clone(), Arc::clone(old));
            }
        };
        match check_role(&shared.host, path).await {
            Ok(file) if roles.contains_key(&file.role.name) => {
                left(&format!("another role is called `{}`", file.role.name));
                put_back(&mut roles);
            }
            Ok(file) => {
                let (name, file) = (file.role.name.clone(), Arc::new(file));
                let mut with = roles.clone();
                with.insert(name.clone(), Arc::clone(&file));
                let mut wrong = conflicts(&with, &*shared.environment);
                if !listens && webhook::any(&with) {
                    let cure = "it listens for none; start it again";
                    wrong.push(format!("there was no webhook when the daemon began, and {cure}"));
                }
                if wrong.is_empty() {
                    roles = with;
                    news.push(name);
                } else {
                    left(&wrong.join("; "));
                    put_back(&mut roles);
                }
            }
            Err(error) => {
                left(&error.to_string());
                put_back(&mut roles);
            }
        }
    }
    for gone in before.keys().filter(|name| !roles.contains_key(*name)) {
        info!(role = gone, "the role is gone; its runs go on");
    }
    for name in news {
        info!(role = name, "the role was read again");
    }
    shared.roles.put(roles);
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
