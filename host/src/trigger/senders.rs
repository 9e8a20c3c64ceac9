//! Who can tell what to whom, as the roles say now.

use super::notice::Sender;
use crate::domain::outbox::MessageKind;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// Senders, by role and by the name of a trigger or a notice.
#[derive(Default)]
pub(super) struct Senders(RwLock<HashMap<(String, String), Way>>);

/// A way to tell people.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) sender: Arc<dyn Sender>,
    /// Of what; `None`: of everything.
    pub(super) on: Option<BTreeSet<MessageKind>>,
}

/// Who is to send a message.
pub(super) enum To {
    /// This one.
    Sender(Arc<dyn Sender>),
    /// Nobody: whom it is for does not want it.
    Nobody,
    /// There is no such way now.
    Gone,
}

impl Senders {
    pub(super) fn find(&self, role: &str, name: &str, kind: MessageKind) -> To {
        let ways = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match ways.get(&(role.to_owned(), name.to_owned())) {
            None => To::Gone,
            Some(way) if way.on.as_ref().is_some_and(|on| !on.contains(&kind)) => To::Nobody,
            Some(way) => To::Sender(Arc::clone(&way.sender)),
        }
    }

    pub(super) fn put(&self, all: HashMap<(String, String), Way>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }
}
