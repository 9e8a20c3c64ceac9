//! Telegram: messages, buttons, and everything that people do with them that they should not.

use crate::{SCRIPT, counted, daemon, data, home, labels, runs, stop};
use initrunner_tests::home::{Home, until};
use initrunner_tests::telegram::{Shown, Telegram};
use serde_json::json;

/// The people of these tests: 7 may write, 8 may press, 9 is a stranger.
fn of(telegram: &Telegram) -> String {
    format!(
        "triggers:\n  - {{type: telegram, people: [7, 8], reviewers: [8, 7], api_url: \"{}\"}}\n",
        telegram.url()
    )
}

fn asks(message: &Shown) -> bool {
    !message.buttons.is_empty()
}

fn says(text: &'static str) -> impl Fn(&Shown) -> bool {
    move |message| message.text.contains(text)
}

#[test]
fn a_message_is_a_run_and_its_answer_comes_back() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "say hello");
    let answer = telegram.wait(7, "an answer", |message| message.text == "hello");
    assert_eq!((answer.thread, answer.answers), (None, None));
    let found = runs(&home);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["state"], "completed");
    let story = home.json(["show", found[0]["run_id"].as_str().unwrap(), "--json"]);
    assert_eq!(
        (&story["requester"], &story["trigger"]),
        (&json!("telegram:7"), &json!("telegram"))
    );
    stop(&home, daemon);
}

#[test]
fn a_run_waits_and_a_press_approves_it() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let card = telegram.wait(7, "a question", asks);
    let run = home.last();
    let line = format!(
        "Awaiting approval for 1 tool call(s). Resume: initrunner approve {run} --all\nshell\necho x >> count"
    );
    assert_eq!(card.text, line);
    assert_eq!(labels(&card.buttons), ["Approve", "Deny", "Details"]);
    assert!(card.buttons.iter().all(|(_, data)| data.len() <= 64));
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Approve"));
    assert_eq!(telegram.toast(1), "Approved.");
    let changed = telegram.wait(7, "the card changed", |it| it.id == card.id && !asks(it));
    assert!(changed.text.contains("\napproved by telegram:8 (Alice) at 20"), "{}", changed.text);
    telegram.wait(7, "the answer", says("Result: "));
    assert_eq!(counted(&home), "x\n");
    let said = stop(&home, daemon);
    assert!(said.contains("call decided"), "{said}");
}

