//! Slack, as far as a bot in socket mode sees it: the Web API and a web socket on loopback.
//!
//! An envelope that is not acknowledged on one connection comes again on the next.

use crate::standin::{Log, lock, runtime, start};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

/// The bot's token; it must be nowhere but in requests.
pub const TOKEN: &str = "xoxb-111-slack-token-that-nobody-may-see";

/// The app's token.
pub const APP_TOKEN: &str = "xapp-1-slack-app-token-that-nobody-may-see";

/// The bot's user.
pub const BOT: &str = "UBOT";

/// A message as it stands in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The channel.
    pub channel: String,
    /// Its time stamp, which is its name.
    pub ts: String,
    /// The thread.
    pub thread: Option<String>,
    /// What its sections say, one after the other.
    pub text: String,
    /// The buttons: what is written on each, and what it carries.
    pub buttons: Vec<(String, String)>,
    /// Who alone sees it.
    pub only: Option<String>,
}

/// The stand-in.
pub struct Slack {
    shared: Arc<Shared>,
    address: SocketAddr,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    log: Log,
    socket: Mutex<String>,
    next: Mutex<u64>,
    shown: Mutex<BTreeMap<(String, String), Shown>>,
    /// Envelopes that nobody acknowledged, each with whether it was sent on this connection.
    envelopes: Mutex<Vec<(Value, bool)>>,
    news: Notify,
    /// How often connections were broken, and telling that.
    cuts: Mutex<u64>,
    cut: Notify,
    instead: Mutex<VecDeque<(String, u16, Value)>>,
    away: Mutex<bool>,
    deaf: Mutex<bool>,
}

impl Slack {
    /// Starts it on free ports.
    ///
    /// # Panics
    /// Where loopback has no free port.
    pub fn start() -> Self {
        let runtime = runtime();
        let shared = Arc::new(Shared::default());
        let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let (api, socket) = (bind(), bind());
        let address = api.local_addr().expect("a bound address");
        let at = socket.local_addr().expect("a bound address");
        *lock(&shared.socket) = format!("ws://{at}/link?ticket=a-ticket");
        let routes = Router::new().route("/api/{method}", any(ask)).with_state(Arc::clone(&shared));
        start(&runtime, async move {
            let _ = axum::serve(api, routes).await;
        });
        let serving = Arc::clone(&shared);
        start(&runtime, async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(talk(Arc::clone(&serving), stream));
            }
        });
        Self { shared, address, _runtime: runtime }
    }

    /// The `api_url` of a role.
    pub fn url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// What was asked, by method; `ack` are acknowledgements.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Somebody writes; `kind` is the type of the event (`message`, `app_mention`), `more` what else it has.
    pub fn says(&self, kind: &str, channel: &str, user: &str, text: &str, more: Value) -> String {
        let ts = self.shared.next_ts();
        let mut event = json!({
            "type": kind, "channel": channel, "user": user, "text": text, "ts": ts, "event_ts": ts,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        self.tells(event);
        ts
    }

    /// An event of any kind.
    pub fn tells(&self, event: Value) {
        let id = self.shared.next_ts();
        self.shared.envelope(json!({
            "type": "events_api",
            "envelope_id": format!("e-{id}"),
            "accepts_response_payload": false,
            "retry_attempt": 0,
            "payload": {
                "type": "event_callback",
                "team_id": "T1", "api_app_id": "A1", "event_id": format!("Ev{id}"),
                "event_time": 1_777_000_000,
                "event": event,
            },
        }));
    }

    /// Somebody presses a button of a message.
    pub fn presses(&self, user: &str, name: &str, message: &Shown, data: &str) {
        let id = self.shared.next_ts();
        self.shared.envelope(json!({
            "type": "interactive",
            "envelope_id": format!("i-{id}"),
            "accepts_response_payload": true,
            "payload": {
                "type": "block_actions",
                "user": {"id": user, "username": name, "name": name, "team_id": "T1"},
                "api_app_id": "A1",
                "team": {"id": "T1", "domain": "d"},
                "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
                "trigger_id": "1.2.3",
                "channel": {"id": message.channel, "name": "x"},
                "message": {"type": "message", "ts": message.ts, "thread_ts": message.thread},
                "actions": [{"type": "button", "action_id": "x", "block_id": "y", "value": data}],
            },
        }));
    }

    /// The messages of a channel as they stand, oldest first.
    pub fn channel(&self, channel: &str) -> Vec<Shown> {
        let shown = lock(&self.shared.shown);
        shown.values().filter(|message| message.channel == channel).cloned().collect()
    }

    /// Waits until a message of a channel fits, and gives it.
    ///
    /// # Panics
    /// None does in a minute.
    #[track_caller]
    pub fn wait(&self, channel: &str, what: &str, fits: impl Fn(&Shown) -> bool) -> Shown {
        let mut found = None;
        let ended = crate::home::try_until(|| {
            found = self.channel(channel).into_iter().find(|message| fits(message));
            found.is_some()
        });
        assert!(ended, "{what}: no message of {channel} fits:\n{:#?}", self.channel(channel));
        found.expect("what was waited for")
    }

    /// Answers the next request for a method otherwise.
    pub fn answer_instead(&self, method: &str, status: u16, body: Value) {
        lock(&self.shared.instead).push_back((method.to_owned(), status, body));
    }

    /// Breaks the connection without a word.
    pub fn cut(&self) {
        *lock(&self.shared.cuts) += 1;
        self.shared.cut.notify_waiters();
    }

    /// Goes away, connection and all, or comes back.
    pub fn be_away(&self, away: bool) {
        *lock(&self.shared.away) = away;
        if away {
            self.cut();
        }
    }

    /// Does not hear acknowledgements: everything comes again on the next connection.
    pub fn be_deaf(&self, deaf: bool) {
        *lock(&self.shared.deaf) = deaf;
    }
}

impl Shared {
    fn next_ts(&self) -> String {
        let mut next = lock(&self.next);
        *next += 1;
        format!("1777000000.{:06}", *next)
    }

    fn envelope(&self, envelope: Value) {
        lock(&self.envelopes).push((envelope, false));
        self.news.notify_waiters();
    }
}

async fn talk(shared: Arc<Shared>, stream: TcpStream) {
    if *lock(&shared.away) {
        return;
    }
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let cuts = *lock(&shared.cuts);
    for (_, sent) in lock(&shared.envelopes).iter_mut() {
        *sent = false;
    }
    let hello = json!({
        "type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"},
        "debug_info": {"host": "h", "approximate_connection_time": 3600},
    });
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    loop {
        let (news, cut) = (shared.news.notified(), shared.cut.notified());
        if *lock(&shared.cuts) != cuts {
            return;
        }
        let next = {
            let mut envelopes = lock(&shared.envelopes);
            let next = envelopes.iter_mut().find(|(_, sent)| !*sent);
            next.map(|(envelope, sent)| {
                *sent = true;
                envelope.to_string()
            })
        };
        if let Some(envelope) = next {
            if socket.send(Message::text(envelope)).await.is_err() {
                return;
            }
            continue;
        }
        tokio::select! {
            () = news => {}
            () = cut => {}
            said = socket.next() => match said {
                Some(Ok(Message::Text(text))) => {
                    let ack: Value = serde_json::from_str(&text).unwrap_or_default();
                    if *lock(&shared.deaf) {
                        continue;
                    }
                    lock(&shared.envelopes)
                        .retain(|(envelope, _)| envelope["envelope_id"] != ack["envelope_id"]);
                    shared.log.note("ack", ack);
                }
                Some(Ok(_)) => {}
                _ => return,
            },
        }
    }
}

