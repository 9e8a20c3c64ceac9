//! Components that try to exhaust, mislead or crash their host. Each ends within its limit with a
//! sentence that names it, the host's memory returns to where it was, and the next call works.
//!
//! `cargo test --test hostile -- --nocapture` prints what was tried and what came of it.

mod attack;
mod build;
mod hold;
mod lie;
mod policy;
mod turns;

use initrunner::gate::Toolset;
use initrunner::plugin::CacheFolder;
use initrunner_tests::hostile;
use initrunner_tests::sandbox::Sandbox;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One test at a time: the memory of the process is what is measured.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// One cache for all tests: each component is compiled once.
fn cache() -> CacheFolder {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-cache");
    CacheFolder { folder, key: [4; 32] }
}

/// The `tools:` of a role with one entry.
fn entry(component: &Path, settings: &str) -> String {
    let settings: String = settings.lines().map(|line| format!("\n    {line}")).collect();
    format!("  - component: {}\n    name: hostile{settings}", component.display())
}

async fn open(sandbox: &Sandbox, settings: &str) -> Toolset {
    sandbox.open(&entry(hostile(), settings), Path::new("/")).await.unwrap()
}

/// Writes a component of the test's own and gives its path.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The process's resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// No attack may take longer: its limit is a second or two, and a busy machine is slow.
const SLOWEST: Duration = Duration::from_secs(20);