#[test]
fn a_press_denies_and_details_tell_everything() {
    let telegram = Telegram::start();
    let home = home("{expires_after: 4h}", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let card = telegram.wait(7, "a question", asks);
    assert!(card.text.contains("expires at 20"), "{}", card.text);
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Details"));
    let details = telegram.wait(7, "the details", says("arguments:"));
    for told in [
        "role: demo",
        "asked by: telegram:7 (telegram)",
        "tool: shell",
        "expires at: 20",
        "preview:\n│ echo x >> count",
        r#"{"command":"echo x >> count"}"#,
    ] {
        assert!(details.text.contains(told), "{told} in:\n{}", details.text);
    }
    assert_eq!(details.answers, Some(card.id));
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Deny"));
    assert_eq!(telegram.toast(2), "Denied.");
    let changed = telegram.wait(7, "the card changed", |it| it.id == card.id && !asks(it));
    assert!(changed.text.contains("\ndenied by telegram:8 (Alice) at 20"), "{}", changed.text);
    telegram.wait(7, "the answer", says("denied"));
    assert_eq!(counted(&home), "");
    stop(&home, daemon);
}

#[test]
fn buttons_that_are_not_for_whoever_presses_do_nothing() {
    let telegram = Telegram::start();
    let triggers = format!(
        "triggers:\n  - {{type: telegram, people: [7, 8, 9], reviewers: [8], api_url: \"{}\"}}\n",
        telegram.url()
    );
    let home = home("required", &triggers);
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let card = telegram.wait(7, "a question", asks);
    let approve = data(&card.buttons, "Approve").to_owned();
    let elsewhere = Shown { chat: 9, ..card.clone() };
    let mut forged = approve.clone();
    forged.replace_range(0..1, "d");
    let mut other = approve.clone().into_bytes();
    other[30] = if other[30] == b'A' { b'B' } else { b'A' };
    let other = String::from_utf8(other).unwrap();
    let cases: [(&str, i64, &Shown, &str); 8] = [
        ("pressed by whoever asked, who is no reviewer", 7, &card, &approve),
        ("pressed by a stranger", 666, &card, &approve),
        ("copied to another chat", 8, &elsewhere, &approve),
        ("another action under the same signature", 8, &card, &forged),
        ("another signature", 8, &card, &other),
        ("half of it", 8, &card, &approve[..40]),
        ("nothing", 8, &card, ""),
        ("something else", 8, &card, "approve everything, please"),
    ];
    println!("{:<50} {}", "button", "told");
    for (number, (what, user, message, data)) in cases.into_iter().enumerate() {
        telegram.presses(user, "Mallory", message, data);
        let told = telegram.toast(number + 1);
        println!("{what:<50} {told}");
        assert_eq!(told, "This button does nothing for you.", "{what}");
    }
    assert_eq!(runs(&home)[0]["state"], "paused");
    assert_eq!(counted(&home), "");
    telegram.presses(8, "Alice", &card, &approve);
    assert_eq!(telegram.toast(9), "Approved.");
    // Once more, and the other one: too late.
    telegram.presses(8, "Alice", &card, &approve);
    let late = telegram.toast(10);
    assert!(late.contains("was already decided: approve by Alice at 20"), "{late}");
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Deny"));
    let late = telegram.toast(11);
    assert!(late.contains("was already decided: approve by Alice at 20"), "{late}");
    telegram.wait(7, "the answer", says("Result: "));
    assert_eq!(counted(&home), "x\n", "once");
    let said = stop(&home, daemon);
    assert_eq!(said.matches("a button was pressed that is not of this chat").count(), 6, "{said}");
    assert_eq!(said.matches("somebody who is no reviewer here").count(), 2, "{said}");
}

#[test]
fn a_stranger_starts_nothing_and_is_told_once() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(9, "run echo x >> count");
    let told = telegram.wait(9, "a word to the stranger", |_| true);
    assert_eq!(told.text, "This bot talks to people on its list only.");
    telegram.says(9, "please");
    telegram.says(7, "say done");
    telegram.wait(7, "an answer", says("done"));
    assert_eq!(telegram.chat(9).len(), 1, "{:#?}", telegram.chat(9));
    assert_eq!(runs(&home).len(), 1);
    let said = stop(&home, daemon);
    assert_eq!(said.matches("a stranger wrote").count(), 1, "{said}");
}

#[test]
fn what_is_decided_in_a_terminal_changes_every_message() {
    let telegram = Telegram::start();
    let told = "notify:\n  - {chat: {trigger: telegram, to: \"-500/t3\"}}\n";
    let home = home("required", &format!("{}{told}", of(&telegram)));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let own = telegram.wait(7, "a question", asks);
    let group = telegram.wait(-500, "a question", asks);
    assert_eq!(group.thread, Some(3));
    assert_ne!(data(&own.buttons, "Approve"), data(&group.buttons, "Approve"));
    let approved = home.run(["approve", &home.last(), "--all"]);
    assert_eq!(approved.code, Some(0), "{approved}");
    let by = format!("approved by {} at 20", initrunner::ops::identity());
    for card in [&own, &group] {
        let changed =
            telegram.wait(card.chat, "the card changed", |it| it.id == card.id && !asks(it));
        assert!(changed.text.contains(&by), "{}", changed.text);
        telegram.wait(card.chat, "the answer", says("Result: "));
    }
    // The buttons that were there are told who was first.
    telegram.presses(8, "Alice", &group, data(&group.buttons, "Deny"));
    let late = telegram.toast(1);
    assert!(late.contains(&format!("approve by {} at", initrunner::ops::identity())), "{late}");
    assert_eq!(counted(&home), "x\n");
    stop(&home, daemon);
}

