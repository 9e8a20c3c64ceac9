//! Which id each call has toward the provider.
//!
//! A request must name every call once and its result alike. Providers' own ids are used where they
//! can be; some servers send none, and some begin at `call_0` with every answer, which stricter ones
//! reject in a history. Those calls go by our id.

use crate::domain::ids::CallId;
use crate::domain::message::{Message, ModelCall};
use std::collections::{BTreeMap, BTreeSet};

/// The ids of one request.
pub(super) struct WireIds<'a>(BTreeMap<&'a CallId, &'a str>);

impl<'a> WireIds<'a> {
    /// Gives every call of the history an id of its own.
    pub(super) fn assign(messages: &'a [Message]) -> Self {
        let mut used = BTreeSet::new();
        let mut ids = BTreeMap::new();
        for message in messages {
            let Message::Assistant { calls, .. } = message else { continue };
            for ModelCall { id, provider_id, .. } in calls {
                let theirs = provider_id.as_deref().filter(|theirs| !theirs.is_empty());
                let wire = theirs.filter(|theirs| !used.contains(theirs)).unwrap_or(id.as_str());
                used.insert(wire);
                ids.insert(id, wire);
            }
        }
        Self(ids)
    }

    /// The id of one call. One that the history does not hold goes by its own.
    pub(super) fn of<'s>(&'s self, call: &'s CallId) -> &'s str {
        self.0.get(call).copied().unwrap_or(call.as_str())
    }
}
