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
        Self::assign_if(messages, |id| !id.is_empty())
    }

    /// The same for a server that takes letters, digits, `_` and `-` only, and 64 of them at most.
    pub(super) fn assign_plain(messages: &'a [Message]) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        Self::assign_if(messages, |id| (1..=64).contains(&id.len()) && id.chars().all(plain))
    }

    fn assign_if(messages: &'a [Message], usable: impl Fn(&str) -> bool) -> Self {
        let mut used = BTreeSet::new();
        let mut ids = BTreeMap::new();
        for message in messages {
            let Message::Assistant { calls, .. } = message else { continue };
            for ModelCall { id, provider_id, .. } in calls {
                let theirs = provider_id.as_deref().filter(|theirs| usable(theirs));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_a_server_would_refuse_is_replaced_by_ours() {
        let id = CallId::from_random([1; 16]);
        let call = |provider_id: &str| Message::Assistant {
            text: String::new(),
            calls: vec![ModelCall {
                id: id.clone(),
                provider_id: Some(provider_id.to_owned()),
                tool: "t".into(),
                arguments: "{}".into(),
            }],
            raw: None,
        };
        let long = "a".repeat(65);
        for (theirs, plain) in [("toolu_a-1", true), ("functions.t:0", false), (&long, false)] {
            let messages = [call(theirs)];
            assert_eq!(WireIds::assign(&messages).of(&id), theirs);
            let given = WireIds::assign_plain(&messages);
            assert_eq!(given.of(&id), if plain { theirs } else { id.as_str() }, "{theirs}");
        }
        let messages = [call("")];
        assert_eq!(WireIds::assign(&messages).of(&id), id.as_str());
    }
}
