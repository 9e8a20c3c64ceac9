//! Messages to Telegram: plain text, in which nothing is markup.

use super::client::{Client, Failure};
use super::place::Place;
use crate::trigger::SendError;
use crate::trigger::chat::button::{Button, Signer};
use crate::trigger::chat::card::{Card, Part, Room};
use crate::trigger::chat::tell::Mouth;
use frankenstein::AsyncTelegramApi;
use frankenstein::methods::{EditMessageTextParams, SendMessageParams};
use frankenstein::response::{ErrorResponse, MessageOrBool, MethodResponse};
use frankenstein::types::{
    InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity,
    MessageEntityType, ReplyMarkup, ReplyParameters,
};
use std::future::Future;
use std::time::Duration;

/// What a message holds ("text: 1-4096 characters after entities parsing", Bot API), in UTF-16 units, as
/// Telegram counts.
const ROOM: Room = Room {
    text: 4096,
    cost: char::len_utf16,
    // A keyboard has at most 100 buttons; three for each call.
    rows: 30,
    persists: true,
    // They are shown as code.
    margin: "",
};

/// The longest that a sender waits by itself where Telegram says to slow down: some of the time that it is given for
/// one message, so that what follows still fits.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What speaks for one bot.
pub(super) struct Telegram {
    pub(super) client: Client,
    pub(super) signer: Signer,
    /// Whether runs are written down.
    pub(super) persists: bool,
}

impl Telegram {
    fn keyboard(&self, place: Place, card: &Card) -> InlineKeyboardMarkup {
        let chat = place.chat.to_string();
        let rows = card.rows.iter().map(|row| {
            let number = row.number.map(|number| format!("{number}. ")).unwrap_or_default();
            let button = |button: &Button| {
                InlineKeyboardButton::builder()
                    .text(format!("{number}{}", button.action.label()))
                    .callback_data(self.signer.sign(&chat, button))
                    .build()
            };
            row.buttons.iter().map(button).collect()
        });
        InlineKeyboardMarkup::builder().inline_keyboard(rows.collect()).build()
    }

    pub(super) async fn send(
        &self,
        place: Place,
        text: String,
        entities: Vec<MessageEntity>,
        keyboard: Option<InlineKeyboardMarkup>,
    ) -> Result<String, SendError> {
        let params = SendMessageParams::builder()
            .chat_id(place.chat)
            .text(text)
            .link_preview_options(LinkPreviewOptions::DISABLED)
            .maybe_message_thread_id(place.thread)
            .maybe_entities(Some(entities).filter(|entities| !entities.is_empty()))
            .maybe_reply_parameters(place.message.map(|message| {
                ReplyParameters::builder()
                    .message_id(message)
                    // Whoever removed their question is answered all the same.
                    .allow_sending_without_reply(true)
                    .build()
            }))
            .maybe_reply_markup(keyboard.map(ReplyMarkup::InlineKeyboardMarkup))
            .build();
        let sent = slowly(|| self.client.send_message(&params)).await?;
        Ok(sent.result.message_id.to_string())
    }
}

impl Mouth for Telegram {
    fn room(&self) -> Room {
        Room { persists: self.persists, ..ROOM }
    }

    async fn say(&self, place: &str, text: &str, _: &str) -> Result<String, SendError> {
        self.send(read(place)?, text.to_owned(), Vec::new(), None).await
    }

    async fn show(&self, place: &str, card: &Card, _: &str) -> Result<String, SendError> {
        let place = read(place)?;
        let (text, entities) = written(card);
        self.send(place, text, entities, Some(self.keyboard(place, card))).await
    }

    async fn change(&self, place: &str, message: &str, card: &Card) -> Result<(), SendError> {
        let place = read(place)?;
        let message: i32 =
            message.parse().map_err(|_| SendError::Never("it names no message".into()))?;
        let (text, entities) = written(card);
        let params = EditMessageTextParams::builder()
            .chat_id(place.chat)
            .message_id(message)
            .text(text)
            .entities(entities)
            .link_preview_options(LinkPreviewOptions::DISABLED)
            .reply_markup(self.keyboard(place, card))
            .build();
        let edit = || async {
            let edited: Result<MethodResponse<MessageOrBool>, Failure> =
                self.client.request("editMessageText", Some(&params)).await;
            match edited {
                Err(Failure::Refused(error)) if says_so_already(&error) => Ok(()),
                other => other.map(|_| ()),
            }
        };
        slowly(edit).await
    }
}

/// "Bad Request: message is not modified: …": what a change that is repeated is told.
fn says_so_already(error: &ErrorResponse) -> bool {
    error.error_code == 400 && error.description.contains("message is not modified")
}

/// Asks, and once more where Telegram says to wait for a short while.
pub(super) async fn slowly<T, F>(ask: impl Fn() -> F) -> Result<T, SendError>
where
    F: Future<Output = Result<T, Failure>>,
{
    let first = match ask().await {
        Ok(given) => return Ok(given),
        Err(failure) => failure,
    };
    match pause(&first) {
        Some(pause) if pause <= LONGEST_PAUSE => {
            tokio::time::sleep(pause).await;
            ask().await.map_err(|failure| because(&failure))
        }
        _ => Err(because(&first)),
    }
}

/// How long Telegram says to wait.
pub(super) fn pause(failure: &Failure) -> Option<Duration> {
    let Failure::Refused(error) = failure else { return None };
    let seconds = error.parameters.as_ref()?.retry_after?;
    Some(Duration::from_secs(seconds.into()))
}

/// What a failure means for a message.
fn because(failure: &Failure) -> SendError {
    match failure {
        Failure::Unreachable(why) => SendError::Later(format!("Telegram cannot be reached: {why}")),
        Failure::Refused(error) => {
            let said = format!("Telegram says: {}", error.description);
            match error.error_code {
                // A token that is wrong may be put right.
                401 | 404 | 429 | 500.. => SendError::Later(said),
                _ => SendError::Never(said),
            }
        }
    }
}

fn read(place: &str) -> Result<Place, SendError> {
    let wrong = || {
        let cure = "write the chat's number, such as `-1001234567890`";
        SendError::Never(format!("`{place}` is no place in Telegram; {cure}"))
    };
    Place::parse(place).ok_or_else(wrong)
}

/// A card's text, and where in it a tool's words stand: what is marked as code is not searched for names,
/// links and commands.
fn written(card: &Card) -> (String, Vec<MessageEntity>) {
    let (mut text, mut entities) = (String::new(), Vec::new());
    let units = |text: &str| u16::try_from(text.encode_utf16().count()).unwrap_or(u16::MAX);
    for part in &card.parts {
        if !text.is_empty() {
            text.push('\n');
        }
        let offset = units(&text);
        text.push_str(part.text());
        if let Part::Code(code) = part {
            let code = MessageEntity::builder()
                .type_field(MessageEntityType::Pre)
                .offset(offset)
                .length(units(code));
            entities.push(code.build());
        }
    }
    (text, entities)
}