#[test]
fn a_press_decides_one_of_several_calls() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo a >> count and also echo b >> count");
    let card = telegram.wait(7, "a question", asks);
    assert!(
        card.text.contains("1. shell\necho a >> count\n2. shell\necho b >> count"),
        "{}",
        card.text
    );
    assert_eq!(
        labels(&card.buttons),
        ["1. Approve", "1. Deny", "1. Details", "2. Approve", "2. Deny", "2. Details"]
    );
    telegram.presses(8, "Alice", &card, data(&card.buttons, "2. Approve"));
    assert_eq!(telegram.toast(1), "Approved. 1 more of this run wait(s).");
    let changed =
        telegram.wait(7, "the card changed", |it| it.id == card.id && it.buttons.len() == 3);
    assert_eq!(labels(&changed.buttons), ["1. Approve", "1. Deny", "1. Details"]);
    assert!(changed.text.starts_with("Awaiting approval for 1 tool call(s)."), "{}", changed.text);
    telegram.presses(8, "Alice", &changed, data(&changed.buttons, "1. Deny"));
    telegram.wait(7, "the answer", says("A person denied this call"));
    assert_eq!(counted(&home), "b\n");
    stop(&home, daemon);
}

#[test]
fn a_quorum_counts_people_of_the_chat() {
    let telegram = Telegram::start();
    let rule = "{reviewers: [telegram:7, telegram:8], quorum: 2}";
    let home = home(rule, &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let card = telegram.wait(7, "a question", asks);
    assert!(
        card.text.contains("0 of 2 approvals; telegram:7 or telegram:8 may approve"),
        "{}",
        card.text
    );
    let approve = data(&card.buttons, "Approve");
    telegram.presses(8, "Alice", &card, approve);
    assert_eq!(
        telegram.toast(1),
        "Approved: 1 of 2 approvals (telegram:8); telegram:7 may approve."
    );
    let changed = telegram.wait(7, "the card changed", says("1 of 2 approvals (telegram:8)"));
    assert_eq!((changed.id, changed.buttons.len()), (card.id, 3));
    telegram.presses(8, "Alice again", &card, approve);
    let again = telegram.toast(2);
    assert!(again.starts_with("Nothing changed: telegram:8 approved call call_"), "{again}");
    telegram.presses(7, "Bob", &card, approve);
    assert_eq!(telegram.toast(3), "Approved.");
    let changed = telegram.wait(7, "the card changed", |it| it.id == card.id && !asks(it));
    assert!(
        changed.text.contains("approved by telegram:8 (Alice), telegram:7 (Bob) at"),
        "{}",
        changed.text
    );
    telegram.wait(7, "the answer", says("Result: "));
    assert_eq!(counted(&home), "x\n");
    stop(&home, daemon);
}

#[test]
fn nothing_is_lost_or_doubled_while_the_service_is_away() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "say one");
    telegram.wait(7, "an answer", says("one"));
    telegram.be_away(true);
    until("the daemon has noticed", || daemon.warned().contains("Telegram cannot be reached"));
    telegram.says(7, "say two");
    telegram.be_away(false);
    telegram.wait(7, "an answer", says("two"));
    // Telegram forgets what was confirmed: everything comes again, many times.
    telegram.forget(true);
    telegram.says(7, "say three");
    telegram.wait(7, "an answer", says("three"));
    telegram.says(7, "say four");
    telegram.wait(7, "an answer", says("four"));
    telegram.forget(false);
    assert_eq!(runs(&home).len(), 4);
    assert_eq!(telegram.chat(7).len(), 4, "{:#?}", telegram.chat(7));
    let said = stop(&home, daemon);
    assert_eq!(said.matches("Telegram cannot be reached").count(), 1, "{said}");
    assert_eq!(said.matches("Telegram can be reached again").count(), 1, "{said}");
}

