//! Compiled components on disk, so that a component is compiled once per machine.
//!
//! Compiled code is machine code: a file of it is as good as the program itself. So an entry is used
//! only if its last 32 bytes are the HMAC-SHA256 of the rest under this host's own key, which lies
//! outside the cache; a damaged, foreign or planted file is compiled again and replaced, never trusted
//! and never fatal. The name holds the component's digest and a hash of the engine's version and
//! settings.

use crate::domain::digest::Digest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of the authentication code at the end of an entry: the code itself must begin the file to be
/// mapped.
const MAC: usize = 32;

/// A folder of compiled components.
#[derive(Debug, Clone)]
pub struct CacheFolder {
    /// The folder, made with mode 0700 when it is missing.
    pub folder: PathBuf,
    /// The key that entries are authenticated with.
    pub key: [u8; 32],
}

impl CacheFolder {
    fn path(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        // The hash covers everything that decides whether compiled code fits: wasmtime's version, the
        // target, the settings. A collision would only be a damaged entry to `deserialize`.
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{}-{:016x}.cwasm", digest.hex(), hasher.finish()))
    }

    /// The authentication of an entry's code, not yet given any of it.
    fn mac(&self, engine: &Engine, digest: &Digest) -> Hmac<Sha256> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        // HMAC pads a short key with zeros to its block (RFC 2104).
        let mut block = [0; 64];
        block[..self.key.len()].copy_from_slice(&self.key);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        // The name is part of what is authenticated: an entry renamed over another is foreign.
        mac.update(digest.as_bytes());
        mac.update(&hasher.finish().to_be_bytes());
        mac
    }

    /// The compiled component, where there is a sound entry for it.
    pub(super) fn get(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .ok()?;
        let about = file.metadata().ok()?;
        // Nobody else may be able to change it between the check and the use.
        if about.uid() != rustix::process::geteuid().as_raw() || about.mode() & 0o022 != 0 {
            return None;
        }
        let mut left = about.len().checked_sub(MAC as u64)?;
        let mut mac = self.mac(engine, digest);
        // Read in pieces: a copy of the whole would cost more than its hash.
        let mut piece = vec![0; 64 << 10];
        while left > 0 {
            let wanted = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.read_exact(&mut piece[..wanted]).ok()?;
            mac.update(&piece[..wanted]);
            left -= wanted as u64;
        }
        let mut expected = [0; MAC];
        file.read_exact(&mut expected).ok()?;
        mac.verify_slice(&expected).ok()?;
        // The file that was just checked, whatever has the name by now.
        let same = if cfg!(target_os = "linux") {
            PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
        } else {
            path
        };
        #[expect(
            unsafe_code,
            reason = "the file was just authenticated as written by this host for this engine"
        )]
        // SAFETY: `deserialize_file` asks for bytes that came from `serialize`, which the key proves, and
        // that nobody changes the file while it is mapped: only this user can, and this host replaces
        // entries by renaming and never writes into one.
        unsafe {
            Component::deserialize_file(engine, same).ok()
        }
    }

    /// Writes an entry. A cache that cannot be written costs time and nothing else, so failures are
    /// not reported.
    pub(super) fn put(&self, engine: &Engine, digest: &Digest, component: &Component) {
        let Ok(code) = component.serialize() else { return };
        let mut mac = self.mac(engine, digest);
        mac.update(&code);
        let mac = mac.finalize().into_bytes();
        let _ = self.write(&self.path(engine, digest), &code, &mac);
    }

    fn write(&self, path: &Path, code: &[u8], mac: &[u8]) -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // Written beside and renamed: a reader sees a whole entry or none, and two writers do not mix.
        let draft = path.with_extension(format!("{}.draft", std::process::id()));
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(code)?;
                file.write_all(mac)
            })
            .and_then(|()| std::fs::rename(&draft, path));
        if written.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        written
    }
}
