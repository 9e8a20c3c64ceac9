//! Opening a path below a folder: regular files and folders only, and never waiting.
//!
//! wasmtime's own `open-at` would open a FIFO as anybody does, and wait for its other end: the call's
//! time-out ends the call, and the thread that waits is lost for good. Opening a device may do
//! something, too. So the host opens by itself, through the same library (`cap-std`): what is no file
//! and no folder is refused before it is opened, and since it may be swapped between looking and
//! opening, it is opened without waiting and looked at again.

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, OpenOptions};
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// How a path is opened.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Wanted {
    pub(in super::super) read: bool,
    pub(in super::super) write: bool,
    pub(in super::super) create: bool,
    pub(in super::super) exclusive: bool,
    pub(in super::super) truncate: bool,
    /// Whether a link in the last place is followed; elsewhere they always are.
    pub(in super::super) follow: bool,
}

/// What was opened.
#[derive(Debug)]
pub(in super::super) enum Opened {
    File(File),
    Folder(File),
}

/// Opens `path` below `folder`.
///
/// # Errors
/// [`is_escape`] where the path leads out; [`io::ErrorKind::Unsupported`] where it names what is neither
/// a regular file nor a folder, or a part of `/proc`; whatever the system says.
pub(in super::super) fn open(folder: &File, path: &str, wanted: Wanted) -> io::Result<Opened> {
    let folder = Dir::from_std_file(folder.try_clone()?);
    let before = if wanted.follow { folder.metadata(path) } else { folder.symlink_metadata(path) };
    if let Ok(found) = &before {
        // A link that is not to be followed fails by itself, as *loop*.
        let kind = found.file_type();
        if !kind.is_symlink() && !kind.is_dir() && !kind.is_file() {
            return Err(special());
        }
    }
    let mut options = OpenOptions::new();
    options.read(wanted.read).write(wanted.write).truncate(wanted.truncate).nonblock(true);
    match (wanted.create, wanted.exclusive) {
        (true, true) => options.create_new(true),
        (create, _) => options.create(create),
    };
    options.follow(if wanted.follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
    let file = match folder.open_with(path, &options) {
        Ok(file) => file.into_std(),
        // A FIFO without a reader, opened for writing, or a socket.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            return Err(special());
        }
        Err(error) => return Err(error),
    };
    let kind = file.metadata()?.file_type();
    if !(kind.is_file() || kind.is_dir()) || is_of_the_kernel(&file)? {
        return Err(special());
    }
    Ok(if kind.is_dir() { Opened::Folder(file) } else { Opened::File(file) })
}

/// Whether an error says that a path leads out of its folder. The library has no number of the system's
/// for it; every refusal of the system has one.
pub(in super::super) fn is_escape(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// How many names a folder has, counted until there are more than `limit`.
pub(in super::super) fn entries(folder: &File, limit: usize) -> io::Result<usize> {
    let mut count = 0;
    for entry in rustix::fs::Dir::read_from(folder)? {
        let name = entry?;
        if matches!(name.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        count += 1;
        if count > limit {
            break;
        }
    }
    Ok(count)
}

/// Gives a file that is about to take another's place the other's permissions to read, write and run,
/// and nothing else of it. Where that cannot be done the file keeps its own.
pub(in super::super) fn keep_mode(folder: &File, path: &str, new_folder: &File, replaced: &str) {
    let wanted = Wanted { read: true, ..Wanted::default() };
    let Ok(Opened::File(replaced)) = open(new_folder, replaced, wanted) else { return };
    let Ok(Opened::File(file)) = open(folder, path, wanted) else { return };
    if let (Ok(old), Ok(own)) = (replaced.metadata(), file.metadata())
        // The permissions of a file with other names are theirs, too.
        && own.nlink() == 1
    {
        let mode = std::fs::Permissions::from_mode(old.mode() & 0o777);
        let _ = file.set_permissions(mode);
    }
}

/// Files of `/proc` are the memory, the environment and the open files of processes, among them this
/// one; some wait when they are read.
#[cfg(target_os = "linux")]
pub(super) fn is_of_the_kernel(file: &File) -> io::Result<bool> {
    Ok(rustix::fs::fstatfs(file)?.f_type == rustix::fs::PROC_SUPER_MAGIC)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_of_the_kernel(_file: &File) -> io::Result<bool> {
    Ok(false)
}

fn special() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "it is neither a regular file nor a folder")
}