#[test]
fn a_daemon_that_was_killed_asks_no_second_time_and_takes_the_press() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let first = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let card = telegram.wait(7, "a question", asks);
    until("the message is marked", || {
        let out = "SELECT COUNT(*) FROM outbox WHERE delivered_at IS NOT NULL";
        home.database().query_row(out, [], |row| row.get::<_, i64>(0)).unwrap() == 1
    });
    first.kill();
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Approve"));
    telegram.says(7, "say hello");
    let second = daemon(&home);
    telegram.wait(7, "the card changed", |it| it.id == card.id && !asks(it));
    telegram.wait(7, "the answer", says("Result: "));
    telegram.wait(7, "the answer to the next message", says("hello"));
    assert_eq!(counted(&home), "x\n");
    assert_eq!(telegram.chat(7).len(), 3, "{:#?}", telegram.chat(7));
    stop(&home, second);
}

#[test]
fn a_service_that_says_to_slow_down_is_heeded() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let busy = json!({
        "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    });
    telegram.answer_instead("sendMessage", 429, busy);
    let daemon = daemon(&home);
    telegram.says(7, "say hello");
    telegram.wait(7, "an answer", says("hello"));
    assert_eq!(telegram.log().count("sendMessage"), 2);
    assert_eq!(telegram.chat(7).len(), 1);
    stop(&home, daemon);
}

#[test]
fn words_of_models_and_tools_are_only_words() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "say *b* <b>x</b> [a](http://b) \u{202e}evil\u{1b}[2K @everyone");
    let answer = telegram.wait(7, "an answer", says("@everyone"));
    assert_eq!(answer.text, "*b* <b>x</b> [a](http://b) \\u{202e}evil\\x1b[2K @everyone");
    telegram.says(7, "run echo '\u{202e}x' # *b* <b>");
    let card = telegram.wait(7, "a question", asks);
    assert!(card.text.contains("\necho '\\u{202e}x' # *b* <b>"), "{}", card.text);
    // A tool's words are marked as code, so that nothing in them is a name, a link or a command.
    let sent = telegram.log().wait("sendMessage", |body| {
        let entity = body["entities"].as_array()?.first()?.clone();
        Some((body["text"].as_str()?.to_owned(), entity))
    });
    let (text, entity) = sent;
    let units: Vec<u16> = text.encode_utf16().collect();
    let range = |name: &str| usize::try_from(entity[name].as_u64().unwrap()).unwrap();
    let marked = &units[range("offset")..range("offset") + range("length")];
    assert_eq!(String::from_utf16(marked).unwrap(), "echo '\\u{202e}x' # *b* <b>");
    assert_eq!(entity["type"], "pre");
    stop(&home, daemon);
}

#[test]
fn a_long_answer_is_split_and_says_how_much_is_left() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let word = "0123456789 ".repeat(1_000);
    home.file("script.yaml", SCRIPT.replace("You said: $0", &format!("{word}{word}{word}")));
    let daemon = daemon(&home);
    telegram.says(7, "go on");
    let last = telegram.wait(7, "the end", says("more characters: initrunner show run_"));
    assert_eq!(telegram.chat(7).len(), 4);
    assert!(last.text.contains("\n… 1"), "{}", last.text);
    stop(&home, daemon);
}

#[test]
fn a_preview_is_never_cut_at_the_head() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    let long = format!("run echo {}", "y".repeat(6_000));
    telegram.says(7, &long);
    let card = telegram.wait(7, "a question", asks);
    assert!(card.text.contains("\necho yyyy"), "{}", card.text);
    assert!(card.text.ends_with("more characters: Details"), "{}", card.text);
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Details"));
    until("preview and arguments are told, whole, over several messages", || {
        let all: String = telegram.chat(7).into_iter().map(|message| message.text).collect();
        all.matches('y').count() > 12_000
    });
    stop(&home, daemon);
}

