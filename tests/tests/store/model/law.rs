//! What no order of verbs may break. The ledger is kept from the verbs that were accepted and from the
//! states that followed, apart from how the machine came by them.

use super::verb::{Answer, Asked, Refusal, Verb};
use super::{Call, Model, PEOPLE, Settled};
use initrunner::domain::rule::{ApprovalRule, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::domain::vote::eligible;
use std::collections::{BTreeMap, BTreeSet};

/// What happened so far.
#[derive(Debug, Default)]
pub struct Ledger {
    /// How often a call may still be started.
    permissions: BTreeMap<usize, u32>,
    /// Who approved a version of a call, by their own word.
    approvals: BTreeMap<(usize, u32), BTreeSet<&'static str>>,
    /// What people together approved under a rule that remembers: the rule, and what it was for.
    remembered: Vec<(ApprovalRule, u8)>,
    told: BTreeMap<usize, u32>,
}

impl Ledger {
    /// Checks a step: what was, what was done, what came back, and what is.
    ///
    /// # Panics
    /// Where a law is broken.
    pub fn check(
        &mut self,
        before: &Model,
        verb: &Verb,
        answer: &Result<Answer, Refusal>,
        after: &Model,
    ) {
        self.check_run(before, verb, answer, after);
        if answer.is_ok() {
            self.note(verb, after);
        }
        for (at, call) in after.calls.iter().enumerate() {
            let old = before.calls.get(at);
            if old != Some(call) {
                self.check_call(at, old, call, verb);
            }
        }
        check_standing(after);
    }

    fn check_run(
        &self,
        before: &Model,
        verb: &Verb,
        answer: &Result<Answer, Refusal>,
        after: &Model,
    ) {
        match answer {
            Ok(_) => {}
            // Time did something, whoever noticed it.
            Err(Refusal::Expired) => {}
            Err(_) => assert_eq!(before, after, "a refused verb changed something"),
        }
        if before.state.is_final() {
            let same = before.state == after.state && before.calls == after.calls;
            assert!(same && before.fence == after.fence, "something followed the end");
        }
        assert!(after.fence >= before.fence);
        if after.claims.len() > before.claims.len() {
            assert!(after.claims.iter().rev().skip(1).all(|claim| claim.fence < after.fence));
            let taken = before.owner.is_none() || before.is_orphaned();
            assert!(taken, "a run was taken from a living owner");
        }
        if let Some(claim) = verb.claim()
            && answer.is_ok()
        {
            assert_eq!(before.claims[claim].fence, before.fence, "a stale claim did something");
            assert_eq!(before.state, RunState::Running);
        }
        if matches!(verb, Verb::Crash { .. } | Verb::Wait { .. } | Verb::SetClock { .. }) {
            assert_eq!(before.calls, after.calls, "a call changed by itself");
        }
        if matches!(
            verb,
            Verb::Adopt { .. } | Verb::Claim { .. } | Verb::Pause { .. } | Verb::Interrupt { .. }
        ) {
            // Whoever comes, goes or died: what was asked, said and done stays.
            for (old, new) in before.calls.iter().zip(&after.calls) {
                let lost = (CallState::Started, CallState::Unknown);
                assert!(old == new || (old.state, new.state) == lost, "{verb:?} decided something");
            }
        }
    }

    /// Notes what people and processes did.
    fn note(&mut self, verb: &Verb, after: &Model) {
        match verb {
            Verb::Start { call, .. } => {
                let left = self.permissions.entry(*call).or_default();
                assert!(*left > 0, "call {call} was started without permission");
                *left -= 1;
            }
            Verb::Tell { calls, .. } => {
                for call in calls {
                    let told = self.told.entry(*call).or_default();
                    *told += 1;
                    assert_eq!(*told, 1, "a result was told twice");
                    assert!(after.calls[*call].state.is_final(), "told before there was a result");
                }
            }
            Verb::Decide { who, said, .. } => {
                for (nth, said) in said.iter().enumerate() {
                    let call = &after.calls[said.call];
                    let later = verb.edits_after(nth, said.call);
                    let version = call.versions[call.versions.len() - 1 - later];
                    if let Some(shown) = said.shown {
                        let edited = usize::from(said.edit.is_some());
                        let place = call.versions.len() - 1 - later - edited;
                        assert_eq!(shown, call.versions[place], "decided about what was not shown");
                    }
                    if said.approve {
                        let approvals = self.approvals.entry((said.call, version)).or_default();
                        assert!(approvals.insert(who), "{who} was counted twice");
                    }
                }
            }
            _ => {}
        }
    }

    fn check_call(&mut self, at: usize, old: Option<&Call>, call: &Call, verb: &Verb) {
        let was = old.map_or(CallState::Proposed, |old| old.state);
        if was.is_final() {
            let old = old.map(|old| Call { told: call.told, ..old.clone() });
            assert_eq!(old.as_ref(), Some(call), "a result was changed");
        }
        if old.is_some_and(|old| old.version() != call.version()) {
            // Whatever people said was about something else.
            let approvals = self.approvals_of(at, call);
            assert!(call.votes.iter().all(|who| approvals.contains(who)), "votes were kept");
        }
        if call.state == was {
            return;
        }
        match call.state {
            CallState::Ready => {
                assert!(matches!(verb, Verb::Turn { .. }));
                self.permissions.insert(at, 1);
            }
            CallState::Approved => {
                match verb {
                    Verb::Decide { .. } => self.check_approved(at, call),
                    Verb::Turn { calls, .. } => {
                        assert!(old.is_none());
                        let known = calls.iter().any(|asked| match asked {
                            Asked::Waiting { rule, kind } => {
                                *kind == call.bound
                                    && self.remembered.contains(&(rule.clone(), *kind))
                            }
                            Asked::Ready | Asked::Refused => false,
                        });
                        assert!(known, "remembered what nobody approved");
                    }
                    Verb::RetryUnknown { .. } => assert_eq!(was, CallState::Unknown),
                    other => panic!("{other:?} approved a call"),
                }
                self.permissions.insert(at, 1);
            }
            CallState::Started => assert_eq!(call.attempts, old.map_or(0, |old| old.attempts) + 1),
            CallState::Succeeded => assert!(matches!(verb, Verb::Finish { succeeded: true, .. })),
            CallState::Unknown => assert_eq!(was, CallState::Started),
            CallState::Denied => {
                assert_eq!(was, CallState::Waiting);
                assert!(matches!(verb, Verb::Decide { .. } | Verb::Cancel { .. }));
            }
            _ => {}
        }
        if !matches!(call.state, CallState::Ready | CallState::Approved) {
            self.permissions.insert(at, 0);
        }
    }

    fn approvals_of(&self, at: usize, call: &Call) -> BTreeSet<&'static str> {
        let version = call.version().unwrap_or_default();
        self.approvals.get(&(at, version)).cloned().unwrap_or_default()
    }

    /// A call that people approved was approved by as many distinct ones as its rule asks for, and by
    /// nobody else.
    fn check_approved(&mut self, at: usize, call: &Call) {
        let approvals = self.approvals_of(at, call);
        let rule = call.rule.clone().unwrap_or_else(ApprovalRule::required);
        assert_eq!(approvals.len(), rule.quorum as usize, "not as many as the rule asks for");
        for who in approvals {
            assert_eq!(
                eligible(&rule.in_force(call.escalated), PEOPLE[0], who),
                Ok(()),
                "{who} was counted"
            );
        }
        if rule.remember == Remember::Run {
            self.remembered.push((rule, call.bound));
        }
    }
}

