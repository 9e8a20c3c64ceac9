//! Landlock: what the program's thread gives up before it starts the program. The rules and their
//! reasons are in [the module's documentation](super).

use super::offline::forbid_sockets;
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

/// What every program may read: the system, where programs and their libraries, settings and
/// certificates are. Nobody's home, and no data of services. Missing ones are skipped.
const SYSTEM: [&str; 17] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr",
    "/etc",
    "/opt",
    "/proc",
    "/sys",
    // Where whole systems lie in stores of packages.
    "/nix/store",
    "/gnu/store",
    "/run/current-system",
    "/snap",
    // What `/etc/resolv.conf` is a link to.
    "/run/systemd/resolve",
    "/run/resolvconf",
];

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

/// What a program may reach. Paths are canonical.
pub(super) struct Reach {
    /// Below these it writes.
    pub(super) write: Vec<PathBuf>,
    /// Below these it reads, beside what every program may read.
    pub(super) read: Vec<PathBuf>,
    /// Whether it may have sockets.
    pub(super) network: bool,
}

/// Restricts the calling thread, and so whatever it starts. Returns what is in force: `landlock-7`,
/// `mount-namespace` and `no-network`, as far as the kernel can, or `none`. `hidden` says that some
/// protected folders, which are canonical paths too, are hidden already.
///
/// # Errors
/// The kernel can and refuses: then nothing may be started, since the caller was promised isolation.
pub(super) fn isolate(
    reach: &Reach,
    protected: &[PathBuf],
    hidden: bool,
) -> Result<String, String> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("cannot give up privileges: {error}"))?;
    for capability in DROPPED {
        // Who is refused this does not have the capability to lose.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let status = restrict(reach, protected)
        .map_err(|error| format!("the kernel refused to isolate the program: {error}"))?;
    let landlock = match (status.landlock, status.ruleset) {
        (_, RulesetStatus::NotEnforced) => None,
        (LandlockStatus::Available { kernel_abi: Some(abi), .. }, _) => Some(abi),
        (LandlockStatus::Available { effective_abi, .. }, _) => Some(effective_abi as i32),
        _ => None,
    };
    let offline = !reach.network
        && forbid_sockets().map_err(|error| {
            format!("the kernel refused to keep the program off the network: {error}")
        })?;
    Ok(words(landlock, hidden, offline))
}

/// What this kernel can do for a program that is about to be asked about, in the words of
/// [`isolate`], except whether folders will have to be hidden.
pub(super) fn available(network: bool) -> String {
    words(landlock_version(), false, !network && super::offline::available())
}

fn words(landlock: Option<i32>, hidden: bool, offline: bool) -> String {
    let landlock = landlock.map(|version| format!("landlock-{version}"));
    let hidden = hidden.then(|| "mount-namespace".to_owned());
    let offline = offline.then(|| "no-network".to_owned());
    let words: Vec<String> = [landlock, hidden, offline].into_iter().flatten().collect();
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

/// The version of Landlock's interface that the kernel has, where it is on.
#[expect(unsafe_code, reason = "the crate tells the version only of rules that are in force")]
fn landlock_version() -> Option<i32> {
    // LANDLOCK_CREATE_RULESET_VERSION in linux/landlock.h.
    const VERSION: libc::c_uint = 1;
    let (attributes, size) = (std::ptr::null::<libc::c_void>(), 0_usize);
    // SAFETY: with this flag the call takes no attributes and makes nothing (landlock_create_ruleset(2)).
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, attributes, size, VERSION) };
    i32::try_from(version).ok().filter(|version| *version > 0)
}

/// The folders below which a program may write, as canonical paths: the granted ones and the temporary
/// ones.
pub(super) fn writable(granted: Vec<PathBuf>) -> Vec<PathBuf> {
    let temporary = TEMPORARY.iter().filter_map(|folder| Path::new(folder).canonicalize().ok());
    granted.into_iter().chain(temporary).collect()
}

/// Whether a program may read a file: for a sentence, since the kernel decides.
pub(super) fn reads(reach: &Reach, path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let system = SYSTEM.iter().filter_map(|folder| Path::new(folder).canonicalize().ok());
    reach.read.iter().chain(&reach.write).cloned().chain(system).any(|it| path.starts_with(it))
}

fn restrict(
    reach: &Reach,
    protected: &[PathBuf],
) -> Result<landlock::RestrictionStatus, landlock::RulesetError> {
    let read = AccessFs::from_read(WANTED);
    // Nobody makes device nodes in a project; with the rights of root they would be a way out.
    let write = AccessFs::from_write(WANTED) & !(AccessFs::MakeChar | AccessFs::MakeBlock);

    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;

    for folder in SYSTEM {
        // Some of them are links, to folders of this list on most systems.
        if let Ok(folder) = Path::new(folder).canonicalize() {
            allow(&mut ruleset, &folder, read, protected)?;
        }
    }
    for folder in &reach.read {
        allow(&mut ruleset, folder, read, protected)?;
    }
    for folder in &reach.write {
        allow(&mut ruleset, folder, read | write, protected)?;
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
        // Rights about folders mean nothing for a file, and the kernel refuses them.
        let is_folder = rustix::fs::fstat(&file)
            .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir());
        let access = if is_folder { access } else { access & AccessFs::from_file(WANTED) };
        ruleset.add_rule(PathBeneath::new(file, access))?;
    }
    Ok(())
}
