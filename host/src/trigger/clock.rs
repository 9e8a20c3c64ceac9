//! Triggers that follow the clock: cron and heartbeats. One task for all of them, which sleeps until the next
//! is due.

use super::due::due;
use super::inbox::{AcceptError, Arrival, Inbox};
use super::{Shared, stopped};
use crate::domain::clock::Timestamp;
use crate::domain::trigger::{TriggerKind, TriggerSpec};
use crate::ops::{OpError, mark_trigger, trigger_mark};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// The longest sleep: the clock may be set, or the machine may sleep, and then what is due is due by the new
/// time.
const LOOK: Duration = Duration::from_secs(30);

/// The wait before a trigger is looked at again whose mark could not be read.
const AGAIN: Duration = Duration::from_secs(5);

/// A trigger and where it stands.
struct Hand {
    role: String,
    trigger: TriggerSpec,
    /// Up to when it has been seen to.
    seen: Timestamp,
    next: Option<Timestamp>,
}

/// Runs until the process is asked to stop.
pub(super) async fn run(shared: Arc<Shared>) -> Result<(), OpError> {
    let mut roles = shared.roles.changes();
    let mut stop = shared.stop.clone();
    let mut hands: HashMap<(String, String), Hand> = HashMap::new();
    let mut look = true;
    loop {
        if look {
            roles.borrow_and_update();
            look = !set_up(&shared, &mut hands).await;
        }
        for hand in hands.values_mut() {
            set_back(hand, shared.host.now());
            if hand.next.is_some_and(|next| next <= shared.host.now()) {
                strike(&shared, hand).await;
            }
        }
        let next = hands.values().filter_map(|hand| hand.next).min();
        let wait = next.map(|next| next.0.saturating_sub(shared.host.now().0));
        let wait = wait.map(|wait| Duration::from_micros(u64::try_from(wait).unwrap_or_default()));
        let longest = if look { AGAIN } else { LOOK };
        let sleep = tokio::time::sleep(wait.unwrap_or(LOOK).min(longest));
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return Ok(()),
            changed = roles.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                look = true;
            }
            () = sleep => {}
        }
    }
}

/// The triggers of the roles as they are now; those that have not changed stay where they stand. `false`: some of
/// them could not be read up, and are to be looked at again.
async fn set_up(shared: &Arc<Shared>, hands: &mut HashMap<(String, String), Hand>) -> bool {
    let mut before = std::mem::take(hands);
    let mut all = true;
    for (role, file) in shared.roles.now().iter() {
        for trigger in &file.role.triggers {
            if !matches!(trigger.kind, TriggerKind::Cron { .. } | TriggerKind::Heartbeat { .. }) {
                continue;
            }
            let key = (role.clone(), trigger.name.clone());
            let now = shared.host.now();
            let seen = match before.remove(&key) {
                Some(hand) if hand.trigger.kind == trigger.kind => {
                    hands.insert(key, Hand { trigger: trigger.clone(), ..hand });
                    continue;
                }
                // Another schedule: none of its times was missed while the one before it was followed.
                Some(hand) if matches!(trigger.kind, TriggerKind::Cron { .. }) => {
                    hand.seen.max(now)
                }
                Some(hand) => hand.seen,
                None => match stored(shared, role, &trigger.name, now).await {
                    Ok(seen) => seen,
                    Err(error) => {
                        let trigger = &trigger.name;
                        warn!(role, trigger, %error, "how far a trigger has come cannot be read; it is tried again");
                        all = false;
                        continue;
                    }
                },
            };
            let mut hand = Hand { role: role.clone(), trigger: trigger.clone(), seen, next: None };
            hand.next = first(&hand, now);
            hands.insert(key, hand);
        }
    }
    all
}

/// Up to when a trigger was seen to that this process did not follow before.
async fn stored(
    shared: &Shared,
    role: &str,
    trigger: &str,
    now: Timestamp,
) -> Result<Timestamp, OpError> {
    match trigger_mark(&shared.host, role, trigger).await? {
        Some(mark) => Ok(mark),
        None => {
            // New: nothing of it was missed.
            mark_trigger(&shared.host, role, trigger, now).await?;
            Ok(now)
        }
    }
}

/// Sees to a clock that was set back: what it went up to was seen to by a time that never came, and the next
/// time would not come for as long.
fn set_back(hand: &mut Hand, now: Timestamp) {
    if hand.seen > now {
        hand.seen = now;
        hand.next = first(hand, now);
    }
}

