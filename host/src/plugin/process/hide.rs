//! Laying an empty folder over the protected ones, for the supervisor and what it starts only.
//!
//! Sources: unshare(2), mount(2), mount_namespaces(7), user_namespaces(7).

#![expect(
    unsafe_code,
    reason = "rustix has mount(2) behind a feature that only this would use, and unshare(2) as unsafe"
)]

use std::ffi::{CStr, CString, c_int, c_ulong};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

/// Hides `folders`. Whether they are hidden; if not, nothing has changed. The calling process must
/// have one thread: user namespaces are entered by whole processes.
///
/// # Errors
/// It went wrong halfway: this process must not start anything.
pub(super) fn hide(folders: &[PathBuf]) -> io::Result<bool> {
    if folders.is_empty() || !enter()? {
        return Ok(false);
    }
    // Nothing that is mounted here may show outside.
    mount(None, Path::new("/"), libc::MS_REC | libc::MS_PRIVATE)?;
    let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    for folder in folders {
        mount(Some(c"tmpfs"), folder, flags)?;
    }
    Ok(true)
}

/// Enters a mount namespace of its own: directly where that is allowed (root), otherwise as the owner
/// of a new user namespace, in which the user stays the same.
fn enter() -> io::Result<bool> {
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    if unshare(libc::CLONE_NEWNS) {
        return Ok(true);
    }
    if !unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) {
        return Ok(false);
    }
    // Without the first a group may not be mapped (user_namespaces(7)).
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
    std::fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
    Ok(true)
}

fn unshare(flags: c_int) -> bool {
    // SAFETY: unshare(2) takes no pointers, and neither flag concerns descriptors or memory.
    unsafe { libc::unshare(flags) == 0 }
}

fn mount(file_system: Option<&CStr>, target: &Path, flags: c_ulong) -> io::Result<()> {
    let target = CString::new(target.as_os_str().as_bytes())?;
    let file_system = file_system.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: every pointer is null, which mount(2) allows here, or to a C string that outlives the
    // call.
    match unsafe { libc::mount(file_system, target.as_ptr(), file_system, flags, ptr::null()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
