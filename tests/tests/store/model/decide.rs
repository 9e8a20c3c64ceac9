//! What people say.

use super::verb::{Answer, Refusal, Said};
use super::{Model, PEOPLE, Settled};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::tool_call::CallState;

/// Whether somebody's word counts, to approve, to deny or to edit.
pub fn eligible(rule: &ApprovalRule, who: &str) -> Result<(), Refusal> {
    if !rule.reviewers.is_empty() && !rule.reviewers.iter().any(|name| name == who) {
        return Err(Refusal::NotAReviewer);
    }
    if rule.not_requester && who == PEOPLE[0] {
        return Err(Refusal::IsRequester);
    }
    Ok(())
}

/// The rule with the second group among its reviewers, where they count.
pub fn in_force(rule: &ApprovalRule, escalated: bool) -> ApprovalRule {
    let mut rule = rule.clone();
    if let Some(escalation) = rule.escalate.as_ref().filter(|_| escalated) {
        rule.reviewers.extend(escalation.reviewers.iter().cloned());
    }
    rule
}

impl Model {
    /// Everything that was said, or nothing of it. The last decision claims the run.
    pub fn decide(
        &mut self,
        process: usize,
        who: &'static str,
        said: &[Said],
    ) -> Result<Answer, Refusal> {
        self.adopt_if_orphaned();
        for said in said {
            self.decide_call(who, said)?;
        }
        let waiting = self.waiting();
        let claimed = waiting == 0 && self.owner.is_none();
        if claimed {
            self.take(process);
        }
        Ok(Answer::Decided { claimed, waiting })
    }

    fn decide_call(&mut self, who: &'static str, said: &Said) -> Result<(), Refusal> {
        let at = said.call;
        let call = self.calls.get(at).ok_or(Refusal::UnknownCall)?;
        if !call.waits() {
            return Err(match call.settled {
                Some(Settled::Decided(_)) => Refusal::AlreadyDecided,
                Some(Settled::Expired) => Refusal::Expired,
                None => Refusal::NotWaiting(call.state),
            });
        }
        if self.state.is_final() {
            return Err(Refusal::WrongState(self.state));
        }
        if said.shown.is_some_and(|shown| call.version() != Some(shown)) {
            return Err(Refusal::Changed);
        }
        if said.edit.is_some() && call.state != CallState::Waiting {
            // Whatever became of it, it was these arguments.
            return Err(Refusal::WrongCallState(call.state));
        }
        let escalated = call.escalated;
        let rule = call.rule.clone().unwrap_or_else(ApprovalRule::required);
        eligible(&in_force(&rule, escalated), who)?;
        if let Some(edit) = &said.edit {
            self.ask(at, edit.rule.clone(), CallState::Waiting);
            let call = &mut self.calls[at];
            call.kind = edit.kind;
            call.bound = edit.kind;
            call.edits += 1;
            // Nobody has settled it for as long as that, whatever it is now.
            call.escalated = escalated && edit.rule.escalate.is_some();
            eligible(&in_force(&edit.rule, escalated), who)?;
        }
        let call = &mut self.calls[at];
        let rule = call.rule.clone().unwrap_or_else(ApprovalRule::required);
        if !said.approve {
            call.settled = Some(Settled::Decided(who));
            match call.state {
                CallState::Waiting => call.state = CallState::Denied,
                _ => call.report_unknown(),
            }
            return Ok(());
        }
        if call.votes.contains(&who) {
            return Err(Refusal::VotedBefore);
        }
        if call.votes.len() + 1 < rule.quorum as usize {
            call.votes.push(who);
            return Ok(());
        }
        call.settled = Some(Settled::Decided(who));
        call.vouched = call.state == CallState::Waiting;
        call.state = CallState::Approved;
        Ok(())
    }
}
