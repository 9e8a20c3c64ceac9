//! Verbs by chance: each step holds indices into what there is when its turn comes, so that leaving
//! steps out leaves the others meaningful.

use super::finish::finish;
use super::verb::{Asked, Edit, Said, Then, Verb};
use super::{Call, LIMIT, Model, PEOPLE, PROCESSES, rules};
use initrunner::domain::rule::{ApprovalRule, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use proptest::prelude::*;
use proptest::sample::Index;

/// Kinds of calls: few, so that equal ones are met.
const KINDS: u8 = 2;

/// A verb, and what it is done to: as likely as not something that it can be done to.
#[derive(Debug, Clone)]
pub enum Step {
    /// What ordinary people and processes do next; where that would end the run, another turn.
    Onward(u8, Vec<(u8, u8)>),
    Turn(Pick, Vec<(u8, u8)>, u8),
    Start(Pick, Pick),
    Finish(Pick, Pick, bool),
    Readmit(Pick, Pick, Option<(u8, u8)>),
    RetryUnknown(Pick, Pick),
    Tell(Pick, Vec<Pick>),
    Pause(Pick),
    Interrupt(Pick),
    End(Pick, bool),
    Decide(u8, u8, Vec<Say>),
    Claim(u8),
    Cancel(u8, u8),
    Adopt(u8),
    Sweep(u8),
    /// The process that drives the run, where it says so and there is one.
    Crash(u8, bool),
    Wait(u8),
    SetClock(bool),
}

/// One among some: among those that fit, where it says so and there are any.
#[derive(Debug, Clone)]
pub struct Pick {
    index: Index,
    fits: bool,
}

/// What a person says of a call, which version they were shown, and what they make of it.
#[derive(Debug, Clone)]
pub struct Say {
    call: Pick,
    shown: u8,
    approve: bool,
    edit: Option<(u8, u8)>,
}

fn pick() -> impl Strategy<Value = Pick> {
    (any::<Index>(), prop::bool::weighted(0.85)).prop_map(|(index, fits)| Pick { index, fits })
}

fn rule() -> impl Strategy<Value = u8> {
    0..rules().len() as u8
}

fn rule_and_kind() -> impl Strategy<Value = (u8, u8)> {
    (rule(), 0..KINDS)
}

fn say() -> impl Strategy<Value = Say> {
    let edit = prop::option::weighted(0.25, rule_and_kind());
    (pick(), 0..5u8, prop::bool::weighted(0.75), edit)
        .prop_map(|(call, shown, approve, edit)| Say { call, shown, approve, edit })
}

/// A step by chance.
pub fn step() -> impl Strategy<Value = Step> {
    let process = || 0..PROCESSES as u8;
    let who = || 0..PEOPLE.len() as u8;
    // Waiting calls are the more likely, and of the rest the ready ones.
    let asked = || prop::collection::vec((0..rules().len() as u8 + 6, 0..KINDS), 0..4);
    prop_oneof![
        // Runs that go on for long are the ones in which something can go wrong.
        30 => (0..5u8, asked()).prop_map(|(how, calls)| Step::Onward(how, calls)),
        6 => (pick(), asked(), 0..40u8)
            .prop_map(|(claim, calls, then)| Step::Turn(claim, calls, then)),
        8 => (pick(), pick()).prop_map(|(claim, call)| Step::Start(claim, call)),
        5 => (pick(), pick(), any::<bool>()).prop_map(|(a, b, ok)| Step::Finish(a, b, ok)),
        4 => (pick(), pick(), prop::option::weighted(0.75, rule_and_kind()))
            .prop_map(|(a, b, ask)| Step::Readmit(a, b, ask)),
        6 => (pick(), pick()).prop_map(|(claim, call)| Step::RetryUnknown(claim, call)),
        3 => (pick(), prop::collection::vec(pick(), 0..3))
            .prop_map(|(claim, calls)| Step::Tell(claim, calls)),
        2 => pick().prop_map(Step::Pause),
        2 => pick().prop_map(Step::Interrupt),
        1 => (pick(), any::<bool>()).prop_map(|(claim, ok)| Step::End(claim, ok)),
        16 => (process(), who(), prop::collection::vec(say(), 1..4))
            .prop_map(|(process, who, said)| Step::Decide(process, who, said)),
        4 => process().prop_map(Step::Claim),
        1 => (process(), who()).prop_map(|(process, who)| Step::Cancel(process, who)),
        2 => process().prop_map(Step::Adopt),
        4 => process().prop_map(Step::Sweep),
        8 => (process(), prop::bool::weighted(0.75)).prop_map(|(process, owner)| Step::Crash(process, owner)),
        4 => (1..5u8).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::SetClock),
    ]
}

/// Steps by chance.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..60)
}

