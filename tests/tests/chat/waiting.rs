//! Questions that nobody answers for a while, that are answered elsewhere with other words, and those about
//! calls of which nobody knows whether they happened.

use crate::{counted, daemon, data, home, labels, runs, stop};
use initrunner_tests::home::{Home, until};
use initrunner_tests::telegram::{Shown, Telegram};

/// 7 writes; 7 and 8 press, as far as the rule lets them; a group is told of everything.
fn of(telegram: &Telegram) -> String {
    format!(
        "triggers:\n  - {{type: telegram, people: [7, 8], reviewers: [7, 8, 9], api_url: \"{}\"}}\n\
         notify:\n  - {{chat: {{trigger: telegram, to: \"-500\"}}}}\n",
        telegram.url()
    )
}

fn asks(message: &Shown) -> bool {
    !message.buttons.is_empty()
}

fn says(text: &'static str) -> impl Fn(&Shown) -> bool {
    move |message| message.text.contains(text)
}

/// The cards of the run in a chat, as they stand.
fn cards(telegram: &Telegram, chat: i64) -> Vec<Shown> {
    let tells = |message: &Shown| {
        message.text.contains("Awaiting approval for") || message.text.starts_with("Run run_")
    };
    telegram.chat(chat).into_iter().filter(tells).collect()
}

