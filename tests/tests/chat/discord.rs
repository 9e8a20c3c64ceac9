//! Discord: mentions, direct messages, threads, buttons, sessions that are resumed.

use crate::{counted, daemon, data, home, labels, runs, stop};
use initrunner_tests::discord::{BOT, Discord, Shown};
use initrunner_tests::home::until;
use serde_json::json;

fn of(discord: &Discord) -> String {
    format!(
        "triggers:\n  - {{type: discord, people: [7, 8], reviewers: [8], api_url: \"{}\", gateway_url: \"{}\"}}\n",
        discord.api(),
        discord.gateway()
    )
}

fn asks(message: &Shown) -> bool {
    !message.buttons.is_empty()
}

fn says(text: &'static str) -> impl Fn(&Shown) -> bool {
    move |message| message.content.contains(text)
}

/// Waits until the bot has a session: Discord tells nobody what was said before.
fn connected(discord: &Discord) {
    until("the bot has a session", || discord.log().count("identify") > 0);
}

#[test]
fn what_is_said_to_the_bot_is_a_run() {
    let discord = Discord::start();
    let home = home("required", &of(&discord));
    let daemon = daemon(&home);
    connected(&discord);
    let asked =
        discord.says(50, 7, &format!("<@{BOT}> say *b* @everyone <@5> `x` https://a.b"), json!({}));
    let answer = discord.wait(50, "an answer", says("everyone"));
    assert_eq!(answer.content, "\\*b\\* \\@everyone \\<\\@5\\> \\`x\\` https\\:\\/\\/a\\.b");
    assert_eq!(answer.answers, Some(asked.to_string()));
    discord.says_directly(60, 7, "say private");
    discord.wait(60, "an answer", says("private"));
    discord.says(50, 7, "say nothing", json!({}));
    discord.says(
        50,
        7,
        &format!("<@{BOT}> say bot"),
        json!({"author": {
            "id": "7", "username": "x", "discriminator": "0", "avatar": null, "bot": true,
        }}),
    );
    // A thread that it was spoken to in.
    let thread = || json!({"channel_type": 11});
    discord.says(70, 7, "say nothing", thread());
    discord.says(70, 7, &format!("<@{BOT}> say three"), thread());
    discord.wait(70, "an answer", says("three"));
    discord.says(70, 7, "say four", thread());
    discord.wait(70, "an answer", says("four"));
    discord.says(50, 9, &format!("<@{BOT}> say five"), json!({}));
    discord.wait(50, "a word to the stranger", says("people on its list only"));
    assert_eq!(runs(&home).len(), 4);
    stop(&home, daemon);
}

#[test]
fn a_run_waits_and_a_press_approves_it() {
    let discord = Discord::start();
    let home = home("required", &of(&discord));
    let daemon = daemon(&home);
    connected(&discord);
    discord.says_directly(60, 7, "run echo x >> count");
    let card = discord.wait(60, "a question", asks);
    assert_eq!(labels(&card.buttons), ["Approve", "Deny", "Details"]);
    assert!(card.content.ends_with("shell\n│ echo x \\>\\> count"), "{}", card.content);
    assert!(card.buttons.iter().all(|(_, data)| data.len() <= 100));
    let press = discord.presses(8, "Alice", &card, data(&card.buttons, "Details"));
    let details = discord.answer(press);
    assert!(details.contains("role\\: demo\nasked by\\: discord\\:7 \\(discord\\)"), "{details}");
    let press = discord.presses(7, "Bob", &card, data(&card.buttons, "Approve"));
    assert_eq!(discord.answer(press), "This button does nothing for you\\.");
    let elsewhere = Shown { channel: "61".into(), ..card.clone() };
    let press = discord.presses(8, "Alice", &elsewhere, data(&card.buttons, "Approve"));
    assert_eq!(discord.answer(press), "This button does nothing for you\\.");
    assert_eq!(runs(&home)[0]["state"], "paused");
    let press = discord.presses(8, "Alice", &card, data(&card.buttons, "Approve"));
    assert_eq!(discord.answer(press), "Approved\\.");
    let callback = format!("POST /interactions/{press}/token{press}/callback");
    // Said at once, to whoever pressed alone.
    assert_eq!(discord.log().of(&callback)[0], json!({"type": 5, "data": {"flags": 64}}));
    let changed = discord.wait(60, "the card changed", |it| it.id == card.id && !asks(it));
    assert!(
        changed.content.contains("approved by discord\\:8 \\(Alice\\) at 20"),
        "{}",
        changed.content
    );
    discord.wait(60, "the answer", says("Result"));
    assert_eq!(counted(&home), "x\n");
    let press = discord.presses(8, "Alice", &card, data(&card.buttons, "Deny"));
    let late = discord.answer(press);
    assert!(late.contains("already decided\\: approve by Alice at"), "{late}");
    stop(&home, daemon);
}

