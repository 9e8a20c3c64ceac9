//! Slack: mentions, threads, buttons, envelopes that come again.

use crate::{counted, daemon, data, home, labels, runs, stop};
use initrunner_tests::home::until;
use initrunner_tests::slack::{BOT, Shown, Slack};
use serde_json::json;

fn of(slack: &Slack) -> String {
    format!(
        "triggers:\n  - {{type: slack, people: [U7, U8], reviewers: [U8], api_url: \"{}\"}}\n",
        slack.url()
    )
}

fn asks(message: &Shown) -> bool {
    !message.buttons.is_empty()
}

fn says(text: &'static str) -> impl Fn(&Shown) -> bool {
    move |message| message.text.contains(text)
}

#[test]
fn a_mention_is_a_run_and_its_answer_comes_into_the_thread() {
    let slack = Slack::start();
    let home = home("required", &of(&slack));
    let daemon = daemon(&home);
    let text = format!("<@{BOT}> say 1 &lt; 2 &amp;&amp; &lt;!channel&gt;");
    let ts = slack.says("app_mention", "C1", "U7", &text, json!({}));
    // Of a mention Slack tells twice.
    slack.tells(json!({
        "type": "message", "channel": "C1", "channel_type": "channel", "user": "U7", "text": text,
        "ts": ts, "event_ts": ts,
    }));
    let answer = slack.wait("C1", "an answer", says("1 &lt; 2 &amp;&amp; &lt;!channel&gt;"));
    assert_eq!(answer.thread.as_deref(), Some(&*ts));
    assert_eq!(answer.only, None);
    // In a thread that the bot was spoken to in, its name is not needed; elsewhere it is.
    let thread = json!({"thread_ts": ts, "channel_type": "channel"});
    slack.says("message", "C1", "U7", "say more", thread);
    let answer = slack.wait("C1", "an answer", says("more"));
    assert_eq!(answer.thread.as_deref(), Some(&*ts));
    slack.says("message", "C1", "U7", "say nothing", json!({"channel_type": "channel"}));
    slack.says("message", "D7", "U7", "say private", json!({"channel_type": "im"}));
    slack.wait("D7", "an answer", says("private"));
    // What bots, the bot itself and changes of messages say is not heard.
    let private = json!({"channel_type": "im", "bot_id": "B2"});
    slack.says("message", "D7", "U7", "say bot", private);
    slack.says("message", "D7", BOT, "say itself", json!({"channel_type": "im"}));
    let changed = json!({"channel_type": "im", "subtype": "message_changed"});
    slack.says("message", "D7", "U7", "say changed", changed);
    slack.says("message", "D7", "U7", "say last", json!({"channel_type": "im"}));
    slack.wait("D7", "an answer", says("last"));
    until("everything is acknowledged", || slack.log().count("ack") == 9);
    assert_eq!(runs(&home).len(), 4);
    stop(&home, daemon);
}

#[test]
fn a_run_waits_and_a_press_approves_it() {
    let slack = Slack::start();
    let home = home("required", &of(&slack));
    let daemon = daemon(&home);
    slack.says(
        "message",
        "D7",
        "U7",
        "run echo '*x* &lt;@U1&gt;' &gt;&gt; count",
        json!({"channel_type": "im"}),
    );
    let card = slack.wait("D7", "a question", asks);
    let run = home.last();
    assert_eq!(
        card.text,
        format!(
            "Awaiting approval for 1 tool call(s). Resume: initrunner approve {run} --all\nshell\n\
             │ echo '*x* &lt;@U1&gt;' &gt;&gt; count"
        )
    );
    assert_eq!(labels(&card.buttons), ["Approve", "Deny", "Details"]);
    // Details, and everything else that is for one person, only they see.
    slack.presses("U8", "alice", &card, data(&card.buttons, "Details"));
    let details = slack.wait("D7", "the details", says("arguments:"));
    assert_eq!(details.only.as_deref(), Some("U8"));
    slack.presses("U7", "bob", &card, data(&card.buttons, "Approve"));
    let told = slack.wait("D7", "a refusal", says("does nothing for you"));
    assert_eq!(told.only.as_deref(), Some("U7"));
    let elsewhere = Shown { channel: "C9".into(), ..card.clone() };
    slack.presses("U8", "alice", &elsewhere, data(&card.buttons, "Approve"));
    slack.wait("C9", "a refusal", says("does nothing for you"));
    assert_eq!(runs(&home)[0]["state"], "paused");
    slack.presses("U8", "alice", &card, data(&card.buttons, "Approve"));
    slack.wait("D7", "a word", says("Approved."));
    let changed = slack.wait("D7", "the card changed", |it| it.ts == card.ts && !asks(it));
    assert!(changed.text.contains("\napproved by slack:U8 (alice) at 20"), "{}", changed.text);
    slack.wait("D7", "the answer", says("Result: "));
    assert_eq!(counted(&home), "*x* <@U1>\n");
    slack.presses("U8", "alice", &card, data(&card.buttons, "Deny"));
    slack.wait("D7", "a word to whoever is late", says("already decided: approve by alice at"));
    stop(&home, daemon);
}

