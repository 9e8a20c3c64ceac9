//! Telegram, as far as a bot sees it: the Bot API on loopback.
//!
//! Updates stay until a question with a higher offset confirms them, as Telegram keeps them.

use crate::standin::{Log, lock, runtime, start};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// The bot's token; it must be nowhere but in requests.
pub const TOKEN: &str = "123456:AAtelegram-token-that-nobody-may-see";

/// The bot's number and name.
const BOT: i64 = 99;

/// A message as it stands in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The chat.
    pub chat: i64,
    /// Its number.
    pub id: i64,
    /// Its text.
    pub text: String,
    /// The buttons: what is written on each, and what it carries.
    pub buttons: Vec<(String, String)>,
    /// The topic that it was sent to.
    pub thread: Option<i64>,
    /// The message that it answers.
    pub answers: Option<i64>,
}

/// The stand-in.
pub struct Telegram {
    shared: Arc<Shared>,
    address: SocketAddr,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    log: Log,
    updates: Mutex<Vec<Value>>,
    next: Mutex<i64>,
    shown: Mutex<BTreeMap<(i64, i64), Shown>>,
    news: Notify,
    /// Answers to give instead, by method.
    instead: Mutex<VecDeque<(String, u16, Value)>>,
    /// Whether to answer anything at all.
    away: Mutex<bool>,
    /// Whether offsets are ignored: everything comes again.
    forgetful: Mutex<bool>,
}

impl Telegram {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// Where loopback has no free port.
    pub fn start() -> Self {
        let runtime = runtime();
        let shared = Arc::new(Shared::default());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound address");
        let routes =
            Router::new().route("/{bot}/{method}", post(ask)).with_state(Arc::clone(&shared));
        start(&runtime, async move {
            let _ = axum::serve(listener, routes).await;
        });
        Self { shared, address, _runtime: runtime }
    }

    /// The `api_url` of a role.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked, by method.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Somebody writes to the bot in a private chat, whose number is theirs.
    pub fn says(&self, user: i64, text: &str) -> i64 {
        self.message(user, user, text, json!({}))
    }

    /// Somebody writes into a group; `more` is what else the message has.
    pub fn says_in(&self, chat: i64, user: i64, text: &str, more: Value) -> i64 {
        self.message(chat, user, text, more)
    }

