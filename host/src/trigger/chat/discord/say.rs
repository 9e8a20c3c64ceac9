//! Messages to Discord: every mark of its language escaped, nobody mentioned, nothing unfolded from links.

use super::place::Place;
use crate::domain::digest::Digest;
use crate::trigger::SendError;
use crate::trigger::chat::button::{Action, Button, Signer};
use crate::trigger::chat::card::{Card, MARGIN, Room};
use crate::trigger::chat::tell::Mouth;
use serde_json::{Map, Value, json};
use std::future::{Future, IntoFuture};
use std::time::Duration;
use twilight_http::api_error::ApiError;
use twilight_http::error::ErrorType;
use twilight_http::{Client, Error};
use twilight_model::channel::message::MessageFlags;
use twilight_model::channel::message::component::{ButtonStyle, ComponentType};

/// What a message holds ("message contents (up to 2000 characters)", Discord's API), escaped; and five rows of
/// buttons, one for each call.
const ROOM: Room = Room { text: 2_000, cost, rows: 5, persists: true, margin: MARGIN };

/// The longest that a sender waits by itself where Discord says to slow down: some of the time that it is given for
/// one message, so that what follows still fits.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What speaks for one bot.
pub(super) struct Discord {
    pub(super) http: Client,
    pub(super) signer: Signer,
    /// Whether runs are written down.
    pub(super) persists: bool,
}

/// Whether a character may mean something in Discord's markdown: any ASCII punctuation may stand behind a
/// backslash, and is then itself.
fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '"' | '\'' | '?' | '%' | '=' | '$')
}

fn cost(c: char) -> usize {
    c.len_utf16() + usize::from(is_mark(c))
}

/// A text in which nothing is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if is_mark(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl Discord {
    fn rows(&self, place: Place, card: &Card) -> Vec<Value> {
        let channel = place.channel.to_string();
        let button = |number: Option<usize>, button: &Button| {
            let number = number.map(|number| format!("{number}. ")).unwrap_or_default();
            let style = match button.action {
                Action::Approve | Action::Retry => ButtonStyle::Success,
                Action::Deny => ButtonStyle::Danger,
                Action::Details | Action::ReportUnknown => ButtonStyle::Secondary,
            };
            json!({
                "type": u8::from(ComponentType::Button),
                "style": u8::from(style),
                "label": format!("{number}{}", button.action.label()),
                "custom_id": self.signer.sign(&channel, button),
            })
        };
        let row = |row: &crate::trigger::chat::card::Row| {
            let buttons: Vec<Value> = row.buttons.iter().map(|it| button(row.number, it)).collect();
            json!({"type": u8::from(ComponentType::ActionRow), "components": buttons})
        };
        card.rows.iter().map(row).collect()
    }

    async fn post(
        &self,
        place: Place,
        mut message: Map<String, Value>,
        once: &str,
    ) -> Result<String, SendError> {
        if let Some(answered) = place.message {
            // Whoever removed their question is answered all the same.
            let reference = json!({"message_id": answered, "fail_if_not_exists": false});
            message.insert("message_reference".into(), reference);
        }
        if !once.is_empty() {
            // Discord gives the message that it has under this name, rather than a second one, for some
            // minutes. 25 characters at most.
            let nonce: String = Digest::of(once.as_bytes()).hex().chars().take(24).collect();
            message.insert("nonce".into(), nonce.into());
            message.insert("enforce_nonce".into(), true.into());
        }
        let body = Value::Object(message).to_string();
        let send = || async {
            let sent = self.http.create_message(place.channel).payload_json(body.as_bytes());
            let sent = sent.into_future().await.map_err(|error| because(&error))?;
            // Only its name is read: whatever else a message has may be new.
            let text = sent.text().await.map_err(|_| unread())?;
            let value: Value = serde_json::from_str(&text).map_err(|_| unread())?;
            value.get("id").and_then(Value::as_str).map(str::to_owned).ok_or_else(unread)
        };
        slowly(send).await
    }
}