#[test]
fn what_is_decided_in_a_terminal_changes_every_message() {
    let slack = Slack::start();
    let told = "notify:\n  - {chat: {trigger: slack, to: C5}}\n";
    let home = home("required", &format!("{}{told}", of(&slack)));
    let daemon = daemon(&home);
    slack.says("message", "D7", "U7", "run echo x &gt;&gt; count", json!({"channel_type": "im"}));
    let cards = ["D7", "C5"].map(|channel| slack.wait(channel, "a question", asks));
    let call = home.json(["pending", "--json"])[0]["tool_call_id"].as_str().unwrap().to_owned();
    let edited =
        ["approve", &home.last(), "--tool-call-id", &call, "--set", "command=echo y >> count"];
    assert_eq!(home.run(edited).code, Some(0));
    let by = format!("approved by {} at 20", initrunner::ops::identity());
    for card in &cards {
        let changed =
            slack.wait(&card.channel, "the card changed", |it| it.ts == card.ts && !asks(it));
        assert!(changed.text.contains(&by), "{}", changed.text);
        assert!(changed.text.contains("echo y &gt;&gt; count"), "{}", changed.text);
        slack.wait(&card.channel, "the answer", says("Result: "));
    }
    slack.presses("U8", "alice", &cards[1], data(&cards[1].buttons, "Deny"));
    let told = slack.wait("C5", "a word to whoever is late", says("already decided: approve by"));
    assert_eq!(told.only.as_deref(), Some("U8"));
    assert_eq!(counted(&home), "y\n");
    stop(&home, daemon);
}

#[test]
fn a_stranger_starts_nothing_and_is_told_once() {
    let slack = Slack::start();
    let home = home("required", &of(&slack));
    let daemon = daemon(&home);
    slack.says("message", "D9", "U9", "run echo x", json!({"channel_type": "im"}));
    let told = slack.wait("D9", "a word to the stranger", |_| true);
    assert_eq!(
        (told.text.as_str(), told.only.as_deref()),
        ("This bot talks to people on its list only.", Some("U9"))
    );
    slack.says("message", "D9", "U9", "please", json!({"channel_type": "im"}));
    slack.says("message", "D7", "U7", "say done", json!({"channel_type": "im"}));
    slack.wait("D7", "an answer", says("done"));
    assert_eq!(slack.channel("D9").len(), 1);
    assert_eq!(runs(&home).len(), 1);
    stop(&home, daemon);
}

#[test]
fn nothing_is_lost_or_doubled_when_connections_break() {
    let slack = Slack::start();
    let home = home("required", &of(&slack));
    let daemon = daemon(&home);
    let private = || json!({"channel_type": "im"});
    slack.says("message", "D7", "U7", "say one", private());
    slack.wait("D7", "an answer", says("one"));
    // The connection breaks before Slack hears that the message arrived: it comes again.
    slack.be_deaf(true);
    slack.says("message", "D7", "U7", "say two", private());
    slack.wait("D7", "an answer", says("two"));
    slack.be_deaf(false);
    slack.cut();
    until("it was told again", || slack.log().count("ack") == 2);
    slack.be_away(true);
    slack.says("message", "D7", "U7", "say three", private());
    until("the daemon has noticed", || daemon.warned().contains("Slack cannot be reached"));
    slack.be_away(false);
    slack.wait("D7", "an answer", says("three"));
    assert_eq!(runs(&home).len(), 3);
    assert_eq!(slack.channel("D7").len(), 3, "{:#?}", slack.channel("D7"));
    let said = stop(&home, daemon);
    assert!(said.contains("Slack can be reached again"), "{said}");
}

#[test]
fn a_service_that_says_to_slow_down_is_heeded() {
    let slack = Slack::start();
    let home = home("required", &of(&slack));
    let busy = json!({"ok": false, "error": "ratelimited"});
    slack.answer_instead("chat.postMessage", 429, busy);
    let daemon = daemon(&home);
    slack.says("message", "D7", "U7", "say hello", json!({"channel_type": "im"}));
    slack.wait("D7", "an answer", says("hello"));
    assert_eq!(slack.log().count("chat.postMessage"), 2);
    stop(&home, daemon);
}

#[test]
fn events_that_cannot_be_read_are_acknowledged_and_let_pass() {
    let slack = Slack::start();
    let home = home("required", &of(&slack));
    let daemon = daemon(&home);
    slack.tells(json!({"type": "message", "channel": 5, "text": {}}));
    slack.tells(json!({"type": "team_join", "user": {"id": "U1"}}));
    slack.tells(json!([]));
    slack.says("message", "D7", "U7", "say hello", json!({"channel_type": "im"}));
    slack.wait("D7", "an answer", says("hello"));
    until("everything is acknowledged", || slack.log().count("ack") == 4);
    stop(&home, daemon);
}
