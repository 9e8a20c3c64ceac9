//! What comes next in a run, from what is written down and nothing else.

use crate::domain::ids::CallId;
use crate::domain::message::Message;
use crate::domain::tool_call::CallState;
use crate::store::CallRecord;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask the model.
    AskModel,
    /// Take this call through the gate (again, if it was approved) and invoke it.
    Invoke(CallId),
    /// Append these calls' results to the history, in the order the model emitted the calls.
    Tell(Vec<CallId>),
    /// Wait for people.
    Pause,
    /// The model answered without calling a tool: the run is over.
    Finish(String),
}

/// Decides. The calls must be in order, by turn and position.
///
/// Within a turn: calls that no person must decide go first, in emitted order; then the run pauses as
/// long as one waits or has an unknown outcome; then the approved ones go, in emitted order; then all
/// results are told at once.
pub(super) fn next(messages: &[Message], calls: &[CallRecord]) -> Step {
    let open = || calls.iter().filter(|call| !call.told);
    let first = |state: CallState| open().find(|call| call.state == state);
    if let Some(call) = first(CallState::Proposed).or_else(|| first(CallState::Ready)) {
        return Step::Invoke(call.id.clone());
    }
    let undecided =
        |state| matches!(state, CallState::Waiting | CallState::Unknown | CallState::Started);
    if open().any(|call| undecided(call.state)) {
        return Step::Pause;
    }
    if let Some(call) = first(CallState::Approved) {
        return Step::Invoke(call.id.clone());
    }
    let done: Vec<CallId> = open().map(|call| call.id.clone()).collect();
    if !done.is_empty() {
        return Step::Tell(done);
    }
    match messages.last() {
        Some(Message::Assistant { text, calls, .. }) if calls.is_empty() => {
            Step::Finish(text.clone())
        }
        _ => Step::AskModel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::ids::RunId;
    use crate::domain::tool_call::RefusedBy;

    fn call(number: u8, state: CallState) -> CallRecord {
        let mut seed = [0; 16];
        seed[15] = number;
        CallRecord {
            id: CallId::from_random(seed),
            run: RunId::from_random([0; 16]),
            turn: 1,
            position: number.into(),
            entry: "shell".into(),
            tool: "shell".into(),
            model_tool: "shell".into(),
            provider_id: None,
            arguments: "{}".into(),
            proposed: None,
            edits: vec![],
            state,
            request: None,
            rule: None,
            votes: vec![],
            remembered_from: None,
            preview: None,
            binding: None,
            decision: None,
            resolver: None,
            decided_at: None,
            changed: vec![],
            expires_at: None,
            escalates_at: None,
            escalated_at: None,
            attempts: 0,
            running: None,
            result: None,
            told: false,
            created_at: Timestamp(0),
        }
    }

    fn user() -> Vec<Message> {
        vec![Message::User { text: "hello".into() }]
    }

    /// Calls 0, 1, 2, … in these states.
    fn check(states: &[CallState]) -> String {
        let calls: Vec<CallRecord> =
            (0u8..).zip(states).map(|(number, state)| call(number, *state)).collect();
        let place = |id: &CallId| calls.iter().position(|call| call.id == *id).unwrap_or(99);
        match next(&user(), &calls) {
            Step::Invoke(id) => format!("invoke {}", place(&id)),
            Step::Tell(ids) => format!("tell {:?}", ids.iter().map(place).collect::<Vec<_>>()),
            other => format!("{other:?}"),
        }
    }

    use CallState::{Approved, Denied, Ready, Refused, Started, Succeeded, Unknown, Waiting};

    #[test]
    fn ready_calls_run_before_the_pause_and_approved_ones_after_it() {
        assert_eq!(check(&[Waiting, Ready]), "invoke 1");
        assert_eq!(check(&[Waiting, Succeeded]), "Pause");
        assert_eq!(check(&[Approved, Waiting]), "Pause");
        assert_eq!(check(&[Approved, Approved]), "invoke 0");
        assert_eq!(check(&[Succeeded, Approved, Denied]), "invoke 1");
    }

    #[test]
    fn a_call_without_a_known_outcome_pauses() {
        assert_eq!(check(&[Approved, Unknown]), "Pause");
        assert_eq!(check(&[Started]), "Pause");
    }

    #[test]
    fn all_results_are_told_at_once_in_emitted_order() {
        assert_eq!(check(&[Refused(RefusedBy::Policy), Denied, Succeeded]), "tell [0, 1, 2]");
    }

    #[test]
    fn the_model_is_asked_when_it_has_not_answered_yet() {
        assert_eq!(check(&[]), "AskModel");
        let mut told = call(0, Succeeded);
        told.told = true;
        assert_eq!(next(&user(), &[told]), Step::AskModel);
    }

    #[test]
    fn an_answer_without_calls_ends_the_run() {
        let mut messages = user();
        messages.push(Message::Assistant { text: "hi".into(), calls: vec![], raw: None });
        assert_eq!(next(&messages, &[]), Step::Finish("hi".into()));
    }
}
