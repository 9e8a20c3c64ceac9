//! Sending a request until it is answered, or until that is hopeless.

use super::super::{Delta, ModelError, Reply, Sink};
use super::{Protocol, Server, client, receive, refusal, retry};
use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// One failed attempt.
pub(super) struct Failure {
    /// What to report if it was the last.
    pub(super) error: ModelError,
    /// Why another attempt may go better; `None`: it would not.
    pub(super) again: Option<Again>,
}

/// What is known of a further attempt.
pub(super) struct Again {
    /// What went wrong, as a clause.
    pub(super) why: String,
    /// The wait that the server asked for.
    pub(super) asked: Option<Duration>,
}

impl Failure {
    /// A failure that another attempt would repeat.
    pub(super) fn last(error: ModelError) -> Self {
        Self { error, again: None }
    }
}

/// Sends `body` and gives the whole answer.
pub(super) async fn send(
    server: &Server,
    protocol: &dyn Protocol,
    body: String,
    sink: &mut Sink<'_>,
) -> Result<Reply, ModelError> {
    let client = client_of(server)?;
    let timing = &server.timing;
    let deadline = Instant::now() + timing.total;
    let too_slow = || ModelError::TooSlow { url: server.url(), allowed: timing.total };
    let mut attempt = 1;
    loop {
        let mut shown = false;
        let mut watched = |delta: Delta<'_>| {
            shown = true;
            sink(delta);
        };
        let trying = try_once((server, client), protocol, body.clone(), attempt, &mut watched);
        let failure = match timeout_at(deadline, trying).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(too_slow()),
        };
        // What a person has seen begin must not begin again with other words.
        let Some(again) = failure.again.filter(|_| !shown && attempt < timing.attempts) else {
            return Err(failure.error);
        };
        let after = match retry::wait_after(attempt, again.asked, timing) {
            Ok(after) => after,
            Err(wait) => {
                return Err(match failure.error {
                    ModelError::Unavailable { url, status, message, .. } => {
                        ModelError::AskedToWait { url, status, message, wait }
                    }
                    other => other,
                });
            }
        };
        if Instant::now() + after >= deadline {
            return Err(failure.error);
        }
        sink(Delta::Retrying { after, why: &again.why });
        sleep(after).await;
        attempt += 1;
    }
}

fn client_of(server: &Server) -> Result<&Client, ModelError> {
    if let Some(client) = server.client.get() {
        return Ok(client);
    }
    let client = client::build(&server.address.url, &server.timing)
        .map_err(|why| ModelError::Unreachable { url: server.url(), why: server.shown(&why) })?;
    Ok(server.client.get_or_init(|| client))
}

async fn try_once(
    (server, client): (&Server, &Client),
    protocol: &dyn Protocol,
    body: String,
    attempt: u32,
    sink: &mut Sink<'_>,
) -> Result<Reply, Failure> {
    let mut request = client
        .post(server.address.url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "text/event-stream, application/json")
        .body(body);
    for (name, value) in server.headers {
        request = request.header(*name, *value);
    }
    if let Some(key) = &server.key {
        request = request.header(key.name, key.value.clone());
    }
    let response = match timeout(server.timing.first, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(no_response(server, &error)),
        Err(_) => {
            let (url, waited) = (server.url(), server.timing.first);
            return Err(Failure::last(ModelError::Silent { url, waited }));
        }
    };
    if !response.status().is_success() {
        return Err(refusal::read(server, response, attempt).await);
    }
    receive::receive(server, protocol, response, sink).await.map_err(|error| {
        let again = matches!(error, ModelError::CutShort { .. })
            .then(|| Again { why: "the answer was cut short".to_owned(), asked: None });
        Failure { error, again }
    })
}

fn no_response(server: &Server, error: &reqwest::Error) -> Failure {
    let (url, why) = (server.url(), server.shown(&client::why(error)));
    let again = Some(Again { why: why.clone(), asked: None });
    let error = if error.is_connect() {
        ModelError::Unreachable { url, why }
    } else {
        ModelError::Disconnected { url, why }
    };
    Failure { error, again }
}
