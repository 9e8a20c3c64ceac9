//! Places in Discord: `CHANNEL`, `CHANNEL/MESSAGE`. A thread is a channel of its own there.

use twilight_model::id::Id;
use twilight_model::id::marker::{ChannelMarker, MessageMarker};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) channel: Id<ChannelMarker>,
    /// The message that is answered.
    pub(super) message: Option<Id<MessageMarker>>,
}

impl Place {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (channel, message) = match text.split_once('/') {
            Some((channel, message)) => (channel, Some(message.parse().ok()?)),
            None => (text, None),
        };
        Some(Self { channel: channel.parse().ok()?, message })
    }

    /// Its text.
    pub(super) fn text(self) -> String {
        match self.message {
            Some(message) => format!("{}/{message}", self.channel),
            None => self.channel.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        for text in ["81384788765712384", "5/7"] {
            assert_eq!(Place::parse(text).map(Place::text).as_deref(), Some(text));
        }
        for text in ["", "0", "x", "5/", "5/x", "5/6/7", "#general"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
