//! What Telegram tells, by long polling. An update counts as received when the next question is asked with a
//! higher offset; that happens after it is written down. So one that was under way when the process died comes
//! again, and its name says that it came before.

use super::client::{Failure, LONG_POLL};
use super::place::Place;
use super::say::{Telegram, pause};
use crate::trigger::chat::card::clipped;
use crate::trigger::chat::desk::{Desk, stopped};
use crate::trigger::chat::hear::{Heard, Reply, hear};
use crate::trigger::chat::press::{Person, Pressed, press};
use crate::trigger::chat::split::split;
use crate::trigger::chat::tell::Mouth;
use frankenstein::AsyncTelegramApi;
use frankenstein::methods::{AnswerCallbackQueryParams, GetUpdatesParams};
use frankenstein::response::MethodResponse;
use frankenstein::types::{
    AllowedUpdate, CallbackQuery, ChatType, MaybeInaccessibleMessage, Message, User,
};
use frankenstein::updates::{Update, UpdateContent};
use serde_json::Value;
use std::sync::Arc;

/// How many updates are taken at a time.
const AT_ONCE: u32 = 50;

/// The most characters of what is shown to whoever pressed a button ("text: 0-200 characters", Bot API).
const LONGEST_TOAST: usize = 200;

/// Receives until the process is asked to stop.
pub(super) async fn receive(desk: Arc<Desk>, telegram: Arc<Telegram>) {
    let mut stop = desk.stop.clone();
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = poll(&desk, &telegram) => {}
    }
}

async fn poll(desk: &Arc<Desk>, telegram: &Arc<Telegram>) {
    let Some(me) = who_am_i(desk, telegram).await else { return };
    let mut offset = 0i64;
    loop {
        let params = GetUpdatesParams::builder()
            .offset(offset)
            .limit(AT_ONCE)
            .timeout(LONG_POLL)
            .allowed_updates(vec![AllowedUpdate::Message, AllowedUpdate::CallbackQuery])
            .build();
        // Read one by one: of an update that a newer Telegram writes in another way only that one is lost.
        let asked: Result<MethodResponse<Vec<Value>>, Failure> =
            telegram.client.request("getUpdates", Some(&params)).await;
        match asked {
            Ok(updates) => {
                desk.health.works();
                for update in updates.result {
                    let Some(id) = update.get("update_id").and_then(Value::as_i64) else {
                        continue;
                    };
                    if !settle(desk, telegram, &me, update).await {
                        return;
                    }
                    offset = offset.max(id.saturating_add(1));
                }
            }
            Err(failure) => {
                if !pause_after(desk, &failure).await {
                    return;
                }
            }
        }
    }
}

/// The bot itself, asked for until Telegram answers; `None` where the process stops before.
async fn who_am_i(desk: &Desk, telegram: &Telegram) -> Option<User> {
    loop {
        match telegram.client.get_me().await {
            Ok(me) => {
                desk.health.works();
                return Some(me.result);
            }
            Err(failure) if !pause_after(desk, &failure).await => return None,
            Err(_) => {}
        }
    }
}

async fn pause_after(desk: &Desk, failure: &Failure) -> bool {
    let why = match failure {
        Failure::Unreachable(why) => why.clone(),
        Failure::Refused(error) => match error.error_code {
            401 | 404 => {
                format!("it does not know the token in `{}`", desk.spec.token_env)
            }
            409 => "somebody else receives with the same token".into(),
            _ => format!("it says `{}`", error.description),
        },
    };
    let wait = desk.health.failed(&why);
    desk.wait(wait.max(pause(failure).unwrap_or_default())).await
}

/// Settles one update; `false`: the process stops, and it is to come again.
async fn settle(desk: &Arc<Desk>, telegram: &Arc<Telegram>, me: &User, update: Value) -> bool {
    let Ok(update) = serde_json::from_value::<Update>(update) else {
        tracing::warn!(
            role = desk.role,
            trigger = desk.trigger,
            "an update of Telegram cannot be read"
        );
        return true;
    };
    match update.content {
        UpdateContent::Message(message) => listen(desk, telegram, me, *message).await,
        UpdateContent::CallbackQuery(query) => {
            let (settled_at, telegram) = (Arc::clone(desk), Arc::clone(telegram));
            desk.begin_press(async move { pressed(&settled_at, &telegram, *query).await });
            true
        }
        _ => true,
    }
}

