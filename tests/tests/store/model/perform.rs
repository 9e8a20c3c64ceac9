//! One verb after another.

use super::verb::{Answer, Asked, Refusal, Then, Verb};
use super::{Call, Held, MOST_ATTEMPTS, Model, NOBODY, Settled};
use initrunner::domain::rule::{ApprovalRule, OnExpiry, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallState, RefusedBy};

impl Model {
    /// Does a verb, or tells why it does nothing.
    pub fn perform(&mut self, verb: &Verb) -> Result<Answer, Refusal> {
        let mut after = self.clone();
        if let Verb::Decide { said, .. } = verb {
            // However late somebody notices: what nobody decided in time is not decided, and what nobody
            // decided for a while is for others too.
            if after.let_time_act(said.iter().map(|said| said.call).collect()) {
                *self = after;
                return Err(Refusal::Expired);
            }
        }
        let answer = after.attempt(verb)?;
        *self = after;
        Ok(answer)
    }

    fn attempt(&mut self, verb: &Verb) -> Result<Answer, Refusal> {
        match verb {
            Verb::Turn { claim, calls, then } => self.turn(*claim, calls, *then)?,
            Verb::Start { claim, call } => {
                let call = self.held_call(*claim, *call)?;
                if !matches!(call.state, CallState::Ready | CallState::Approved) {
                    return Err(Refusal::WrongCallState(call.state));
                }
                call.state = CallState::Started;
                call.attempts += 1;
                return Ok(Answer::Attempt(call.attempts));
            }
            Verb::Finish { claim, call, succeeded } => {
                let call = self.held_call(*claim, *call)?;
                if call.state != CallState::Started {
                    return Err(Refusal::WrongCallState(call.state));
                }
                call.state = if *succeeded { CallState::Succeeded } else { CallState::Failed };
                call.result = Some("result");
            }
            Verb::Readmit { claim, call: at, ask } => {
                let call = self.held_call(*claim, *at)?;
                if !matches!(call.state, CallState::Ready | CallState::Approved) {
                    return Err(Refusal::WrongCallState(call.state));
                }
                match ask {
                    None => {
                        call.state = CallState::Refused(RefusedBy::Policy);
                        call.result = Some("no");
                    }
                    Some((rule, bound)) => {
                        call.bound = *bound;
                        self.ask(*at, rule.clone(), CallState::Waiting);
                    }
                }
            }
            Verb::RetryUnknown { claim, call } => {
                let call = self.held_call(*claim, *call)?;
                if call.state != CallState::Unknown {
                    return Err(Refusal::WrongCallState(call.state));
                }
                if call.attempts >= MOST_ATTEMPTS {
                    return Err(Refusal::TriedOften);
                }
                call.state = CallState::Approved;
                call.settled = Some(Settled::Decided(NOBODY));
            }
            Verb::Tell { claim, calls } => {
                self.held(*claim)?;
                for call in calls {
                    let call = self.calls.get_mut(*call).ok_or(Refusal::UnknownCall)?;
                    if call.told {
                        return Err(Refusal::AlreadyTold);
                    }
                    if !call.state.is_final() {
                        return Err(Refusal::WrongCallState(call.state));
                    }
                    call.told = true;
                }
            }
            Verb::Pause { claim } => {
                self.held(*claim)?;
                self.pause()?;
            }
            Verb::Interrupt { claim } => {
                self.held(*claim)?;
                self.let_go();
            }
            Verb::End { claim, completed } => {
                self.held(*claim)?;
                self.end(if *completed { RunState::Completed } else { RunState::Failed });
            }
            Verb::Decide { process, who, said } => return self.decide(*process, who, said),
            Verb::Claim { process } => {
                self.adopt_if_orphaned();
                match self.state {
                    RunState::Running => return Err(Refusal::OwnedElsewhere),
                    RunState::Paused | RunState::Interrupted => self.take(*process),
                    ended => return Err(Refusal::WrongState(ended)),
                }
            }
            Verb::Cancel { who, .. } => {
                if self.state.is_final() {
                    return Err(Refusal::WrongState(self.state));
                }
                for call in &mut self.calls {
                    if call.waits() {
                        call.settled = Some(Settled::Decided(who));
                    }
                    match call.state {
                        CallState::Waiting => call.state = CallState::Denied,
                        CallState::Unknown => call.report_unknown(),
                        // Nobody is asked about it: nothing would follow from the answer.
                        CallState::Started => call.state = CallState::Unknown,
                        _ => {}
                    }
                }
                self.fence += 1;
                self.owner = None;
                self.state = RunState::Cancelled;
            }
            Verb::Adopt { .. } => return Ok(Answer::Adopted(self.adopt_if_orphaned())),
            Verb::Sweep { .. } => {
                let paused = self.state == RunState::Paused || self.is_orphaned();
                let mut oldest_first: Vec<usize> = (0..self.calls.len()).collect();
                oldest_first.sort_by_key(|call| self.calls[*call].version());
                self.let_time_act(oldest_first);
                let freed = paused && self.state == RunState::Interrupted;
                return Ok(Answer::Swept { freed });
            }
            Verb::Crash { process } => {
                self.processes[*process] = self.owners;
                self.owners += 1;
            }
            Verb::Wait { seconds } => self.now += seconds,
            Verb::SetClock { .. } => {}
        }
        Ok(Answer::Done)
    }

