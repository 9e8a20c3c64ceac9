//! From a run's journal: each time policies were asked about one of its calls.

use crate::domain::clock::Timestamp;
use crate::domain::event::{Event, EventKind};
use crate::domain::policy::{Counts, Effect, PolicyAnswer, PolicyRecord, Question, strictest};
use serde_json::Value;

/// One question about a call, and what each policy said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When it was written down.
    pub at: Timestamp,
    /// What was asked.
    pub question: Question,
    /// Whether it was about what a person would make of the call.
    pub edited: bool,
    /// What the run had done.
    pub counts: Counts,
    /// How far programs of the call would have been isolated; `None`: it may run none.
    pub isolation: Option<Vec<String>>,
    /// Each policy component by what people call it, with its answer, in the order asked.
    pub answers: Vec<(String, PolicyAnswer)>,
    /// The strictest of the answers: what they come to.
    pub effect: Effect,
}

impl Asked {
    /// The question that begins with this answer.
    pub(super) fn begin(at: Timestamp, first: PolicyRecord) -> Self {
        let effect = strictest(std::slice::from_ref(&first));
        let PolicyRecord { policy, question, counts, isolation, edited, answer } = first;
        Self { at, question, edited, counts, isolation, answers: vec![(policy, answer)], effect }
    }

    /// Takes the answer of a further policy to the same question, or gives it back: it is to another.
    pub(super) fn take(
        &mut self,
        at: Timestamp,
        record: Box<PolicyRecord>,
    ) -> Result<(), Box<PolicyRecord>> {
        let PolicyRecord { question, counts, isolation, edited, .. } = &*record;
        let same = self.at == at
            && self.question == *question
            && self.edited == *edited
            && self.counts == *counts
            && self.isolation == *isolation;
        if !same {
            return Err(record);
        }
        self.effect = self.effect.max(record.answer.effect);
        self.answers.push((record.policy, record.answer));
        Ok(())
    }
}

/// What an event says of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: it is of another kind.
    Nothing,
    /// Something that this host cannot read.
    Unreadable,
    /// What one of them answered.
    Answer(Box<PolicyRecord>),
}

/// Reads an event.
pub(super) fn said(event: &Event) -> Said {
    if event.kind != EventKind::PolicyDecided.as_str() {
        return Said::Nothing;
    }
    let body: Value = serde_json::from_str(&event.body).unwrap_or(Value::Null);
    match PolicyRecord::of_body(&body) {
        Some(record) => Said::Answer(Box::new(record)),
        None => Said::Unreadable,
    }
}

/// What policies said when they were first asked whether a call may happen, as the model wanted it; from the
/// events of that call, in order.
///
/// # Errors
/// Where that cannot be read.
pub(super) fn first_asked<'e>(
    events: impl Iterator<Item = &'e Event>,
) -> Result<Option<Asked>, Unreadable> {
    let mut first: Option<Asked> = None;
    for event in events {
        let said = match said(event) {
            Said::Answer(it) if it.edited || it.question != Question::Invoke => Said::Nothing,
            said => said,
        };
        match (said, &mut first) {
            (Said::Answer(record), None) => first = Some(Asked::begin(event.at, *record)),
            (Said::Answer(record), Some(asked)) => {
                if asked.take(event.at, record).is_err() {
                    break;
                }
            }
            (Said::Unreadable, _) => return Err(Unreadable),
            (Said::Nothing, None) => {}
            (Said::Nothing, Some(_)) => break,
        }
    }
    Ok(first)
}

/// What policies said was written down in a way that this host cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;
