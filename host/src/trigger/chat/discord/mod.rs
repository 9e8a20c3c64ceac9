//! Discord: events over its gateway, messages over its API.

mod hear;
mod place;
mod say;

use super::desk::Desk;
use super::tell::{Begun, tell};
use super::{Chat, address};
use crate::trigger::{Notice, Sender, Sending};
use rustls::crypto::ring;
use say::Discord;
use std::sync::Arc;
use twilight_http::Client;
use twilight_model::channel::message::AllowedMentions;

/// One bot.
struct Bot {
    discord: Arc<Discord>,
    begun: Begun,
}

/// Makes a bot; nothing is sent yet.
///
/// # Errors
/// A sentence: an address cannot be used.
pub(super) fn open(desk: Arc<Desk>, token: String) -> Result<Chat, String> {
    // The process's provider; an error means that there is one already.
    let _ = ring::default_provider().install_default();
    let http = Client::builder()
        .token(format!("Bot {token}"))
        // A token that is refused once may be put right at Discord.
        .remember_invalid_token(false)
        .default_allowed_mentions(AllowedMentions::default());
    let http = match desk.spec.api_url.as_deref() {
        Some(url) => {
            let url = address::read(url, "https", "http")?;
            // The library wants what stands between the scheme and its own path.
            let rest = url.as_str().trim_end_matches('/');
            let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
            http.proxy(rest.to_owned(), url.scheme() == "http")
        }
        None => http,
    };
    let gateway = match desk.spec.gateway_url.as_deref() {
        Some(url) => {
            let url = address::read(url, "wss", "ws")?;
            Some(url.as_str().trim_end_matches('/').to_owned())
        }
        None => None,
    };
    let discord = Arc::new(Discord {
        http: http.build(),
        signer: desk.signer.clone(),
        persists: desk.host.persists(),
    });
    let bot = Bot { discord: Arc::clone(&discord), begun: Begun::default() };
    Ok(Chat {
        sender: Arc::new(bot),
        receive: Box::pin(async move { hear::receive(desk, discord, token, gateway).await }),
    })
}

impl Sender for Bot {
    fn send(&self, notice: Notice) -> Sending<'_> {
        Box::pin(async move { tell(&*self.discord, &self.begun, &notice).await })
    }
}
