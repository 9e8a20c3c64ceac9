//! What Discord tells over its gateway. The library keeps the connection and resumes it, so that what was said
//! while it was broken comes after all; what was said while no process was there does not.

use super::place::Place;
use super::say::{Discord, escaped};
use crate::trigger::chat::desk::{Desk, stopped};
use crate::trigger::chat::hear::{Heard, Reply, hear};
use crate::trigger::chat::press::{Person, Pressed, press};
use crate::trigger::chat::split::split;
use crate::trigger::chat::tell::Mouth;
use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::sync::Arc;
use twilight_gateway::error::ReceiveMessageErrorType;
use twilight_gateway::{
    CloseFrame, ConfigBuilder, Event, EventTypeFlags, Intents, Shard, ShardId, StreamExt,
};
use twilight_model::application::interaction::{Interaction, InteractionData};
use twilight_model::channel::ChannelType;
use twilight_model::channel::message::{MessageFlags, MessageType};
use twilight_model::gateway::payload::incoming::{GuildCreate, MessageCreate};
use twilight_model::http::interaction::{
    InteractionResponse, InteractionResponseData, InteractionResponseType,
};
use twilight_model::id::Id;
use twilight_model::id::marker::{ChannelMarker, UserMarker};

/// What is read of what Discord tells.
const WANTED: EventTypeFlags = EventTypeFlags::READY
    .union(EventTypeFlags::RESUMED)
    .union(EventTypeFlags::GUILD_CREATE)
    .union(EventTypeFlags::THREAD_CREATE)
    .union(EventTypeFlags::THREAD_LIST_SYNC)
    .union(EventTypeFlags::MESSAGE_CREATE)
    .union(EventTypeFlags::INTERACTION_CREATE);

/// What the bot asks to be told.
const INTENTS: Intents =
    Intents::GUILDS.union(Intents::GUILD_MESSAGES).union(Intents::DIRECT_MESSAGES);

/// "Disallowed intent(s)" (Discord's close codes): the bot's owner did not switch on that it reads messages.
const DISALLOWED_INTENT: u16 = 4014;

/// "Authentication failed".
const NO_SUCH_TOKEN: u16 = 4004;

/// What is remembered of one connection.
#[derive(Default)]
struct Known {
    me: Option<Id<UserMarker>>,
    threads: BTreeSet<Id<ChannelMarker>>,
}

/// Receives until the process is asked to stop.
pub(super) async fn receive(
    desk: Arc<Desk>,
    discord: Arc<Discord>,
    token: String,
    gateway: Option<String>,
) {
    let mut stop = desk.stop.clone();
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = connect_for_ever(&desk, &discord, &token, gateway.as_deref()) => {}
    }
}

async fn connect_for_ever(
    desk: &Arc<Desk>,
    discord: &Arc<Discord>,
    token: &str,
    gateway: Option<&str>,
) {
    // Reading messages in its threads takes a privilege that many bots do not have, nor need.
    let mut intents = INTENTS.union(Intents::MESSAGE_CONTENT);
    loop {
        let config = ConfigBuilder::new(token.to_owned(), intents);
        let config = match gateway {
            Some(url) => config.proxy_url(url.to_owned()),
            None => config,
        };
        let mut shard = Shard::with_config(ShardId::ONE, config.build());
        let closed = follow(desk, discord, &mut shard).await;
        let code = closed.map(|frame| frame.code);
        if code == Some(DISALLOWED_INTENT) && intents.contains(Intents::MESSAGE_CONTENT) {
            tracing::info!(
                role = desk.role,
                trigger = desk.trigger,
                "the message content intent is off: in Discord's threads the bot hears mentions only"
            );
            intents = INTENTS;
            continue;
        }
        let why = match code {
            Some(NO_SUCH_TOKEN) => {
                format!("it does not know the token in `{}`", desk.spec.token_env)
            }
            Some(code) => format!("it closed the connection with code {code}"),
            None => "it closed the connection".to_owned(),
        };
        let wait = desk.health.failed(&why);
        if !desk.wait(wait).await {
            return;
        }
    }
}

