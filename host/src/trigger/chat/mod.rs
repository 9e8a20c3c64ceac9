//! Bots in chat services: people on a list write to them, which starts runs; runs that wait ask there, with
//! buttons; the answer goes where the question came from.
//!
//! Everything that does not depend on a service is here, a file per thing; a folder per service knows its
//! protocol and nothing of runs.

mod address;
mod button;
mod card;
mod desk;
mod discord;
mod health;
mod hear;
mod press;
mod slack;
mod split;
mod telegram;
mod tell;

pub(in crate::trigger) use address::read as read_address;

use super::{Inbox, Sender};
use crate::domain::trigger::{ChatService, ChatSpec};
use crate::ops::{Host, derive_key};
use button::{PURPOSE, Signer};
use desk::{Desk, MOST_PRESSES};
use health::Health;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, watch};

/// What a bot is made of.
pub struct ChatParts {
    /// What its role says.
    pub spec: ChatSpec,
    /// The host that it works for.
    pub host: Host,
    /// Where messages go.
    pub inbox: Inbox,
    /// The bot's token.
    pub token: String,
    /// The app's token, where the service has one.
    pub app_token: Option<String>,
    /// Set when the bot is to stop: the process ends, or its role says something else.
    pub stop: watch::Receiver<Option<String>>,
    /// Set when the process is asked to stop.
    pub ending: watch::Receiver<Option<String>>,
}

/// A bot.
pub struct Chat {
    /// Sends notices to its service.
    pub sender: Arc<dyn Sender>,
    /// Receives, until the bot is to stop. It never ends before.
    pub receive: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Makes a bot. Nothing is sent and nobody is connected to before the future is polled: a service that is away
/// keeps no process from starting.
///
/// # Errors
/// A sentence with the cure: an address or a token cannot be used, or the host has no key.
pub fn open(parts: ChatParts) -> Result<Chat, String> {
    let ChatParts { spec, host, inbox, token, app_token, stop, ending } = parts;
    check_token(&token, &spec.token_env)?;
    let (role, trigger) = (inbox.role().to_owned(), inbox.trigger().to_owned());
    let key = derive_key(&host, PURPOSE).map_err(|error| error.to_string())?;
    let signer = Signer::new(&key, &role, &trigger).ok_or("the host's key cannot be used")?;
    let name = match spec.service {
        ChatService::Telegram => "Telegram",
        ChatService::Slack => "Slack",
        ChatService::Discord => "Discord",
    };
    let health = Health::new(name, &role, &trigger);
    let desk = Arc::new(Desk {
        host,
        inbox,
        spec,
        role,
        trigger,
        signer,
        health,
        stop,
        ending,
        strangers: Mutex::default(),
        presses: Arc::new(Semaphore::new(MOST_PRESSES)),
    });
    Ok(match desk.spec.service {
        ChatService::Telegram => telegram::open(desk, token)?,
        ChatService::Slack => {
            let variable = desk.spec.app_token_env.clone().unwrap_or_default();
            let app_token = app_token.ok_or("Slack's socket mode needs `app_token_env`")?;
            check_token(&app_token, &variable)?;
            slack::open(desk, token, app_token)?
        }
        ChatService::Discord => discord::open(desk, token)?,
    })
}

/// A token goes into addresses and headers: it has nothing in it that ends one.
pub(super) fn check_token(token: &str, variable: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    match !token.is_empty() && token.chars().all(fits) {
        true => Ok(()),
        false => Err(format!(
            "what `{variable}` holds is no token; copy it from the service without spaces or quotes"
        )),
    }
}
