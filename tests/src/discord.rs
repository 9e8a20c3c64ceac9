//! Discord, as far as a bot sees it: the gateway (a web socket) and the API on loopback.
//!
//! Events are numbered; a session that is resumed is told what it missed.

use crate::standin::{Log, lock, runtime, start};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The bot's token; it must be nowhere but in requests.
pub const TOKEN: &str = "MTIz.discord-token.that-nobody-may-see";

/// The bot's user, and its application.
pub const BOT: u64 = 900;

/// The server that channels are of.
const GUILD: &str = "700";

/// A message as it stands in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The channel.
    pub channel: String,
    /// Its number.
    pub id: String,
    /// Its text, as it was sent: marks escaped.
    pub content: String,
    /// The buttons: what is written on each, and what it carries.
    pub buttons: Vec<(String, String)>,
    /// The message that it answers.
    pub answers: Option<String>,
}

/// The stand-in.
pub struct Discord {
    shared: Arc<Shared>,
    api: SocketAddr,
    gateway: SocketAddr,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    log: Log,
    gateway: Mutex<String>,
    next: Mutex<u64>,
    shown: Mutex<BTreeMap<(String, u64), Shown>>,
    nonces: Mutex<BTreeMap<String, Value>>,
    /// Every event of the session; the number of one is its place, from 2: the first is READY.
    events: Mutex<Vec<(&'static str, Value)>>,
    news: Notify,
    /// How often connections were broken, and telling that.
    cuts: Mutex<u64>,
    cut: Notify,
    instead: Mutex<VecDeque<(String, u16, Value)>>,
    away: Mutex<bool>,
    /// Whether the bot may read messages that are not for it.
    reads_all: Mutex<bool>,
}

impl Discord {
    /// Starts it on free ports.
    ///
    /// # Panics
    /// Where loopback has no free port.
    pub fn start() -> Self {
        let runtime = runtime();
        let shared = Arc::new(Shared::default());
        *lock(&shared.next) = 10_000;
        *lock(&shared.reads_all) = true;
        let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let (api, gateway) = (bind(), bind());
        let address = api.local_addr().expect("a bound address");
        let at = gateway.local_addr().expect("a bound address");
        *lock(&shared.gateway) = format!("ws://{at}");
        let routes = Router::new().fallback(ask).with_state(Arc::clone(&shared));
        start(&runtime, async move {
            let _ = axum::serve(api, routes).await;
        });
        let serving = Arc::clone(&shared);
        start(&runtime, async move {
            while let Ok((stream, _)) = gateway.accept().await {
                tokio::spawn(talk(Arc::clone(&serving), stream));
            }
        });
        Self { shared, api: address, gateway: at, _runtime: runtime }
    }

    /// The `api_url` of a role.
    pub fn api(&self) -> String {
        format!("http://{}", self.api)
    }

    /// The `gateway_url` of a role.
    pub fn gateway(&self) -> String {
        format!("ws://{}", self.gateway)
    }

    /// What was asked: `METHOD /path` below the API's version, `identify`, `resume`.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Whether the bot may read messages that are not for it.
    pub fn reads_all(&self, reads: bool) {
        *lock(&self.shared.reads_all) = reads;
    }

    /// Somebody writes in a channel of a server; `more` is what else the message has.
    pub fn says(&self, channel: u64, user: u64, text: &str, more: Value) -> u64 {
        let id = self.shared.next_id();
        let mentions = match text.contains(&format!("<@{BOT}>")) {
            true => json!([person(BOT, "bot", true)]),
            false => json!([]),
        };
        let mut message = message(channel, id, person(user, &format!("user{user}"), false), text);
        message["guild_id"] = GUILD.into();
        message["mentions"] = mentions;
        for (key, value) in more.as_object().into_iter().flatten() {
            match value.is_null() {
                true => drop(message.as_object_mut().and_then(|it| it.remove(key))),
                false => message[key] = value.clone(),
            }
        }
        self.shared.event("MESSAGE_CREATE", message);
        id
    }

    /// Somebody writes to the bot directly.
    pub fn says_directly(&self, channel: u64, user: u64, text: &str) -> u64 {
        self.says(channel, user, text, json!({"guild_id": null}))
    }

    /// Somebody presses a button of a message.
    pub fn presses(&self, user: u64, name: &str, shown: &Shown, data: &str) -> u64 {
        let id = self.shared.next_id();
        let channel: u64 = shown.channel.parse().expect("a number");
        let of: u64 = shown.id.parse().expect("a number");
        let mut author = person(user, name, false);
        author["global_name"] = name.into();
        self.shared.event(
            "INTERACTION_CREATE",
            json!({
                "id": id.to_string(),
                "application_id": BOT.to_string(),
                "type": 3,
                "token": format!("token{id}"),
                "version": 1,
                "channel_id": shown.channel,
                "channel": {"id": shown.channel, "type": 0},
                "guild_id": GUILD,
                "locale": "en-US",
                "entitlements": [],
                "authorizing_integration_owners": {},
                "attachment_size_limit": 1000,
                "app_permissions": "0",
                "member": {
                    "user": author, "roles": [], "deaf": false, "mute": false, "flags": 0,
                    "joined_at": "2026-01-01T00:00:00.000000+00:00", "permissions": "0",
                },
                "message": message(channel, of, person(BOT, "bot", true), "x"),
                "data": {"component_type": 2, "custom_id": data, "values": []},
            }),
        );
        id
    }

