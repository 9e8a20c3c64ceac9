//! A message to the bot: who is heard, and what becomes of it.

use super::desk::Desk;
use crate::domain::client_id::ClientId;
use crate::domain::clock::Timestamp;
use crate::ops::{OpError, find_conversation, mark_trigger, trigger_mark};
use crate::store::Conversation;
use crate::trigger::{AcceptError, Arrival};
use std::time::Duration;

/// What a stranger is told, once: nothing about what the bot does, and for whom.
const STRANGER: &str = "This bot talks to people on its list only.";

/// What somebody writes to leave behind what was said before.
const BEGIN_ANEW: &str = "/new";

/// What is told where a message has no text.
const NO_TEXT: &str = "Only text is read here; nothing was started.";

/// What is told where this host is at fault.
const UNABLE: &str = "Not started: this host cannot run the role now; its log says why.";

/// The wait before an event that could not be written down is tried again: a disk that was full or a
/// database that was locked needs a moment.
const AGAIN: Duration = Duration::from_secs(5);

/// A message, in no service's words.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// Who sent it: the service's id of them.
    pub(super) user: String,
    /// The chat or channel.
    pub(super) chat: String,
    /// The thread, where it is in one.
    pub(super) thread: String,
    /// What was said, without the mention of the bot.
    pub(super) text: String,
    /// The message's own name in the service.
    pub(super) key: String,
    /// Where an answer goes.
    pub(super) place: String,
    /// Whether it is for the bot: a private chat, a mention, an answer to the bot.
    pub(super) addressed: bool,
    /// Whether it is for the bot where the thread is one of its conversations.
    pub(super) in_thread: bool,
}

/// What the bot says at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// Nothing: the answer comes when the run ends, or there is none.
    Nothing,
    /// A sentence.
    Say(String),
    /// The process stops: the message is not settled, and comes again.
    Unsettled,
}

/// Takes a message in. Returns when it is written down or settled otherwise: only then may the service be told
/// that it arrived.
pub(super) async fn hear(desk: &Desk, heard: Heard) -> Reply {
    let places = &desk.spec.places;
    if !places.is_empty() && !places.contains(&heard.chat) {
        return Reply::Nothing;
    }
    let for_it = heard.addressed || (heard.in_thread && is_ours(desk, &heard).await);
    if !for_it {
        return Reply::Nothing;
    }
    if !desk.may_talk(&heard.user) {
        let identity = desk.identity(&heard.user);
        if !desk.meets(&identity) {
            return Reply::Nothing;
        }
        tracing::warn!(
            role = desk.role,
            trigger = desk.trigger,
            from = identity,
            "a stranger wrote"
        );
        return Reply::Say(STRANGER.into());
    }
    let text = heard.text.trim();
    if text.is_empty() {
        return Reply::Say(NO_TEXT.into());
    }
    if text == BEGIN_ANEW {
        return begin_anew(desk, &heard).await;
    }
    let conversation = match begun_at(desk, &heard).await {
        Ok(mark) => conversation(desk, &heard, mark),
        Err(why) => return unable(desk, &why),
    };
    let arrival = Arrival {
        requester: Some(desk.identity(&heard.user)),
        conversation: conversation.map(|it| (it.owner, it.id.as_str().to_owned())),
        reply_to: vec![desk.inbox.address(&heard.place)],
        ..Arrival::new(heard.key, text)
    };
    loop {
        match desk.inbox.accept(arrival.clone()).await {
            Ok(_) => return Reply::Nothing,
            Err(AcceptError::Failed(OpError::Store(why))) => {
                tracing::error!(role = desk.role, trigger = desk.trigger, "a message waits: {why}");
                if !desk.wait(AGAIN).await {
                    return Reply::Unsettled;
                }
            }
            // What is wrong with a role or this machine is not for a chat.
            Err(AcceptError::Failed(why)) => {
                tracing::error!(
                    role = desk.role,
                    trigger = desk.trigger,
                    "nothing was started: {why}"
                );
                return Reply::Say(UNABLE.into());
            }
            Err(refused) => return Reply::Say(format!("Not started: {refused}.")),
        }
    }
}

/// Tells whoever wrote that this host is at fault, and the log why.
fn unable(desk: &Desk, why: &OpError) -> Reply {
    tracing::error!(role = desk.role, trigger = desk.trigger, "nothing was started: {why}");
    Reply::Say(UNABLE.into())
}

/// Leaves what was said in this thread behind.
async fn begin_anew(desk: &Desk, heard: &Heard) -> Reply {
    let mark = mark_of(desk, heard);
    match mark_trigger(&desk.host, &desk.role, &mark, desk.host.now()).await {
        Ok(()) => Reply::Say("A new conversation begins.".into()),
        Err(why) => unable(desk, &why),
    }
}

/// When the thread's conversation began anew; `None`: it never did.
async fn begun_at(desk: &Desk, heard: &Heard) -> Result<Option<Timestamp>, OpError> {
    trigger_mark(&desk.host, &desk.role, &mark_of(desk, heard)).await
}

/// The name of a thread's mark. No trigger is called so, since no name has a `/`.
fn mark_of(desk: &Desk, heard: &Heard) -> String {
    format!("{}/{}/{}", desk.trigger, heard.chat, heard.thread)
}

/// The conversation that a message belongs to: one for each thread of a chat, since it last began anew.
fn conversation(desk: &Desk, heard: &Heard, since: Option<Timestamp>) -> Option<Conversation> {
    let owner = format!("{}:chat:{}", desk.word(), heard.chat);
    let id = match since {
        Some(since) => format!("{}@{}", heard.thread, since.0),
        None => heard.thread.clone(),
    };
    Some(Conversation { owner, id: ClientId::parse(&id).ok()? })
}

/// Whether the bot was spoken to in this thread before.
async fn is_ours(desk: &Desk, heard: &Heard) -> bool {
    // A database that cannot be read now: whoever wants the bot to hear can mention it.
    let since = begun_at(desk, heard).await.ok().flatten();
    if since.is_some() {
        return true;
    }
    let Some(conversation) = conversation(desk, heard, None) else { return false };
    matches!(find_conversation(&desk.host, &desk.role, &conversation).await, Ok(Some(_)))
}
