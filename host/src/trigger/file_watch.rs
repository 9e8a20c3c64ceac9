//! Files that start runs when they change: what the kernel tells of folders (inotify), settled for a while,
//! so that a file which is being written is one event and not hundreds.

use super::inbox::{AcceptError, Arrival, Inbox};
use super::stopped;
use crate::domain::clock::Timestamp;
use crate::domain::trigger::{FileEvent, FileWatchSpec, TriggerSpec};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use notify::event::{EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::json;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{info, warn};

/// How many changes wait to be looked at. A folder that changes faster than that is told so.
const MOST_WAITING: usize = 10_000;

/// How long is waited before a folder is looked for again that is not there.
const LOOK: Duration = Duration::from_secs(5);

/// How many folders deep is looked for files, as many as a path has at most.
const DEEPEST: usize = 4096;

/// Microseconds before the last moment at which nothing was missed: what the kernel tells arrives late, and files'
/// times are coarse.
const SLACK: i64 = 60 * 1_000_000;

/// Watches from now on, until it is stopped.
pub(super) fn watch(
    inbox: Inbox,
    trigger: TriggerSpec,
    spec: FileWatchSpec,
    folder: PathBuf,
    stop: watch::Receiver<Option<String>>,
) {
    let first = set_up(&spec, &folder);
    tokio::spawn(go_on(inbox, trigger, spec, folder, first, stop));
}

/// What the kernel tells.
enum Told {
    /// Something happened to a file.
    File(PathBuf, FileEvent),
    /// A folder is there that was not; what is in it may have been there before anybody watched it.
    Folder(PathBuf),
    /// More happened than the kernel could tell.
    Missed,
    /// What watches has failed, or what it watches is gone.
    Failed(String),
}

/// What watches.
struct Watching {
    watcher: RecommendedWatcher,
    /// What files must be called.
    patterns: GlobSet,
    /// Where they are.
    roots: Vec<(PathBuf, RecursiveMode)>,
    seen: mpsc::Receiver<Told>,
    /// Set where more happened than could be told.
    missed: Arc<AtomicBool>,
}

async fn go_on(
    inbox: Inbox,
    trigger: TriggerSpec,
    spec: FileWatchSpec,
    folder: PathBuf,
    first: Result<Watching, String>,
    mut stop: watch::Receiver<Option<String>>,
) {
    let mut watching = first;
    let mut whole = inbox.shared().host.now();
    let mut again = false;
    loop {
        match watching {
            Ok(watching) => {
                // While nobody watched, nobody told.
                watching.missed.store(again, Ordering::Release);
                settle(&inbox, &trigger, &spec, watching, &mut whole, &mut stop).await;
                again = true;
            }
            Err(error) => {
                let (role, trigger) = (inbox.role(), inbox.trigger());
                warn!(role, trigger, %error, "the files cannot be watched; it is tried again");
                again = true;
            }
        }
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        watching = set_up(&spec, &folder);
    }
}

/// Has the kernel tell of every folder in which a file may fit.
fn set_up(spec: &FileWatchSpec, folder: &Path) -> Result<Watching, String> {
    let (changes, seen) = mpsc::channel(MOST_WAITING);
    let mut patterns = GlobSetBuilder::new();
    let mut roots: Vec<(PathBuf, RecursiveMode)> = Vec::new();
    for pattern in &spec.paths {
        let whole = folder.join(pattern);
        let text = whole.to_string_lossy().into_owned();
        // `*` stands for a part of one name, as in a shell.
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        patterns.add(glob.map_err(|error| error.to_string())?);
        let fixed: PathBuf = whole
            .components()
            .take_while(|part| {
                !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{', '\\'])
            })
            .collect();
        let root = if fixed == whole { parent(&fixed) } else { fixed };
        let below = whole.strip_prefix(&root).map(|rest| rest.components().count()).unwrap_or(0);
        let deep = below > 1 || pattern.contains("**");
        let mode = if deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        roots.push((root, mode));
    }
    let patterns = patterns.build().map_err(|error| error.to_string())?;
    let told = patterns.clone();
    let missed = Arc::new(AtomicBool::new(false));
    let misses = Arc::clone(&missed);
    let watched: Vec<PathBuf> = roots.iter().map(|(root, _)| root.clone()).collect();
    let handler = move |event: notify::Result<notify::Event>| {
        let tell = |what: Told| {
            if changes.try_send(what).is_err() {
                misses.store(true, Ordering::Release);
            }
        };
        match event {
            // The kernel's own list was full.
            Ok(event) if event.need_rescan() => tell(Told::Missed),
            Ok(event) => {
                for (path, what) in meant(event) {
                    if what == FileEvent::Deleted && watched.contains(&path) {
                        tell(Told::Failed(format!("the folder `{}` is gone", path.display())));
                    } else if what == FileEvent::Created && is_folder(&path) {
                        tell(Told::Folder(path));
                    } else if told.is_match(&path) {
                        tell(Told::File(path, what));
                    }
                }
            }
            Err(error) => tell(Told::Failed(error.to_string())),
        }
    };
    // A link to a folder elsewhere is not followed: whoever may write here decides nothing about what is there.
    let config = notify::Config::default().with_follow_symlinks(false);
    let mut watcher =
        RecommendedWatcher::new(handler, config).map_err(|error| error.to_string())?;
    for (root, mode) in &roots {
        if !root.is_dir() {
            return Err(format!("the folder `{}` is not there", root.display()));
        }
        watcher.watch(root, *mode).map_err(|error| format!("`{}`: {error}", root.display()))?;
    }
    Ok(Watching { watcher, patterns, roots, seen, missed })
}

/// A folder, and no link to one.
fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// The files below a folder that are called as they must be, each with when something happened to it last. Links
/// to folders are not followed.
fn look(folder: &Path, mode: RecursiveMode, patterns: &GlobSet) -> Vec<(PathBuf, i64)> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        // One that is gone again has nothing in it.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if mode == RecursiveMode::Recursive && depth < DEEPEST {
                    folders.push((path, depth + 1));
                }
            } else if patterns.is_match(&path)
                && let Ok(file) = std::fs::metadata(&path)
            {
                let at = file.ctime().saturating_mul(1_000_000);
                found.push((path, at.saturating_add(file.ctime_nsec() / 1000)));
            }
        }
    }
    found
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_else(|| PathBuf::from("/"))
}

