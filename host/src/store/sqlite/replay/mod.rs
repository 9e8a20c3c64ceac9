//! The journal played back: what the other tables must hold if nothing but the events' verbs wrote
//! them, compared with what they do hold.
//!
//! Events are taken in order. A run is held in memory from its first event to its last and compared
//! when it ends, or at the journal's end; an approval is compared as soon as it is resolved, since
//! nothing changes it after that. So memory follows the unfinished runs, not the journal.
//!
//! What an event must say so that every column can be rebuilt, its own time (`at`) and call aside. A
//! key that is missing leaves its columns unchecked, which only an older program's events do: nobody
//! can make one up without the journal's key.
//!
//! | kind | body | what it does |
//! |---|---|---|
//! | `run_created` | `contents` of role, prompt, limits, conversation and the messages before the prompt; `fence owner requester trigger`, perhaps `history` (how many those are) | a run that runs, and these messages |
//! | `run_claimed` | `fence owner` | runs, with another owner; no outcome |
//! | `run_resumed` | `trigger_type prompt role by authenticated_as` | nothing: it says why |
//! | `turn_recorded` | `turn`, `calls` (ids and states), `contents` of message and calls, `used` | a message and its calls |
//! | `results_told` | `calls` (ids), `contents` of their messages | messages; the calls are told |
//! | `run_paused` | `waiting`, perhaps `fence reason spent` | paused; the reason is the outcome |
//! | `run_interrupted` | `fence reason`, perhaps `spent` | interrupted, likewise |
//! | `run_ended` | `state`, `contents` of the outcome or `by fence`, perhaps `spent` | ended; what waited expired, what was unknown is reported, open requests are closed |
//! | `approval_requested` | `request`, `contents` of the row, perhaps `source` | a request; the call waits unless it is unknown |
//! | `approval_voted` | `request by authenticated_as` | a vote |
//! | `approval_decided` | `request decision by authenticated_as reason` | the request and the call are decided |
//! | `approval_edited` | `request by authenticated_as`, perhaps `reason`; for readers, `to` and `digests` of both arguments | the request's decision is `edited`; another request was asked just before; the call's arguments are not the model's any more |
//! | `approval_remembered` | `request source by authenticated_as`, `contents` unless `approval_requested` came before | the request is approved, and the call |
//! | `approval_expiring` | `request boot uptime` | people were warned |
//! | `approval_escalated` | `request`; for readers, `reviewers` | a second group of reviewers counts too |
//! | `approval_expired` | `request`, perhaps `reason` | decided as `expired` by `system`; the call too |
//! | `approval_voided` | `request changed` | nothing: a new request follows |
//! | `call_started` | `attempt` | started |
//! | `program_started` | `attempt pid start_time` | a program of the call |
//! | `call_finished`, `call_refused` | `state`, `contents` of the result | that state and result |
//! | `call_unknown` | | unknown |
//! | `unknown_retried` | `request decision by authenticated_as`, perhaps `state` (else `approved`) | the question is answered; may start again |
//! | `journal_pruned` | `checkpoints` (their digest), `removed`, `by authenticated_as before` | see `prune_runs.rs` |
//! | `clock_jumped` | anything | nothing |
//!
//! `updated_at` of a run is when its last event happened; an event that only concerns an approval or a
//! program may leave it as it was.

mod apply;
mod body;
mod expected;
mod request_row;
mod run_row;
mod stray;
#[cfg(test)]
mod tests;

use super::fault::Fault;
use super::findings::Findings;
use super::journal::Line;
use body::Body;
use expected::{Request, Run};
use rusqlite::Connection;
use std::collections::HashMap;

/// The tables as the events so far would have them.
pub(super) struct Replay<'c> {
    conn: &'c Connection,
    runs: HashMap<String, Run>,
    compared: Compared,
    /// What the last pruning said of the checkpoints.
    checkpoints: Option<String>,
}

/// How many rows events spoke of: where a table has more, some of its rows are nobody's.
#[derive(Debug, Default)]
struct Compared {
    runs: i64,
    calls: i64,
    messages: i64,
    requests: i64,
    votes: i64,
    programs: i64,
}

impl<'c> Replay<'c> {
    pub(super) fn new(conn: &'c Connection) -> Self {
        Self { conn, runs: HashMap::new(), compared: Compared::default(), checkpoints: None }
    }

    /// Takes the next event. `trusted`: its code is right. One that is not says nothing, and nothing is
    /// said of its run's rows either: they would all differ for the same reason.
    pub(super) fn event(
        &mut self,
        line: &Line<'_>,
        trusted: bool,
        findings: &mut Findings,
    ) -> Result<(), Fault> {
        if line.run.is_empty() && trusted {
            if line.kind == "journal_pruned" {
                let body: Body = serde_json::from_str(line.body)?;
                self.checkpoints = body.checkpoints;
            }
            return Ok(());
        }
        let run = self.runs.entry(line.run.to_owned()).or_default();
        if !trusted {
            run.doubtful = true;
            return Ok(());
        }
        let applied = match serde_json::from_str::<Body>(line.body) {
            Ok(body) => apply::apply(run, line, body),
            Err(_) => Err("holds what this program cannot read"),
        };
        let ended = match applied {
            Ok(ended) => ended,
            Err(problem) => {
                run.doubtful = true;
                findings.add(|| {
                    format!(
                        "event {} ({}) {problem}, so the rows of run {} were not compared; it was \
                         written by another version of the program",
                        line.sequence, line.kind, line.run
                    )
                });
                false
            }
        };
        self.settle(line.run, findings)?;
        if ended {
            self.finish(line.run, findings)?;
        }
        Ok(())
    }

    /// Compares the requests that were just resolved, and forgets them.
    fn settle(&mut self, id: &str, findings: &mut Findings) -> Result<(), Fault> {
        let Some(run) = self.runs.get_mut(id) else { return Ok(()) };
        let resolved: Vec<(i64, Request)> =
            run.open.extract_if(.., |_, request| request.resolved.is_some()).collect();
        if !run.doubtful {
            for (n, request) in &resolved {
                let votes = request_row::compare(self.conn, id, *n, request, findings)?;
                self.compared.requests += 1;
                self.compared.votes += votes;
            }
        }
        // Nothing but approvals is left of a run that was pruned.
        if run.created.is_none() && run.open.is_empty() && !run.doubtful {
            self.runs.remove(id);
        }
        Ok(())
    }

    /// Compares a run and forgets it.
    fn finish(&mut self, id: &str, findings: &mut Findings) -> Result<(), Fault> {
        let Some(run) = self.runs.remove(id) else { return Ok(()) };
        if run.doubtful {
            return Ok(());
        }
        for (n, request) in &run.open {
            self.compared.requests += 1;
            self.compared.votes += request_row::compare(self.conn, id, *n, request, findings)?;
        }
        if run.created.is_some() {
            run_row::compare(self.conn, id, &run, &mut self.compared, findings)?;
        }
        Ok(())
    }

    /// Compares what is left at the journal's end, and finds the rows that no event speaks of. Gives
    /// what the last pruning said of the checkpoints.
    pub(super) fn end(mut self, findings: &mut Findings) -> Result<Option<String>, Fault> {
        let mut left: Vec<String> = self.runs.keys().cloned().collect();
        // In an order that does not depend on the map's.
        left.sort_by_cached_key(|id| {
            let run = self.runs.get(id);
            run.and_then(|run| run.created.as_ref()).map(|created| created.event)
        });
        for id in left {
            self.finish(&id, findings)?;
        }
        stray::find(self.conn, &self.compared, findings)?;
        Ok(self.checkpoints)
    }
}