    /// What whoever pressed is shown in the end.
    ///
    /// # Panics
    /// Nothing in a minute.
    #[track_caller]
    pub fn answer(&self, press: u64) -> String {
        let path = format!("PATCH /webhooks/{BOT}/token{press}/messages/@original");
        self.log().wait(&path, |body| body["content"].as_str().map(str::to_owned))
    }

    /// The messages of a channel as they stand, oldest first.
    pub fn channel(&self, channel: u64) -> Vec<Shown> {
        let (channel, shown) = (channel.to_string(), lock(&self.shared.shown));
        shown.values().filter(|message| message.channel == channel).cloned().collect()
    }

    /// Waits until a message of a channel fits, and gives it.
    ///
    /// # Panics
    /// None does in a minute.
    #[track_caller]
    pub fn wait(&self, channel: u64, what: &str, fits: impl Fn(&Shown) -> bool) -> Shown {
        let mut found = None;
        let ended = crate::home::try_until(|| {
            found = self.channel(channel).into_iter().find(|message| fits(message));
            found.is_some()
        });
        assert!(ended, "{what}: no message of {channel} fits:\n{:#?}", self.channel(channel));
        found.expect("what was waited for")
    }

    /// Answers the next request for a path otherwise.
    pub fn answer_instead(&self, path: &str, status: u16, body: Value) {
        lock(&self.shared.instead).push_back((path.to_owned(), status, body));
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
}

impl Shared {
    fn next_id(&self) -> u64 {
        let mut next = lock(&self.next);
        *next += 1;
        *next
    }

    fn event(&self, name: &'static str, event: Value) {
        lock(&self.events).push((name, event));
        self.news.notify_waiters();
    }
}

fn person(id: u64, name: &str, bot: bool) -> Value {
    json!({
        "id": id.to_string(), "username": name, "discriminator": "0", "avatar": null, "bot": bot,
        "global_name": name, "public_flags": 0,
    })
}

fn message(channel: u64, id: u64, author: Value, text: &str) -> Value {
    json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "author": author, "content": text,
        "timestamp": "2026-11-23T20:00:00.000000+00:00", "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [],
        "embeds": [], "pinned": false, "type": 0, "flags": 0, "components": [],
    })
}

