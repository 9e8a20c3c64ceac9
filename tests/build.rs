//! Builds the components that the tests run.

use std::path::PathBuf;

#[path = "../plugins/build_guests.rs"]
mod build_guests;

fn main() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let workspace = here.parent().map(PathBuf::from).unwrap_or_default();
    build_guests::watch(
        &workspace,
        &["tests/guests", "examples/refunds/refund", "sdk", "wit", "Cargo.lock", "Cargo.toml"],
    );
    let guests = [
        ("PROBE", "initrunner-probe"),
        ("FILES", "initrunner-files-probe"),
        ("SQL_PROBE", "initrunner-sql-probe"),
        ("HOSTILE", "initrunner-hostile"),
        ("DECIDER", "initrunner-decider"),
        ("REFUND", "initrunner-example-refund"),
    ];
    let components = build_guests::build(&workspace, &guests.map(|(_, package)| package));
    for ((name, _), path) in guests.iter().zip(&components) {
        println!("cargo::rustc-env={name}={}", path.display());
    }
}