async fn listen(desk: &Desk, telegram: &Telegram, me: &User, message: Message) -> bool {
    let Some(from) = message.from.as_deref().filter(|from| !from.is_bot) else { return true };
    let private = message.chat.type_field == ChatType::Private;
    let said = message.text.as_deref().or(message.caption.as_deref()).unwrap_or_default();
    // What joins, leaves and pins is told as messages too.
    if said.is_empty() && !private {
        return true;
    }
    let mention = me.username.as_deref().map(|name| format!("@{name}"));
    let (text, mentioned) = without_mention(said, mention.as_deref());
    let answers = message.reply_to_message.as_deref();
    let answers_me = answers.and_then(|it| it.from.as_deref()).is_some_and(|it| it.id == me.id)
        // Every message of a topic answers the one that opened it.
        && answers.map(|it| it.message_id) != message.message_thread_id;
    let thread = message.message_thread_id.filter(|_| message.is_topic_message == Some(true));
    let place = Place {
        chat: message.chat.id,
        thread,
        message: Some(message.message_id).filter(|_| !private),
    };
    if private && desk.may_talk(&from.id.to_string()) && said == "/start" {
        // What Telegram's apps send when somebody opens a bot for the first time.
        let _ = telegram.say(&place.text(), "Write what is to be done.", "").await;
        return true;
    }
    let heard = Heard {
        user: from.id.to_string(),
        chat: message.chat.id.to_string(),
        thread: thread.map_or_else(|| "main".into(), |thread| thread.to_string()),
        text,
        key: format!("{}/{}", message.chat.id, message.message_id),
        place: place.text(),
        addressed: private || mentioned || answers_me,
        in_thread: thread.is_some(),
    };
    match hear(desk, heard).await {
        Reply::Nothing => true,
        Reply::Unsettled => false,
        Reply::Say(sentence) => {
            // A sentence that is lost is not worth keeping other people waiting for.
            let _ = telegram.say(&place.text(), &sentence, "").await;
            true
        }
    }
}

/// What was said without the bot's name in front, and whether it was named: at the beginning, or as a word
/// anywhere else.
fn without_mention(said: &str, mention: Option<&str>) -> (String, bool) {
    let Some(mention) = mention else { return (said.to_owned(), false) };
    let is_it =
        |word: &str| word.trim_end_matches([',', ':', '.', '!', '?']).eq_ignore_ascii_case(mention);
    let trimmed = said.trim_start();
    // In groups a command has the bot's name behind it.
    if let Some((command, rest)) = trimmed.strip_prefix('/').and_then(|it| it.split_once('@')) {
        let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let plain = command.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain && is_it(&format!("@{name}")) {
            return (format!("/{command} {rest}").trim_end().to_owned(), true);
        }
    }
    let first = trimmed.split_whitespace().next().unwrap_or_default();
    if is_it(first) {
        return (trimmed[first.len()..].trim_start().to_owned(), true);
    }
    (said.to_owned(), said.split_whitespace().any(is_it))
}

async fn pressed(desk: &Desk, telegram: &Telegram, query: CallbackQuery) {
    let (chat, message) = match &query.message {
        Some(MaybeInaccessibleMessage::Message(message)) => {
            (message.chat.id, Some((message.message_id, message.message_thread_id)))
        }
        Some(MaybeInaccessibleMessage::InaccessibleMessage(message)) => (message.chat.id, None),
        None => return,
    };
    let name = match &query.from.last_name {
        Some(last) => format!("{} {last}", query.from.first_name),
        None => query.from.first_name.clone(),
    };
    let person = Person { user: query.from.id.to_string(), name };
    let data = query.data.as_deref().unwrap_or_default();
    let toast = match press(desk, &person, &chat.to_string(), data).await {
        Pressed::Told(sentence) => Some(sentence),
        Pressed::Details(text) => {
            let place = Place {
                chat,
                thread: message.and_then(|(_, thread)| thread),
                message: message.map(|(id, _)| id),
            };
            let room = telegram.room();
            for part in split(&text, room.text, room.cost, "initrunner show") {
                if telegram.say(&place.text(), &part, "").await.is_err() {
                    break;
                }
            }
            None
        }
    };
    let params = AnswerCallbackQueryParams::builder()
        .callback_query_id(query.id)
        .maybe_text(toast.as_deref().map(|text| clipped(text, LONGEST_TOAST - 1)))
        .maybe_show_alert(toast.map(|_| true))
        .build();
    // Too late, or twice: whoever pressed sees what the message says.
    let _ = telegram.client.answer_callback_query(&params).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bot_is_named_by_a_word_of_its_own() {
        let check = |said: &str, text: &str, mentioned: bool| {
            assert_eq!(without_mention(said, Some("@a_bot")), (text.to_owned(), mentioned));
        };
        check("@a_bot do it", "do it", true);
        check("@A_Bot: do it", "do it", true);
        check("do it @a_bot!", "do it @a_bot!", true);
        check("do it", "do it", false);
        check("@a_bot2 do it", "@a_bot2 do it", false);
        check("x@a_bot do it", "x@a_bot do it", false);
        check("@a_bot", "", true);
        check("/new@a_bot", "/new", true);
        check("/new@A_bot now", "/new now", true);
        check("/new@b_bot", "/new@b_bot", false);
        check("/new", "/new", false);
    }
}
