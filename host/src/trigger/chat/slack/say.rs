//! Messages to Slack: sections of plain text, in which nothing is markup, and a line for notifications.

use super::Way;
use super::place::Place;
use crate::trigger::SendError;
use crate::trigger::chat::button::{Action, Button, Signer};
use crate::trigger::chat::card::{Card, MARGIN, Room, clipped};
use crate::trigger::chat::split::clip;
use crate::trigger::chat::tell::Mouth;
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::{
    ClientResult, SlackActionsBlock, SlackApiChatPostEphemeralRequest,
    SlackApiChatPostMessageRequest, SlackApiChatUpdateRequest, SlackApiToken, SlackBlock,
    SlackBlockButtonElement, SlackBlockButtonStyle, SlackBlockPlainText, SlackClient,
    SlackMessageContent, SlackSectionBlock, ValueStruct,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What a section holds ("maximum length for the text in this field is 3000 characters", Block Kit), with some
/// room for how Slack may count.
const SECTION: usize = 2_900;

/// What a message holds: four sections. Slack takes more, and shows a long message folded.
const ROOM: Room = Room { text: 4 * SECTION, cost, rows: 20, persists: true, margin: MARGIN };

/// The most of the line for notifications.
const SUMMARY: usize = 150;

/// How long a request may take: Slack answers within seconds, or not at all.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that a sender waits by itself where Slack says to slow down: some of the time that it is given for
/// one message, so that what follows still fits.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What Slack calls its own failures: the same request may work later.
const PASSING: [&str; 6] = [
    "fatal_error",
    "internal_error",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
];

/// What speaks for one bot.
pub(super) struct Slack<W: Way> {
    pub(super) client: Arc<SlackClient<W>>,
    pub(super) token: SlackApiToken,
    pub(super) signer: Signer,
    /// Whether runs are written down.
    pub(super) persists: bool,
}

/// What a character takes: three are written as entities.
fn cost(c: char) -> usize {
    match c {
        '&' => "&amp;".len(),
        '<' => "&lt;".len(),
        '>' => "&gt;".len(),
        c => c.len_utf16(),
    }
}

/// The text with the three characters that Slack reads in any text written as entities.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl<W: Way> Slack<W> {
    fn content(&self, channel: &str, text: &str, card: Option<&Card>) -> SlackMessageContent {
        let mut blocks = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (part, _) = clip(rest, SECTION, cost);
            rest = &rest[part.len()..];
            let part = SlackBlockPlainText::new(escaped(part)).with_emoji(false);
            let section = SlackSectionBlock::new().with_text(part.as_block_text());
            blocks.push(SlackBlock::Section(section));
        }
        for (index, row) in card.into_iter().flat_map(|card| &card.rows).enumerate() {
            let button = |button: &Button| {
                let number = row.number.map(|number| format!("{number}. ")).unwrap_or_default();
                let label = format!("{number}{}", button.action.label());
                let element = SlackBlockButtonElement::new(label.into())
                    .with_action_id(format!("{index}/{:?}", button.action).into())
                    .with_value(self.signer.sign(channel, button));
                let element = match button.action {
                    Action::Approve | Action::Retry => {
                        element.with_style(SlackBlockButtonStyle::Primary)
                    }
                    Action::Deny => element.with_style(SlackBlockButtonStyle::Danger),
                    Action::Details | Action::ReportUnknown => element,
                };
                element.into()
            };
            let buttons = row.buttons.iter().map(button).collect();
            blocks.push(SlackBlock::Actions(SlackActionsBlock::new(buttons)));
        }
        let first = text.lines().next().unwrap_or_default();
        SlackMessageContent::new().with_text(escaped(&clipped(first, SUMMARY))).with_blocks(blocks)
    }

    async fn post(
        &self,
        place: &Place,
        text: &str,
        card: Option<&Card>,
    ) -> Result<String, SendError> {
        let request = SlackApiChatPostMessageRequest::new(
            place.channel.clone().into(),
            self.content(&place.channel, text, card),
        )
        .with_link_names(false)
        .with_parse("none".into())
        .with_unfurl_links(false)
        .with_unfurl_media(false)
        .opt_thread_ts(place.thread.clone().map(Into::into));
        let session = self.client.open_session(&self.token);
        let sent = slowly(|| session.chat_post_message(&request)).await?;
        Ok(sent.ts.value().clone())
    }

    /// Tells one person something that nobody else in the channel sees. What is lost is not told again.
    pub(super) async fn whisper(&self, place: &Place, user: &str, text: &str) {
        let request = SlackApiChatPostEphemeralRequest::new(
            place.channel.clone().into(),
            user.to_owned().into(),
            self.content(&place.channel, text, None),
        )
        .with_link_names(false)
        .with_parse("none".into())
        .opt_thread_ts(place.thread.clone().map(Into::into));
        let session = self.client.open_session(&self.token);
        if let Err(error) = slowly(|| session.chat_post_ephemeral(&request)).await {
            let (SendError::Later(why) | SendError::Never(why)) = error;
            tracing::info!("somebody in Slack was not answered: {why}");
        }
    }
}

