//! A notice as messages of a service: a card where calls wait, the card changed where they were decided, the
//! answer where the run ended.

use super::card::{Card, Room, card, ending};
use super::split::split;
use crate::domain::ids::CallId;
use crate::domain::outbox::MessageKind;
use crate::trigger::{Notice, SendError};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

/// The most answers of several messages that are remembered as half sent.
const MOST_BEGUN: usize = 1_000;

/// What a service can say.
pub(super) trait Mouth: Send + Sync {
    /// What one message holds.
    fn room(&self) -> Room;

    /// Sends a text to a place, and gives its name in the service. `once` is the same at each retry.
    fn say(
        &self,
        place: &str,
        text: &str,
        once: &str,
    ) -> impl Future<Output = Result<String, SendError>> + Send;

    /// Sends a card.
    fn show(
        &self,
        place: &str,
        card: &Card,
        once: &str,
    ) -> impl Future<Output = Result<String, SendError>> + Send;

    /// Changes a card that was sent. One that is gone, or that says so already, is changed.
    fn change(
        &self,
        place: &str,
        message: &str,
        card: &Card,
    ) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// Answers of several messages of which some are out: what is retried goes on with the next one, as long as
/// the process lives.
#[derive(Default)]
pub(super) struct Begun(Mutex<BTreeMap<String, usize>>);

/// Sends a notice. What it gives is the name of a message that shows calls, and these.
pub(super) async fn tell<M: Mouth>(
    mouth: &M,
    begun: &Begun,
    notice: &Notice,
) -> Result<Option<String>, SendError> {
    match notice.kind {
        MessageKind::Decided => {
            change_all(mouth, notice).await?;
            Ok(None)
        }
        MessageKind::Ended => {
            change_all(mouth, notice).await?;
            answer(mouth, begun, notice).await?;
            Ok(None)
        }
        kind => {
            let card = card(&notice.run, &notice.calls, kind, mouth.room());
            if card.open == 0 {
                // Everything was decided before anybody could be asked.
                return Ok(None);
            }
            let message = mouth.show(&notice.place, &card, &notice.key).await?;
            Ok(Some(receipt(&message, &notice.calls)))
        }
    }
}

/// Changes every card of the run at this place to what holds now.
async fn change_all<M: Mouth>(mouth: &M, notice: &Notice) -> Result<(), SendError> {
    for posted in &notice.posted {
        let Some((message, calls)) = read_receipt(&posted.receipt) else { continue };
        let card = card(&notice.run, &calls, posted.kind, mouth.room());
        match mouth.change(&notice.place, message, &card).await {
            // One that cannot be changed must not keep the others from it, nor the answer.
            Ok(()) | Err(SendError::Never(_)) => {}
            Err(later) => return Err(later),
        }
    }
    Ok(())
}

async fn answer<M: Mouth>(mouth: &M, begun: &Begun, notice: &Notice) -> Result<(), SendError> {
    let whole = format!("initrunner show {}", notice.run.run.id);
    let room = mouth.room();
    let parts = split(&ending(&notice.run, room), room.text, room.cost, &whole);
    let out = begun.out(&notice.key);
    for (index, part) in parts.iter().enumerate().skip(out) {
        let once = format!("{}/{index}", notice.key);
        if let Err(error) = mouth.say(&notice.place, part, &once).await {
            begun.note(&notice.key, index);
            return Err(error);
        }
    }
    begun.forget(&notice.key);
    Ok(())
}

impl Begun {
    fn out(&self, key: &str) -> usize {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(key).copied().unwrap_or_default()
    }

    fn note(&self, key: &str, out: usize) {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if out > 0 && begun.len() < MOST_BEGUN {
            begun.insert(key.to_owned(), out);
        }
    }

    fn forget(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// A message's name and the calls that it shows, as one text.
fn receipt(message: &str, calls: &[CallId]) -> String {
    let names = std::iter::once(message).chain(calls.iter().map(CallId::as_str));
    names.collect::<Vec<_>>().join(" ")
}

/// Reads it; `None` for a message that shows no calls.
fn read_receipt(receipt: &str) -> Option<(&str, Vec<CallId>)> {
    let (message, calls) = receipt.split_once(' ')?;
    let calls: Result<Vec<CallId>, _> = calls.split(' ').map(CallId::parse).collect();
    Some((message, calls.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_back() {
        let calls = [CallId::from_random([1; 16]), CallId::from_random([2; 16])];
        let text = receipt("17:3", &calls);
        assert_eq!(read_receipt(&text), Some(("17:3", calls.to_vec())));
        assert_eq!(read_receipt("17:3"), None);
        assert_eq!(read_receipt("17:3 call_"), None);
    }
}