/// What an event of the kernel means. A file that is moved here is as good as written.
fn meant(event: notify::Event) -> Vec<(PathBuf, FileEvent)> {
    let one = |what: FileEvent| event.paths.iter().map(|path| (path.clone(), what)).collect();
    match event.kind {
        EventKind::Create(_) => one(FileEvent::Created),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            one(FileEvent::Deleted)
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => one(FileEvent::Created),
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => match event.paths.as_slice() {
            [from, to] => {
                vec![(from.clone(), FileEvent::Deleted), (to.clone(), FileEvent::Created)]
            }
            _ => Vec::new(),
        },
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => one(FileEvent::Modified),
        _ => Vec::new(),
    }
}

/// Files to which something happened, until they come to rest.
struct Moving {
    files: HashMap<PathBuf, (FileEvent, Instant)>,
    rest: Duration,
}

impl Moving {
    fn note(&mut self, path: PathBuf, what: FileEvent) {
        let at = Instant::now() + self.rest;
        let seen = self.files.entry(path).or_insert((what, at));
        *seen = (together(seen.0, what), at);
    }

    /// Those that have come to rest, taken out.
    fn rested(&mut self) -> Vec<(PathBuf, FileEvent)> {
        let now = Instant::now();
        let ready = self.files.extract_if(|_, (_, at)| *at <= now);
        ready.map(|(path, (what, _))| (path, what)).collect()
    }
}

