//! Places in Telegram: `CHAT`, `CHAT/tTHREAD`, `CHAT/mMESSAGE`, `CHAT/tTHREAD/mMESSAGE`.

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chat: i64,
    /// The topic of a group that has them.
    pub(super) thread: Option<i32>,
    /// The message that is answered.
    pub(super) message: Option<i32>,
}

impl Place {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split('/');
        let chat = words.next()?.parse().ok()?;
        let mut place = Self { chat, thread: None, message: None };
        for word in words {
            match (word.split_at_checked(1)?, place) {
                (("t", n), Self { thread: None, message: None, .. }) => {
                    place.thread = Some(n.parse().ok()?);
                }
                (("m", n), Self { message: None, .. }) => place.message = Some(n.parse().ok()?),
                _ => return None,
            }
        }
        Some(place)
    }

    /// Its text.
    pub(super) fn text(self) -> String {
        let thread = self.thread.map(|n| format!("/t{n}")).unwrap_or_default();
        let message = self.message.map(|n| format!("/m{n}")).unwrap_or_default();
        format!("{}{thread}{message}", self.chat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        for text in ["5", "-1001234567890", "5/t7", "5/m9", "-5/t7/m9"] {
            assert_eq!(Place::parse(text).map(Place::text).as_deref(), Some(text));
        }
        for text in ["", "x", "5/", "5/7", "5/m9/t7", "5/t7/t8", "5/tx", "5/m9/m9", "5/é"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
