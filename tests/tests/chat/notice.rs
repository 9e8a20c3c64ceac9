//! Notices to a server and to mailboxes.

use crate::{daemon, home, stop};
use initrunner_tests::home::{try_until, until};
use initrunner_tests::model_stub::{Answer, ModelStub};
use initrunner_tests::smtp::Smtp;
use initrunner_tests::telegram::Telegram;
use serde_json::Value;

/// A role that is spoken to in Telegram, and tells others.
fn of(telegram: &Telegram, notify: &str) -> String {
    format!(
        "triggers:\n  - {{type: telegram, people: [7], api_url: \"{}\"}}\nnotify:\n{notify}",
        telegram.url()
    )
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn header(request: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    let line = request.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_else(|| panic!("no {name} in {request}")).to_owned()
}

#[test]
fn a_server_is_told_signed_and_again_where_it_was_busy() {
    let telegram = Telegram::start();
    let server = ModelStub::serve(vec![
        Answer::response("503 Service Unavailable", &["Retry-After: 1"], ""),
        Answer::response("204 No Content", &[], ""),
        Answer::response("200 OK", &[], "ok"),
    ]);
    let url = format!("http://{}/hook", server.address());
    let notify = format!(
        "  - {{webhook: {{url: \"{url}\", secret_env: HOOK_SECRET}}, on: [paused, ended]}}\n"
    );
    let home = home("required", &of(&telegram, &notify));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x");
    until("the server was told twice", || server.requests().len() == 2);
    let told = server.requests();
    let run = home.last();
    assert_eq!(header(&told[0], "webhook-id"), header(&told[1], "webhook-id"));
    let told_of = body(&told[1]);
    assert_eq!(told_of["type"], "run.paused");
    assert_eq!(told_of["data"]["run_id"], run);
    assert_eq!(told_of["data"]["requester"], "telegram:7");
    assert_eq!(told_of["data"]["calls"][0]["arguments"]["command"], "echo x");
    assert_eq!(told_of["data"]["resume"], format!("initrunner approve {run} --all"));
    for request in &told {
        assert!(header(request, "webhook-signature").starts_with("v1,"), "{request}");
    }
    assert_eq!(home.run(["approve", &run, "--all"]).code, Some(0));
    until("the server was told of the end", || server.requests().len() == 3);
    let ended = server.requests().remove(2);
    let told_of = body(&ended);
    assert_eq!(
        (told_of["type"].as_str(), told_of["data"]["state"].as_str()),
        (Some("run.ended"), Some("completed"))
    );
    assert_eq!(told_of["data"]["calls"], serde_json::json!([]));
    assert_eq!(told_of["data"]["resume"], Value::Null, "nothing is left to decide");
    stop(&home, daemon);
}

#[test]
fn a_redirect_is_not_followed_and_a_refusal_not_repeated() {
    let telegram = Telegram::start();
    let elsewhere = ModelStub::serve(vec![Answer::response("200 OK", &[], "")]);
    let location = format!("Location: http://{}/", elsewhere.address());
    let server = ModelStub::serve(vec![
        Answer::response("307 Temporary Redirect", &[&location], ""),
        Answer::response("410 Gone", &[], ""),
    ]);
    let url = format!("http://{}/hook", server.address());
    let notify =
        format!("  - {{webhook: {{url: \"{url}\", secret_env: HOOK_SECRET}}, on: [ended]}}\n");
    let home = home("required", &of(&telegram, &notify));
    let daemon = daemon(&home);
    telegram.says(7, "say one");
    until("it is said", || daemon.warned().contains("answered 307"));
    telegram.says(7, "say two");
    until("it is said", || daemon.warned().contains("answered 410"));
    assert!(elsewhere.requests().is_empty());
    assert_eq!(server.requests().len(), 2);
    stop(&home, daemon);
}

#[test]
fn people_are_told_by_mail() {
    let telegram = Telegram::start();
    let mail = Smtp::start();
    let notify = format!(
        "  - {{email: {{server: \"{}\", from: \"bot@example.com\", to: [\"ops@example.com\", \"ann@example.com\"]}}, on: [paused, ended]}}\n",
        mail.url()
    );
    let home = home("required", &of(&telegram, &notify));
    mail.answer_instead("450 try again");
    let daemon = daemon(&home);
    telegram.says(7, "run printf 'a\\n.\\nSubject: b' \u{202e}");
    let came = try_until(|| mail.mails().len() == 1);
    assert!(came, "no mail has come: {}", daemon.warned());
    let told = mail.mails().remove(0);
    let run = home.last();
    assert_eq!(told.to, ["<ops@example.com>", "<ann@example.com>"]);
    let (head, text) = (told.head(), told.body());
    assert!(head.contains(&format!("Subject: demo waits for approval (run {run})")), "{head}");
    assert!(head.contains("Message-ID: <"), "{head}");
    assert!(head.contains("Content-Type: text/plain"), "{head}");
    for line in [
        format!("Run:       {run} (paused)"),
        "Asked by:  telegram:7 (telegram)".to_owned(),
        "    printf 'a\\n.\\nSubject: b' \\u{202e}".to_owned(),
        format!("Awaiting approval for 1 tool call(s). Resume: initrunner approve {run} --all"),
    ] {
        assert!(text.contains(&line), "{line} in:\n{text}");
    }
    assert_eq!(home.run(["approve", &run, "--all", "--deny"]).code, Some(0));
    until("a mail has come", || mail.mails().len() == 2);
    let ended = mail.mails().remove(1);
    assert!(
        ended.text.contains(&format!("Subject: demo: completed (run {run})")),
        "{}",
        ended.text
    );
    stop(&home, daemon);
}
