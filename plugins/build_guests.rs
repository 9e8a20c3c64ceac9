//! Shared by the build scripts of the host and of the tests: builds workspace packages as
//! components.
//!
//! The inner cargo has its own target folder, fixed beside the outer one: sharing the outer one would
//! wait for the outer build's lock for ever, and one inside `OUT_DIR` would build everything again for
//! each profile.

use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Builds `packages` and gives the path of each component, in order. Ends the build with a sentence
/// where that cannot be done.
#[expect(clippy::disallowed_methods, reason = "a build script starts cargo; no tool is involved")]
pub(crate) fn build(workspace: &Path, packages: &[&str]) -> Vec<PathBuf> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    // OUT_DIR is TARGET/PROFILE/build/PACKAGE-HASH/out.
    let target = out.ancestors().nth(4).unwrap_or(workspace).join("guests");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());

    let mut command = Command::new(cargo);
    command.current_dir(workspace).arg("build").args(["--profile", "guest", "--locked", "--quiet"]);
    command.args(["--target", TARGET]).arg("--target-dir").arg(&target);
    for package in packages {
        command.args(["--package", package]);
    }
    // What the outer build set for the host must not reach the components.
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PROFILE_") || text.starts_with("CARGO_FEATURE_") {
            command.env_remove(&name);
        }
    }

    let output = match command.output() {
        Ok(output) => output,
        Err(error) => stop(&format!("cargo could not be started to build the components: {error}")),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("E0463") || said.contains("target may not be installed") {
            stop(&format!(
                "the components need the Rust target {TARGET}; run: rustup target add {TARGET}"
            ));
        }
        stop(&format!("the components could not be built:\n{said}"));
    }
    packages
        .iter()
        .map(|package| {
            target.join(TARGET).join("guest").join(format!("{}.wasm", package.replace('-', "_")))
        })
        .collect()
}

/// Tells cargo to run the build script again when one of these changes.
pub(crate) fn watch(workspace: &Path, paths: &[&str]) {
    for path in paths {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
}

fn stop(sentence: &str) -> ! {
    for line in sentence.lines() {
        println!("cargo::error={line}");
    }
    std::process::exit(1)
}
