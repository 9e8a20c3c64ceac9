//! The web socket that events come over. The library opens one and keeps it alive; when to open the next is
//! decided here, so that waits grow and a service that is away is said once.

use super::Way;
use super::hear::{Ears, Greeting};
use super::say::{PATIENCE, Slack, why};
use crate::trigger::chat::desk::{Desk, stopped};
use slack_morphism::listener::SlackClientEventsListenerEnvironment;
use slack_morphism::prelude::{SlackApiToken, SlackClientSocketModeConfig, ValueStruct};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long Slack may take to greet after a connection was asked for.
const GREETING: Duration = Duration::from_secs(30);

/// A connection lives for hours; one that Slack ends within this time is followed by the next after a breath.
const SOON: Duration = Duration::from_secs(10);

/// The breath.
const BREATH: Duration = Duration::from_secs(1);

/// Between two pings, in seconds; after three without an answer the connection is dead.
const PING: u64 = 10;
const UNANSWERED: u64 = 3;

/// The library's own wait before it connects again, in seconds: never, as far as anybody notices. What it left
/// behind ends then.
const ITS_OWN: u64 = 60 * 60;

/// Receives until the process is asked to stop.
pub(super) async fn receive<W: Way>(desk: Arc<Desk>, slack: Arc<Slack<W>>, app: SlackApiToken) {
    let mut stop = desk.stop.clone();
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = connect_for_ever(&desk, &slack, &app) => {}
    }
}

async fn connect_for_ever<W: Way>(desk: &Arc<Desk>, slack: &Arc<Slack<W>>, app: &SlackApiToken) {
    loop {
        let began = Instant::now();
        let wait = match connect(desk, slack, app).await {
            Ok(()) if began.elapsed() >= SOON => continue,
            // One that ends each connection at once is not asked for the next as fast as it answers.
            Ok(()) => BREATH,
            Err(why) => desk.health.failed(&why),
        };
        if !desk.wait(wait).await {
            return;
        }
    }
}

/// One connection, until it ends. `Ok`: as Slack announced, and the next one follows at once.
async fn connect<W: Way>(
    desk: &Arc<Desk>,
    slack: &Arc<Slack<W>>,
    app: &SlackApiToken,
) -> Result<(), String> {
    let session = slack.client.open_session(&slack.token);
    // Who the bot is; it also tells at once whether Slack is there and knows the token.
    let me = tokio::time::timeout(PATIENCE, session.auth_test())
        .await
        .map_err(|_| "no answer in time".to_owned())?
        .map_err(|error| why(&error))?;
    let environment =
        Arc::new(SlackClientEventsListenerEnvironment::new(Arc::clone(&slack.client)));
    let manager = slack.client.http_api.connector.new_clients_manager(environment);
    let (state, mut seen) = watch::channel(Greeting::Awaited);
    let ears = Arc::new(Ears {
        desk: Arc::clone(desk),
        slack: Arc::clone(slack),
        me: me.user_id.value().clone(),
        state,
    });
    let config = SlackClientSocketModeConfig::new()
        .with_max_connections_count(1)
        .with_reconnect_timeout_in_seconds(ITS_OWN)
        .with_ping_interval_in_seconds(PING)
        .with_ping_failure_threshold_times(UNANSWERED);
    manager.register_new_token(&config, app.clone(), ears).await.map_err(|error| why(&error))?;
    manager.start().await;
    let greeted = seen.wait_for(|state| *state != Greeting::Awaited);
    let greeted = tokio::time::timeout(GREETING, greeted).await;
    let ended = match greeted.map(|state| state.map(|state| *state)) {
        Ok(Ok(Greeting::Given)) => {
            desk.health.works();
            match seen.wait_for(|state| *state != Greeting::Given).await.map(|state| *state) {
                Ok(Greeting::Renewed) => Ok(()),
                _ => Err("the connection broke".to_owned()),
            }
        }
        Ok(Ok(Greeting::Renewed)) => Ok(()),
        Ok(_) => Err("the connection broke".to_owned()),
        Err(_) => {
            let variable = desk.spec.app_token_env.as_deref().unwrap_or_default();
            Err(format!(
                "it opens no connection; look whether `{variable}` has the app's token with the scope \
                 connections:write, and socket mode is on"
            ))
        }
    };
    manager.shutdown().await;
    ended
}
