//! A room of its own for file systems: a shell in a mount namespace, where an unprivileged user may
//! mount (user_namespaces(7)). Commands run in it one after the other.

use crate::home::{Home, until};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

/// The shell. It ends, and what it mounted is gone, when this is dropped.
pub(super) struct Room {
    shell: Child,
    input: ChildStdin,
    folder: PathBuf,
    said: usize,
}

/// What a command in the room left.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Room {
    /// Enters a room with the state folder of `home` in it. `None` where the system allows none.
    pub(super) fn enter(home: &Home) -> Option<Self> {
        let folder = home.root().join("room");
        std::fs::create_dir_all(&folder).ok()?;
        let mut shell = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.root().join("home"))
            .env("INITRUNNER_HOME", home.state())
            .current_dir(home.work())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let input = shell.stdin.take()?;
        let mut room = Self { shell, input, folder, said: 0 };
        (room.say("mount -t tmpfs -o size=64k none /mnt && umount /mnt").code == 0).then_some(room)
    }

    /// Runs a command. Where the shell is gone, the code is -1.
    pub(super) fn say(&mut self, command: &str) -> Said {
        self.said += 1;
        let file = |name: &str| self.folder.join(format!("{name}.{}", self.said));
        let (out, err, code) = (file("out"), file("err"), file("code"));
        let line = format!(
            "{{ {command} ; }} >'{}' 2>'{}' </dev/null; echo $? >'{}.draft'; mv '{2}.draft' '{2}'\n",
            out.display(),
            err.display(),
            code.display(),
        );
        if self.input.write_all(line.as_bytes()).is_ok() {
            until("the command in the room ends", || {
                code.exists() || !matches!(self.shell.try_wait(), Ok(None))
            });
        }
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Said {
            code: read(&code).trim().parse().unwrap_or(-1),
            stdout: read(&out),
            stderr: read(&err),
        }
    }

    /// Runs the program.
    pub(super) fn run(&mut self, words: &str) -> Said {
        let program = crate::binary();
        self.say(&format!("'{}' {words}", program.display()))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
