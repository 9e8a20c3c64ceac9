//! Builds the first-party components and writes down, for the binary to carry, their bytes, packed, and
//! the digests that they have unpacked.

use miniz_oxide::deflate::{CompressionLevel, compress_to_vec};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::PathBuf;

#[path = "../plugins/build_guests.rs"]
mod build_guests;

/// The components the binary carries: the name a role uses, and the package that builds it.
const FIRST_PARTY: &[(&str, &str)] = &[
    ("datetime", "initrunner-datetime"),
    ("filesystem", "initrunner-filesystem"),
    ("http", "initrunner-http"),
    ("shell", "initrunner-shell"),
    ("sql", "initrunner-sql"),
];

fn main() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let workspace = here.parent().map(PathBuf::from).unwrap_or_default();
    build_guests::watch(&workspace, &["plugins", "sdk", "wit", "Cargo.lock", "Cargo.toml"]);

    let packages: Vec<&str> = FIRST_PARTY.iter().map(|(_, package)| *package).collect();
    let components: Vec<PathBuf> =
        if packages.is_empty() { Vec::new() } else { build_guests::build(&workspace, &packages) };

    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let mut source = String::from("pub(super) const CARRIED: &[Carried] = &[\n");
    for ((name, _), path) in FIRST_PARTY.iter().zip(&components) {
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
    if let Err(error) = std::fs::write(out.join("carried.rs"), source) {
        println!("cargo::error=the list of components could not be written: {error}");
        std::process::exit(1);
    }
}
