//! What a daemon says when it starts, and why it does not.

use crate::role;
use expect_test::{Expect, expect};
use initrunner_tests::daemon::Daemon;
use initrunner_tests::home::{Home, Start};

#[test]
fn it_tells_what_it_waits_for() {
    let home = role::home(
        "required",
        r#"triggers:
  - {type: cron, schedule: "30 2 * * *", timezone: Europe/Berlin, prompt: p}
  - {type: heartbeat, every: 1h, prompt: p}
  - {type: webhook, path: /hook, secret_env: HOOK_SECRET, prompt: p}
  - {type: file_watch, paths: ["inbox/*.csv", "x"], prompt: p}
"#,
    );
    let daemon = role::daemon(&home);
    let said = daemon.said();
    let said: Vec<&str> = said.lines().filter(|line| !line.contains("http://")).collect();
    expect![[r#"
        ops/cron  cron  30 2 * * *
        ops/heartbeat  heartbeat  every 3600 s
        ops/webhook  webhook  POST /hook
        ops/file_watch  file_watch  inbox/*.csv, x
        Waiting for triggers"#]]
    .assert_eq(&said.join("\n"));
    assert_eq!(daemon.request("GET", "/health").send().status, 200);
    assert_eq!(daemon.stop().code, Some(0));
}

#[track_caller]
fn check(home: &Home, words: &[&str], expected: Expect) {
    let ran = home.run(["daemon"].into_iter().chain(words.iter().copied()));
    ran.check(expected);
}

#[test]
fn it_does_not_start_where_nothing_would_happen() {
    let home = role::home("required", "");
    check(
        &home,
        &["ops.yaml"],
        expect![[r#"
        ! error: no role has `triggers`; add some, or run it with `initrunner run`
        = 64
    "#]],
    );
    check(
        &home,
        &["nowhere.yaml"],
        expect![[r#"
        ! error: the role `nowhere.yaml` cannot be read: there is no such file
        = 65
    "#]],
    );
    role::write(&home, "ops", "required", role::HOOK);
    check(
        &home,
        &["ops.yaml"],
        expect![[r#"
        ! error: `webhook` of role `ops` needs the variable `HOOK_SECRET`, which is not set; set it where the daemon is started
        = 65
    "#]],
    );
    let ran = home.command(["daemon", "ops.yaml"]).env("HOOK_SECRET", " ").run();
    ran.check(expect![[r#"
        ! error: `webhook` of role `ops` needs the variable `HOOK_SECRET`, which is empty; set it where the daemon is started
        = 65
    "#]]);
    role::write(
        &home,
        "ops",
        "required",
        "triggers:\n  - {type: cron, schedule: \"61 * * * *\", prompt: p}",
    );
    check(
        &home,
        &["ops.yaml"],
        expect![[r#"
        ! error: ops.yaml:7:28: `61 * * * *` is no schedule: value must be in range 0..=59; found 61
        !   hint: here:
        !     61 * * * *
        !     ^
        = 65
    "#]],
    );
    let watch = "triggers:\n  - {type: heartbeat, every: 1h, prompt: p}\n";
    role::write(&home, "ops", "required", watch);
    check(
        &home,
        &["ops.yaml", "--port", "99999"],
        expect![[r#"
        ! error: invalid value '99999' for '--port <N>': 99999 is not in 0..=65535
        !
        ! For more information, try '--help'.
        = 64
    "#]],
    );
}

#[test]
fn two_webhooks_on_one_path_are_refused() {
    let home = role::home("required", role::HOOK);
    role::write(&home, "other", "required", role::HOOK);
    let ran = home.command(["daemon", "."]).env("HOOK_SECRET", role::SECRET).run();
    ran.check(expect![[r#"
        ! error: `webhook` of role `ops` and `webhook` of role `other` listen on the same path `/hook`; give each a `path` of its own
        = 65
    "#]]);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let home = role::home("required", role::HOOK);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let command = home.command(["daemon", "ops.yaml", "--port", &port]);
    let ran = command.env("HOOK_SECRET", role::SECRET).run();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("another program listens there; choose another `--port`"), "{ran}");
}

#[test]
fn two_triggers_of_one_bot_are_refused() {
    let chat = "triggers:\n  - {type: telegram, people: [7]}\n";
    let home = role::home("required", chat);
    role::write(&home, "other", "required", chat);
    let ran = home.command(["daemon", "."]).env("TELEGRAM_BOT_TOKEN", "1:secret").run();
    ran.check(expect![[r#"
        ! error: `telegram` of role `ops` and `telegram` of role `other` are the same bot: the variables `token_env` hold one token; make a bot for each
        = 65
    "#]]);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_no_fault_of_the_role() {
    let home = role::home("required", role::HOOK);
    let taken = home.file("taken", "a file");
    for command in ["daemon", "serve"] {
        let start = home.command([command, "ops.yaml", "--port", "0"]);
        let start = start.env("HOOK_SECRET", role::SECRET);
        let ran = start.env("INITRUNNER_HOME", taken.to_str().unwrap()).run();
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.starts_with("error: the state folder `"), "{ran}");
        assert!(ran.stderr.contains("set `INITRUNNER_HOME` to a folder"), "{ran}");
    }
}

#[test]
fn what_the_page_shows_loads_and_starts() {
    let page = include_str!("../../../docs/daemon.md");
    let blocks = blocks(page);
    assert_eq!(blocks.len(), 1, "a role");
    let home = role::home("required", "");
    home.file("ops.yaml", blocks[0]);
    std::fs::create_dir(home.work().join("inbox")).unwrap();
    let set = |start: Start| {
        start.env("GITHUB_WEBHOOK_SECRET", role::SECRET).env("OPENAI_API_KEY", "sk-of-nobody")
    };
    let ran = set(home.command(["validate", "ops.yaml"])).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let daemon = Daemon::of(set(Daemon::command(&home, "ops.yaml")));
    // The words of the page's own session.
    let (_, session) = page.split_once("```console\n$ initrunner daemon roles/\n").unwrap();
    let said = daemon.said();
    for line in session.lines().take_while(|line| !line.starts_with("Listening")) {
        assert!(said.contains(&format!("{line}\n")), "{line} in:\n{said}");
    }
    assert_eq!(daemon.stop().code, Some(0));
}

/// The YAML of a page.
fn blocks(page: &str) -> Vec<&str> {
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    blocks.map(|(block, _)| block).collect()
}

#[test]
fn the_first_page_starts_as_it_says() {
    let page = include_str!("../../../README.md");
    let (_, section) = page.split_once("\n## Leave it running\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let home = role::home("required", "");
    home.file("role.yaml", blocks(section)[0]);
    let daemon = Daemon::start(&home, "role.yaml");
    let (_, session) = section.split_once("```console\n$ initrunner daemon role.yaml\n").unwrap();
    assert_eq!(daemon.said(), session.split("```").next().unwrap());
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_secret_that_is_none_is_told_at_once() {
    let hook =
        "triggers:\n  - {type: webhook, path: /a, secret_env: S, signature: standard, prompt: p}\n";
    let bot = "triggers:\n  - {type: telegram, people: [1], token_env: S}\n";
    let notice = "triggers:\n  - {type: heartbeat, every: 1h, prompt: p}\n\
                  notify:\n  - {webhook: {url: \"https://example.com\", secret_env: S}}\n";
    let told = [(hook, "whsec_"), (hook, "whsec_!"), (bot, "a b"), (notice, "short")].map(
        |(role, secret)| {
            let home = role::home("required", role);
            let ran = home.command(["daemon", "ops.yaml", "--port", "0"]).env("S", secret).run();
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(65), ""), "{ran}");
            ran.stderr
        },
    );
    expect![[r#"
        error: `webhook` of role `ops` would not work: what `S` holds signs nothing; copy the secret from who sends: base64 after `whsec_`
        error: `webhook` of role `ops` would not work: what `S` holds signs nothing; copy the secret from who sends: base64 after `whsec_`
        error: `telegram` of role `ops` would not work: what `S` holds is no token; copy it from the service without spaces or quotes
        error: `notify-webhook` of role `ops` would not work: what `S` holds signs nothing; put 24 random bytes or more there, as `whsec_` and base64
    "#]].assert_eq(&told.concat());
}
