//! What Slack tells over the socket. An envelope is acknowledged when what is in it is written down; what was
//! not comes again, and its name says that it came before.

use super::Way;
use super::place::Place;
use super::say::Slack;
use crate::trigger::chat::desk::Desk;
use crate::trigger::chat::hear::{Heard, Reply, hear};
use crate::trigger::chat::press::{Person, Pressed, press};
use crate::trigger::chat::split::split;
use crate::trigger::chat::tell::Mouth;
use serde::Deserialize;
use serde_json::json;
use slack_morphism::prelude::{SlackSocketModeClientListener, SlackSocketModeWssClientId};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    /// It is asked for.
    Awaited,
    /// Events come.
    Given,
    /// Slack ends it for another one, as it does every few hours.
    Renewed,
    /// It broke.
    Broken,
}

/// What listens on one connection.
pub(super) struct Ears<W: Way> {
    pub(super) desk: Arc<Desk>,
    pub(super) slack: Arc<Slack<W>>,
    /// The bot's own id.
    pub(super) me: String,
    pub(super) state: watch::Sender<Greeting>,
}

/// What comes over the socket, as far as it is read here: whatever else Slack adds is let pass.
#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    payload: Option<Payload>,
}

/// What an acknowledgement repeats.
#[derive(Debug, Deserialize)]
struct Named {
    envelope_id: String,
}

#[derive(Debug, Deserialize)]
struct Payload {
    event: Option<Event>,
    #[serde(rename = "type")]
    kind: Option<String>,
    user: Option<User>,
    channel: Option<Channel>,
    message: Option<Message>,
    #[serde(default)]
    actions: Vec<Pushed>,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    subtype: Option<String>,
    user: Option<String>,
    bot_id: Option<String>,
    #[serde(default)]
    text: String,
    ts: Option<String>,
    thread_ts: Option<String>,
    channel: Option<String>,
    channel_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    name: Option<String>,
    username: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Channel {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Message {
    ts: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pushed {
    value: Option<String>,
}

impl<W: Way> Ears<W> {
    async fn listen(&self, text: String) -> Option<String> {
        let acknowledged = || {
            let named: Named = serde_json::from_str(&text).ok()?;
            Some(json!({"envelope_id": named.envelope_id}).to_string())
        };
        let Ok(envelope) = serde_json::from_str::<Envelope>(&text) else {
            let (role, trigger) = (&self.desk.role, &self.desk.trigger);
            tracing::warn!(role, trigger, "an event of Slack cannot be read");
            return acknowledged();
        };
        match (envelope.kind.as_str(), envelope.payload) {
            ("hello", _) => {
                self.state.send_replace(Greeting::Given);
                None
            }
            ("disconnect", _) => {
                self.state.send_replace(Greeting::Renewed);
                None
            }
            ("events_api", Some(Payload { event: Some(event), .. })) => {
                self.event(event).await.then(acknowledged).flatten()
            }
            ("interactive", Some(payload)) => {
                self.pressed(payload);
                acknowledged()
            }
            _ => acknowledged(),
        }
    }

    /// Takes an event; `false`: it is to come again.
    async fn event(&self, event: Event) -> bool {
        let plain =
            matches!(event.subtype.as_deref(), None | Some("file_share" | "thread_broadcast"));
        let (Some(user), Some(ts), Some(channel)) = (event.user, event.ts, event.channel) else {
            return true;
        };
        let is_message = matches!(event.kind.as_str(), "message" | "app_mention");
        if !plain || !is_message || event.bot_id.is_some() || user == self.me {
            return true;
        }
        let mention = format!("<@{}>", self.me);
        let said = event.text.trim();
        let text = unescaped(said.strip_prefix(&mention).unwrap_or(said).trim_start());
        let private = event.channel_type.as_deref() == Some("im");
        let in_thread = event.thread_ts.is_some();
        let thread = event.thread_ts.unwrap_or_else(|| ts.clone());
        let place = Place { channel: channel.clone(), thread: Some(thread.clone()) };
        let heard = Heard {
            user: user.clone(),
            // Of a mention Slack tells twice, as a mention and as a message: both are of one time stamp.
            key: format!("{channel}/{ts}"),
            chat: channel,
            thread,
            text,
            place: place.text(),
            addressed: private || event.kind == "app_mention" || said.contains(&mention),
            in_thread,
        };
        match hear(&self.desk, heard).await {
            Reply::Nothing => true,
            Reply::Unsettled => false,
            Reply::Say(sentence) => {
                self.slack.whisper(&place, &user, &sentence).await;
                true
            }
        }
    }

    fn pressed(&self, payload: Payload) {
        let (Some(user), Some(channel)) = (payload.user, payload.channel) else { return };
        let data = payload.actions.into_iter().find_map(|pushed| pushed.value);
        let Some(data) = data.filter(|_| payload.kind.as_deref() == Some("block_actions")) else {
            return;
        };
        let thread = payload.message.and_then(|message| message.thread_ts.or(message.ts));
        let place = Place { channel: channel.id, thread };
        let (desk, slack) = (Arc::clone(&self.desk), Arc::clone(&self.slack));
        let name = user.name.or(user.username).unwrap_or_default();
        let person = Person { user: user.id, name };
        self.desk.begin_press(async move {
            let parts = match press(&desk, &person, &place.channel, &data).await {
                Pressed::Told(sentence) => vec![sentence],
                Pressed::Details(text) => {
                    let room = slack.room();
                    split(&text, room.text, room.cost, "initrunner show")
                }
            };
            for part in parts {
                slack.whisper(&place, &person.user, &part).await;
            }
        });
    }
}

/// A text as it was typed.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

type Heeded<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

// What `#[async_trait]` makes of the trait's methods.
impl<W: Way> SlackSocketModeClientListener for Ears<W> {
    fn on_message<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _: &'life1 SlackSocketModeWssClientId,
        message_body: String,
    ) -> Heeded<'async_trait, Option<String>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.listen(message_body))
    }

    fn on_error<'life0, 'async_trait>(
        &'life0 self,
        _: Box<dyn Error + Send + Sync + 'static>,
    ) -> Heeded<'async_trait, ()>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        // What breaks a connection is told as its end as well.
        Box::pin(std::future::ready(()))
    }

    fn on_disconnect<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _: &'life1 SlackSocketModeWssClientId,
    ) -> Heeded<'async_trait, ()>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        self.state.send_if_modified(|state| {
            let breaks = *state != Greeting::Renewed;
            if breaks {
                *state = Greeting::Broken;
            }
            breaks
        });
        Box::pin(std::future::ready(()))
    }
}
