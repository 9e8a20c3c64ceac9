//! Slack, by socket mode: events come over a web socket that the bot opens, so nothing of the host is
//! reachable from outside.

mod hear;
mod place;
mod say;
mod socket;

use super::desk::Desk;
use super::tell::{Begun, tell};
use super::{Chat, address};
use crate::trigger::{Notice, Sender, Sending};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;
use say::Slack;
use slack_morphism::prelude::{
    SlackApiToken, SlackClient, SlackClientHttpConnector, SlackClientHyperConnector,
    SlackClientHyperHttpsConnector,
};
use slack_morphism::socket_mode::clients_manager::SlackSocketModeClientsManagerFactory;
use std::sync::Arc;

/// Where the Web API is.
const API: &str = "https://slack.com/api";

/// A way to Slack: encrypted, or plain to this machine.
pub(super) trait Way:
    SlackClientHttpConnector
    + SlackSocketModeClientsManagerFactory<Self>
    + Sized
    + Send
    + Sync
    + 'static
{
}

impl<W> Way for W where
    W: SlackClientHttpConnector
        + SlackSocketModeClientsManagerFactory<W>
        + Sized
        + Send
        + Sync
        + 'static
{
}

/// One bot.
struct Bot<W: Way> {
    slack: Arc<Slack<W>>,
    begun: Begun,
}

/// Makes a bot; nothing is sent yet.
///
/// # Errors
/// A sentence: the address cannot be used, or the system's certificates cannot be read.
pub(super) fn open(desk: Arc<Desk>, token: String, app_token: String) -> Result<Chat, String> {
    let url = address::read(desk.spec.api_url.as_deref().unwrap_or(API), "https", "http")?;
    let base = url.as_str().trim_end_matches('/').to_owned();
    // The process's provider; an error means that there is one already.
    let _ = ring::default_provider().install_default();
    if url.scheme() == "https" {
        let way = SlackClientHyperHttpsConnector::new()
            .map_err(|error| format!("the system's certificates cannot be read: {error}"))?;
        Ok(with(desk, way.with_slack_api_url(&base), token, app_token))
    } else {
        let way = SlackClientHyperConnector::with_connector(HttpConnector::new());
        Ok(with(desk, way.with_slack_api_url(&base), token, app_token))
    }
}

fn with<W: Way>(desk: Arc<Desk>, way: W, token: String, app_token: String) -> Chat {
    let slack = Arc::new(Slack {
        client: Arc::new(SlackClient::new(way)),
        token: SlackApiToken::new(token.into()),
        signer: desk.signer.clone(),
        persists: desk.host.persists(),
    });
    let bot = Bot { slack: Arc::clone(&slack), begun: Begun::default() };
    let app_token = SlackApiToken::new(app_token.into());
    Chat {
        sender: Arc::new(bot),
        receive: Box::pin(async move { socket::receive(desk, slack, app_token).await }),
    }
}

impl<W: Way> Sender for Bot<W> {
    fn send(&self, notice: Notice) -> Sending<'_> {
        Box::pin(async move { tell(&*self.slack, &self.begun, &notice).await })
    }
}
