//! Builds the first-party components and writes down, for the binary to carry, their bytes, packed, and
//! the digests that they have unpacked.

use miniz_oxide::deflate::{CompressionLevel, compress_to_vec};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

#[path = "../plugins/build_guests.rs"]
mod build_guests;

/// The tools the binary carries: the name a role uses, and the package that builds it.
const TOOLS: &[(&str, &str)] = &[
    ("datetime", "initrunner-datetime"),
    ("filesystem", "initrunner-filesystem"),
    ("http", "initrunner-http"),
    ("shell", "initrunner-shell"),
    ("sql", "initrunner-sql"),
];

/// The policies it carries.
const POLICIES: &[(&str, &str)] = &[("cedar", "initrunner-cedar"), ("hours", "initrunner-hours")];

fn main() {
    pack_relocations();
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let workspace = here.parent().map(PathBuf::from).unwrap_or_default();
    build_guests::watch(&workspace, &["plugins", "sdk", "wit", "Cargo.lock", "Cargo.toml"]);

    let all = || TOOLS.iter().chain(POLICIES);
    let packages: Vec<&str> = all().map(|(_, package)| *package).collect();
    let components = build_guests::build(&workspace, &packages);

    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let mut source = String::new();
    let mut components = components.iter();
    for (list, items) in [("TOOLS", TOOLS), ("POLICIES", POLICIES)] {
        let _ = writeln!(source, "pub(super) const {list}: &[Carried] = &[");
        for ((name, _), path) in items.iter().zip(&mut components) {
            let bytes = match std::fs::read(path) {
                Ok(bytes) => bytes,
                Err(error) => {
                    println!("cargo::error={} could not be read: {error}", path.display());
                    std::process::exit(1);
                }
            };
            let path = out.join(format!("{name}.deflated"));
            // As small as it gets: it is done once, and read seldom.
            let deflated = compress_to_vec(&bytes, CompressionLevel::UberCompression as u8);
            if let Err(error) = std::fs::write(&path, deflated) {
                println!("cargo::error={} could not be written: {error}", path.display());
                std::process::exit(1);
            }
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            let _ = writeln!(
                source,
                "    Carried {{ name: {name:?}, deflated: include_bytes!({path:?}), size: {size}, digest: {digest:?} }},",
                size = bytes.len(),
            );
        }
        source.push_str("];\n");
    }
    if let Err(error) = std::fs::write(out.join("carried.rs"), source) {
        println!("cargo::error=the list of components could not be written: {error}");
        std::process::exit(1);
    }
}

/// Has the linker write the program's seventy thousand relocations as bitmaps: 20 KB rather than 1.7 MB,
/// which each start reads and applies.
///
/// glibc reads such programs since 2.36 (its NEWS), and an older one refuses them. So this is done where
/// the program is built for the machine that builds it, and not in the profile that packagers use.
fn pack_relocations() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (host, target) = (variable("HOST"), variable("TARGET"));
    let here = variable("PROFILE") == "debug" && host == target && target.ends_with("-linux-gnu");
    if here && glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc, where it tells.
#[expect(
    clippy::disallowed_methods,
    reason = "a build script asks the system; no tool is involved"
)]
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?.stdout;
    let said = String::from_utf8(said).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
