//! The roles of a daemon as they are now: a change of their files puts others in their place.

use super::{chat, notice, signature};
use crate::domain::role::Role;
use crate::ops::{RoleFile, Roles};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// Roles by name.
pub(crate) type RoleSet = BTreeMap<String, Arc<RoleFile>>;

/// The roles, and telling those who work with them that they have changed.
pub(crate) struct LiveRoles {
    now: watch::Sender<Arc<RoleSet>>,
    /// Those that are gone as well, as they were last: their runs are still to be done.
    served: RwLock<Arc<RoleSet>>,
}

impl LiveRoles {
    pub(super) fn new(roles: &Roles) -> Self {
        let roles = Arc::new(set(roles));
        let served = RwLock::new(Arc::clone(&roles));
        Self { now: watch::Sender::new(roles), served }
    }

    /// As they are now.
    pub(crate) fn now(&self) -> Arc<RoleSet> {
        Arc::clone(&self.now.borrow())
    }

    /// Those that there have been since the daemon began.
    pub(crate) fn served(&self) -> Arc<RoleSet> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The one of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<RoleFile>> {
        self.now.borrow().get(name).cloned()
    }

    /// The names of all that there have been since the daemon began.
    pub(crate) fn names(&self) -> Vec<String> {
        self.served().keys().cloned().collect()
    }

    /// Told when they change.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<RoleSet>> {
        self.now.subscribe()
    }

    pub(super) fn put(&self, roles: RoleSet) {
        let mut served = RoleSet::clone(&self.served());
        served.extend(roles.iter().map(|(name, file)| (name.clone(), Arc::clone(file))));
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(served);
        self.now.send_replace(Arc::new(roles));
    }
}

pub(super) fn set(roles: &Roles) -> RoleSet {
    roles.all().into_iter().map(|file| (file.role.name.clone(), file)).collect()
}

/// What of some roles cannot be at the same time, or needs a variable that is not set or cannot be used: a
/// sentence each.
pub(super) fn conflicts(
    roles: &RoleSet,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Vec<String> {
    use crate::domain::trigger::{NotifyTo, TriggerKind};
    let mut wrong = Vec::new();
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    // Gives what is wrong with the value of a variable that is there.
    let mut need = |role: &Role,
                    who: &str,
                    variable: &str,
                    check: &dyn Fn(&str) -> Result<(), String>| {
        let who = format!("`{who}` of role `{}`", role.name);
        let value = environment(variable);
        let why = match value.as_deref().map(str::trim) {
            Some("") => "empty",
            None => "not set",
            Some(value) => {
                let wrongly = |why| format!("{who} would not work: {why}");
                return wrong.extend(check(value).map_err(wrongly).err());
            }
        };
        wrong.push(format!(
            "{who} needs the variable `{variable}`, which is {why}; set it where the daemon is started"
        ));
    };
    for file in roles.values() {
        let role = &file.role;
        for trigger in &role.triggers {
            for variable in trigger.secret_variables() {
                need(role, &trigger.name, variable, &|value| match &trigger.kind {
                    TriggerKind::Webhook(hook) => {
                        signature::check_secret(hook.signature, value, variable)
                    }
                    TriggerKind::Chat(_) => chat::check_token(value, variable),
                    _ => Ok(()),
                });
            }
        }
        for notice in &role.notices {
            for variable in notice.secret_variables() {
                need(role, &notice.name, variable, &|value| match &notice.to {
                    NotifyTo::Webhook { .. } => notice::check_secret(value, variable).map(drop),
                    _ => Ok(()),
                });
            }
            if let NotifyTo::Email { user_env: Some(variable), .. } = &notice.to {
                need(role, &notice.name, variable, &|_| Ok(()));
            }
        }
    }
    // What is told to a bot is told once: of two that are the same, each would miss what the other hears.
    let mut bots: BTreeMap<(&str, String), String> = BTreeMap::new();
    for file in roles.values() {
        for trigger in &file.role.triggers {
            let who = format!("`{}` of role `{}`", trigger.name, file.role.name);
            if let TriggerKind::Chat(chat) = &trigger.kind
                && let Some(token) = environment(&chat.token_env)
            {
                let bot = (chat.service.word(), token.trim().to_owned());
                if let Some(other) = bots.insert(bot, who.clone()) {
                    wrong.push(format!(
                        "{other} and {who} are the same bot: the variables `token_env` hold one token; make a bot for each",
                    ));
                }
            }
            let TriggerKind::Webhook(hook) = &trigger.kind else { continue };
            if let Some(other) = paths.insert(&hook.path, who.clone()) {
                wrong.push(format!(
                    "{other} and {who} listen on the same path `{}`; give each a `path` of its own",
                    hook.path
                ));
            }
        }
    }
    wrong
}
