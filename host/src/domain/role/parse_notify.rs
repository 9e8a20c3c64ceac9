//! Reads `notify:`, who is told of the role's runs, and `daemon:`, how much of it a daemon does.

use super::field::Field;
use super::keys::Keys;
use super::parse_trigger::{parse_name, parse_url, parse_variable};
use super::{ModelSpec, Position};
use crate::domain::outbox::MessageKind;
use crate::domain::trigger::{DaemonLimits, NotifySpec, NotifyTo, TriggerKind, TriggerSpec};
use crate::domain::yaml::{Problems, shown};
use std::collections::BTreeSet;

const ON: [(&str, MessageKind); 5] = [
    ("paused", MessageKind::Paused),
    ("decided", MessageKind::Decided),
    ("expiring", MessageKind::Expiring),
    ("escalated", MessageKind::Escalated),
    ("ended", MessageKind::Ended),
];

/// Reads `notify:`. Chats are those of the role's `triggers`.
pub(super) fn parse_notices(
    field: &Field<'_>,
    triggers: &[TriggerSpec],
    taken: &mut Vec<(String, Position)>,
    problems: &mut Problems,
) -> Vec<NotifySpec> {
    let hint = "begin each one on its own line: `- webhook: {url: …, secret_env: …}`";
    let mut notices = Vec::new();
    for item in field.items(hint, problems) {
        notices.extend(parse_notice(&item, triggers, taken, problems));
    }
    notices
}

fn parse_notice(
    item: &Field<'_>,
    triggers: &[TriggerSpec],
    taken: &mut Vec<(String, Position)>,
    problems: &mut Problems,
) -> Option<NotifySpec> {
    const TO: [&str; 3] = ["chat", "webhook", "email"];
    let keys = Keys::of(item, &["name", "on", "chat", "webhook", "email"], problems);
    let position = item.node.position;
    let mut given = TO.into_iter().filter_map(|key| Some((key, keys.get(key)?)));
    let (Some((key, to)), None) = (given.next(), given.next()) else {
        if !item.is_broken() {
            let hint = "write `chat:`, `webhook:` or `email:` below it, and one of them alone";
            problems.add(position, "it must say whom to tell, once", hint);
        }
        return None;
    };
    let default = format!("notify-{key}");
    let name = parse_name(&keys, &default, position, taken, problems);
    let mut on = BTreeSet::new();
    if let Some(field) = keys.get("on") {
        for item in field.items("name them: `on: [paused, ended]`", problems) {
            on.extend(item.word(&ON, problems));
        }
    } else if key == "chat" {
        // A message with buttons is kept true.
        on.extend(MessageKind::ALL);
    } else {
        on.extend([MessageKind::Paused, MessageKind::Expiring, MessageKind::Escalated]);
    }
    let to = match key {
        "chat" => parse_chat(&to, triggers, problems),
        "webhook" => parse_webhook(&to, problems),
        _ => parse_email(&to, problems),
    };
    Some(NotifySpec { name: name?, to: to?, on, position })
}

fn parse_chat(
    field: &Field<'_>,
    triggers: &[TriggerSpec],
    problems: &mut Problems,
) -> Option<NotifyTo> {
    let keys = Keys::of(field, &["trigger", "to"], problems);
    let hint = "name the trigger whose bot tells it: `trigger: telegram`";
    let named = keys.require("trigger", hint, problems);
    let trigger = named.and_then(|field| {
        let name = &field.filled(problems)?.text;
        let chat = |it: &&TriggerSpec| it.name == *name && matches!(it.kind, TriggerKind::Chat(_));
        if !triggers.iter().any(|it| chat(&it)) {
            let message = format!("no chat of `triggers` is called {}", shown(name));
            let hint = "name a trigger of type `telegram`, `slack` or `discord`";
            problems.add(field.node.position, message, hint);
            return None;
        }
        Some(name.clone())
    });
    let hint = "say in which chat or channel: `to: \"-1001234\"`";
    let place = keys.require("to", hint, problems)?;
    let text = place.scalar().map(|scalar| scalar.text.trim().to_owned()).unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
    if text.is_empty() || !text.chars().all(fits) {
        problems.add(place.node.position, "`to` must be the id of a chat or channel", hint);
        return None;
    }
    Some(NotifyTo::Chat { trigger: trigger?, place: text })
}

