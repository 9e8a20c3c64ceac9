//! Keys of this host: 32 random bytes each, in a file of their own with mode 0600, outside the database.

use crate::fail_point;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// As long as SHA-256's output: a longer key adds nothing to HMAC-SHA256.
pub const LENGTH: usize = 32;

/// Reads a key.
///
/// # Errors
/// What the operating system says; [`io::ErrorKind::InvalidData`] where the file is no key.
pub fn read(path: &Path) -> io::Result<[u8; LENGTH]> {
    let bytes = fs::read(path)?;
    bytes.as_slice().try_into().map_err(|_| {
        let sentence = format!("it has {} bytes and not {LENGTH}", bytes.len());
        io::Error::new(io::ErrorKind::InvalidData, sentence)
    })
}

/// Makes a key unless there is one. Written in full and synced under another name first: a process that
/// dies here leaves no half key, and of two that make one at the same moment both go on with the same.
///
/// # Errors
/// What the operating system says.
pub fn ensure(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let bytes: [u8; LENGTH] = random()?;
    let name = data_encoding::HEXLOWER.encode(&random::<8>()?);
    let draft = path.with_extension(format!("draft-{name}"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = file
        .write_all(&bytes)
        .and_then(|()| file.sync_all())
        .inspect(|()| fail_point::reach("store.key.draft_written"))
        .and_then(|()| fs::hard_link(&draft, path));
    fail_point::reach("store.key.linked");
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // The folder too: a key lost in a power cut would leave a journal that nobody can check.
        _ => File::open(folder)?.sync_all(),
    }
}

/// Reads a key, making it where it is missing.
///
/// # Errors
/// As for [`read`] and [`ensure`].
pub fn load_or_create(path: &Path) -> io::Result<[u8; LENGTH]> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            ensure(path)?;
            read(path)
        }
        other => other,
    }
}

/// Bytes that nobody can guess.
///
/// # Errors
/// Where the kernel gives none.
#[expect(
    clippy::disallowed_methods,
    reason = "keys are made here, from the kernel's own randomness"
)]
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}
