//! What the integration tests share.

pub mod aimock;
pub mod ask;
pub mod browser;
pub mod components;
pub mod daemon;
pub mod discord;
pub mod filled;
pub mod home;
pub mod http_client;
pub mod interfaces;
pub mod model_stub;
pub mod policies;
pub mod prove;
pub mod random;
pub mod reference;
pub mod sandbox;
pub mod serve;
pub mod slack;
pub mod smtp;
pub mod stable;
pub mod standin;
pub mod telegram;
pub mod terminal;
pub mod tokens;

use std::path::{Path, PathBuf};

/// The `initrunner` program built beside the running test.
///
/// # Panics
/// It is not there: `cargo test -p initrunner-tests` alone does not build it.
pub fn binary() -> PathBuf {
    beside("initrunner", "run `cargo build` first")
}

/// The same program with fail points.
///
/// # Panics
/// As [`binary`].
pub fn failing_binary() -> PathBuf {
    beside("failing_host", "name both packages: `-p initrunner -p initrunner-tests`")
}

fn beside(name: &str, cure: &str) -> PathBuf {
    let mut path = std::env::current_exe().expect("the path of the running test");
    // target/debug/deps/process-0123 → target/debug/initrunner; programs lie one level higher.
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "`{}` is missing: {cure}", path.display());
    path
}

/// The component that misbehaves on demand; see `guests/probe`.
pub fn probe() -> &'static Path {
    Path::new(env!("PROBE"))
}

/// A component that does not know this host; see `foreign.wat`.
///
/// # Panics
/// The text is no component.
pub fn foreign() -> Vec<u8> {
    wat::parse_str(include_str!("foreign.wat")).expect("a component")
}

/// The component that says to the database capability whatever a test names; see `guests/sql`.
pub fn sql_probe() -> &'static Path {
    Path::new(env!("SQL_PROBE"))
}

/// The component that asks for files as no library would; see `guests/files`.
pub fn files_probe() -> &'static Path {
    Path::new(env!("FILES"))
}

/// The component that attacks its host; see `guests/hostile`.
pub fn hostile() -> &'static Path {
    Path::new(env!("HOSTILE"))
}

/// The policy that does what it is told; see `guests/decider`.
pub fn decider() -> &'static Path {
    Path::new(env!("DECIDER"))
}

/// The tool of the example of policies.
pub fn refund() -> &'static Path {
    Path::new(env!("REFUND"))
}
