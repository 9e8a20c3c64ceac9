//! What ordinary people and processes do next with a run that has not ended.

use super::verb::{Said, Then, Verb};
use super::{Model, PEOPLE, decide};
use initrunner::domain::tool_call::CallState;

/// The next verb towards the end of the run; `None`: it has ended. Whoever is asked says yes, or no where
/// `approve` is not set; nobody is asked twice.
pub fn finish(model: &Model, approve: bool) -> Option<Verb> {
    if model.state.is_final() {
        return None;
    }
    if model.is_orphaned() {
        return Some(Verb::Adopt { process: 0 });
    }
    let find =
        |states: &[CallState]| model.calls.iter().position(|call| states.contains(&call.state));
    if let Some(at) = model.calls.iter().position(|call| call.waits()) {
        let call = &model.calls[at];
        if call.is_overdue(model.now) {
            return Some(Verb::Sweep { process: 0 });
        }
        let rule = decide::in_force(call.rule.as_ref()?, call.escalated);
        let may = |who: &&&str| decide::eligible(&rule, who).is_ok() && !call.votes.contains(who);
        let who = PEOPLE.iter().find(may)?;
        let said = vec![Said { call: at, shown: call.version(), approve, edit: None }];
        return Some(Verb::Decide { process: 1, who, said });
    }
    let Some(claim) = model.claims.iter().position(|claim| claim.fence == model.fence) else {
        return Some(Verb::Claim { process: 0 });
    };
    if model.owner.is_none() {
        return Some(Verb::Claim { process: 0 });
    }
    if let Some(call) = find(&[CallState::Started]) {
        return Some(Verb::Finish { claim, call, succeeded: true });
    }
    if let Some(call) = find(&[CallState::Ready, CallState::Approved]) {
        return Some(Verb::Start { claim, call });
    }
    let untold = |call: &usize| !model.calls[*call].told;
    let calls: Vec<usize> = (0..model.calls.len()).filter(untold).collect();
    Some(match calls.is_empty() {
        false => Verb::Tell { claim, calls },
        true => Verb::Turn { claim, calls: Vec::new(), then: Then::Complete },
    })
}

/// More verbs than it takes to end any run with so many calls: a quorum for each, twice over where its
/// outcome is lost, a start, a result, and what a run needs around that.
pub fn enough(calls: usize) -> usize {
    8 * calls + 8
}