impl<W: Way> Mouth for Slack<W> {
    fn room(&self) -> Room {
        Room { persists: self.persists, ..ROOM }
    }

    async fn say(&self, place: &str, text: &str, _: &str) -> Result<String, SendError> {
        self.post(&read(place)?, text, None).await
    }

    async fn show(&self, place: &str, card: &Card, _: &str) -> Result<String, SendError> {
        self.post(&read(place)?, &card.text(), Some(card)).await
    }

    async fn change(&self, place: &str, message: &str, card: &Card) -> Result<(), SendError> {
        let place = read(place)?;
        let request = SlackApiChatUpdateRequest::new(
            place.channel.clone().into(),
            self.content(&place.channel, &card.text(), Some(card)),
            message.to_owned().into(),
        )
        .with_link_names(false)
        .with_parse("none".into());
        let session = self.client.open_session(&self.token);
        slowly(|| session.chat_update(&request)).await?;
        Ok(())
    }
}

/// Asks, and once more where Slack says to wait for a short while.
async fn slowly<T, F>(ask: impl Fn() -> F) -> Result<T, SendError>
where
    F: Future<Output = ClientResult<T>>,
{
    let asked = || async {
        match tokio::time::timeout(PATIENCE, ask()).await {
            Ok(Ok(given)) => Ok(given),
            Ok(Err(error)) => Err(because(&error)),
            Err(_) => Err((SendError::Later("Slack did not answer in time".into()), None)),
        }
    };
    match asked().await {
        Err((_, Some(pause))) if pause <= LONGEST_PAUSE => {
            tokio::time::sleep(pause).await;
            asked().await.map_err(|(error, _)| error)
        }
        other => other.map_err(|(error, _)| error),
    }
}

/// What a failure means for a message, and how long Slack says to wait.
fn because(error: &SlackClientError) -> (SendError, Option<Duration>) {
    match error {
        SlackClientError::RateLimitError(limit) => {
            (SendError::Later("Slack says to slow down".into()), limit.retry_after)
        }
        SlackClientError::ApiError(error) => {
            let said = format!("Slack says: {}", error.code);
            match PASSING.contains(&error.code.as_str()) {
                true => (SendError::Later(said), None),
                false => (SendError::Never(said), None),
            }
        }
        other => (SendError::Later(format!("Slack cannot be reached: {}", why(other))), None),
    }
}

/// A clause about a failure, without what was sent or answered.
pub(super) fn why(error: &SlackClientError) -> String {
    match error {
        SlackClientError::ApiError(error) => format!("it says `{}`", error.code),
        SlackClientError::HttpError(error) => format!("it answered {}", error.status_code),
        SlackClientError::HttpProtocolError(_) => "the connection failed".into(),
        SlackClientError::RateLimitError(_) => "it says to slow down".into(),
        _ => "its answer cannot be read".into(),
    }
}

fn read(place: &str) -> Result<Place, SendError> {
    let wrong = || {
        let cure = "write the channel's id, such as `C024BE91L`";
        SendError::Never(format!("`{place}` is no place in Slack; {cure}"))
    };
    Place::parse(place).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_takes_is_what_is_sent() {
        let text = "a<b> & c🙂 <!channel>";
        let sent = escaped(text);
        assert_eq!(sent, "a&lt;b&gt; &amp; c🙂 &lt;!channel&gt;");
        assert_eq!(text.chars().map(cost).sum::<usize>(), sent.encode_utf16().count());
    }
}
