//! Landlock: what the program's thread gives up before it starts the program. The rules and their
//! reasons are in [the module's documentation](super).

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::fs::{Mode, OFlags};
use rustix::thread::CapabilitySet;
use std::path::{Path, PathBuf};

/// The newest ABI whose restrictions are wanted and were tried: 5 brought the last of the file rights
/// used here, 6 the scopes. 9 would also cut off sockets with a path, which an SSH agent needs.
const WANTED: ABI = ABI::V6;

/// Where every program may write: scratch space is what these are for. Missing ones are skipped.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Devices that a program without privileges opens for writing as a matter of course.
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
];

/// What root's programs lose as well. Reading the memory of any process, `/proc/PID/environ` included,
/// is open to CAP_PERFMON and CAP_SYS_ADMIN whatever Landlock says (`may_access_mm` in the kernel's
/// fs/proc); the others reach memory or the kernel itself; CAP_SYS_ADMIN would undo a mount.
const DROPPED: [CapabilitySet; 5] = [
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::PERFMON,
    CapabilitySet::BPF,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_MODULE,
];

/// Restricts the calling thread, and so whatever it starts. Returns what is in force: `landlock-7`, or
/// `none` where the kernel has no Landlock. Both paths are canonical; `hidden` says that some folders
/// are hidden already.
///
/// # Errors
/// The kernel has Landlock and refuses: then nothing may be started, since the caller was promised
/// isolation.
pub(super) fn isolate(
    working_directory: &Path,
    protected: &[PathBuf],
    hidden: bool,
) -> Result<String, String> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("cannot give up privileges: {error}"))?;
    for capability in DROPPED {
        // Who is refused this does not have the capability to lose.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let status = restrict(working_directory, protected)
        .map_err(|error| format!("the kernel refused to isolate the program: {error}"))?;
    let landlock = match (status.landlock, status.ruleset) {
        (_, RulesetStatus::NotEnforced) => None,
        (LandlockStatus::Available { kernel_abi: Some(abi), .. }, _) => Some(abi),
        (LandlockStatus::Available { effective_abi, .. }, _) => Some(effective_abi as i32),
        _ => None,
    };
    Ok(match (landlock, hidden) {
        (Some(abi), false) => format!("landlock-{abi}"),
        (Some(abi), true) => format!("landlock-{abi} mount-namespace"),
        (None, true) => "mount-namespace".to_owned(),
        (None, false) => "none".to_owned(),
    })
}

/// The folders below which a program may write, as canonical paths.
pub(super) fn writable(working_directory: &Path) -> Vec<PathBuf> {
    let temporary = TEMPORARY.iter().filter_map(|folder| Path::new(folder).canonicalize().ok());
    std::iter::once(working_directory.to_owned()).chain(temporary).collect()
}

fn restrict(
    working_directory: &Path,
    protected: &[PathBuf],
) -> Result<landlock::RestrictionStatus, landlock::RulesetError> {
    let read = AccessFs::from_read(WANTED);
    // Nobody makes device nodes in a project; with the rights of root they would be a way out.
    let write = AccessFs::from_write(WANTED) & !(AccessFs::MakeChar | AccessFs::MakeBlock);

    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;

    // Names, everywhere: `ls` in a folder above a protected one has to work.
    allow(&mut ruleset, Path::new("/"), AccessFs::ReadDir.into(), &[])?;
    allow(&mut ruleset, Path::new("/"), read, protected)?;
    for folder in writable(working_directory) {
        allow(&mut ruleset, &folder, read | write, protected)?;
    }
    for device in DEVICES {
        allow(&mut ruleset, Path::new(device), read | write, protected)?;
    }
    ruleset.restrict_self()
}

/// Allows `access` below `path`, except in protected folders: on the way to one, entry by entry.
fn allow(
    ruleset: &mut RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
    protected: &[PathBuf],
) -> Result<(), landlock::RulesetError> {
    if protected.iter().any(|folder| path.starts_with(folder)) {
        return Ok(());
    }
    if protected.iter().any(|folder| folder.starts_with(path)) {
        let Ok(entries) = std::fs::read_dir(path) else { return Ok(()) };
        for entry in entries.flatten() {
            // A link has no rights of its own: what it leads to has.
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                allow(ruleset, &entry.path(), access, protected)?;
            }
        }
        return Ok(());
    }
    // NOFOLLOW: an entry that has become a link meanwhile must not widen the rule. What cannot be
    // opened cannot be reached by the program either.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) {
        ruleset.add_rule(PathBeneath::new(file, access))?;
    }
    Ok(())
}
