//! What starts runs by itself, and who is told of them: what a role says under `triggers:`, `notify:` and
//! `daemon:`.

use super::outbox::MessageKind;
use super::schedule::Schedule;
use super::template::Template;
use super::yaml::Position;
use std::collections::BTreeSet;

/// One item of `triggers:`.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerSpec {
    /// Unique among the role's triggers and notices; the type where none is given.
    pub name: String,
    /// What the model is asked. Chats ask themselves.
    pub prompt: Option<Template>,
    /// What it waits for.
    pub kind: TriggerKind,
    /// Where it stands.
    pub position: Position,
}

/// What a trigger waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum TriggerKind {
    /// Times of the clock.
    Cron {
        /// Which.
        schedule: Schedule,
        /// What becomes of times at which no daemon was there.
        on_missed: OnMissed,
    },
    /// Time that passes.
    Heartbeat {
        /// Seconds between two runs.
        every: u64,
    },
    /// A request over HTTP.
    Webhook(WebhookSpec),
    /// Files that change.
    FileWatch(FileWatchSpec),
    /// People who write.
    Chat(ChatSpec),
}

impl TriggerKind {
    /// The word of the role.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Cron { .. } => "cron",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Webhook(_) => "webhook",
            Self::FileWatch(_) => "file_watch",
            Self::Chat(chat) => chat.service.word(),
        }
    }
}

/// What becomes of times at which no daemon was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnMissed {
    /// Nothing.
    #[default]
    Skip,
    /// One run, for the latest of them.
    Once,
    /// A run for each, the latest [`MOST_MISSED`] of them.
    All,
}

/// How many missed times are made up for at most: a day of quarter hours.
pub const MOST_MISSED: usize = 100;

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSpec {
    /// Where it listens, from the `/`.
    pub path: String,
    /// The variable whose value signs the requests.
    pub secret_env: String,
    /// How they are signed.
    pub signature: Signature,
    /// Requests in a minute.
    pub rate_limit: u32,
}

/// How requests are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signature {
    /// `X-Hub-Signature-256`, over the body.
    #[default]
    GitHub,
    /// `webhook-signature`, over id, time and body (Standard Webhooks 1.0).
    Standard,
}

/// Files to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWatchSpec {
    /// Patterns: relative ones begin at the role file's folder.
    pub paths: Vec<String>,
    /// Milliseconds without a change after which a file counts as written.
    pub debounce_ms: u64,
    /// What of it matters.
    pub events: BTreeSet<FileEvent>,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileEvent {
    /// It was not there before.
    Created,
    /// Its contents were written.
    Modified,
    /// It is gone.
    Deleted,
}

impl FileEvent {
    /// The word of the role.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
        }
    }
}

/// A service that people chat with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatService {
    /// Telegram, by its bot API.
    Telegram,
    /// Slack, by its socket mode.
    Slack,
    /// Discord, by its gateway.
    Discord,
}

impl ChatService {
    /// The word of the role, and how identities of its people begin.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Slack => "slack",
            Self::Discord => "discord",
        }
    }

    /// The variable of the bot's token where a role names none.
    pub const fn token_variable(self) -> &'static str {
        match self {
            Self::Telegram => "TELEGRAM_BOT_TOKEN",
            Self::Slack => "SLACK_BOT_TOKEN",
            Self::Discord => "DISCORD_BOT_TOKEN",
        }
    }
}

/// A bot in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSpec {
    /// Where.
    pub service: ChatService,
    /// The variable of the bot's token.
    pub token_env: String,
    /// The variable of the app's token, which Slack's socket mode wants besides.
    pub app_token_env: Option<String>,
    /// Ids of the people who may talk to it.
    pub people: Vec<String>,
    /// Ids of the people whose buttons count.
    pub reviewers: Vec<String>,
    /// Chats and channels in which it listens; empty: wherever it is spoken to.
    pub places: Vec<String>,
    /// Another address of the service's API.
    pub api_url: Option<String>,
    /// Another address of Discord's gateway.
    pub gateway_url: Option<String>,
}

/// One item of `notify:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifySpec {
    /// Unique among the role's triggers and notices.
    pub name: String,
    /// Who is told.
    pub to: NotifyTo,
    /// Of what.
    pub on: BTreeSet<MessageKind>,
    /// Where it stands.
    pub position: Position,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyTo {
    /// A chat that one of the role's triggers is in.
    Chat {
        /// The trigger's name.
        trigger: String,
        /// The chat or channel, as the service names it.
        place: String,
    },
    /// A server, by a signed request.
    Webhook {
        /// Its address.
        url: String,
        /// The variable whose value signs it.
        secret_env: String,
    },
    /// People, by e-mail.
    Email {
        /// `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`.
        server: String,
        /// The sender.
        from: String,
        /// The receivers.
        to: Vec<String>,
        /// The variable of the user's name.
        user_env: Option<String>,
        /// The variable of the password.
        password_env: Option<String>,
    },
}

/// `daemon:`: how much of a role a daemon does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DaemonLimits {
    /// Runs that go on at a time; one that waits for people is none of them.
    pub max_concurrent_runs: u32,
    /// Runs that wait for their turn.
    pub max_queued_runs: u32,
    /// Runs in a day (UTC).
    pub max_runs_per_day: Option<u32>,
    /// Tokens in a day.
    pub max_tokens_per_day: Option<u32>,
    /// US dollars in a day, by the model's price.
    pub max_cost_usd_per_day: Option<f64>,
}

impl Default for DaemonLimits {
    /// Four runs at a time, which keep a small machine busy and no provider angry; a thousand that wait,
    /// which is more than four can do in an hour.
    fn default() -> Self {
        Self {
            max_concurrent_runs: 4,
            max_queued_runs: 1000,
            max_runs_per_day: None,
            max_tokens_per_day: None,
            max_cost_usd_per_day: None,
        }
    }
}

impl TriggerSpec {
    /// The variables whose values nobody may see.
    pub fn secret_variables(&self) -> Vec<&str> {
        match &self.kind {
            TriggerKind::Webhook(hook) => vec![&hook.secret_env],
            TriggerKind::Chat(chat) => {
                let tokens = [Some(&chat.token_env), chat.app_token_env.as_ref()];
                tokens.into_iter().flatten().map(String::as_str).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl NotifySpec {
    /// The variables whose values nobody may see.
    pub fn secret_variables(&self) -> Vec<&str> {
        match &self.to {
            NotifyTo::Webhook { secret_env, .. } => vec![secret_env],
            NotifyTo::Email { password_env: Some(variable), .. } => vec![variable],
            NotifyTo::Chat { .. } | NotifyTo::Email { .. } => Vec::new(),
        }
    }
}
