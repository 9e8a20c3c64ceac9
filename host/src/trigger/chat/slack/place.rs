//! Places in Slack: `CHANNEL`, `CHANNEL/THREAD`.

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) channel: String,
    /// The thread, by the time stamp of its first message.
    pub(super) thread: Option<String>,
}

impl Place {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (channel, thread) = match text.split_once('/') {
            Some((channel, thread)) => (channel, Some(thread)),
            None => (text, None),
        };
        let is_id =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_time = |text: &str| {
            text.split_once('.').is_some_and(|(seconds, rest)| {
                let digits =
                    |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                digits(seconds) && digits(rest)
            })
        };
        (is_id(channel) && thread.is_none_or(is_time))
            .then(|| Self { channel: channel.to_owned(), thread: thread.map(str::to_owned) })
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        match &self.thread {
            Some(thread) => format!("{}/{thread}", self.channel),
            None => self.channel.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        for text in ["C024BE91L", "D1/1712345678.123456"] {
            assert_eq!(Place::parse(text).map(|place| place.text()).as_deref(), Some(text));
        }
        for text in ["", "#general", "C1/", "C1/17", "C1/1.2/3", "C1/x.y", "C 1"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