#[test]
fn a_second_group_is_asked_after_a_while_and_may_press() {
    let telegram = Telegram::start();
    let rule = "{reviewers: [\"telegram:8\"], escalate: {after: 2s, reviewers: [\"telegram:9\"]}}";
    let home = home(rule, &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let first = telegram.wait(-500, "a question", asks);
    assert!(first.text.contains("telegram:8 may approve"), "{}", first.text);
    telegram.presses(9, "Carol", &first, data(&first.buttons, "Approve"));
    let early = telegram.toast(1);
    assert!(early.starts_with("Nothing changed: "), "{early}");
    assert_eq!(counted(&home), "");

    let second = telegram.wait(-500, "the second question", |it| it.id != first.id && asks(it));
    let told =
        "Nobody decided yet, so you are asked as well.\nAwaiting approval for 1 tool call(s).";
    assert!(second.text.starts_with(told), "{}", second.text);
    assert!(second.text.contains("\necho x >> count\n"), "{}", second.text);
    assert!(second.text.contains("telegram:8 or telegram:9 may approve"), "{}", second.text);
    assert_eq!(labels(&second.buttons), ["Approve", "Deny", "Details"]);
    // Whoever is in neither group is not asked now either.
    telegram.presses(7, "Bob", &second, data(&second.buttons, "Approve"));
    let refused = telegram.toast(2);
    assert!(refused.starts_with("Nothing changed: "), "{refused}");
    assert_eq!(runs(&home)[0]["state"], "paused");

    telegram.presses(9, "Carol", &second, data(&second.buttons, "Approve"));
    assert_eq!(telegram.toast(3), "Approved.");
    for (chat, number) in [(7, 2), (-500, 2)] {
        telegram.wait(chat, "the answer", says("Result: "));
        let shown = cards(&telegram, chat);
        assert_eq!(shown.len(), number, "{shown:#?}");
        for card in shown {
            assert!(!asks(&card), "{card:#?}");
            assert!(card.text.contains("\napproved by telegram:9 (Carol) at 20"), "{}", card.text);
        }
    }
    assert_eq!(counted(&home), "x\n");
    stop(&home, daemon);
}

#[test]
fn people_are_reminded_and_what_expires_has_no_buttons_any_more() {
    let telegram = Telegram::start();
    let home = home("{expires_after: 4s, remind_before: 2s}", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let first = [7, -500].map(|chat| telegram.wait(chat, "a question", asks));
    for card in &first {
        let reminder = telegram.wait(
            card.chat,
            "a reminder",
            says("Nobody decided yet, and it expires soon.\nAwait"),
        );
        assert!(reminder.id != card.id && reminder.text.contains("expires at 20"), "{reminder:#?}");
    }
    for card in &first {
        telegram.wait(
            card.chat,
            "the answer",
            says("Error: Nobody decided about this call in time"),
        );
        let shown = cards(&telegram, card.chat);
        assert_eq!(shown.len(), 2, "{shown:#?}");
        for card in shown {
            assert!(!asks(&card), "{card:#?}");
            assert!(
                card.text.ends_with("\nnot decided in time, and not executed"),
                "{}",
                card.text
            );
        }
    }
    // A copy of the card from before: too late.
    telegram.presses(8, "Alice", &first[0], data(&first[0].buttons, "Approve"));
    let late = telegram.toast(1);
    assert!(late.contains(" expired at 20") && late.contains("it was not executed"), "{late}");
    assert_eq!(counted(&home), "");
    stop(&home, daemon);
}

/// A call under way when the daemon is killed; gives the card that asks what to do about it.
fn unknown(telegram: &Telegram, home: &Home) -> (initrunner_tests::home::Running, Shown) {
    let first = daemon(home);
    telegram.says(7, "run echo x >> count; until test -e go; do sleep 0.05; done");
    let card = telegram.wait(7, "a question", asks);
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Approve"));
    assert_eq!(telegram.toast(1), "Approved.");
    until("the call is under way", || counted(home) == "x\n");
    first.kill();
    std::fs::write(home.work().join("go"), "").unwrap();
    let second = daemon(home);
    let card =
        telegram.wait(7, "a question", says("whether it happened is not known. Look first."));
    (second, card)
}

#[test]
fn a_call_of_unknown_outcome_is_tried_again_by_a_press() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let (daemon, card) = unknown(&telegram, &home);
    assert_eq!(labels(&card.buttons), ["Try again", "Report unknown", "Details"]);
    let head = format!("The outcome of 1 tool call(s) of run {} is not known", home.last());
    assert!(
        card.text.starts_with(&format!("{head}. Choose: initrunner recover\n")),
        "{}",
        card.text
    );
    // The buttons of the question before are for another question; those of the group's card for another chat.
    let before = telegram.log().wait("sendMessage", |body| {
        if body["chat_id"].as_i64() != Some(card.chat) {
            return None;
        }
        let keys = body["reply_markup"]["inline_keyboard"].as_array()?;
        keys.iter()
            .flat_map(|row| row.as_array().cloned().unwrap_or_default())
            .find(|key| key["text"] == "Approve")
            .and_then(|key| key["callback_data"].as_str().map(str::to_owned))
    });
    telegram.presses(8, "Alice", &card, &before);
    let told = telegram.toast(2);
    let now =
        "Nothing changed: the call was started meanwhile, and whether it happened is not known";
    assert!(told.starts_with(now), "{told}");
    assert_eq!(runs(&home)[0]["state"], "paused");
    // Whoever is no reviewer chooses nothing either.
    telegram.presses(666, "Mallory", &card, data(&card.buttons, "Try again"));
    assert_eq!(telegram.toast(3), "This button does nothing for you.");
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Try again"));
    assert_eq!(telegram.toast(4), "It is tried again.");
    telegram.wait(7, "the answer", says("Result: "));
    assert_eq!(counted(&home), "x\nx\n");
    // Once.
    for (number, button) in [(5, "Try again"), (6, "Report unknown")] {
        telegram.presses(8, "Alice", &card, data(&card.buttons, button));
        let late = telegram.toast(number);
        assert!(late.starts_with("Nothing changed: "), "{late}");
    }
    assert_eq!(counted(&home), "x\nx\n");
    for chat in [7, -500] {
        until("no card has buttons", || !telegram.chat(chat).iter().any(asks));
    }
    stop(&home, daemon);
}

#[test]
fn a_call_of_unknown_outcome_is_reported_by_a_press() {
    let telegram = Telegram::start();
    let home = home("required", &of(&telegram));
    let (daemon, card) = unknown(&telegram, &home);
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Report unknown"));
    assert_eq!(telegram.toast(2), "Reported as unknown.");
    telegram.wait(7, "the answer", says("Error: "));
    assert_eq!(counted(&home), "x\n", "it is not tried again");
    telegram.presses(8, "Alice", &card, data(&card.buttons, "Try again"));
    let late = telegram.toast(3);
    assert!(late.starts_with("Nothing changed: "), "{late}");
    assert_eq!(counted(&home), "x\n");
    for chat in [7, -500] {
        until("no card has buttons", || !telegram.chat(chat).iter().any(asks));
    }
    stop(&home, daemon);
}

#[test]
fn a_call_that_was_changed_is_shown_as_it_is_now_and_earlier_buttons_decide_nothing() {
    let telegram = Telegram::start();
    let home = home("{quorum: 2}", &of(&telegram));
    let daemon = daemon(&home);
    telegram.says(7, "run echo x >> count");
    let before = telegram.wait(7, "a question", asks);
    let call = home.json(["pending", "--json"])[0]["tool_call_id"].as_str().unwrap().to_owned();
    let edited =
        ["approve", &home.last(), "--tool-call-id", &call, "--set", "command=echo y >> count"];
    assert_eq!(home.run(edited).code, Some(2));
    let now = telegram.wait(7, "the card changed", says("\necho y >> count"));
    assert_eq!(now.id, before.id);
    assert!(!now.text.contains("echo x"), "{}", now.text);
    telegram.presses(8, "Alice", &before, data(&before.buttons, "Approve"));
    let told = telegram.toast(1);
    assert!(told.starts_with("Nothing changed: "), "{told}");
    telegram.presses(8, "Alice", &now, data(&now.buttons, "Approve"));
    assert_eq!(telegram.toast(2), "Approved.");
    for chat in [7, -500] {
        telegram.wait(chat, "the answer", says("Result: "));
        let shown = cards(&telegram, chat);
        assert_eq!(shown.len(), 1, "{shown:#?}");
        let by = format!("approved by {}, telegram:8 (Alice) at 20", initrunner::ops::identity());
        assert!(!asks(&shown[0]) && shown[0].text.contains(&by), "{}", shown[0].text);
    }
    assert_eq!(counted(&home), "y\n");
    stop(&home, daemon);
}