impl Step {
    /// The verb that it is at this point.
    pub fn verb(&self, model: &Model) -> Verb {
        let claim = |pick: &Pick| {
            let is_held = |claim: usize| model.claims[claim].fence == model.fence;
            pick.among(model.claims.len(), is_held)
        };
        // Sometimes a call that there is not.
        let call = |pick: &Pick, fits: fn(&Call) -> bool| {
            pick.among(model.calls.len() + 1, |call| model.calls.get(call).is_some_and(fits))
        };
        let startable = |call: &Call| matches!(call.state, CallState::Ready | CallState::Approved);
        match self {
            // People say yes, or no; or the role says to try again by itself what nobody knows of.
            Self::Onward(2.., _) if model.is_lost() => model.retry_lost(),
            Self::Onward(how, calls) => match finish(model, *how != 0) {
                Some(Verb::Turn { claim, .. }) => {
                    let calls = calls.iter().map(|(how, kind)| asked(*how, *kind, model)).collect();
                    Verb::Turn { claim, calls, then: Then::Continue }
                }
                Some(verb) => verb,
                None => Verb::Adopt { process: 0 },
            },
            Self::Turn(pick, calls, then) => {
                let calls: Vec<Asked> =
                    calls.iter().map(|(how, kind)| asked(*how, *kind, model)).collect();
                let then = match then {
                    // Only a turn without calls is an answer.
                    0 if calls.is_empty() => Then::Complete,
                    0..20 => Then::Continue,
                    _ => Then::Pause,
                };
                Verb::Turn { claim: claim(pick), calls, then }
            }
            Self::Start(a, b) => Verb::Start { claim: claim(a), call: call(b, startable) },
            Self::Finish(a, b, succeeded) => Verb::Finish {
                claim: claim(a),
                call: call(b, |call| call.state == CallState::Started),
                succeeded: *succeeded,
            },
            Self::Readmit(a, b, ask) => Verb::Readmit {
                claim: claim(a),
                call: call(b, startable),
                ask: ask.map(|(rule, kind)| (rule_of(rule), kind)),
            },
            Self::RetryUnknown(a, b) if a.fits && b.fits && model.is_lost() => model.retry_lost(),
            Self::RetryUnknown(a, b) => Verb::RetryUnknown {
                claim: claim(a),
                call: call(b, |call| call.state == CallState::Unknown),
            },
            Self::Tell(pick, calls) => Verb::Tell {
                claim: claim(pick),
                calls: calls
                    .iter()
                    .map(|pick| call(pick, |call| call.state.is_final() && !call.told))
                    .collect(),
            },
            Self::Pause(pick) => Verb::Pause { claim: claim(pick) },
            Self::Interrupt(pick) => Verb::Interrupt { claim: claim(pick) },
            Self::End(pick, completed) => Verb::End { claim: claim(pick), completed: *completed },
            Self::Decide(process, who, said) => Verb::Decide {
                process: usize::from(*process),
                who: PEOPLE[usize::from(*who)],
                said: said
                    .iter()
                    .map(|say| say.said(call(&say.call, Call::waits), model))
                    .collect(),
            },
            Self::Claim(process) => Verb::Claim { process: usize::from(*process) },
            Self::Cancel(process, who) => {
                Verb::Cancel { process: usize::from(*process), who: PEOPLE[usize::from(*who)] }
            }
            Self::Adopt(process) => Verb::Adopt { process: usize::from(*process) },
            Self::Sweep(process) => Verb::Sweep { process: usize::from(*process) },
            Self::Crash(process, owner) => {
                let drives = model.processes.iter().position(|id| model.owner == Some(*id));
                let process = drives.filter(|_| *owner).unwrap_or(usize::from(*process));
                Verb::Crash { process }
            }
            // Up to twice the limit, and the limit itself among them.
            Self::Wait(halves) => Verb::Wait { seconds: u64::from(*halves) * LIMIT / 2 },
            Self::SetClock(on) => {
                Verb::SetClock { seconds: if *on { 1_000_000 } else { -1_000_000 } }
            }
        }
    }
}

impl Model {
    /// Whether a call was begun by somebody who is not there any more.
    fn is_lost(&self) -> bool {
        let is = |state| self.calls.iter().any(|call| call.state == state);
        is(CallState::Unknown) || (is(CallState::Started) && self.is_orphaned())
    }

    /// What a process does next that tries a call again without asking anybody.
    fn retry_lost(&self) -> Verb {
        let claim = self.claims.len() - 1;
        let unknown = self.calls.iter().position(|call| call.state == CallState::Unknown);
        match unknown {
            Some(call) if self.state == RunState::Running => Verb::RetryUnknown { claim, call },
            _ => Verb::Claim { process: 0 },
        }
    }
}

impl Pick {
    fn among(&self, len: usize, fits: impl Fn(usize) -> bool) -> usize {
        let fitting: Vec<usize> = (0..len).filter(|at| fits(*at)).collect();
        if self.fits && !fitting.is_empty() {
            *self.index.get(&fitting)
        } else {
            self.index.index(len)
        }
    }
}

impl Say {
    fn said(&self, call: usize, model: &Model) -> Said {
        let versions = model.calls.get(call).map(|call| &call.versions[..]).unwrap_or_default();
        let shown = match (self.shown, versions) {
            (0, [first, ..]) => Some(*first),
            (1..3, [.., last]) => Some(*last),
            _ => None,
        };
        let edit = self.edit.map(|(rule, kind)| Edit { rule: rule_of(rule), kind });
        Said { call, shown, approve: self.approve, edit }
    }
}

fn rule_of(rule: u8) -> ApprovalRule {
    rules()[usize::from(rule)].clone()
}

/// A call under the nth rule; beyond these ready ones, a refused one, and one more like an earlier call
/// under a rule that remembers.
fn asked(how: u8, kind: u8, model: &Model) -> Asked {
    let beyond = match rules().get(usize::from(how)) {
        Some(rule) => return Asked::Waiting { rule: rule.clone(), kind },
        None => usize::from(how) - rules().len(),
    };
    let remembers =
        |call: &&Call| call.rule.as_ref().is_some_and(|rule| rule.remember == Remember::Run);
    match (beyond, model.calls.iter().rfind(remembers)) {
        (0..3, _) | (4.., None) => Asked::Ready,
        (3, _) => Asked::Refused,
        (4.., Some(call)) => Asked::Waiting {
            rule: call.rule.clone().unwrap_or_else(ApprovalRule::required),
            kind: call.bound,
        },
    }
}