/// Hands in each file that has come to rest, until it is stopped or has to watch anew. Until `whole` all that happened
/// was told.
async fn settle(
    inbox: &Inbox,
    trigger: &TriggerSpec,
    spec: &FileWatchSpec,
    watching: Watching,
    whole: &mut Timestamp,
    stop: &mut watch::Receiver<Option<String>>,
) {
    let Watching { watcher, patterns, roots, mut seen, missed } = watching;
    let rest = Duration::from_millis(spec.debounce_ms);
    let mut moving = Moving { files: HashMap::new(), rest };
    let deep = roots.iter().any(|(_, mode)| *mode == RecursiveMode::Recursive);
    let mut told = Vec::new();
    let mut failed = false;
    while !failed {
        if missed.swap(false, Ordering::AcqRel) {
            let (role, trigger) = (inbox.role(), inbox.trigger());
            warn!(
                role,
                trigger, "more files changed at a time than can be told; all are looked at"
            );
            let since = whole.0.saturating_sub(SLACK);
            *whole = inbox.shared().host.now();
            for (path, at) in look_at_all(roots.clone(), &patterns).await {
                if at >= since {
                    moving
                        .files
                        .entry(path)
                        .or_insert((FileEvent::Modified, Instant::now() + rest));
                }
            }
        }
        let next = moving.files.values().map(|(_, at)| *at).min();
        tokio::select! {
            biased;
            () = stopped(stop) => break,
            // All that is there at once: to look for the next one to rest takes a while where there are many.
            count = seen.recv_many(&mut told, MOST_WAITING) => {
                if count == 0 {
                    return;
                }
                if !missed.load(Ordering::Acquire) {
                    *whole = inbox.shared().host.now();
                }
                for told in told.drain(..) {
                    match told {
                        Told::File(path, what) => moving.note(path, what),
                        Told::Folder(path) if deep => {
                            let folder = vec![(path, RecursiveMode::Recursive)];
                            for (path, _) in look_at_all(folder, &patterns).await {
                                moving.note(path, FileEvent::Created);
                            }
                        }
                        Told::Folder(_) => {}
                        Told::Missed => missed.store(true, Ordering::Release),
                        Told::Failed(error) => {
                            let (role, trigger) = (inbox.role(), inbox.trigger());
                            warn!(role, trigger, error, "the files are watched anew");
                            failed = true;
                        }
                    }
                }
            }
            () = until(next) => {
                let mut ready = moving.rested().into_iter();
                while let Some((path, what)) = ready.next() {
                    if !hand_in(inbox, trigger, spec, &path, what).await {
                        // Tried again when they would have come to rest once more, all of them: where there is no
                        // place for one, there is none for the others.
                        let again = Instant::now() + rest.max(LOOK);
                        let left = std::iter::once((path, what)).chain(ready);
                        for (path, what) in left {
                            moving.files.entry(path).or_insert((what, again));
                        }
                        break;
                    }
                }
            }
        }
    }
    drop(watcher);
    // Where its role says something else now, what was seen under the old one is not forgotten.
    seen.close();
    while let Some(told) = seen.recv().await {
        if let Told::File(path, what) = told {
            moving.note(path, what);
        }
    }
    for (path, (what, _)) in moving.files {
        if !hand_in(inbox, trigger, spec, &path, what).await {
            return;
        }
    }
}

/// Looks through folders, beside everything else.
async fn look_at_all(
    folders: Vec<(PathBuf, RecursiveMode)>,
    patterns: &GlobSet,
) -> Vec<(PathBuf, i64)> {
    let patterns = patterns.clone();
    let looking = tokio::task::spawn_blocking(move || {
        folders.iter().flat_map(|(folder, mode)| look(folder, *mode, &patterns)).collect()
    });
    looking.await.unwrap_or_default()
}

/// What two things that happened to one file come to.
fn together(before: FileEvent, then: FileEvent) -> FileEvent {
    match (before, then) {
        (FileEvent::Created, FileEvent::Modified) => FileEvent::Created,
        (FileEvent::Deleted, FileEvent::Created) => FileEvent::Modified,
        (_, then) => then,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Makes a run of it; whether it is done with.
async fn hand_in(
    inbox: &Inbox,
    trigger: &TriggerSpec,
    spec: &FileWatchSpec,
    path: &Path,
    what: FileEvent,
) -> bool {
    if !spec.events.contains(&what) {
        return true;
    }
    let shown = path.to_string_lossy();
    let key = match std::fs::metadata(path) {
        Ok(file) if file.is_file() => {
            format!("file:{shown}:{}.{}:{}", file.mtime(), file.mtime_nsec(), file.size())
        }
        // A folder is no file, and what is gone again is of no use to anybody who wants to read it.
        Ok(_) => return true,
        Err(_) if what == FileEvent::Deleted => {
            format!("gone:{shown}:{}", inbox.shared().host.now().0)
        }
        Err(_) => return true,
    };
    let event = json!({"path": shown, "event": what.word()});
    let rest = format!("{}: {shown}", what.word());
    let prompt = trigger.prompt.as_ref().map(|prompt| prompt.fill(&event, Some(&rest)));
    match inbox.accept(Arrival::new(key, prompt.unwrap_or_default())).await {
        Ok(_) => true,
        Err(error @ AcceptError::Failed(_)) => {
            warn!(role = inbox.role(), trigger = inbox.trigger(), %error, "a change could not be written down; it is tried again");
            false
        }
        Err(error @ AcceptError::QueueFull(_)) => {
            info!(role = inbox.role(), trigger = inbox.trigger(), %error, "a change waits");
            false
        }
        Err(AcceptError::DayIsOver(limit)) => {
            info!(role = inbox.role(), trigger = inbox.trigger(), path = %shown, limit, "a change was left out");
            true
        }
        Err(error) => {
            warn!(role = inbox.role(), trigger = inbox.trigger(), path = %shown, %error, "a change was left out");
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_to_one_file_is_one_event() {
        use FileEvent::{Created, Deleted, Modified};
        for (before, then, both) in [
            (Created, Modified, Created),
            (Deleted, Created, Modified),
            (Modified, Deleted, Deleted),
            (Created, Deleted, Deleted),
            (Modified, Modified, Modified),
        ] {
            assert_eq!(together(before, then), both, "{before:?} {then:?}");
        }
    }
}