async fn talk(shared: Arc<Shared>, stream: TcpStream) {
    if *lock(&shared.away) {
        return;
    }
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let cuts = *lock(&shared.cuts);
    let send = |op: u8, body: Value| Message::text(json!({"op": op, "d": body}).to_string());
    if socket.send(send(10, json!({"heartbeat_interval": 41250}))).await.is_err() {
        return;
    }
    // How many events this connection has been told.
    let mut told: Option<usize> = None;
    loop {
        let (news, cut) = (shared.news.notified(), shared.cut.notified());
        if *lock(&shared.cuts) != cuts {
            return;
        }
        let next = told.and_then(|told| lock(&shared.events).get(told).cloned());
        if let (Some((name, event)), Some(number)) = (next, told) {
            let dispatch = json!({"op": 0, "t": name, "s": number + 2, "d": event});
            if socket.send(Message::text(dispatch.to_string())).await.is_err() {
                return;
            }
            told = Some(number + 1);
            continue;
        }
        tokio::select! {
            () = news => {}
            () = cut => {}
            said = socket.next() => {
                let Some(Ok(said)) = said else { return };
                let Message::Text(text) = said else { continue };
                let said: Value = serde_json::from_str(&text).unwrap_or_default();
                match said["op"].as_u64() {
                    Some(1) => {
                        let heard = socket.send(send(11, Value::Null)).await;
                        if heard.is_err() {
                            return;
                        }
                    }
                    Some(2) => {
                        shared.log.note("identify", said["d"].clone());
                        if said["d"]["token"] != format!("Bot {TOKEN}") {
                            let _ = socket.close(Some(closed(4004))).await;
                            return;
                        }
                        let content = said["d"]["intents"].as_u64().unwrap_or_default() & (1 << 15);
                        if content != 0 && !*lock(&shared.reads_all) {
                            let _ = socket.close(Some(closed(4014))).await;
                            return;
                        }
                        let ready = json!({
                            "v": 10, "session_id": "session", "guilds": [],
                            "resume_gateway_url": *lock(&shared.gateway),
                            "application": {"id": BOT.to_string(), "flags": 0},
                            "user": {
                                "id": BOT.to_string(), "username": "bot", "discriminator": "0",
                                "avatar": null, "bot": true, "mfa_enabled": false, "flags": 0,
                                "verified": true, "email": null,
                            },
                        });
                        let dispatch = json!({"op": 0, "t": "READY", "s": 1, "d": ready});
                        if socket.send(Message::text(dispatch.to_string())).await.is_err() {
                            return;
                        }
                        // A new session is told what happens from now on.
                        told = Some(lock(&shared.events).len());
                    }
                    Some(6) => {
                        shared.log.note("resume", said["d"].clone());
                        let seen = said["d"]["seq"].as_u64().unwrap_or(1);
                        told = usize::try_from(seen.saturating_sub(1)).ok();
                        let all = lock(&shared.events).len();
                        let missed: Vec<_> = lock(&shared.events)[told.unwrap_or(all).min(all)..].to_vec();
                        for (index, (name, event)) in missed.into_iter().enumerate() {
                            let number = told.unwrap_or_default() + index + 2;
                            let dispatch = json!({"op": 0, "t": name, "s": number, "d": event});
                            if socket.send(Message::text(dispatch.to_string())).await.is_err() {
                                return;
                            }
                        }
                        told = Some(all);
                        let resumed = json!({"op": 0, "t": "RESUMED", "s": all + 1, "d": {}});
                        if socket.send(Message::text(resumed.to_string())).await.is_err() {
                            return;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

fn closed(code: u16) -> CloseFrame {
    CloseFrame { code: code.into(), reason: "".into() }
}

async fn ask(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if *lock(&shared.away) {
        return (StatusCode::SERVICE_UNAVAILABLE, "away").into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(path) = parts.uri.path().strip_prefix("/api/v10") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let what = format!("{} {path}", parts.method);
    let words: Vec<&str> = path.split('/').collect();
    let private = words.get(1) == Some(&"channels");
    let given = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    if private && given != Some(&format!("Bot {TOKEN}")) {
        let refused = json!({"message": "401: Unauthorized", "code": 0});
        return (StatusCode::UNAUTHORIZED, Json(refused)).into_response();
    }
    answer(&shared, &what, &words, &body)
}

fn answer(shared: &Shared, what: &str, words: &[&str], body: &Bytes) -> Response {
    let params: Value = serde_json::from_slice(body).unwrap_or_default();
    shared.log.note(what, params.clone());
    let instead = {
        let mut instead = lock(&shared.instead);
        let found = instead.iter().position(|(of, ..)| of == what);
        found.and_then(|index| instead.remove(index))
    };
    if let Some((_, status, body)) = instead {
        return (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response();
    }
    let content = params["content"].as_str().unwrap_or_default();
    assert!(content.encode_utf16().count() <= 2000, "{} characters", content.len());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match words {
        ["", "channels", channel, "messages", rest @ ..] => {
            assert_eq!(params["allowed_mentions"], json!({"parse": []}), "{params}");
            let rows = params["components"].as_array().cloned().unwrap_or_default();
            assert!(rows.len() <= 5, "{} rows", rows.len());
            let buttons =
                rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
            let buttons: Vec<(String, String)> = buttons
                .map(|button| (text(&button["label"]), text(&button["custom_id"])))
                .collect();
            let mut shown = lock(&shared.shown);
            let number: u64 = channel.parse().unwrap_or_default();
            if let [id] = rest {
                let key = (channel.to_string(), id.parse().unwrap_or_default());
                let Some(message) = shown.get_mut(&key) else {
                    let unknown = json!({"message": "Unknown Message", "code": 10008});
                    return (StatusCode::NOT_FOUND, Json(unknown)).into_response();
                };
                (message.content, message.buttons) = (content.to_owned(), buttons);
                return Json(self::message(number, key.1, person(BOT, "bot", true), content))
                    .into_response();
            }
            let nonce = params["nonce"].as_str().filter(|_| params["enforce_nonce"] == true);
            if let Some(same) = nonce.and_then(|nonce| lock(&shared.nonces).get(nonce).cloned()) {
                return Json(same).into_response();
            }
            let id = shared.next_id();
            let message = Shown {
                channel: channel.to_string(),
                id: id.to_string(),
                content: content.to_owned(),
                buttons,
                answers: params["message_reference"]["message_id"].as_str().map(str::to_owned),
            };
            shown.insert((channel.to_string(), id), message);
            let told = self::message(number, id, person(BOT, "bot", true), content);
            if let Some(nonce) = nonce {
                lock(&shared.nonces).insert(nonce.to_owned(), told.clone());
            }
            Json(told).into_response()
        }
        ["", "interactions", ..] => StatusCode::NO_CONTENT.into_response(),
        ["", "webhooks", ..] => {
            let id = shared.next_id();
            Json(message(1, id, person(BOT, "bot", true), content)).into_response()
        }
        _ => {
            let unknown = json!({"message": "404: Not Found", "code": 0});
            (StatusCode::NOT_FOUND, Json(unknown)).into_response()
        }
    }
}
