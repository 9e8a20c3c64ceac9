//! Telegram, by the Bot API: long polling, inline keyboards.

mod client;
mod hear;
mod place;
mod say;

use super::desk::Desk;
use super::tell::{Begun, tell};
use super::{Chat, address};
use crate::trigger::{Notice, Sender, Sending};
use client::Client;
use say::Telegram;
use std::sync::Arc;

/// Where the Bot API is.
const API: &str = "https://api.telegram.org";

/// One bot.
struct Bot {
    telegram: Arc<Telegram>,
    begun: Begun,
}

/// Makes a bot; nothing is sent yet.
///
/// # Errors
/// A sentence: the address cannot be used.
pub(super) fn open(desk: Arc<Desk>, token: String) -> Result<Chat, String> {
    let base = address::read(desk.spec.api_url.as_deref().unwrap_or(API), "https", "http")?;
    let client = Client::new(base, token)?;
    let telegram =
        Arc::new(Telegram { client, signer: desk.signer.clone(), persists: desk.host.persists() });
    let bot = Bot { telegram: Arc::clone(&telegram), begun: Begun::default() };
    Ok(Chat {
        sender: Arc::new(bot),
        receive: Box::pin(async move { hear::receive(desk, telegram).await }),
    })
}

impl Sender for Bot {
    fn send(&self, notice: Notice) -> Sending<'_> {
        Box::pin(async move { tell(&*self.telegram, &self.begun, &notice).await })
    }
}