    fn turn(&mut self, claim: usize, calls: &[Asked], then: Then) -> Result<(), Refusal> {
        self.held(claim)?;
        // What is approved by this very turn is not remembered in it: nobody has said anything yet.
        let mut repeated = false;
        for asked in calls {
            let at = self.calls.len();
            match asked {
                Asked::Ready => self.calls.push(Call::new(CallState::Ready, 0)),
                Asked::Refused => {
                    let mut call = Call::new(CallState::Refused(RefusedBy::Policy), 0);
                    call.result = Some("no");
                    self.calls.push(call);
                }
                Asked::Waiting { rule, kind } => {
                    self.calls.push(Call::new(CallState::Proposed, *kind));
                    self.ask(at, rule.clone(), CallState::Waiting);
                    if rule.remember == Remember::Run
                        && let Some(source) = self.recall(rule, *kind)
                    {
                        repeated = true;
                        let settled = self.calls[source].settled;
                        let call = &mut self.calls[at];
                        call.state = CallState::Approved;
                        call.remembered_from = Some(source);
                        call.settled = settled;
                    }
                }
            }
        }
        match then {
            Then::Continue => {}
            Then::Pause if repeated && self.waiting() == 0 => {}
            Then::Pause => self.pause()?,
            Then::Complete => self.end(RunState::Completed),
        }
        Ok(())
    }

    /// The first call that people approved and that is equal to one under this rule.
    fn recall(&self, rule: &ApprovalRule, bound: u8) -> Option<usize> {
        let equal =
            |call: &Call| call.vouched && call.bound == bound && call.rule.as_ref() == Some(rule);
        let known = (0..self.calls.len()).filter(|call| equal(&self.calls[*call]));
        known.min_by_key(|call| self.calls[*call].version())
    }

    /// Whether a claim still is one.
    fn held(&self, claim: usize) -> Result<(), Refusal> {
        if self.claims[claim].fence != self.fence {
            return Err(Refusal::Fenced);
        }
        if self.state != RunState::Running {
            return Err(Refusal::WrongState(self.state));
        }
        Ok(())
    }

    fn held_call(&mut self, claim: usize, call: usize) -> Result<&mut Call, Refusal> {
        self.held(claim)?;
        self.calls.get_mut(call).ok_or(Refusal::UnknownCall)
    }

    /// Gives the run to a process.
    pub fn take(&mut self, process: usize) {
        self.fence += 1;
        self.state = RunState::Running;
        self.owner = Some(self.processes[process]);
        self.claims.push(Held { owner: self.processes[process], fence: self.fence });
    }

    /// Nobody drives the run any more; it waits for people if they are needed.
    fn let_go(&mut self) {
        self.lose_track();
        self.owner = None;
        self.state = if self.waiting() > 0 { RunState::Paused } else { RunState::Interrupted };
    }

    fn pause(&mut self) -> Result<(), Refusal> {
        self.let_go();
        if self.state == RunState::Paused { Ok(()) } else { Err(Refusal::NothingWaits) }
    }

    /// Takes a run from an owner that died.
    pub fn adopt_if_orphaned(&mut self) -> bool {
        let orphaned = self.is_orphaned();
        if orphaned {
            self.fence += 1;
            self.let_go();
        }
        orphaned
    }

    fn end(&mut self, state: RunState) {
        self.lose_track();
        for call in &mut self.calls {
            match call.state {
                CallState::Waiting => call.state = CallState::Expired,
                CallState::Unknown => call.report_unknown(),
                _ => {}
            }
        }
        self.owner = None;
        self.state = state;
    }

    /// Expires those of the calls whose time is up, and escalates those that nobody decided for a while,
    /// one after the other; tells whether any expired.
    fn let_time_act(&mut self, mut calls: Vec<usize>) -> bool {
        let now = self.now;
        calls.retain(|call| {
            let call = self.calls.get(*call);
            call.is_some_and(|call| call.is_overdue(now) || call.is_overlooked(now))
        });
        let mut expired = false;
        for call in &calls {
            if !self.calls[*call].is_overdue(now) {
                // Of a run that ended nobody is asked anything.
                let asked = !self.state.is_final() && self.calls[*call].is_overlooked(now);
                self.calls[*call].escalated |= asked;
                continue;
            }
            expired = true;
            self.adopt_if_orphaned();
            let call = &mut self.calls[*call];
            if call.state != CallState::Waiting {
                // An earlier one ended the run.
                continue;
            }
            call.state = CallState::Expired;
            call.settled = Some(Settled::Expired);
            if call.rule.as_ref().is_some_and(|rule| rule.on_expiry == OnExpiry::Fail) {
                self.end(RunState::Failed);
            } else if self.state == RunState::Paused && self.waiting() == 0 {
                self.state = RunState::Interrupted;
            }
        }
        expired
    }
}