#[test]
fn what_is_decided_in_a_terminal_changes_every_message() {
    let discord = Discord::start();
    let told = "notify:\n  - {chat: {trigger: discord, to: \"80\"}}\n";
    let home = home("required", &format!("{}{told}", of(&discord)));
    let daemon = daemon(&home);
    connected(&discord);
    discord.says_directly(60, 7, "run echo x >> count");
    let cards = [60, 80].map(|channel| (channel, discord.wait(channel, "a question", asks)));
    let call = home.json(["pending", "--json"])[0]["tool_call_id"].as_str().unwrap().to_owned();
    let edited =
        ["approve", &home.last(), "--tool-call-id", &call, "--set", "command=echo y >> count"];
    assert_eq!(home.run(edited).code, Some(0));
    let by = initrunner::ops::identity().replace(':', "\\:");
    for (channel, card) in &cards {
        let changed =
            discord.wait(*channel, "the card changed", |it| it.id == card.id && !asks(it));
        assert!(changed.content.contains(&format!("approved by {by} at 20")), "{changed:#?}");
        assert!(changed.content.contains("echo y \\>\\> count"), "{changed:#?}");
        discord.wait(*channel, "the answer", says("Result"));
    }
    let (_, card) = &cards[1];
    let press = discord.presses(8, "Alice", card, data(&card.buttons, "Deny"));
    let late = discord.answer(press);
    assert!(late.contains("already decided\\: approve by"), "{late}");
    assert_eq!(counted(&home), "y\n");
    stop(&home, daemon);
}

#[test]
fn what_was_said_while_the_connection_was_broken_comes_after_all() {
    let discord = Discord::start();
    let home = home("required", &of(&discord));
    let daemon = daemon(&home);
    connected(&discord);
    discord.says_directly(60, 7, "say one");
    discord.wait(60, "an answer", says("one"));
    discord.be_away(true);
    discord.says_directly(60, 7, "say two");
    until("the daemon has noticed", || daemon.warned().contains("Discord cannot be reached"));
    discord.be_away(false);
    discord.wait(60, "an answer", says("two"));
    discord.cut();
    discord.says_directly(60, 7, "say three");
    discord.wait(60, "an answer", says("three"));
    assert_eq!(discord.log().count("identify"), 1, "the session was resumed");
    assert!(discord.log().count("resume") >= 2);
    assert_eq!(runs(&home).len(), 3);
    assert_eq!(discord.channel(60).len(), 3);
    let said = stop(&home, daemon);
    assert_eq!(said.matches("Discord cannot be reached").count(), 1, "{said}");
    assert!(said.contains("Discord can be reached again"), "{said}");
}

#[test]
fn a_message_that_is_sent_again_is_shown_once() {
    let discord = Discord::start();
    let home = home("required", &of(&discord));
    let busy =
        json!({"message": "You are being rate limited.", "retry_after": 0.5, "global": false});
    discord.answer_instead("POST /channels/60/messages", 429, busy);
    let daemon = daemon(&home);
    connected(&discord);
    discord.says_directly(60, 7, "say hello");
    discord.wait(60, "an answer", says("hello"));
    let sent = discord.log().of("POST /channels/60/messages");
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0]["nonce"], sent[1]["nonce"]);
    assert_eq!(sent[1]["enforce_nonce"], true);
    stop(&home, daemon);
}

#[test]
fn a_bot_without_the_privilege_to_read_everything_hears_its_name() {
    let discord = Discord::start();
    discord.reads_all(false);
    let home = home("required", &of(&discord));
    let daemon = daemon(&home);
    until("it asked for less", || discord.log().count("identify") == 2);
    discord.says(50, 7, &format!("<@!{BOT}> say hello <@{BOT}>"), json!({}));
    discord.wait(50, "an answer", says("hello"));
    let said = stop(&home, daemon);
    assert_eq!(said.matches("the message content intent is off").count(), 1, "{said}");
}
