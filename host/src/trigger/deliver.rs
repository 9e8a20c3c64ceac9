//! Telling what is to be told: takes messages from the outbox and hands each to whoever can send it.

use super::lanes::{Lane, Lanes, Taken};
use super::notice::{Notice, SendError};
use super::senders::{Senders, To};
use super::{Shared, stopped};
use crate::domain::ids::CallId;
use crate::ops::{OpError, mark_delivered, mark_failed, take_messages, watch_changes};
use crate::store::{OutboxMessage, Posted, StoredRun};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// How many are taken at a time: few enough that another daemon has its share.
const AT_A_TIME: usize = 32;

/// How many wait in this process for those before them at the same address: what is a storm for one address
/// is no reason to hold thousands of runs in memory.
const MOST_TAKEN: usize = 256;

/// How long one may take. A chat server answers in a second or is asked again.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long one may wait for those before it: what begins then is out, or not, before its lease of a minute
/// ends and another takes it.
const LONGEST_WAIT: Duration = Duration::from_secs(35);

/// How often is looked for what is due again after it failed.
const LOOK: Duration = Duration::from_secs(5);

/// Microseconds after which what cannot be sent is given up: whoever was to be told a day ago has looked
/// elsewhere.
const GIVEN_UP: i64 = 24 * 60 * 60 * 1_000_000;

/// Delivers until the process is asked to stop. An address that does not answer holds up nothing but what is
/// for itself.
pub(super) async fn deliver(shared: Arc<Shared>, senders: Arc<Senders>) -> Result<(), OpError> {
    let mut changes = watch_changes(&shared.host)?;
    let mut stop = shared.stop.clone();
    let lanes = Arc::new(Lanes::default());
    let mut under_way = JoinSet::new();
    loop {
        changes.borrow_and_update();
        let mut more = false;
        if lanes.waiting() < MOST_TAKEN {
            match take_messages(&shared.host, shared.roles.names(), AT_A_TIME).await {
                Ok(messages) => {
                    more = messages.len() == AT_A_TIME;
                    for (message, run) in messages {
                        if let Some(lane) = lanes.put(Taken::now(message, run)) {
                            let (shared, senders) = (Arc::clone(&shared), Arc::clone(&senders));
                            under_way.spawn(send_all(shared, senders, lane));
                        }
                    }
                }
                Err(error) => warn!(%error, "what is to be told cannot be read"),
            }
        }
        if stop.borrow().is_some() {
            break;
        }
        if more {
            // Whoever is asked to stop, and whoever sends, has a turn in between.
            tokio::task::yield_now().await;
            if lanes.waiting() < MOST_TAKEN {
                continue;
            }
        }
        tokio::select! {
            biased;
            () = stopped(&mut stop) => {}
            Some(_) = under_way.join_next() => {}
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    // What waits for others is for whoever takes it next.
    lanes.close();
    while under_way.join_next().await.is_some() {}
    Ok(())
}

/// Sends the messages to one address, one after the other, until there is none left or one cannot be sent: those
/// behind it could not be either, and none of them waits for the same silence.
async fn send_all(shared: Arc<Shared>, senders: Arc<Senders>, mut lane: Lane) {
    while let Some(Taken { mut message, run, at }) = lane.next() {
        if at.elapsed() > LONGEST_WAIT {
            continue;
        }
        // What was posted since it was taken, it has to know.
        lane.recall(&message.run, &mut message.posted);
        let (of, kind) = (message.run.clone(), message.kind);
        match send(&shared, &senders, message, run).await {
            Ok(Some(receipt)) => lane.note(of, Posted { kind, receipt }),
            Ok(None) | Err(SendError::Never(_)) => {}
            Err(SendError::Later(why)) => {
                for Taken { message, .. } in lane.rest() {
                    if let Err(error) = mark_failed(&shared.host, message.n, &why).await {
                        warn!(%error, "that a message waits cannot be written down");
                    }
                }
                return;
            }
        }
    }
}

/// Sends one, and marks it; gives what the service calls it.
async fn send(
    shared: &Shared,
    senders: &Senders,
    message: OutboxMessage,
    run: StoredRun,
) -> Result<Option<String>, SendError> {
    let (n, key, age) =
        (message.n, message.key.clone(), shared.host.now().0 - message.created_at.0);
    let mut address = message.address.splitn(3, '/');
    let (role, name) = (address.next().unwrap_or_default(), address.next().unwrap_or_default());
    let place = address.next().unwrap_or_default().to_owned();
    let sent = match senders.find(role, name, message.kind) {
        To::Sender(sender) => {
            let calls = calls(&message.body);
            let (role, kind) = (role.to_owned(), message.kind);
            let notice = Notice { key, role, kind, place, run, calls, posted: message.posted };
            match tokio::time::timeout(PATIENCE, sender.send(notice)).await {
                Ok(sent) => sent,
                Err(_) => Err(SendError::Later("there was no answer in time".into())),
            }
        }
        To::Nobody => Ok(None),
        To::Gone => Err(SendError::Later("the role has no such trigger or notice now".into())),
    };
    let marked = match &sent {
        Ok(receipt) => mark_delivered(&shared.host, n, receipt.clone()).await,
        Err(SendError::Never(why)) => {
            warn!(address = message.address, why, "a message was refused, and is not sent again");
            mark_delivered(&shared.host, n, None).await
        }
        Err(SendError::Later(why)) if age > GIVEN_UP => {
            warn!(
                address = message.address,
                why, "a message could not be sent for a day; it is given up"
            );
            mark_delivered(&shared.host, n, None).await
        }
        Err(SendError::Later(why)) => {
            if message.failures == 0 {
                info!(
                    address = message.address,
                    why, "a message cannot be sent; it is tried again"
                );
            }
            mark_failed(&shared.host, n, why).await
        }
    };
    if let Err(error) = marked {
        warn!(%error, "that a message is out cannot be written down; it may be sent again");
    }
    sent
}

/// The calls that a message names.
fn calls(body: &str) -> Vec<CallId> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let one = body.get("call").into_iter();
    let several = body.get("calls").and_then(Value::as_array).into_iter().flatten();
    one.chain(several).filter_map(|id| CallId::parse(id.as_str()?).ok()).collect()
}