fn unread() -> (SendError, Option<Duration>) {
    (SendError::Later("Discord's answer cannot be read".into()), None)
}

/// What every message has: nobody mentioned, nothing unfolded.
fn message(text: &str) -> Map<String, Value> {
    let content = if text.is_empty() { "…".to_owned() } else { escaped(text) };
    let mut message = Map::new();
    message.insert("content".into(), content.into());
    message.insert("allowed_mentions".into(), json!({"parse": []}));
    message.insert("flags".into(), MessageFlags::SUPPRESS_EMBEDS.bits().into());
    message
}

impl Mouth for Discord {
    fn room(&self) -> Room {
        Room { persists: self.persists, ..ROOM }
    }

    async fn say(&self, place: &str, text: &str, once: &str) -> Result<String, SendError> {
        self.post(read(place)?, message(text), once).await
    }

    async fn show(&self, place: &str, card: &Card, once: &str) -> Result<String, SendError> {
        let place = read(place)?;
        let mut message = message(&card.text());
        message.insert("components".into(), self.rows(place, card).into());
        self.post(place, message, once).await
    }

    async fn change(&self, place: &str, name: &str, card: &Card) -> Result<(), SendError> {
        let place = read(place)?;
        let name = name.parse().map_err(|_| SendError::Never("it names no message".into()))?;
        let mut message = message(&card.text());
        message.insert("components".into(), self.rows(place, card).into());
        let body = Value::Object(message).to_string();
        let edit = || async {
            let edited = self.http.update_message(place.channel, name);
            let edited = edited.payload_json(body.as_bytes()).into_future().await;
            edited.map(|_| ()).map_err(|error| because(&error))
        };
        slowly(edit).await
    }
}

/// Asks, and once more where Discord says to wait for a short while.
async fn slowly<T, F>(ask: impl Fn() -> F) -> Result<T, SendError>
where
    F: Future<Output = Result<T, (SendError, Option<Duration>)>>,
{
    match ask().await {
        Err((_, Some(pause))) if pause <= LONGEST_PAUSE => {
            tokio::time::sleep(pause).await;
            ask().await.map_err(|(error, _)| error)
        }
        other => other.map_err(|(error, _)| error),
    }
}

/// What a failure means for a message, and how long Discord says to wait.
fn because(error: &Error) -> (SendError, Option<Duration>) {
    match error.kind() {
        ErrorType::Response { status, error, .. } => {
            let pause = match error {
                ApiError::Ratelimited(limit) => Duration::try_from_secs_f64(limit.retry_after).ok(),
                _ => None,
            };
            let said = format!("Discord answered {status}");
            match status.get() {
                401 | 429 | 500.. => (SendError::Later(said), pause),
                _ => (SendError::Never(said), None),
            }
        }
        ErrorType::Validation | ErrorType::BuildingRequest | ErrorType::Json => {
            (SendError::Never("Discord takes no such message".into()), None)
        }
        ErrorType::Unauthorized => {
            (SendError::Later("Discord does not know the token".into()), None)
        }
        _ => (SendError::Later("Discord cannot be reached".into()), None),
    }
}

fn read(place: &str) -> Result<Place, SendError> {
    let wrong = || {
        let cure = "write the channel's number";
        SendError::Never(format!("`{place}` is no place in Discord; {cure}"))
    };
    Place::parse(place).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let check = |text: &str, expected: &str| {
            assert_eq!(escaped(text), expected);
            assert_eq!(text.chars().map(cost).sum::<usize>(), expected.encode_utf16().count());
        };
        check("a b", "a b");
        check("**b** `c`", "\\*\\*b\\*\\* \\`c\\`");
        check("@everyone <@5>", "\\@everyone \\<\\@5\\>");
        check("https://x.y", "https\\:\\/\\/x\\.y");
        check("# a\n- b\n> c", "\\# a\n\\- b\n\\> c");
        check("\\", "\\\\");
        check("ä🙂", "ä🙂");
    }
}
