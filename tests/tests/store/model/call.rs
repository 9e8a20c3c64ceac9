//! What happens to a call by itself.

use super::{Call, Model};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::tool_call::{CallState, UNKNOWN_RESULT};

impl Call {
    pub fn new(state: CallState, kind: u8) -> Self {
        Self {
            state,
            kind,
            bound: kind,
            proposed: kind,
            edits: 0,
            versions: Vec::new(),
            rule: None,
            votes: Vec::new(),
            settled: None,
            vouched: false,
            expires: None,
            escalates: None,
            escalated: false,
            remembered_from: None,
            attempts: 0,
            told: false,
            result: None,
        }
    }

    /// Whether it needs a person.
    pub fn waits(&self) -> bool {
        matches!(self.state, CallState::Waiting | CallState::Unknown)
    }

    pub fn version(&self) -> Option<u32> {
        self.versions.last().copied()
    }

    pub fn is_overdue(&self, now: u64) -> bool {
        self.state == CallState::Waiting && self.expires.is_some_and(|at| at <= now)
    }

    /// Whether a second group is to be asked about it, and was not.
    pub fn is_overlooked(&self, now: u64) -> bool {
        self.waits() && !self.escalated && self.escalates.is_some_and(|at| at <= now)
    }

    /// Nobody will learn what became of it, and the model is told so.
    pub fn report_unknown(&mut self) {
        self.state = CallState::Failed;
        self.result = Some(UNKNOWN_RESULT);
    }
}

impl Model {
    /// People are asked about a call, or asked anew: what they said before is about something else.
    pub fn ask(&mut self, call: usize, rule: ApprovalRule, state: CallState) {
        self.requests += 1;
        let (number, now) = (self.requests, self.now);
        let call = &mut self.calls[call];
        call.state = state;
        call.versions.push(number);
        call.votes.clear();
        call.settled = None;
        call.vouched = false;
        call.remembered_from = None;
        // That nobody knows whether something happened stays true for ever.
        let limit = rule.expires_after.filter(|_| state == CallState::Waiting);
        call.expires = limit.map(|limit| now + limit);
        call.escalates = rule.escalate.as_ref().map(|escalation| now + escalation.after);
        call.escalated = false;
        call.rule = Some(rule);
    }

    /// Whoever was running these calls is gone, or stops: nobody knows what became of them.
    pub fn lose_track(&mut self) {
        for call in 0..self.calls.len() {
            if self.calls[call].state == CallState::Started {
                let rule = self.calls[call].rule.clone().unwrap_or_else(ApprovalRule::required);
                self.ask(call, rule, CallState::Unknown);
            }
        }
    }
}
