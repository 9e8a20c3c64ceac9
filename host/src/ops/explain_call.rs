//! Why a call was let through, asked about or refused: from the journal alone, so that it can be said of runs
//! that ended, of roles that are gone, and of pruned runs as far as their events are kept.

use super::asked_policies::{Asked, Said, said};
use super::error::OpError;
use super::find_run::find_recorded;
use super::host::Host;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{CallId, RunId};
use crate::domain::tool_call::{CallState, RefusedBy};
use serde_json::Value;
use std::collections::BTreeSet;

/// The story of one call, as far as policies and people decided about it.
#[derive(Debug)]
pub struct Explanation {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it; `None` where the run was pruned.
    pub tool: Option<String>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// Why policies were not asked at all; `None` where they were.
    pub unasked: Option<Unasked>,
}

/// Something that happened to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Policies were asked.
    Asked(Asked),
    /// Policies were asked, and what was written down of it is not what this host writes.
    Unreadable {
        /// When.
        at: Timestamp,
        /// The event's number.
        sequence: i64,
    },
    /// The gate answered the model's turn.
    Gated {
        /// When.
        at: Timestamp,
        /// The state that the call came to.
        state: String,
    },
    /// Anything else.
    Happened {
        /// When.
        at: Timestamp,
        /// The event's kind.
        kind: String,
        /// What the event says.
        body: Value,
    },
}

/// Why policies were not asked about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// The tool or the arguments cannot be right, which is found before policies are asked.
    Arguments,
    /// The run had no policies.
    NoPolicies,
    /// Other calls of the run were asked about.
    NotThisOne,
    /// The run was pruned, and what policies said with it.
    Pruned,
}

/// Tells why a call was let through, asked about or refused.
///
/// # Errors
/// Where there is no such run or call, or the database cannot be read.
pub async fn explain_call(host: &Host, run: &str, call: &str) -> Result<Explanation, OpError> {
    let store = host.store()?;
    let run = find_recorded(host, run).await?;
    let events = store.events(&run).await?;
    let call = find_recorded_call(&run, &events, call)?;
    let (steps, unasked) = tell(&events, &call);
    // A name for the reader: nothing that is said depends on it, nor on that the row is whole.
    let tool = match store.load_run(&run).await {
        Ok(run) => run.calls.into_iter().find(|it| it.id == call).map(|it| it.model_tool),
        Err(_) => None,
    };
    Ok(Explanation { run, call, tool, steps, unasked })
}

/// The one call of a run's journal that `text` is the id of, or the unambiguous beginning of one.
fn find_recorded_call(run: &RunId, events: &[Event], text: &str) -> Result<CallId, OpError> {
    let prefix = CallId::parse_prefix(text)?;
    let of_turns = events.iter().flat_map(|event| turn(event).into_iter().map(|(call, _)| call));
    let named = events.iter().filter_map(|event| event.call.clone()).chain(of_turns);
    let found: BTreeSet<CallId> = named.filter(|call| call.as_str().starts_with(&prefix)).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Err(OpError::UnknownCall { run: run.clone(), call: text.to_owned() }),
        (Some(one), None) => Ok(one),
        (Some(one), Some(other)) => Err(OpError::Ambiguous {
            prefix: text.to_owned(),
            found: [one, other].into_iter().chain(found).map(|it| it.to_string()).collect(),
        }),
    }
}

