//! Builds the first-party components and writes down, for the binary to carry, their bytes and
//! digests.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::PathBuf;

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
            // A copy of our own: another build may write the original again before the compiler reads it,
            // and the bytes must be those of the digest.
            let path = out.join(format!("{name}.wasm"));
            if let Err(error) = std::fs::write(&path, &bytes) {
                println!("cargo::error={} could not be written: {error}", path.display());
                std::process::exit(1);
            }
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            let _ = writeln!(
                source,
                "    Carried {{ name: {name:?}, bytes: include_bytes!({path:?}), digest: {digest:?} }},"
            );
        }
        source.push_str("];\n");
    }
    if let Err(error) = std::fs::write(out.join("carried.rs"), source) {
        println!("cargo::error=the list of components could not be written: {error}");
        std::process::exit(1);
    }
}