async fn ask(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if *lock(&shared.away) {
        return (StatusCode::SERVICE_UNAVAILABLE, "away").into_response();
    }
    let wanted = if method == "apps.connections.open" { APP_TOKEN } else { TOKEN };
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    if given != Some(&format!("Bearer {wanted}")) {
        return Json(json!({"ok": false, "error": "invalid_auth"})).into_response();
    }
    let params: Value = serde_json::from_slice(&body).unwrap_or_default();
    shared.log.note(&method, params.clone());
    let instead = {
        let mut instead = lock(&shared.instead);
        let found = instead.iter().position(|(of, ..)| *of == method);
        found.and_then(|index| instead.remove(index))
    };
    if let Some((_, status, body)) = instead {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, [("retry-after", "1")], Json(body)).into_response();
    }
    let answer = match method.as_str() {
        "auth.test" => json!({
            "ok": true, "url": "https://d.slack.com/", "team": "d", "user": "bot",
            "team_id": "T1", "user_id": BOT, "bot_id": "B1",
        }),
        "apps.connections.open" => json!({"ok": true, "url": *lock(&shared.socket)}),
        "chat.postMessage" | "chat.update" | "chat.postEphemeral" => {
            show(&shared, &method, &params)
        }
        _ => json!({"ok": false, "error": "unknown_method"}),
    };
    Json(answer).into_response()
}

fn show(shared: &Shared, method: &str, params: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let blocks = params["blocks"].as_array().cloned().unwrap_or_default();
    assert!(blocks.len() <= 50, "{} blocks", blocks.len());
    let mut said = String::new();
    let mut buttons = Vec::new();
    for block in &blocks {
        if block["type"] == "section" {
            assert_eq!(block["text"]["type"], "plain_text", "{block}");
            let part = text(&block["text"]["text"]);
            assert!(part.encode_utf16().count() <= 3000, "a section of {}", part.len());
            said.push_str(&part);
        }
        for element in block["elements"].as_array().into_iter().flatten() {
            buttons.push((text(&element["text"]["text"]), text(&element["value"])));
        }
    }
    if said.is_empty() && text(&params["text"]).is_empty() {
        return json!({"ok": false, "error": "no_text"});
    }
    assert_eq!(params["parse"], "none");
    let channel = text(&params["channel"]);
    if channel == "CGONE" {
        return json!({"ok": false, "error": "channel_not_found"});
    }
    let mut shown = lock(&shared.shown);
    if method == "chat.update" {
        let ts = text(&params["ts"]);
        let Some(message) = shown.get_mut(&(channel.clone(), ts.clone())) else {
            return json!({"ok": false, "error": "message_not_found"});
        };
        (message.text, message.buttons) = (said, buttons);
        return json!({"ok": true, "channel": channel, "ts": ts, "text": "x", "message": {"text": "x", "user": BOT}});
    }
    let ts = shared.next_ts();
    let message = Shown {
        channel: channel.clone(),
        ts: ts.clone(),
        thread: params["thread_ts"].as_str().map(str::to_owned),
        text: said,
        buttons,
        only: params["user"].as_str().map(str::to_owned),
    };
    shown.insert((channel.clone(), ts.clone()), message);
    match method {
        "chat.postEphemeral" => json!({"ok": true, "message_ts": ts}),
        _ => json!({
            "ok": true, "channel": channel, "ts": ts,
            "message": {"type": "message", "ts": ts, "text": "x", "user": BOT},
        }),
    }
}
