//! The example of a role that works at night, as its page says to try it.

use initrunner_tests::daemon::Daemon;
use initrunner_tests::home::{Home, Running, until};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What signs notices.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The example's server, on a free port; gives its address as well.
fn listener(home: &Home) -> (Running, String) {
    let start = home.start_of(Path::new("python3"), ["listen.py", "0"]);
    let server = start.env("NOTICE_SECRET", SECRET).start();
    let mut address = None;
    until("it listens", || {
        let said = server.said();
        address =
            said.lines().find_map(|line| line.strip_prefix("Listening on ")).map(str::to_owned);
        address.is_some()
    });
    (server, address.unwrap())
}

#[test]
fn the_night_shift_waits_for_a_person_and_tells_so() {
    let home = Home::with_example("night-shift");
    let (server, address) = listener(&home);
    let role = std::fs::read_to_string(home.work().join("role.yaml")).unwrap();
    assert!(role.contains("http://127.0.0.1:8300/"));
    home.file("role.yaml", role.replace("http://127.0.0.1:8300/", &address));
    std::fs::create_dir(home.work().join("builds")).unwrap();
    let new = home.file("builds/new.tar", "");
    let old = home.file("builds/old.tar", "");
    let then = SystemTime::now() - Duration::from_hours(8 * 24);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(then).unwrap();

    let daemon = Daemon::of(Daemon::command(&home, "role.yaml").env("NOTICE_SECRET", SECRET));
    home.file("clean-up-now", "");
    until("the server is told", || server.said().contains("--all\n"));
    let run = home.last();
    let told = format!(
        "run.paused {run} paused\n   shell {{\"command\": \"find builds -type f -mtime +7 -print -delete\"}}\n   \
         initrunner approve {run} --all\n"
    );
    assert!(server.said().ends_with(&told), "{}", server.said());
    assert!(old.exists());

    let approved = home.run(["approve", &run, "--all"]);
    assert_eq!(
        (approved.code, approved.raw.as_str()),
        (Some(0), "Resumed.\nRemoved: builds/old.tar\n")
    );
    assert!(new.exists() && !old.exists());
    let ended = format!("run.ended {run} completed\n");
    until("the server is told of the end", || server.said().ends_with(&ended));

    // Whoever does not know the secret tells it nothing.
    let forged = r#"{"type":"run.paused","data":{"run_id":"x","state":"paused","calls":[]}}"#;
    let to = address.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
    let request = initrunner_tests::http_client::Request::new(to, "POST", "/");
    assert_eq!(request.json(forged).send().status, 401);
    assert!(server.said().ends_with(&ended));
    assert_eq!(daemon.stop().code, Some(0));
}
