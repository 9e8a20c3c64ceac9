//! The mock model server aimock, which speaks the protocols of all providers.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Ends the server when our end of its standard input closes: also when the test is killed.
const END_WITH_US: &str =
    "data:text/javascript,process.stdin.resume().on('end',()=>process.exit(0))";

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Aimock {
    child: Child,
    _stdin: Option<ChildStdin>,
    url: String,
    base_url: String,
}

impl Aimock {
    /// Starts it with the fixtures of one file in `tests/aimock/fixtures`.
    ///
    /// # Panics
    /// Where it is not installed or does not start, with the command to run.
    pub fn start(fixtures: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("aimock");
        let program: PathBuf =
            ["node_modules", "@copilotkit", "aimock", "dist", "cli.js"].iter().collect();
        assert!(
            folder.join(&program).exists(),
            "aimock is not installed: run `npm ci --prefix tests/aimock`, or `./tests/run`, which does"
        );
        let mut child = Command::new("node")
            .current_dir(&folder)
            .args(["--import", END_WITH_US])
            .arg(&program)
            .args(["--port", "0", "--strict", "--fixtures"])
            .arg(Path::new("fixtures").join(fixtures))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js 20.15 or later must be installed as `node`");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("its standard output is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let url = lines.find_map(|line| {
            let url = line.split_once("listening on ").map(|(_, url)| url.trim().to_owned());
            said.push(line);
            url
        });
        let url = url.unwrap_or_else(|| panic!("aimock did not start; it said: {said:?}"));
        // Keeps its output flowing, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, _stdin: stdin, base_url: format!("{url}/v1"), url }
    }

    /// The address without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The `base_url` of a role.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for Aimock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
