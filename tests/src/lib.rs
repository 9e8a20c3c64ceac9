//! What the integration tests share.

pub mod aimock;
pub mod ask;
pub mod home;
pub mod model_stub;
pub mod random;
pub mod reference;
pub mod sandbox;
pub mod stable;
pub mod tokens;

use std::path::{Path, PathBuf};

/// The `initrunner` program built beside the running test.
///
/// # Panics
/// It is not there: `cargo test -p initrunner-tests` alone does not build it.
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("the path of the running test");
    // target/debug/deps/process-0123 → target/debug/initrunner; programs lie one level higher.
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push(format!("initrunner{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "`{}` is missing: run `cargo build` first", path.display());
    path
}

/// The component that misbehaves on demand; see `guests/probe`.
pub fn probe() -> &'static Path {
    Path::new(env!("PROBE"))
}