impl Verb {
    /// The claim that it is done under.
    fn claim(&self) -> Option<usize> {
        match self {
            Self::Turn { claim, .. }
            | Self::Start { claim, .. }
            | Self::Finish { claim, .. }
            | Self::Readmit { claim, .. }
            | Self::RetryUnknown { claim, .. }
            | Self::Tell { claim, .. }
            | Self::Pause { claim }
            | Self::Interrupt { claim }
            | Self::End { claim, .. } => Some(*claim),
            _ => None,
        }
    }

    /// How many edits of a call the same request holds after its nth decision.
    fn edits_after(&self, nth: usize, call: usize) -> usize {
        let Self::Decide { said, .. } = self else { return 0 };
        said[nth + 1..].iter().filter(|said| said.call == call && said.edit.is_some()).count()
    }
}

/// What is true of every state by itself.
fn check_standing(model: &Model) {
    match model.state {
        RunState::Running => assert!(model.owner.is_some()),
        RunState::Paused => assert!(model.waiting() > 0, "paused for nobody"),
        RunState::Interrupted => assert_eq!(model.waiting(), 0, "interrupted with a question open"),
        _ => {}
    }
    if model.state != RunState::Running {
        assert_eq!(model.owner, None, "an owner of what is not driven");
        let started = model.calls.iter().any(|call| call.state == CallState::Started);
        assert!(!started, "started, and nobody is there to say what became of it");
    }
    for call in &model.calls {
        assert!(!call.told || call.state.is_final());
        assert!(call.attempts == 0 || call.state != CallState::Ready);
        let voters: BTreeSet<&str> = call.votes.iter().copied().collect();
        let quorum = call.rule.as_ref().map_or(1, |rule| rule.quorum as usize);
        assert!(voters.len() == call.votes.len() && voters.len() < quorum);
        if let Some(Settled::Expired) = call.settled {
            assert_eq!(call.state, CallState::Expired);
        }
    }
}