    fn message(&self, chat: i64, user: i64, text: &str, more: Value) -> i64 {
        let id = self.shared.next_id();
        let kind = if chat == user { "private" } else { "supergroup" };
        let mut message = json!({
            "message_id": id,
            "date": 1_777_000_000,
            "from": {"id": user, "is_bot": false, "first_name": format!("User {user}")},
            "chat": {"id": chat, "type": kind, "first_name": "x", "title": "x"},
            "text": text,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            message[key] = value.clone();
        }
        self.shared.update("message", message);
        id
    }

    /// Somebody presses a button of a message.
    pub fn presses(&self, user: i64, name: &str, message: &Shown, data: &str) {
        let kind = if message.chat > 0 { "private" } else { "supergroup" };
        let query = json!({
            "id": format!("query{}", self.shared.next_id()),
            "from": {"id": user, "is_bot": false, "first_name": name},
            "chat_instance": "1",
            "message": {
                "message_id": message.id,
                "date": 1_777_000_000,
                "chat": {"id": message.chat, "type": kind, "first_name": "x"},
                "from": {"id": BOT, "is_bot": true, "first_name": "Bot"},
                "text": message.text,
            },
            "data": data,
        });
        self.shared.update("callback_query", query);
    }

    /// The messages of a chat as they stand, oldest first.
    pub fn chat(&self, chat: i64) -> Vec<Shown> {
        let shown = lock(&self.shared.shown);
        shown.values().filter(|message| message.chat == chat).cloned().collect()
    }

    /// Waits until a message of a chat fits, and gives it.
    ///
    /// # Panics
    /// None does in a minute.
    #[track_caller]
    pub fn wait(&self, chat: i64, what: &str, fits: impl Fn(&Shown) -> bool) -> Shown {
        let mut found = None;
        let described = || format!("{:#?}", self.chat(chat));
        let ended = crate::home::try_until(|| {
            found = self.chat(chat).into_iter().find(|message| fits(message));
            found.is_some()
        });
        assert!(ended, "{what}: no message of chat {chat} fits:\n{}", described());
        found.expect("what was waited for")
    }

    /// Waits for the next answer to a press, and gives what it shows.
    ///
    /// # Panics
    /// None comes in a minute.
    #[track_caller]
    pub fn toast(&self, number: usize) -> String {
        let method = "answerCallbackQuery";
        crate::home::until("a press is answered", || self.log().count(method) >= number);
        let answers = self.log().of(method);
        answers[number - 1]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Answers the next request for a method otherwise.
    pub fn answer_instead(&self, method: &str, status: u16, body: Value) {
        lock(&self.shared.instead).push_back((method.to_owned(), status, body));
    }

    /// Goes away, or comes back.
    pub fn be_away(&self, away: bool) {
        *lock(&self.shared.away) = away;
        self.shared.news.notify_waiters();
    }

    /// Forgets what was confirmed: every update comes again with every question.
    pub fn forget(&self, forgetful: bool) {
        *lock(&self.shared.forgetful) = forgetful;
        self.shared.news.notify_waiters();
    }
}

impl Shared {
    fn next_id(&self) -> i64 {
        let mut next = lock(&self.next);
        *next += 1;
        *next
    }

    fn update(&self, kind: &str, content: Value) {
        let id = self.next_id();
        lock(&self.updates).push(json!({"update_id": id, kind: content}));
        self.news.notify_waiters();
    }

    fn news(&self, offset: i64) -> Vec<Value> {
        let updates = lock(&self.updates);
        let forgetful = *lock(&self.forgetful);
        let new = |update: &&Value| forgetful || update["update_id"].as_i64() >= Some(offset);
        updates.iter().filter(new).cloned().collect()
    }
}

/// A code and a description.
type Refusal = (u16, &'static str);

fn refused((code, description): Refusal) -> Response {
    let status = StatusCode::from_u16(code).expect("a status");
    let body = json!({"ok": false, "error_code": code, "description": description});
    (status, Json(body)).into_response()
}

async fn ask(
    State(shared): State<Arc<Shared>>,
    Path((bot, method)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    if bot != format!("bot{TOKEN}") {
        return refused((401, "Unauthorized"));
    }
    if *lock(&shared.away) {
        return (StatusCode::BAD_GATEWAY, "<html>Bad Gateway</html>").into_response();
    }
    let params: Value = serde_json::from_slice(&body).unwrap_or_default();
    if method != "getUpdates" {
        shared.log.note(&method, params.clone());
    }
    let instead = {
        let mut instead = lock(&shared.instead);
        let found = instead.iter().position(|(of, ..)| *of == method);
        found.and_then(|index| instead.remove(index))
    };
    if let Some((_, status, body)) = instead {
        return (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response();
    }
    let result = match method.as_str() {
        "getMe" => json!({"id": BOT, "is_bot": true, "first_name": "Bot", "username": "test_bot"}),
        "getUpdates" => return updates(&shared, &params).await,
        "sendMessage" => match send(&shared, &params) {
            Ok(message) => message,
            Err(refusal) => return refused(refusal),
        },
        "editMessageText" => match edit(&shared, &params) {
            Ok(message) => message,
            Err(refusal) => return refused(refusal),
        },
        "answerCallbackQuery" => json!(true),
        _ => return refused((404, "Not Found: method not found")),
    };
    Json(json!({"ok": true, "result": result})).into_response()
}

async fn updates(shared: &Shared, params: &Value) -> Response {
    let offset = params["offset"].as_i64().unwrap_or_default();
    if !*lock(&shared.forgetful) {
        lock(&shared.updates).retain(|update| update["update_id"].as_i64() >= Some(offset));
    }
    let patience = Duration::from_secs(params["timeout"].as_u64().unwrap_or_default());
    let waiting = async {
        loop {
            let news = shared.news.notified();
            let new = shared.news(offset);
            if !new.is_empty() {
                return new;
            }
            if *lock(&shared.away) {
                return new;
            }
            news.await;
        }
    };
    let new = tokio::time::timeout(patience, waiting).await.unwrap_or_default();
    if *lock(&shared.forgetful) {
        // Not as fast as a machine can.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if new.is_empty() && *lock(&shared.away) {
        return (StatusCode::BAD_GATEWAY, "<html>Bad Gateway</html>").into_response();
    }
    Json(json!({"ok": true, "result": new})).into_response()
}

fn send(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    check(params)?;
    let chat = params["chat_id"].as_i64().ok_or((400, "chat_id is empty"))?;
    let message = Shown {
        chat,
        id: shared.next_id(),
        text: params["text"].as_str().unwrap_or_default().to_owned(),
        buttons: buttons(&params["reply_markup"]),
        thread: params["message_thread_id"].as_i64(),
        answers: params["reply_parameters"]["message_id"].as_i64(),
    };
    let told = told(&message);
    lock(&shared.shown).insert((chat, message.id), message);
    Ok(told)
}

fn edit(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    check(params)?;
    let place = (params["chat_id"].as_i64(), params["message_id"].as_i64());
    let (Some(chat), Some(id)) = place else { return Err((400, "message_id is empty")) };
    let mut shown = lock(&shared.shown);
    let Some(message) = shown.get_mut(&(chat, id)) else {
        return Err((400, "Bad Request: message to edit not found"));
    };
    let text = params["text"].as_str().unwrap_or_default().to_owned();
    let buttons = buttons(&params["reply_markup"]);
    if message.text == text && message.buttons == buttons {
        return Err((
            400,
            "Bad Request: message is not modified: specified new message content and reply markup are exactly the same",
        ));
    }
    (message.text, message.buttons) = (text, buttons);
    Ok(told(message))
}

/// What Telegram refuses of any message.
fn check(params: &Value) -> Result<(), Refusal> {
    let text = params["text"].as_str().unwrap_or_default();
    let units = text.encode_utf16().count();
    if text.trim().is_empty() {
        return Err((400, "Bad Request: message text is empty"));
    }
    if units > 4096 {
        return Err((400, "Bad Request: message is too long"));
    }
    assert!(params.get("parse_mode").is_none(), "a message is plain text: {params}");
    for entity in params["entities"].as_array().into_iter().flatten() {
        let end = entity["offset"].as_u64().zip(entity["length"].as_u64()).map(|(a, b)| a + b);
        assert!(end.is_some_and(|end| end <= units as u64), "{entity} of {units}");
    }
    for (_, data) in buttons(&params["reply_markup"]) {
        if data.is_empty() || data.len() > 64 {
            return Err((400, "Bad Request: BUTTON_DATA_INVALID"));
        }
    }
    Ok(())
}

fn buttons(markup: &Value) -> Vec<(String, String)> {
    let rows = markup["inline_keyboard"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.flat_map(|row| row.as_array().into_iter().flatten())
        .map(|button| (text(&button["text"]), text(&button["callback_data"])))
        .collect()
}

fn told(message: &Shown) -> Value {
    json!({
        "message_id": message.id,
        "date": 1_777_000_000,
        "chat": {"id": message.chat, "type": "private", "first_name": "x"},
        "from": {"id": BOT, "is_bot": true, "first_name": "Bot"},
        "text": message.text,
    })
}