/// The calls of a turn, each with the state that the gate's answer led to; none for any other event.
fn turn(event: &Event) -> Vec<(CallId, String)> {
    if event.kind != EventKind::TurnRecorded.as_str() {
        return Vec::new();
    }
    let body: Value = serde_json::from_str(&event.body).unwrap_or(Value::Null);
    let calls = body["calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let call =
        |call: &Value| Some((CallId::parse(call[0].as_str()?).ok()?, call[1].as_str()?.to_owned()));
    calls.iter().filter_map(call).collect()
}

fn tell(events: &[Event], call: &CallId) -> (Vec<Step>, Option<Unasked>) {
    let mut steps: Vec<Step> = Vec::new();
    // A turn is written down before what policies said of its calls; told the other way round, one follows
    // from the other.
    let mut gated: Option<Step> = None;
    let mut waits = false;
    let mut refused_unasked = false;
    for event in events {
        if let Some((_, state)) = turn(event).into_iter().find(|(id, _)| id == call) {
            waits = state == CallState::Waiting.as_str();
            refused_unasked = state == CallState::Refused(RefusedBy::Arguments).as_str();
            gated = Some(Step::Gated { at: event.at, state });
            continue;
        }
        let of_call = event.call.as_ref() == Some(call);
        let ends = waits && event.kind == EventKind::RunEnded.as_str();
        if !(of_call || ends) {
            continue;
        }
        match said(event) {
            Said::Unreadable => {
                steps.push(Step::Unreadable { at: event.at, sequence: event.sequence });
                continue;
            }
            Said::Answer(record) => {
                let record = match steps.last_mut() {
                    Some(Step::Asked(asked)) => match asked.take(event.at, record) {
                        Ok(()) => continue,
                        Err(record) => record,
                    },
                    _ => record,
                };
                steps.extend(gated.take_if(|it| it.at() != event.at));
                steps.push(Step::Asked(Asked::begin(event.at, *record)));
                continue;
            }
            Said::Nothing => {}
        }
        steps.extend(gated.take());
        waits = still_waits(&event.kind, waits);
        let body = serde_json::from_str(&event.body).unwrap_or(Value::Null);
        steps.push(Step::Happened { at: event.at, kind: event.kind.clone(), body });
    }
    steps.extend(gated);
    let asked = |step: &Step| matches!(step, Step::Asked(_) | Step::Unreadable { .. });
    if steps.iter().any(asked) {
        return (steps, None);
    }
    let whole = events.iter().any(|event| event.kind == EventKind::RunCreated.as_str());
    let unasked = match (whole, refused_unasked) {
        (false, _) => Unasked::Pruned,
        (true, true) => Unasked::Arguments,
        (true, false) if events.iter().all(|event| said(event) == Said::Nothing) => {
            Unasked::NoPolicies
        }
        (true, false) => Unasked::NotThisOne,
    };
    (steps, Some(unasked))
}

/// Whether a call waits for a person after an event of it: then it may be its run's end that settles it.
fn still_waits(kind: &str, waited: bool) -> bool {
    let asks = [EventKind::ApprovalRequested];
    let settles = [
        EventKind::ApprovalDecided,
        EventKind::ApprovalRemembered,
        EventKind::ApprovalExpired,
        EventKind::UnknownRetried,
        EventKind::CallRefused,
        EventKind::CallStarted,
    ];
    let is_one = |kinds: &[EventKind]| kinds.iter().any(|it| it.as_str() == kind);
    is_one(&asks) || (waited && !is_one(&settles))
}

impl Step {
    /// When it was.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Asked(asked) => asked.at,
            Self::Unreadable { at, .. } | Self::Gated { at, .. } | Self::Happened { at, .. } => *at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Digest;
    use crate::domain::policy::{Counts, Effect, PolicyAnswer, PolicyRecord, Question};
    use expect_test::{Expect, expect};
    use serde_json::json;

    /// One event each: when, whether it names the call, the kind, and the body.
    fn check(events: &[(i64, bool, &str, Value)], expected: Expect) {
        let (run, call) = (RunId::from_random([1; 16]), CallId::from_random([2; 16]));
        let numbered = events.iter().zip(1..);
        let events: Vec<Event> = numbered
            .map(|((at, named, kind, body), sequence)| Event {
                sequence,
                at: Timestamp(*at),
                run: Some(run.clone()),
                call: named.then(|| call.clone()),
                kind: (*kind).to_owned(),
                body: body.to_string().replace("CALL", call.as_str()),
            })
            .collect();
        let (steps, unasked) = tell(&events, &call);
        let line = |step: &Step| match step {
            Step::Asked(asked) => {
                let said = |(policy, answer): &(String, PolicyAnswer)| {
                    format!("{policy} {}", answer.effect.as_str())
                };
                let said: Vec<String> = asked.answers.iter().map(said).collect();
                let (question, effect) = (&asked.question, asked.effect.as_str());
                format!("{} {question:?} {}: {effect}", asked.at.0, said.join(", "))
            }
            Step::Unreadable { at, .. } => format!("{} unreadable", at.0),
            Step::Gated { at, state } => format!("{} gated {state}", at.0),
            Step::Happened { at, kind, .. } => format!("{} {kind}", at.0),
        };
        let mut lines: Vec<String> = steps.iter().map(line).collect();
        lines.extend(unasked.map(|why| format!("{why:?}")));
        expected.assert_eq(&lines.join("\n"));
    }

    fn said(policy: &str, question: Question, effect: Effect) -> Value {
        let answer = PolicyAnswer {
            effect,
            reasons: Vec::new(),
            errors: Vec::new(),
            digest: Digest::of(b""),
            took_us: 1,
        };
        PolicyRecord {
            policy: policy.to_owned(),
            question,
            counts: Counts::default(),
            isolation: None,
            edited: false,
            answer,
        }
        .to_body()
    }

    #[test]
    fn what_was_asked_at_one_time_is_one_question() {
        use Effect::{Allow, Ask};
        let invoke = || Question::Invoke;
        let approve = || Question::Approve("os:ann".into());
        check(
            &[
                (1, false, "run_created", json!({})),
                (2, false, "turn_recorded", json!({"calls": [["CALL", "waiting"]]})),
                (2, true, "policy_decided", said("a", invoke(), Allow)),
                (2, true, "policy_decided", said("b", invoke(), Ask)),
                (2, true, "approval_requested", json!({})),
                (3, true, "policy_decided", said("a", approve(), Allow)),
                (4, true, "policy_decided", said("a", approve(), Allow)),
                (4, true, "approval_decided", json!({})),
                (5, true, "policy_decided", said("a", invoke(), Allow)),
                (5, true, "policy_decided", said("b", invoke(), Ask)),
                (5, true, "call_started", json!({})),
                (6, false, "run_ended", json!({})),
            ],
            expect![[r#"
                2 Invoke a allow, b ask: ask
                2 gated waiting
                2 approval_requested
                3 Approve("os:ann") a allow: allow
                4 Approve("os:ann") a allow: allow
                4 approval_decided
                5 Invoke a allow, b ask: ask
                5 call_started"#]],
        );
    }

    #[test]
    fn the_end_of_a_run_settles_what_waits() {
        check(
            &[
                (1, false, "run_created", json!({})),
                (2, false, "turn_recorded", json!({"calls": [["CALL", "waiting"]]})),
                (2, true, "approval_requested", json!({})),
                (3, true, "policy_decided", json!("nonsense")),
                (4, false, "run_ended", json!({})),
            ],
            expect![[r#"
                2 gated waiting
                2 approval_requested
                3 unreadable
                4 run_ended"#]],
        );
    }

    #[test]
    fn nobody_was_asked() {
        let created = (1, false, "run_created", json!({}));
        let turn =
            |state: &str| (2, false, "turn_recorded", json!({"calls": [["CALL", state], 7, []]}));
        check(
            &[created.clone(), turn("ready")],
            expect![[r#"
                2 gated ready
                NoPolicies"#]],
        );
        check(
            &[created.clone(), turn("refused by arguments")],
            expect![[r#"
                2 gated refused by arguments
                Arguments"#]],
        );
        check(
            &[created, turn("ready"), (2, false, "policy_decided", json!({}))],
            expect![[r#"
                2 gated ready
                NotThisOne"#]],
        );
        check(
            &[(3, true, "approval_decided", json!({}))],
            expect![[r#"
                3 approval_decided
                Pruned"#]],
        );
    }
}
