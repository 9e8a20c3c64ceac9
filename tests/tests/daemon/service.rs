//! Having the system see to a daemon, as far as that needs no system.

use crate::role::{self, HOOK};
use expect_test::expect;
use initrunner_tests::home::{Home, until};

#[test]
fn the_unit_is_printed_and_nothing_is_written() {
    let home = role::home("required", HOOK);
    let config = home.root().join("config");
    let install = ["daemon", "install", "ops.yaml", "--print", "--port", "9000"];
    let ran = home.command(install).env("XDG_CONFIG_HOME", config.to_str().unwrap()).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!config.exists());
    let work = std::fs::canonicalize(home.work()).unwrap();
    let line = ran.raw.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    let (program, rest) = line.split_once("\" daemon ").unwrap();
    assert!(program.starts_with("ExecStart=\"/") && program.ends_with("/initrunner"), "{program}");
    assert_eq!(rest, format!("\"{}/ops.yaml\" --port 9000 --log-level info", work.display()));
    let variables = format!("EnvironmentFile=-{}/initrunner/initrunner.env", config.display());
    assert!(ran.raw.contains(&variables), "{ran}");
}

#[test]
fn a_service_that_is_not_there_is_told() {
    let home = role::home("required", HOOK);
    let config = home.root().join("config");
    let command = |words: &[&'static str]| {
        let words = ["daemon"].into_iter().chain(words.iter().copied());
        home.command(words).env("XDG_CONFIG_HOME", config.to_str().unwrap()).run()
    };
    let ran = command(&["uninstall", "--name", "other"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no service `other` is installed"), "{ran}");
    command(&["install", "nowhere.yaml"]).check(expect![[r#"
        ! error: the role `nowhere.yaml` cannot be read: there is no such file
        = 1
    "#]]);
    command(&[]).check(expect![[r#"
        ! error: name a role file, or a folder of them: `initrunner daemon ROLE`
        = 64
    "#]]);
}

/// A systemd that does what it is asked, or does not, and writes down what it was asked.
fn systemd(home: &Home, body: &str) -> String {
    let folder = home.root().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("systemctl");
    let asked = home.root().join("asked");
    let text = format!("#!/bin/sh\necho \"$*\" >> '{}'\n{body}\n", asked.display());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_service_is_installed_started_anew_and_taken_away() {
    let home = role::home("required", HOOK);
    let config = home.root().join("config");
    let path = systemd(&home, "exit 0");
    let command = |words: &[&'static str]| {
        let words = ["daemon"].into_iter().chain(words.iter().copied());
        let start = home.command(words).env("PATH", &path);
        start.env("XDG_CONFIG_HOME", config.to_str().unwrap()).run()
    };
    for _ in 0..2 {
        command(&["install", "ops.yaml"]).check(expect![[r#"
            Wrote FOLDER/config/systemd/user/initrunner.service
            Variables, such as tokens, go into FOLDER/config/initrunner/initrunner.env
            = 0
        "#]]);
    }
    let unit = config.join("systemd/user/initrunner.service");
    assert!(unit.exists());
    command(&["uninstall"]).check(expect![[r#"
        Removed FOLDER/config/systemd/user/initrunner.service
        = 0
    "#]]);
    assert!(!unit.exists());
    let asked = std::fs::read_to_string(home.root().join("asked")).unwrap();
    let installed = "--user daemon-reload
--user enable initrunner.service
--user restart initrunner.service
--user status --no-pager --lines=0 initrunner.service
";
    let removed = "--user disable --now initrunner.service\n--user daemon-reload\n";
    assert_eq!(asked, format!("{installed}{installed}{removed}"));
}

#[test]
fn a_systemd_that_refuses_is_told_with_what_to_do() {
    let home = role::home("required", HOOK);
    let config = home.root().join("config");
    let command = |words: &[&'static str], path: &str| {
        let words = ["daemon"].into_iter().chain(words.iter().copied());
        let start = home.command(words).env("PATH", path);
        start.env("XDG_CONFIG_HOME", config.to_str().unwrap()).run()
    };
    let nobody = systemd(&home, "echo Failed to connect to bus >&2; exit 1");
    command(&["install", "ops.yaml"], &nobody).check(expect![[r#"
        Wrote FOLDER/config/systemd/user/initrunner.service
        Variables, such as tokens, go into FOLDER/config/initrunner/initrunner.env
        ! Failed to connect to bus
        ! error: systemd does not take `initrunner.service`; log in as the user whose service it is, and run `initrunner daemon install` again
        = 1
    "#]]);
    command(&["uninstall"], &nobody).check(expect![[r#"
        ! Failed to connect to bus
        ! error: systemd does not stop `initrunner.service`, so its unit stays; log in as the user whose service it is, and try again
        = 1
    "#]]);
    let failing = systemd(&home, "case $2 in restart) exit 1;; esac");
    command(&["install", "ops.yaml"], &failing).check(expect![[r#"
        Wrote FOLDER/config/systemd/user/initrunner.service
        Variables, such as tokens, go into FOLDER/config/initrunner/initrunner.env
        ! error: `initrunner.service` does not start; `initrunner daemon logs` says why, and `initrunner daemon install` tries again
        = 1
    "#]]);
    command(&["install", "ops.yaml"], "/nowhere").check(expect![[r#"
        Wrote FOLDER/config/systemd/user/initrunner.service
        Variables, such as tokens, go into FOLDER/config/initrunner/initrunner.env
        ! error: `systemctl` is not there: this machine has no systemd; have what starts its services run `initrunner daemon ROLE`
        = 1
    "#]]);
    command(&["uninstall"], "/nowhere").check(expect![[r#"
        ! error: `systemctl` is not there: this machine has no systemd; have what starts its services run `initrunner daemon ROLE`
        !   hint: where nothing runs by it any more, remove `FOLDER/config/systemd/user/initrunner.service`
        = 1
    "#]]);
    assert!(config.join("systemd/user/initrunner.service").exists());
}

/// The service manager is a socket that datagrams are sent to (sd_notify(3)).
#[test]
fn the_service_manager_hears_that_it_is_ready_and_that_it_lives() {
    let home = role::home("required", HOOK);
    let path = home.root().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let command = role::command(&home).env("NOTIFY_SOCKET", path.to_str().unwrap());
    let daemon = initrunner_tests::daemon::Daemon::of(command.env("WATCHDOG_USEC", "100000"));
    let mut heard = Vec::new();
    until("it has said both", || {
        let mut buffer = [0; 1000];
        let length = socket.recv(&mut buffer).unwrap();
        heard.push(String::from_utf8_lossy(&buffer[..length]).trim().to_owned());
        heard.iter().filter(|word| *word == "WATCHDOG=1").count() > 2
    });
    assert_eq!(heard[0], "READY=1");
    assert_eq!(daemon.stop().code, Some(0));
}

/// The journal knows the time and asks how grave a line is: each says so at its beginning (sd-daemon(3)).
#[test]
fn lines_for_the_journal_say_how_grave_they_are() {
    let home = role::home("required", HOOK);
    let log = std::fs::File::create(home.root().join("journal")).unwrap();
    let about = log.metadata().unwrap();
    let stream = {
        use std::os::linux::fs::MetadataExt;
        format!("{}:{}", about.st_dev(), about.st_ino())
    };
    let command = role::command(&home).env("JOURNAL_STREAM", &stream);
    let path = home.root().join("journal");
    let daemon = initrunner_tests::daemon::Daemon::of(
        command.after(&format!("exec 2>'{}'", path.display())),
    );
    assert_eq!(daemon.push("/hook", "guessed", "{}").status, 401);
    assert_eq!(daemon.push("/hook", role::SECRET, &role::body("echo x")).status, 202);
    role::are(&home, "paused", 1);
    daemon.stop();
    let lines = std::fs::read_to_string(&path).unwrap();
    assert!(lines.lines().any(|line| line.starts_with("<4>a request was refused")), "{lines}");
    assert!(lines.lines().any(|line| line.starts_with("<6>accepted")), "{lines}");
}

/// The image's own words: how it starts a daemon, and how it asks whether that works.
#[test]
fn the_images_health_check_tells_a_daemon_that_works_from_none() {
    let file = include_str!("../../../Dockerfile");
    let words = |key: &str| -> Vec<String> {
        let (_, rest) = file.split_once(key).unwrap();
        let list = &rest[rest.find('[').unwrap()..];
        serde_json::from_str(list.lines().next().unwrap()).unwrap()
    };
    // No role of it has a webhook: the check is what it listens for.
    let home = role::home("required", "triggers:\n  - {type: heartbeat, every: 1h, prompt: p}\n");
    let started: Vec<String> = words("\nCMD ")
        .into_iter()
        .map(|word| match word.as_str() {
            "/roles" => ".".to_owned(),
            "0.0.0.0" => "127.0.0.1".to_owned(),
            "8200" => "0".to_owned(),
            _ => word,
        })
        .collect();
    let start = home.command(started.iter().map(String::as_str));
    let daemon = initrunner_tests::daemon::Daemon::of(start);
    let said = daemon.said();
    let port = said.lines().find_map(|line| line.strip_prefix("Listening for webhooks on http://"));
    let (_, port) = port.unwrap().rsplit_once(':').unwrap();
    let check = || {
        let check = words("HEALTHCHECK ");
        let check: Vec<String> = check
            .iter()
            .map(|word| word.replace("127.0.0.1/8200", &format!("127.0.0.1/{port}")))
            .collect();
        let mut asked = std::process::Command::new(&check[0]);
        asked.args(&check[1..]).stderr(std::process::Stdio::null());
        asked.status().unwrap().code()
    };
    assert_eq!(check(), Some(0));
    assert_eq!(daemon.stop().code, Some(0));
    assert_ne!(check(), Some(0));
}
