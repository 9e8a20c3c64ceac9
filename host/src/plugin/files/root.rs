//! Opening the folders that are granted.

use super::open::{Opened, Wanted, open};
use crate::domain::grant::{Access as Right, FileGrant};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use wasmtime_wasi::FsPerms;

/// One folder as the component sees it.
pub(in super::super) struct Root {
    /// Its name there.
    pub(in super::super) name: String,
    /// Where it is on this machine.
    pub(in super::super) path: PathBuf,
    /// The open folder; for [`Root::single`], one of the files.
    pub(in super::super) file: File,
    /// Whether it may be changed.
    pub(in super::super) perms: FsPerms,
    /// The files that are granted by themselves, where this is no folder but their place.
    pub(in super::super) single: Option<Arc<[Single]>>,
}

/// One file that is granted by itself.
pub(in super::super) struct Single {
    /// The component's name of it, below its root.
    pub(in super::super) guest: String,
    /// The folder that it lies in.
    pub(in super::super) folder: Arc<File>,
    /// Its name there.
    pub(in super::super) name: String,
    /// Whether it may be changed.
    pub(in super::super) perms: FsPerms,
}

/// Opens what is granted, as far as it is still there, and a sentence about what is not. `allowed` says
/// what is left of each right in this call.
pub(in super::super) fn roots(
    grants: &[FileGrant],
    allowed: impl Fn(Right) -> Right,
) -> (Vec<Root>, Option<String>) {
    let (mut roots, mut missing): (Vec<Root>, _) = (Vec::new(), None);
    for grant in grants {
        let perms = match allowed(grant.access) {
            Right::Read => FsPerms::ReadOnly,
            Right::Write => FsPerms::ReadWrite,
        };
        if let Err(error) = add(&mut roots, grant, perms) {
            let path = grant.path.display();
            missing.get_or_insert_with(|| match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("`{path}`, which is granted, is no longer there")
                }
                _ => format!("`{path}`, which is granted, cannot be opened: {error}"),
            });
        }
    }
    (roots, missing)
}

fn add(roots: &mut Vec<Root>, grant: &FileGrant, perms: FsPerms) -> io::Result<()> {
    let folder = open_folder(&grant.path);
    let (parent, name) = match (&folder, parts(&grant.path)) {
        // A file.
        (Err(error), Some(parts)) if error.kind() == io::ErrorKind::NotADirectory => parts,
        _ => {
            let (name, path) = (grant.guest.clone(), grant.path.clone());
            roots.push(Root { name, path, file: folder?, perms, single: None });
            return Ok(());
        }
    };
    let parent = Arc::new(open_folder(parent)?);
    let wanted = Wanted { read: true, ..Wanted::default() };
    let file = match open(&parent, &name, wanted)? {
        Opened::File(file) => file,
        Opened::Folder(_) => return Err(io::ErrorKind::IsADirectory.into()),
    };
    let (place, guest) = guest_parts(&grant.guest);
    let mut singles = vec![Single { guest, folder: parent, name, perms }];
    let same = |root: &&mut Root| root.single.is_some() && stripped(&root.name) == stripped(&place);
    if let Some(root) = roots.iter_mut().find(same) {
        // Files that stand side by side share one root: a component has one descriptor for each name.
        for single in root.single.iter().flat_map(|singles| singles.iter()) {
            singles.push(Single {
                guest: single.guest.clone(),
                folder: Arc::clone(&single.folder),
                name: single.name.clone(),
                perms: single.perms,
            });
        }
        root.single = Some(singles.into());
        return Ok(());
    }
    // Read-only whatever the grant says: what is changed is the file, never its place.
    let perms = FsPerms::ReadOnly;
    roots.push(Root {
        name: place,
        path: grant.path.clone(),
        file,
        perms,
        single: Some(singles.into()),
    });
    Ok(())
}

/// The folder and the name of a path on this machine.
pub(super) fn parts(path: &Path) -> Option<(&Path, String)> {
    Some((path.parent()?, path.file_name()?.to_str()?.to_owned()))
}

/// The folder and the name of a file as the component sees it.
pub(super) fn guest_parts(guest: &str) -> (String, String) {
    match guest.trim_end_matches('/').rsplit_once('/') {
        Some(("", name)) => ("/".to_owned(), name.to_owned()),
        Some((folder, name)) => (folder.to_owned(), name.to_owned()),
        None => (".".to_owned(), guest.to_owned()),
    }
}

/// Opens a folder by an absolute path that has no links (it was resolved when the role was loaded), one
/// part after the other: a part that has become a link since leads nowhere.
pub(super) fn open_folder(path: &Path) -> io::Result<File> {
    // To pass through a folder takes no right to list it.
    #[cfg(target_os = "linux")]
    const PASS: OFlags = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    const PASS: OFlags = OFlags::RDONLY;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut parts = path.components().peekable();
    if parts.next() != Some(Component::RootDir) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is not absolute"));
    }
    let last = parts.peek().is_none();
    let start = if last { OFlags::RDONLY } else { PASS };
    let mut folder = rustix::fs::open("/", flags | start, Mode::empty())?;
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is not resolved"));
        };
        let mode = if parts.peek().is_none() { OFlags::RDONLY } else { PASS };
        folder = rustix::fs::openat(&folder, name, flags | mode, Mode::empty())?;
    }
    Ok(File::from(folder))
}

/// A folder's name as C libraries of components compare it: they leave these parts out.
pub(super) fn stripped(name: &str) -> String {
    let mut rest = name.trim_end_matches('/');
    loop {
        rest = match rest {
            "." => "",
            _ => match rest.strip_prefix("./").or_else(|| rest.strip_prefix('/')) {
                Some(inner) => inner,
                None => return rest.to_owned(),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_c_library_takes_for_one_are_one() {
        for name in ["data", "/data", "./data", "data/", "//data", "././/data//"] {
            assert_eq!(stripped(name), "data", "{name}");
        }
        for name in ["", ".", "/", "./", "/.", "././."] {
            assert_eq!(stripped(name), "", "{name}");
        }
        assert_eq!(stripped(".data"), ".data");
    }

    #[test]
    fn a_file_of_the_component_has_a_place_and_a_name() {
        let check = |guest: &str, place: &str, name: &str| {
            assert_eq!(guest_parts(guest), (place.to_owned(), name.to_owned()), "{guest}");
        };
        check("a.csv", ".", "a.csv");
        check("/a.csv", "/", "a.csv");
        check("data/a.csv", "data", "a.csv");
        check("/data/x/a.csv", "/data/x", "a.csv");
        check("./a.csv", ".", "a.csv");
    }

    #[test]
    fn only_a_resolved_path_is_opened() {
        assert!(open_folder(Path::new("/")).is_ok());
        assert!(open_folder(Path::new("usr")).is_err());
        assert!(open_folder(Path::new("/usr/../usr")).is_err());
        // A link to the process's own folder.
        assert!(open_folder(Path::new("/proc/self")).is_err());
    }
}