#[test]
fn in_a_group_the_bot_hears_what_is_said_to_it() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says_in(-100, 7, "say nothing", json!({}));
    telegram.says_in(-100, 7, "say @test_bot2 nothing", json!({}));
    let asked = telegram.says_in(-100, 7, "@test_bot say one", json!({}));
    let answer = telegram.wait(-100, "an answer", says("one"));
    assert_eq!(answer.answers, Some(asked));
    let topic = json!({"message_thread_id": 5, "is_topic_message": true});
    telegram.says_in(-100, 7, "@Test_Bot, say two", topic.clone());
    let answer = telegram.wait(-100, "an answer", says("two"));
    assert_eq!(answer.thread, Some(5));
    // In a topic that it was spoken to in, its name is not needed.
    telegram.says_in(-100, 7, "say three", topic);
    let answer = telegram.wait(-100, "an answer", says("three"));
    assert_eq!(answer.thread, Some(5));
    let other = json!({"message_thread_id": 6, "is_topic_message": true});
    telegram.says_in(-100, 7, "say nothing", other);
    let to_me = json!({"reply_to_message": {
        "message_id": answer.id, "date": 1, "chat": {"id": -100, "type": "supergroup"},
        "from": {"id": 99, "is_bot": true, "first_name": "Bot"}, "text": "x",
    }});
    telegram.says_in(-100, 7, "say four", to_me);
    telegram.wait(-100, "an answer", says("four"));
    telegram.says_in(-100, 9, "@test_bot say five", json!({}));
    telegram.wait(-100, "a word to the stranger", says("people on its list only"));
    assert_eq!(runs(&home).len(), 4);
    stop(&home, daemon);
}

#[test]
fn a_thread_is_a_conversation() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "say one");
    telegram.wait(7, "an answer", says("one"));
    telegram.says(7, "say two");
    telegram.wait(7, "an answer", says("two"));
    let story = home.json(["show", &home.last(), "--json"]);
    let said = story["messages"].to_string();
    assert!(said.contains("say one") && said.contains("say two"), "{said}");
    telegram.says(7, "/new");
    telegram.wait(7, "a word", says("A new conversation begins."));
    telegram.says(7, "say three");
    telegram.wait(7, "an answer", says("three"));
    let story = home.json(["show", &home.last(), "--json"]);
    let said = story["messages"].to_string();
    assert!(said.contains("say three") && !said.contains("say one"), "{said}");
    stop(&home, daemon);
}

#[test]
fn a_token_that_is_wrong_is_said_and_the_process_goes_on() {
    let telegram = Telegram::start();
    let home: Home = home("required", &of(&telegram));
    let daemon = home
        .command(["daemon", "role.yaml", "--log-level", "info"])
        .env("TELEGRAM_BOT_TOKEN", "1:wrong-token-of-somebody")
        .start();
    until("it is said", || {
        daemon.warned().contains("it does not know the token in `TELEGRAM_BOT_TOKEN`")
    });
    let said = stop(&home, daemon);
    assert!(!said.contains("wrong-token"), "{said}");
}

#[test]
fn updates_that_cannot_be_read_keep_nothing_back() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    telegram.says_in(7, 7, "x", json!({"from": "nobody"}));
    telegram.says_in(7, 7, "x", json!({"chat": null}));
    let daemon = daemon(&home);
    telegram.says(7, "say hello");
    telegram.wait(7, "an answer", says("hello"));
    let said = stop(&home, daemon);
    assert_eq!(said.matches("an update of Telegram cannot be read").count(), 2, "{said}");
}

#[test]
fn a_run_that_is_not_written_down_has_no_buttons() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let daemon = home
        .command(["daemon", "role.yaml", "--no-audit", "--log-level", "info"])
        .env("TELEGRAM_BOT_TOKEN", initrunner_tests::telegram::TOKEN)
        .start();
    telegram.says(7, "run echo x >> count");
    let told = telegram.wait(7, "a word", says("it cannot be resumed"));
    assert!(told.buttons.is_empty() && !told.text.contains("Resume:"), "{}", told.text);
    assert_eq!(counted(&home), "");
    stop(&home, daemon);
}

