//! Files through real components: what a grant gives, and that nothing leads out of it.

#![cfg(target_os = "linux")]

mod escape;
mod limit;
mod load;
mod race;
mod single;
mod tool;

use initrunner::gate::Toolset;
use initrunner::plugin::{CacheFolder, Pool};
use initrunner_tests::files_probe;
use initrunner_tests::sandbox::Sandbox;
use rustix::fs::{CWD, FileType, Mode};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What lies outside of every grant. No answer of a component ever contains it.
const SECRET: &str = "the secret of somebody else";

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// One cache for all tests: each component is compiled once.
fn cache() -> CacheFolder {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("files-cache");
    CacheFolder { folder, key: [5; 32] }
}

/// A folder with what is granted, and beside it what is not.
struct World {
    folder: TempDir,
    /// Whether devices could be made, which takes more rights than most users have.
    devices: bool,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Where it really is: some machines have links above their temporary folders.
        let at = folder.path().canonicalize().expect("a folder");
        for name in ["data/sub/deep", "data/full", "read/sub", "outside/dir", "state/keys", "one"] {
            fs::create_dir_all(at.join(name)).unwrap();
        }
        for (name, text) in [
            ("data/in.txt", "inside"),
            ("data/sub/in.txt", "inside"),
            ("read/r.txt", "readable"),
            ("outside/secret.txt", SECRET),
            ("outside/hard.txt", "hard"),
            ("state/audit.db", SECRET),
            ("one/single.txt", "single"),
            ("one/other.txt", "other"),
            ("one/neighbour.txt", SECRET),
        ] {
            fs::write(at.join(name), text).unwrap();
        }
        let secret = at.join("outside/secret.txt");
        for (name, target) in [
            ("link_out", Path::new("../outside/secret.txt")),
            ("link_abs", secret.as_path()),
            ("link_in", Path::new("in.txt")),
            ("link_chain", Path::new("sub/link_chain")),
            ("sub/link_chain", Path::new("../link_out")),
            ("dir_out", Path::new("../outside")),
            ("sub/up", Path::new("../..")),
            ("dangling", Path::new("../outside/new.txt")),
            ("loop", Path::new("loop")),
            ("proc", Path::new("/proc/self")),
            ("proc_up", Path::new("../../../../../../../../../../proc/self")),
            ("root", Path::new("/")),
            ("dev", Path::new("/dev/zero")),
            ("to_fifo", Path::new("fifo")),
        ] {
            symlink(target, at.join("data").join(name)).unwrap();
        }
        let make = |name: &str, kind, device| {
            rustix::fs::mknodat(
                CWD,
                at.join("data").join(name),
                kind,
                Mode::RUSR | Mode::WUSR,
                device,
            )
        };
        make("fifo", FileType::Fifo, 0).unwrap();
        drop(std::os::unix::net::UnixListener::bind(at.join("data/socket")).unwrap());
        // The device that never ends, and one that takes a connection.
        let zero = make("zero", FileType::CharacterDevice, rustix::fs::makedev(1, 5));
        let terminal = make("terminal", FileType::CharacterDevice, rustix::fs::makedev(5, 0));
        fs::hard_link(at.join("outside/hard.txt"), at.join("data/hard.txt")).unwrap();
        let name = std::ffi::OsStr::from_bytes(b"no\xfftext");
        fs::write(at.join("data/sub").join(name), "named badly").unwrap();
        Self { folder, devices: zero.is_ok() && terminal.is_ok() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

/// The usual grants: a folder to write, one to read.
const GRANTS: &str = "grants: {files: [{path: data, access: write}, {path: read}]}";

struct Host {
    sandbox: Sandbox,
    tools: Toolset,
}

impl Host {
    /// A host for the component that asks for files, with these settings of its entry.
    fn open(world: &World, settings: &str) -> Result<Self, String> {
        let entry =
            format!("  - component: {}\n    name: files\n    {settings}", files_probe().display());
        Self::of(world, &entry)
    }

    /// A host for a role with these tools.
    fn of(world: &World, tools: &str) -> Result<Self, String> {
        let protected = vec![world.path("state"), world.path("later/state")];
        let sandbox = Sandbox::protecting(Some(cache()), Pool::ONE_RUN, protected);
        let tools = wait(sandbox.open(tools, &world.path("")))?;
        Ok(Self { sandbox, tools })
    }

    fn call(&self, tool: &str, arguments: &Value) -> String {
        wait(self.sandbox.call(&self.tools, tool, &arguments.to_string()))
    }

    /// What came of each step, as the component tells it.
    fn steps(&self, steps: &Value) -> String {
        let said = self.call("files", &json!({ "steps": steps }));
        said.strip_prefix("ok: ").unwrap_or(&said).to_owned()
    }

    /// What the host says of a call that failed after these steps.
    fn hint(&self, steps: &Value) -> Option<String> {
        let said = self.call("files", &json!({ "steps": steps, "fail": true }));
        let (_, hint) = said.split_once("\n(the host says: ")?;
        Some(hint.strip_suffix(')').unwrap_or(hint).to_owned())
    }
}

/// The path of the world in a sentence, which differs each time.
fn stable(world: &World, text: &str) -> String {
    let folder = world.path("");
    text.replace(folder.to_str().unwrap().trim_end_matches('/'), "WORLD")
        .replace(&files_probe().display().to_string(), "FILES")
}
