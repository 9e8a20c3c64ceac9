//! Bringing a run to its end, as far as people let it.

use super::ask::Answer;
use super::session::{Flow, Session};
use crate::cli::answer;
use crate::cli::exit::Exit;
use crate::cli::progress::AGENT;
use crate::cli::signals::Asked;
use crate::domain::ids::{CallId, RunId};
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::domain::visible::{lines, one_line};
use crate::domain::vote::eligible;
use crate::ops::{
    ApproveRequest, Approved, Attended, Choice, OpError, Selection, approve_run, await_run,
    cancel_run, resume_run, show_run,
};
use crate::runner::{Driven, Ended};
use crate::store::{CallRecord, Conflict, StoredRun};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;

/// How long another process may drive a run before that is told: what takes less is seen by its end.
const MOMENT: Duration = Duration::from_millis(500);

/// What was said of a run's calls while it was being settled.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The calls, each in its version, that were counted at the head of a pause.
    announced: BTreeSet<(CallId, Option<i64>)>,
    /// The calls about which this person's word does not count.
    passed: BTreeSet<CallId>,
}

/// What is to be done about a run that nobody drives.
enum Step<'t> {
    /// This person is asked about a call that waits.
    Ask(&'t CallRecord),
    /// About one of which nobody knows whether it happened.
    Choose(&'t CallRecord),
    /// Other people are.
    Wait,
    /// It goes on.
    Resume,
}

/// A drive that has ended, and whether its answer was shown as it came.
type Drive = (Driven, bool);

impl Session<'_> {
    /// Asks, waits and goes on until the run has ended or the person leaves it. `driven`: how the drive
    /// ended that has just begun or gone on with it.
    pub(super) async fn settle(&mut self, run: RunId, driven: Option<Drive>) -> Flow {
        self.words.id(run.as_str());
        if self.runs.last() != Some(&run) {
            self.runs.push(run.clone());
        }
        match self.try_settle(&run, driven).await {
            Ok(flow) => flow,
            Err(error) => self.failed(&error),
        }
    }

    async fn try_settle(&mut self, id: &RunId, mut driven: Option<Drive>) -> Result<Flow, OpError> {
        let mut known = Known::default();
        loop {
            if let Some((driven, streamed)) = driven.take()
                && let Some(flow) = self.driven(&driven, streamed).await?
            {
                return Ok(flow);
            }
            let turn = await_run(self.host, id, |_| true).await?;
            let outcome = turn.run.outcome.as_deref().unwrap_or_default();
            match turn.run.state {
                RunState::Completed => {
                    self.answer(outcome);
                    return Ok(Flow::Stay);
                }
                RunState::Failed => {
                    self.output.error(&format!("run {id} failed: {}", one_line(outcome)));
                    return Ok(self.or_leave(Exit::Failed));
                }
                RunState::Cancelled => {
                    self.output.error(&turn.run.over().to_string());
                    return Ok(self.or_leave(Exit::Conflict));
                }
                RunState::Paused | RunState::Interrupted => {}
                // Somebody else drives it, or is about to.
                _ => match self.follow(id).await? {
                    Some(flow) => return Ok(flow),
                    None => continue,
                },
            }
            match self.step(&turn, &known) {
                Step::Ask(_) | Step::Choose(_) | Step::Wait if self.editor.is_none() => {
                    answer::paused(self.host, &turn, &self.output);
                    return Ok(Flow::LeaveTold(Exit::Paused));
                }
                Step::Ask(call) => {
                    self.announce(&turn, &mut known);
                    let answer = self.ask(&turn, call).await?;
                    match self.obey_answer(id, call, answer, &mut known).await? {
                        Ok(went_on) => driven = went_on,
                        Err(flow) => return Ok(flow),
                    }
                }
                Step::Choose(call) => {
                    self.announce(&turn, &mut known);
                    let answer = self.choose(&turn, call).await?;
                    match self.obey_answer(id, call, answer, &mut known).await? {
                        Ok(went_on) => driven = went_on,
                        Err(flow) => return Ok(flow),
                    }
                }
                Step::Wait => {
                    self.announce(&turn, &mut known);
                    if let Some(flow) = self.wait_for_others(&turn).await? {
                        return Ok(flow);
                    }
                }
                Step::Resume => {
                    let mut live = self.live();
                    let (stop, stopped) = watch::channel(None);
                    let attended = Attended { reporter: &mut live, stop: stopped };
                    let resumed = resume_run(self.host, id.as_str(), attended);
                    let resumed = self.signals.attend(&stop, resumed).await;
                    let streamed = live.streamed();
                    drop(live);
                    driven = Some((resumed?, streamed));
                }
            }
        }
    }

    /// What comes next of a run that nobody drives.
    fn step<'t>(&self, turn: &'t StoredRun, known: &Known) -> Step<'t> {
        let of = |state| turn.calls.iter().filter(move |call| call.state == state);
        let identity = self.host.identity();
        let counts = |call: &&CallRecord| {
            let may = call.rule.as_ref().is_none_or(|rule| {
                let rule = rule.in_force(call.escalated_at.is_some());
                eligible(&rule, &turn.run.requester, identity).is_ok()
                    && !call.voters().contains(&identity)
            });
            may && !known.passed.contains(&call.id)
        };
        if let Some(call) = of(CallState::Waiting).find(counts) {
            return Step::Ask(call);
        }
        if let Some(call) = of(CallState::Unknown).find(counts) {
            return Step::Choose(call);
        }
        match of(CallState::Waiting).chain(of(CallState::Unknown)).next() {
            Some(_) => Step::Wait,
            None => Step::Resume,
        }
    }

    /// Says how a drive ended; nothing where there is more to do.
    async fn driven(&mut self, driven: &Driven, streamed: bool) -> Result<Option<Flow>, OpError> {
        if self.editor.is_none() {
            return Ok(match answer::tell(self.host, driven, &self.output, false, streamed) {
                Exit::Done => Some(Flow::Stay),
                exit => Some(Flow::LeaveTold(exit)),
            });
        }
        let id = &driven.run.run.id;
        let unknown = driven.run.calls.iter().any(|call| call.state == CallState::Unknown);
        match &driven.ended {
            Ended::Completed { answer } => {
                if !streamed {
                    self.answer(answer);
                }
                Ok(Some(Flow::Stay))
            }
            Ended::Paused => Ok(None),
            Ended::Failed { error } => {
                self.output.error(&format!("run {id} failed: {}", one_line(error)));
                Ok(Some(self.or_leave(Exit::Failed)))
            }
            Ended::Interrupted { reason, .. } if self.signals.leaving() => {
                self.output.error(&format!("run {id} was interrupted: {}", one_line(reason)));
                Ok(Some(Flow::Leave(Exit::Sigint)))
            }
            // The person stopped it, and what had begun is not known to have happened.
            Ended::Interrupted { stopped: true, .. } if unknown => {
                self.output.data("\nStopped in the middle of a call.");
                Ok(None)
            }
            Ended::Interrupted { stopped: true, .. } => {
                cancel_run(self.host, id.as_str(), None).await?;
                self.output.data("\nStopped.");
                Ok(Some(Flow::Stay))
            }
            Ended::Interrupted { reason, .. } => {
                self.output.error(&format!("run {id} was interrupted: {}", one_line(reason)));
                if unknown {
                    return Ok(None);
                }
                self.output.talk("  hint: `/resume` goes on with it, `/cancel` ends it");
                Ok(Some(Flow::Stay))
            }
        }
    }

    /// Shows an answer that was not shown as it came.
    fn answer(&self, text: &str) {
        let text = lines(text);
        match self.editor {
            Some(_) => self.output.data(&format!("\n{AGENT}{}", text.trim_end())),
            None => self.output.data(text.trim_end()),
        }
    }

    /// Waits for a run that another process drives; nothing once nobody does.
    async fn follow(&mut self, id: &RunId) -> Result<Option<Flow>, OpError> {
        self.signals.forget();
        let output = &self.output;
        let telling = async {
            tokio::time::sleep(MOMENT).await;
            output.talk(&format!("Run {id} goes on in another process."));
            std::future::pending::<()>().await;
        };
        let asked = tokio::select! {
            over = await_run(self.host, id, |turn| is_left(turn.run.state)) => {
                over?;
                return Ok(None);
            }
            asked = self.signals.next() => asked,
            () = telling => return Ok(None),
        };
        if self.editor.is_none() || asked == Asked::Leave {
            return Ok(Some(Flow::Leave(Exit::Sigint)));
        }
        self.output.data("\nIt goes on there; `/resume` follows it again.");
        Ok(Some(Flow::Stay))
    }

    /// The head of a pause, once for the calls that are counted in it.
    fn announce(&self, turn: &StoredRun, known: &mut Known) {
        let key = |call: &CallRecord| (call.id.clone(), call.request);
        for (state, what) in
            [(CallState::Waiting, "need approval"), (CallState::Unknown, "of unknown outcome")]
        {
            let calls: Vec<_> = turn.calls.iter().filter(|call| call.state == state).collect();
            if calls.iter().all(|call| known.announced.contains(&key(call))) {
                continue;
            }
            let (id, count) = (&turn.run.id, calls.len());
            self.output.data(&format!("\nRun {id} paused — {count} tool call(s) {what}."));
            for call in calls {
                self.words.id(call.id.as_str());
                known.announced.insert(key(call));
            }
        }
    }

    /// Does what was answered; the flow where the person leaves the run.
    async fn obey_answer(
        &mut self,
        id: &RunId,
        call: &CallRecord,
        answer: Answer,
        known: &mut Known,
    ) -> Result<Result<Option<Drive>, Flow>, OpError> {
        match answer {
            Answer::Decide(choice) => match self.decide(id, call, choice).await {
                Ok(driven) => Ok(Ok(driven)),
                Err(error) => self.not_decided(call, error, known).map(|()| Ok(None)),
            },
            Answer::Meanwhile => {
                self.tell_meanwhile(id, call).await?;
                Ok(Ok(None))
            }
            Answer::Later => {
                let turn = await_run(self.host, id, |_| true).await?;
                self.tell_left(&turn);
                self.output.talk("`/resume` asks again.");
                Ok(Err(Flow::Stay))
            }
            Answer::Leave => Ok(Err(Flow::Leave(match self.signals.leaving() {
                true => Exit::Sigint,
                false => Exit::Done,
            }))),
        }
    }

    async fn decide(
        &mut self,
        id: &RunId,
        call: &CallRecord,
        choice: Choice,
    ) -> Result<Option<Drive>, OpError> {
        let request = ApproveRequest {
            run: id.to_string(),
            selection: Selection::Call(call.id.to_string()),
            choice,
            seen: call.request,
            keep_others: true,
            note: None,
        };
        let mut live = self.live();
        let (stop, stopped) = watch::channel(None);
        let attended = Attended { reporter: &mut live, stop: stopped };
        let approved = approve_run(self.host, request, attended);
        let approved = self.signals.attend(&stop, approved).await;
        let streamed = live.streamed();
        drop(live);
        Ok(match approved? {
            Approved::Driven(driven) => Some((*driven, streamed)),
            Approved::Recorded(_) => None,
        })
    }

    /// Says why a decision did not come about. What is true now is looked at next.
    ///
    /// # Errors
    /// What looking again does not cure.
    fn not_decided(
        &self,
        call: &CallRecord,
        error: OpError,
        known: &mut Known,
    ) -> Result<(), OpError> {
        match error {
            OpError::Conflict(
                Conflict::NotAReviewer { .. }
                | Conflict::IsRequester { .. }
                | Conflict::VotedBefore { .. },
            ) => {
                known.passed.insert(call.id.clone());
            }
            OpError::Conflict(_)
            | OpError::Edit { .. }
            | OpError::RefusedByPolicy { .. }
            | OpError::UnknownOutcome(_) => {}
            other => {
                self.output.talk("The run stays paused, and no decision was recorded.");
                return Err(other);
            }
        }
        self.output.error(&error.to_string());
        Ok(())
    }

    /// Says what became of a call while somebody was asked about it.
    async fn tell_meanwhile(&self, id: &RunId, call: &CallRecord) -> Result<(), OpError> {
        let story = show_run(self.host, id.as_str()).await?;
        let Some(call) = story.run.calls.iter().find(|one| one.id == call.id) else {
            return Ok(());
        };
        let sentence = match (&call.decision, &call.resolver, call.decided_at) {
            _ if call.state == CallState::Waiting => {
                "The question has changed meanwhile.".to_owned()
            }
            (Some(decision), Some(resolver), Some(at)) => {
                let who = answer::who(resolver);
                format!("Decided elsewhere: {} by {who} at {at}.", decision.as_str())
            }
            (None, _, Some(at)) if call.state == CallState::Expired => {
                format!("Expired at {at}: nobody decided in time.")
            }
            _ => format!("It does not wait any more: it is {}.", call.state),
        };
        self.output.data(&format!("  {sentence}"));
        Ok(())
    }
}

/// Whether nobody drives a run in this state.
const fn is_left(state: RunState) -> bool {
    state.is_final() || matches!(state, RunState::Paused | RunState::Interrupted)
}