#[test]
fn a_run_of_a_schedule_asks_in_chats_and_a_press_has_it_go_on() {
    let telegram = Telegram::start();
    let more = format!(
        "triggers:\n  \
           - {{type: heartbeat, every: 1s, prompt: run echo x >> count}}\n  \
           - {{type: telegram, people: [7, 8], reviewers: [8], api_url: \"{}\"}}\n\
         notify:\n  \
           - {{chat: {{trigger: telegram, to: \"8\"}}}}\n  \
           - {{chat: {{trigger: telegram, to: \"-500\"}}, name: group}}\n\
         daemon: {{max_runs_per_day: 1}}\n",
        telegram.url()
    );
    let home = home("required", &more);
    let daemon = daemon(&home);
    let cards = [8, -500].map(|chat| telegram.wait(chat, "a question", asks));
    assert_eq!(runs(&home).len(), 1);
    assert_eq!(runs(&home)[0]["state"], "paused");
    telegram.presses(8, "Alice", &cards[1], data(&cards[1].buttons, "Approve"));
    assert_eq!(telegram.toast(1), "Approved.");
    for card in &cards {
        let changed =
            telegram.wait(card.chat, "the card changed", |it| it.id == card.id && !asks(it));
        assert!(changed.text.contains("approved by telegram:8 (Alice) at 20"), "{}", changed.text);
        telegram.wait(card.chat, "the answer", says("Result: "));
    }
    assert_eq!(counted(&home), "x\n");
    stop(&home, daemon);
}

#[test]
fn what_is_told_of_one_run_changes_no_card_of_another() {
    let telegram = Telegram::start();
    let more =
        format!("{}notify:\n  - {{chat: {{trigger: telegram, to: \"-500\"}}}}\n", of(&telegram));
    let home = home("required", &more);
    let first = daemon(&home);
    telegram.says(7, "run echo x >> count");
    telegram.wait(-500, "a question", asks);
    telegram.says(8, "say done");
    telegram.wait(-500, "an answer", |it| it.text == "done");
    stop(&home, first);
    // Had it died before it could write down that they are out, all would be sent again, and together.
    let again = "UPDATE outbox SET delivered_at = NULL, receipt = NULL, due_at = 0";
    assert_eq!(home.database().execute(again, []).unwrap(), 4);
    let before = telegram.chat(-500).len();
    let second = daemon(&home);
    until("both are sent again", || telegram.chat(-500).len() == before + 2);
    let card = telegram.chat(-500).into_iter().skip(before).find(asks);
    let card = card.unwrap_or_else(|| panic!("no buttons: {:?}", telegram.chat(-500)));
    assert!(card.text.contains("echo x >> count"), "{}", card.text);
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Approve"));
    assert_eq!(telegram.toast(1), "Approved.");
    stop(&home, second);
}

#[test]
fn whoever_does_not_answer_holds_up_nobody_else() {
    let telegram = Telegram::start();
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let notify = format!(
        "notify:\n  - {{webhook: {{url: \"http://{}/\", secret_env: HOOK_SECRET}}, on: [ended]}}\n",
        silent.local_addr().unwrap()
    );
    let home = home("required", &format!("{}{notify}", of(&telegram)));
    let daemon = daemon(&home);
    telegram.says(7, "say one");
    telegram.wait(7, "an answer", says("one"));
    let asked = std::time::Instant::now();
    telegram.says(7, "say two");
    telegram.wait(7, "an answer", says("two"));
    assert!(asked.elapsed().as_secs() < 12, "{:?}", asked.elapsed());
    stop(&home, daemon);
}

#[test]
fn a_call_that_nobody_decided_about_is_an_answer_all_the_same() {
    let telegram = Telegram::start();
    let home = home("{expires_after: 1s}", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    telegram.wait(7, "an answer", says("Error: "));
    assert_eq!(counted(&home), "");
    assert_eq!(runs(&home)[0]["state"], "completed");
    stop(&home, daemon);
}
