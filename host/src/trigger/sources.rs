//! The triggers that have a task of their own, and everybody who can tell something: set up as the roles say,
//! and set up anew where they say something else.

use super::chat::{self, ChatParts};
use super::file_watch;
use super::inbox::Inbox;
use super::notice::{self, EmailParts, Sender, WebhookParts};
use super::roles::RoleSet;
use super::senders::{Senders, Way};
use super::{Shared, stopped};
use crate::domain::trigger::{ChatSpec, NotifySpec, NotifyTo, TriggerKind, TriggerSpec};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::error;

/// A trigger with a task of its own.
struct Source {
    trigger: TriggerSpec,
    stop: watch::Sender<Option<String>>,
    /// What tells its people something, where it has any.
    sender: Option<Arc<dyn Sender>>,
}

/// Those of the roles, by role and name, and what tells that the roles have changed since they were set up.
pub(super) struct Sources(HashMap<(String, String), Source>, watch::Receiver<Arc<RoleSet>>);

/// Begins with them: from now on nothing escapes them.
pub(super) fn begin_all(shared: &Arc<Shared>, senders: &Senders) -> Sources {
    let roles = shared.roles.changes();
    Sources(set_up(shared, senders, HashMap::new()), roles)
}

/// Keeps them until the process is asked to stop.
pub(super) async fn keep(shared: Arc<Shared>, senders: Arc<Senders>, sources: Sources) {
    let mut stop = shared.stop.clone();
    let Sources(mut sources, mut roles) = sources;
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            changed = roles.changed() => if changed.is_err() { break },
        }
        sources = set_up(&shared, &senders, sources);
    }
    for source in sources.into_values() {
        source.stop.send_replace(Some("the daemon stops".into()));
    }
}

fn set_up(
    shared: &Arc<Shared>,
    senders: &Senders,
    mut before: HashMap<(String, String), Source>,
) -> HashMap<(String, String), Source> {
    let mut sources = HashMap::new();
    let mut ways: HashMap<(String, String), Way> = HashMap::new();
    for (role, file) in shared.roles.now().iter() {
        for trigger in &file.role.triggers {
            let key = (role.clone(), trigger.name.clone());
            let source = match before.remove(&key) {
                // Where it stands in the file is all the same.
                Some(source)
                    if source.trigger.kind == trigger.kind
                        && source.trigger.prompt == trigger.prompt =>
                {
                    source
                }
                replaced => {
                    // First, so that nothing happens in between that neither of them sees.
                    let begun = begin(shared, role, trigger, &file.path);
                    if let Some(replaced) = replaced {
                        replaced.stop.send_replace(Some("the role has changed".into()));
                    }
                    match begun {
                        Some(source) => source,
                        None => continue,
                    }
                }
            };
            if let Some(sender) = &source.sender {
                ways.insert(key.clone(), Way { sender: Arc::clone(sender), on: None });
            }
            sources.insert(key, source);
        }
        for notice in &file.role.notices {
            let sender = match &notice.to {
                NotifyTo::Chat { trigger, .. } => {
                    let chat = sources.get(&(role.clone(), trigger.clone()));
                    chat.and_then(|chat| chat.sender.clone())
                }
                _ => outside(shared, role, notice),
            };
            if let Some(sender) = sender {
                let way = Way { sender, on: Some(notice.on.clone()) };
                ways.insert((role.clone(), notice.name.clone()), way);
            }
        }
    }
    for gone in before.into_values() {
        gone.stop.send_replace(Some("the role has changed".into()));
    }
    senders.put(ways);
    sources
}

fn begin(shared: &Arc<Shared>, role: &str, trigger: &TriggerSpec, path: &Path) -> Option<Source> {
    let (stop, stopped) = watch::channel(None);
    let inbox = Inbox::new(Arc::clone(shared), role, &trigger.name);
    let mut sender = None;
    match &trigger.kind {
        TriggerKind::FileWatch(spec) => {
            let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
            file_watch::watch(inbox, trigger.clone(), spec.clone(), folder, stopped);
        }
        TriggerKind::Chat(spec) => sender = Some(begin_chat(shared, inbox, spec, stopped)?),
        _ => return None,
    }
    Some(Source { trigger: trigger.clone(), stop, sender })
}

/// Begins with a bot; what is wrong with it is said.
fn begin_chat(
    shared: &Arc<Shared>,
    inbox: Inbox,
    spec: &ChatSpec,
    stop: watch::Receiver<Option<String>>,
) -> Option<Arc<dyn Sender>> {
    let read =
        |variable: &str| (shared.environment)(variable).unwrap_or_default().trim().to_owned();
    let (role, trigger) = (inbox.role().to_owned(), inbox.trigger().to_owned());
    let opened = chat::open(ChatParts {
        spec: spec.clone(),
        host: shared.host.clone(),
        inbox,
        token: read(&spec.token_env),
        app_token: spec.app_token_env.as_deref().map(read),
        stop,
        ending: shared.stop.clone(),
    });
    match opened {
        Ok(chat) => {
            tokio::spawn(chat.receive);
            Some(chat.sender)
        }
        Err(why) => {
            error!(role, trigger, "the bot does not start: {why}");
            None
        }
    }
}

/// What tells a server or mailboxes; what is wrong with it is said.
fn outside(shared: &Arc<Shared>, role: &str, notice: &NotifySpec) -> Option<Arc<dyn Sender>> {
    let read = |variable: &String| (shared.environment)(variable).map(|it| it.trim().to_owned());
    let host = shared.host.clone();
    let opened = match &notice.to {
        NotifyTo::Chat { .. } => return None,
        NotifyTo::Webhook { url, secret_env } => notice::webhook(WebhookParts {
            host,
            url: url.clone(),
            secret: read(secret_env).unwrap_or_default(),
            secret_env: secret_env.clone(),
        }),
        NotifyTo::Email { server, from, to, user_env, password_env } => notice::email(EmailParts {
            host,
            server: server.clone(),
            from: from.clone(),
            to: to.clone(),
            user: user_env.as_ref().and_then(read),
            password: password_env.as_ref().and_then(read),
        }),
    };
    match opened {
        Ok(sender) => Some(sender),
        Err(why) => {
            error!(role, notice = notice.name, "nobody is told: {why}");
            None
        }
    }
}