fn parse_webhook(field: &Field<'_>, problems: &mut Problems) -> Option<NotifyTo> {
    let keys = Keys::of(field, &["url", "secret_env"], problems);
    let url = keys.require("url", "add a line such as `url: https://HOST/PATH`", problems);
    let url = url.and_then(|field| parse_url(&field, &["https", "http"], problems));
    let hint = "name the variable that holds the secret which signs the requests";
    let secret = keys.require("secret_env", hint, problems);
    let secret = secret.and_then(|field| parse_variable(&field, problems));
    Some(NotifyTo::Webhook { url: url?, secret_env: secret? })
}

fn parse_email(field: &Field<'_>, problems: &mut Problems) -> Option<NotifyTo> {
    let keys = Keys::of(field, &["server", "from", "to", "user_env", "password_env"], problems);
    let hint = "add a line such as `server: smtps://mail.example.com`";
    let server = keys.require("server", hint, problems);
    let server = server.and_then(|field| parse_server(&field, problems));
    let from = keys.require("from", "add a line such as `from: initrunner@example.com`", problems);
    let from = from.and_then(|field| parse_address(&field, problems));
    let hint = "name the receivers: `to: [alice@example.com]`";
    let to = keys.require("to", hint, problems);
    let items = to.map(|field| field.items(hint, problems)).unwrap_or_default();
    let to: Vec<String> = items.iter().filter_map(|item| parse_address(item, problems)).collect();
    let mut variable = |key| keys.get(key).and_then(|field| parse_variable(&field, problems));
    let (user_env, password_env) = (variable("user_env"), variable("password_env"));
    if to.is_empty() {
        return None;
    }
    Some(NotifyTo::Email { server: server?, from: from?, to, user_env, password_env })
}

/// `smtps://` encrypts from the first byte, `smtp://` by STARTTLS before anything is said.
fn parse_server(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    let parsed = url::Url::parse(&scalar.text).ok();
    let fits = |url: &url::Url| {
        matches!(url.scheme(), "smtp" | "smtps")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && matches!(url.path(), "" | "/")
    };
    if parsed.as_ref().is_some_and(fits) {
        return Some(scalar.text.clone());
    }
    let message = format!("{} is no mail server", shown(scalar.written()));
    let hint = "write `smtps://HOST` or `smtp://HOST:587`, and the account by `user_env` and `password_env`";
    problems.add(field.node.position, message, hint);
    None
}

/// One address, with nothing that could begin another line or another address.
fn parse_address(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    let text = scalar.text.trim();
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;:\"()[]\\".contains(c);
    let parts = text.split_once('@').filter(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && text.chars().all(fits)
    });
    if parts.is_some() {
        return Some(text.to_owned());
    }
    let message = format!("{} is no e-mail address", shown(scalar.written()));
    problems.add(field.node.position, message, "write one like `alice@example.com`");
    None
}

/// Reads `daemon:`.
pub(super) fn parse_daemon(
    field: &Field<'_>,
    model: Option<&ModelSpec>,
    problems: &mut Problems,
) -> DaemonLimits {
    let default = DaemonLimits::default();
    let valid = [
        "max_concurrent_runs",
        "max_queued_runs",
        "max_runs_per_day",
        "max_tokens_per_day",
        "max_cost_usd_per_day",
    ];
    let keys = Keys::of(field, &valid, problems);
    let mut number = |key| keys.get(key)?.positive(problems);
    let limits = DaemonLimits {
        max_concurrent_runs: number("max_concurrent_runs").unwrap_or(default.max_concurrent_runs),
        max_queued_runs: number("max_queued_runs").unwrap_or(default.max_queued_runs),
        max_runs_per_day: number("max_runs_per_day"),
        max_tokens_per_day: number("max_tokens_per_day"),
        max_cost_usd_per_day: None,
    };
    let cost = keys.get("max_cost_usd_per_day");
    let max_cost_usd_per_day = cost.as_ref().and_then(|field| field.number_above_zero(problems));
    if let (Some(field), Some(model)) = (cost, model)
        && model.dearest_price().is_none()
    {
        problems.add(
            field.key_position,
            "`max_cost_usd_per_day` needs the price of the model and of each fallback",
            "write them as mappings with `price: {input: USD, output: USD}`, for a million tokens",
        );
    }
    DaemonLimits { max_cost_usd_per_day, ..limits }
}
