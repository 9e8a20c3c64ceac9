//! The unit that systemd keeps a daemon by (systemd.unit(5), systemd.exec(5)).

use std::fmt::Write as _;
use std::path::Path;

/// What a unit is made of.
pub(super) struct Unit<'u> {
    /// The program.
    pub(super) program: &'u Path,
    /// The role file, or the folder of them.
    pub(super) roles: &'u Path,
    /// The state folder.
    pub(super) home: &'u Path,
    /// The file of variables, which need not be there.
    pub(super) environment: &'u Path,
    /// The port of webhooks.
    pub(super) port: u16,
}

/// What holds for it, each with its reason. Programs of tools run below the same rules.
///
/// Not among them is what takes capabilities away (`ProtectClock`, `ProtectKernelLogs`, `ProtectKernelModules`,
/// `CapabilityBoundingSet`): a user's own service has none, and where the kernel gives users no name spaces,
/// systemd does not start a unit that has them (218/CAPABILITIES).
const HARDENING: [(&str, &str); 10] = [
    // No program of a tool gets more rights than the daemon has.
    ("NoNewPrivileges", "yes"),
    ("RestrictSUIDSGID", "yes"),
    // The system's own files stay as they are; the user's are what roles work on.
    ("ProtectSystem", "full"),
    ("PrivateTmp", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHostname", "yes"),
    ("RestrictRealtime", "yes"),
    ("LockPersonality", "yes"),
    // What it writes is the user's alone.
    ("UMask", "0077"),
];

/// The text of the unit. Components are compiled to machine code, so that memory may be made executable, and
/// programs of tools get name spaces of their own, so that these may be made.
pub(super) fn unit(unit: &Unit<'_>) -> String {
    // A dollar is a variable in a command (systemd.service(5)), and only a dollar in `Environment=`.
    let word = |path: &Path| quoted(&path.to_string_lossy()).replace('$', "$$");
    let mut text = format!(
        "# Written by `initrunner daemon install`, which writes it again.\n\
         [Unit]\n\
         Description=initrunner: roles that run when their triggers say so\n\
         After=network-online.target\n\
         StartLimitIntervalSec=300\n\
         StartLimitBurst=10\n\
         \n\
         [Service]\n\
         Type=notify\n\
         NotifyAccess=main\n\
         WatchdogSec=30\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         TimeoutStopSec=60\n\
         KillMode=mixed\n\
         ExecStart={} daemon {} --port {} --log-level info\n\
         Environment={}\n\
         EnvironmentFile=-{}\n",
        word(unit.program),
        word(unit.roles),
        unit.port,
        // No variable is put in here, and a `$` is one.
        quoted(&format!("INITRUNNER_HOME={}", unit.home.display())).replace("$$", "$"),
        // The whole rest of the line is a path here.
        unit.environment.to_string_lossy().replace('%', "%%"),
    );
    for (key, value) in HARDENING {
        let _ = writeln!(text, "{key}={value}");
    }
    text.push_str("\n[Install]\nWantedBy=default.target\n");
    text
}

/// A word as systemd.syntax(7) reads it: nothing of it is an instruction.
fn quoted(text: &str) -> String {
    let escaped =
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn nothing_of_a_path_is_an_instruction() {
        let text = unit(&Unit {
            program: Path::new("/opt/init runner"),
            roles: Path::new("/home/ann/100% $HOME\"/roles\nExecStartPre=/bin/evil"),
            home: Path::new("/home/ann/.local/$hare/initrunner"),
            environment: Path::new("/home/ann/.config/initrunner/initrunner.env"),
            port: 8200,
        });
        expect![[r##"
            # Written by `initrunner daemon install`, which writes it again.
            [Unit]
            Description=initrunner: roles that run when their triggers say so
            After=network-online.target
            StartLimitIntervalSec=300
            StartLimitBurst=10

            [Service]
            Type=notify
            NotifyAccess=main
            WatchdogSec=30
            Restart=on-failure
            RestartSec=5
            TimeoutStopSec=60
            KillMode=mixed
            ExecStart="/opt/init runner" daemon "/home/ann/100%% $$HOME\"/roles\nExecStartPre=/bin/evil" --port 8200 --log-level info
            Environment="INITRUNNER_HOME=/home/ann/.local/$hare/initrunner"
            EnvironmentFile=-/home/ann/.config/initrunner/initrunner.env
            NoNewPrivileges=yes
            RestrictSUIDSGID=yes
            ProtectSystem=full
            PrivateTmp=yes
            ProtectKernelTunables=yes
            ProtectControlGroups=yes
            ProtectHostname=yes
            RestrictRealtime=yes
            LockPersonality=yes
            UMask=0077

            [Install]
            WantedBy=default.target
        "##]].assert_eq(&text);
    }
}