/// Follows one session until Discord ends it for good, and gives its last word. A connection that breaks is
/// made again by the library, after waits that grow.
async fn follow(
    desk: &Arc<Desk>,
    discord: &Arc<Discord>,
    shard: &mut Shard,
) -> Option<CloseFrame<'static>> {
    let mut known = Known::default();
    let mut closed = None;
    while let Some(event) = shard.next_event(WANTED).await {
        match event {
            Ok(Event::Ready(ready)) => {
                desk.health.works();
                known.me = Some(ready.user.id);
            }
            Ok(Event::Resumed) => desk.health.works(),
            Ok(Event::GatewayClose(frame)) => closed = frame,
            Ok(Event::GuildCreate(guild)) => {
                if let GuildCreate::Available(guild) = *guild {
                    known.threads.extend(guild.threads.iter().map(|thread| thread.id));
                }
            }
            Ok(Event::ThreadCreate(thread)) => {
                known.threads.insert(thread.id);
            }
            Ok(Event::ThreadListSync(list)) => {
                known.threads.extend(list.threads.iter().map(|thread| thread.id));
            }
            Ok(Event::MessageCreate(message)) => {
                if !listen(desk, discord, &known, *message).await {
                    return closed;
                }
            }
            Ok(Event::InteractionCreate(interaction)) => {
                pressed(desk, discord, (*interaction).0);
            }
            Ok(_) => {}
            Err(error) => match error.kind() {
                ReceiveMessageErrorType::Reconnect => {
                    // It waits by itself before it tries again.
                    let _ = desk.health.failed("no connection can be made");
                }
                _ => tracing::warn!(
                    role = desk.role,
                    trigger = desk.trigger,
                    "an event of Discord cannot be read"
                ),
            },
        }
    }
    closed
}

/// Takes a message; `false`: the process stops.
async fn listen(desk: &Desk, discord: &Discord, known: &Known, created: MessageCreate) -> bool {
    let Some(me) = known.me else { return true };
    let in_thread = created.channel_type.is_some_and(ChannelType::is_thread)
        || known.threads.contains(&created.channel_id);
    let message = created.message;
    let is_said = matches!(message.kind, MessageType::Regular | MessageType::Reply);
    if message.author.bot || message.webhook_id.is_some() || !is_said {
        return true;
    }
    let private = message.guild_id.is_none();
    let mentions_me = message.mentions.iter().any(|mention| mention.id == me);
    let answered = message.referenced_message.as_deref();
    let answers_me = answered.is_some_and(|answered| answered.author.id == me);
    let place = Place { channel: message.channel_id, message: Some(message.id) };
    let said = message.content.trim();
    let mentions = [format!("<@{me}>"), format!("<@!{me}>")];
    let text = mentions.iter().find_map(|mention| said.strip_prefix(mention.as_str()));
    let heard = Heard {
        user: message.author.id.to_string(),
        chat: message.channel_id.to_string(),
        thread: "main".into(),
        text: text.unwrap_or(said).trim_start().to_owned(),
        key: format!("{}/{}", message.channel_id, message.id),
        place: place.text(),
        addressed: private || mentions_me || answers_me,
        // Without the privilege to read it, a message is empty.
        in_thread: in_thread && !said.is_empty(),
    };
    match hear(desk, heard).await {
        Reply::Nothing => true,
        Reply::Unsettled => false,
        Reply::Say(sentence) => {
            // A sentence that is lost is not worth keeping other people waiting for.
            let _ = discord.say(&place.text(), &sentence, &message.id.to_string()).await;
            true
        }
    }
}

fn pressed(desk: &Arc<Desk>, discord: &Arc<Discord>, interaction: Interaction) {
    let Some(author) = interaction.author() else { return };
    let name = author.global_name.clone().unwrap_or_else(|| author.name.clone());
    let person = Person { user: author.id.to_string(), name };
    let Some(channel) = interaction.channel.as_ref().map(|channel| channel.id) else { return };
    let Some(InteractionData::MessageComponent(data)) = interaction.data else { return };
    let (id, application, token) = (interaction.id, interaction.application_id, interaction.token);
    let (pressed_at, discord) = (Arc::clone(desk), Arc::clone(discord));
    desk.begin_press(async move {
        let http = discord.http.interaction(application);
        // Discord gives three seconds for the first answer; loading a role may take longer.
        let thinking = InteractionResponse {
            kind: InteractionResponseType::DeferredChannelMessageWithSource,
            data: Some(InteractionResponseData {
                flags: Some(MessageFlags::EPHEMERAL),
                ..InteractionResponseData::default()
            }),
        };
        // Where it fails the press counts all the same: it is only not answered.
        let _ = http.create_response(id, &token, &thinking).into_future().await;
        let parts = match press(&pressed_at, &person, &channel.to_string(), &data.custom_id).await {
            Pressed::Told(sentence) => vec![sentence],
            Pressed::Details(text) => {
                let room = discord.room();
                split(&text, room.text, room.cost, "initrunner show")
            }
        };
        for (index, part) in parts.iter().enumerate() {
            let part = escaped(part);
            if index == 0 {
                let first = http.update_response(&token).content(Some(&part));
                let _ = first.into_future().await;
            } else {
                let next = http.create_followup(&token).content(&part);
                let _ = next.flags(MessageFlags::EPHEMERAL).into_future().await;
            }
        }
    });
}
