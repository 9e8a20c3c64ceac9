//! What is to be told to somebody outside: notices, replies, updates of messages that show a question.

use super::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// The wait after the first failure, in seconds: a server that restarts is back by then.
const FIRST_WAIT: u64 = 5;

/// The longest wait between two attempts, in seconds: an hour after whatever was wrong is put right, the
/// message is out at the latest.
pub const LONGEST_WAIT: u64 = 60 * 60;

/// How long a sender has for one message before another may take it, in seconds: longer than any reply
/// of a chat server takes, and short enough that a sender that died is not missed.
pub const LEASE: u64 = 60;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A run waits for people.
    Paused,
    /// A call was decided.
    Decided,
    /// A call that waits is about to expire.
    Expiring,
    /// Nobody decided a call for a while; a second group of reviewers is asked.
    Escalated,
    /// A run ended.
    Ended,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [MessageKind; 5] = [
        MessageKind::Paused,
        MessageKind::Decided,
        MessageKind::Expiring,
        MessageKind::Escalated,
        MessageKind::Ended,
    ];

    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            MessageKind::Paused => "paused",
            MessageKind::Decided => "decided",
            MessageKind::Expiring => "expiring",
            MessageKind::Escalated => "escalated",
            MessageKind::Ended => "ended",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// When to try a message again that failed so many times: each wait is twice the one before, up to an
/// hour.
pub fn try_again_at(now: Timestamp, failures: u32) -> Timestamp {
    let doubled =
        FIRST_WAIT.saturating_mul(1u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX));
    now.after(doubled.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_the_one_before_up_to_an_hour() {
        let wait = |failures| try_again_at(Timestamp(0), failures).0 / 1_000_000;
        let waits: Vec<i64> = [1, 2, 3, 4, 10, 11, 64, 65, u32::MAX].map(wait).into();
        assert_eq!(waits, [5, 10, 20, 40, 2560, 3600, 3600, 3600, 3600]);
    }

    #[test]
    fn every_kind_reads_back_from_its_word() {
        for kind in MessageKind::ALL {
            assert_eq!(MessageKind::parse(kind.as_str()), Some(kind));
        }
    }
}