/// When it is due first: what was missed is looked at now.
fn first(hand: &Hand, now: Timestamp) -> Option<Timestamp> {
    match &hand.trigger.kind {
        // A mark in the future is one of a clock that was wrong.
        TriggerKind::Cron { schedule, .. } => schedule.next_after(hand.seen.min(now)),
        TriggerKind::Heartbeat { every } => Some(hand.seen.min(now).after(*every)),
        _ => None,
    }
}

/// Makes runs of what has become due.
async fn strike(shared: &Arc<Shared>, hand: &mut Hand) {
    let now = shared.host.now();
    if let TriggerKind::Heartbeat { every } = hand.trigger.kind {
        // Another daemon of the role may have seen to this one. Where that cannot be read, its name tells.
        let mark = trigger_mark(&shared.host, &hand.role, &hand.trigger.name).await;
        let mark = mark.ok().flatten().filter(|mark| *mark > hand.seen && *mark <= now);
        if let Some(mark) = mark {
            (hand.seen, hand.next) = (mark, Some(mark.after(every)));
            return;
        }
    }
    let (fire, passed, next) = match &hand.trigger.kind {
        TriggerKind::Cron { schedule, on_missed } => {
            let found = due(schedule, *on_missed, hand.seen.min(now), now);
            (found.fire, found.passed, found.next)
        }
        TriggerKind::Heartbeat { every } => (vec![now], None, Some(now.after(*every))),
        _ => return,
    };
    let inbox = Inbox::new(Arc::clone(shared), &hand.role, &hand.trigger.name);
    for time in fire {
        let prompt = hand.trigger.prompt.as_ref();
        let prompt = prompt.map(|prompt| prompt.fill(&json!({"time": time.to_string()}), None));
        // The same for every daemon of the role: the time, or which beat it follows.
        let name = match &hand.trigger.kind {
            TriggerKind::Heartbeat { .. } => format!("after:{}", hand.seen.0),
            _ => format!("at:{}", time.0),
        };
        let arrival =
            Arrival { mark: Some(time), ..Arrival::new(name, prompt.unwrap_or_default()) };
        match inbox.accept(arrival).await {
            Ok(_) => hand.seen = time,
            // That the day is over is said once, and not at each beat of it.
            Err(AcceptError::DayIsOver(limit)) => {
                let (role, trigger) = (&hand.role, &hand.trigger.name);
                info!(role, trigger, at = %time, limit, "a run was left out");
                pass(shared, hand, time).await;
            }
            Err(error @ AcceptError::QueueFull(_)) => {
                let (role, trigger) = (&hand.role, &hand.trigger.name);
                warn!(role, trigger, at = %time, %error, "a run was left out");
                pass(shared, hand, time).await;
            }
            Err(error) => {
                let (role, trigger) = (&hand.role, &hand.trigger.name);
                warn!(role, trigger, at = %time, %error, "a run could not be written down; it is tried again");
                // Soon, and not at once.
                hand.next = Some(now.after(5));
                return;
            }
        }
    }
    if let Some(passed) = passed {
        info!(role = hand.role, trigger = hand.trigger.name, until = %passed, "times were missed");
        pass(shared, hand, passed).await;
    }
    hand.next = next;
}

async fn pass(shared: &Arc<Shared>, hand: &mut Hand, time: Timestamp) {
    hand.seen = time;
    if let Err(error) = mark_trigger(&shared.host, &hand.role, &hand.trigger.name, time).await {
        warn!(%error, "how far a trigger has come cannot be written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schedule::Schedule;
    use crate::domain::trigger::OnMissed;
    use crate::domain::yaml::Position;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn a_clock_that_was_ahead_stops_nothing() {
        let Ok(schedule) = Schedule::parse("0 * * * *", "UTC") else { panic!("a schedule") };
        let kinds = [
            TriggerKind::Cron { schedule, on_missed: OnMissed::Skip },
            TriggerKind::Heartbeat { every: 3600 },
        ];
        for kind in kinds {
            let trigger =
                TriggerSpec { name: "t".into(), prompt: None, kind, position: Position::default() };
            // It was seen to ten years ahead.
            let ahead = Timestamp(100_000 * HOUR);
            let (role, next) = ("r".to_owned(), Some(ahead.after(3600)));
            let mut hand = Hand { role, trigger, seen: ahead, next };
            let now = Timestamp(10_000 * HOUR);
            set_back(&mut hand, now);
            let next = Timestamp(10_001 * HOUR);
            assert_eq!((hand.seen, hand.next), (now, Some(next)));
            if let TriggerKind::Cron { schedule, on_missed } = &hand.trigger.kind {
                assert_eq!(due(schedule, *on_missed, hand.seen, next).fire, [next]);
            }
            // One that goes on is let go on.
            set_back(&mut hand, next);
            assert_eq!((hand.seen, hand.next), (now, Some(next)));
        }
    }
}
