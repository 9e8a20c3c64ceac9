//! The program as a server, started for one measurement, and what the kernel says of its process.

use initrunner_tests::{binary, probe};
use std::io::BufRead;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `initrunner serve`, started.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The key of this machine, which may do everything.
    pub key: String,
}

impl Served {
    /// Starts it with its state in `folder`, beside that model. Its roles: `works` calls a tool, `waits` calls
    /// one that a person is asked about, `talks` has none.
    pub fn start(folder: &Path, model: SocketAddr) -> Self {
        let roles = folder.join("roles");
        std::fs::create_dir_all(&roles).unwrap();
        let tools = |approval: &str| {
            let component = probe().display();
            format!(
                "tools:\n  - component: {component}\n    name: probe\n    approval: {approval}\n    grants: {{process: [{{program: 'true'}}]}}\n"
            )
        };
        for (name, tools) in
            [("works", tools("auto")), ("waits", tools("required")), ("talks", String::new())]
        {
            let role = format!(
                "name: {name}\nprompt: You use your tools.\nmodel: {{provider: openai, name: stub, base_url: \"http://{model}/v1\"}}\n{tools}"
            );
            std::fs::write(roles.join(format!("{name}.yaml")), role).unwrap();
        }
        let mut child = Command::new(binary())
            // One key sends more than a client of a service would: what is measured is not the limit.
            .args(["serve", "--port", "0", "--rate-limit", "0"])
            .arg(&roles)
            .env("INITRUNNER_HOME", folder.join("home"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").expect("an address").1.parse().unwrap();
        let key = std::fs::read_to_string(folder.join("home/api-key")).unwrap().trim().to_owned();
        Self { child, address, key }
    }

    /// What it has used of the processors so far, in seconds.
    pub fn processor_seconds(&self) -> f64 {
        crate::processor_seconds_of(&self.child.id().to_string())
    }

    /// Its resident memory, in bytes.
    pub fn resident(&self) -> u64 {
        crate::resident_of(&self.child.id().to_string())
    }

    /// The descriptors that it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
