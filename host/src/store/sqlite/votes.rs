//! Approvals that were not enough by themselves, and whose decisions count.

use super::call_row::CallRow;
use super::fault::Fault;
use super::run_row::RunRow;
use super::writer::Write;
use super::{outbox, rules};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::event::EventKind;
use crate::domain::outbox::MessageKind;
use crate::domain::rule::ApprovalRule;
use crate::domain::vote::{self, Counted, NotCounted, SecondGroup};
use crate::store::{Conflict, Vote};
use rusqlite::{Connection, params};
use serde_json::json;

/// The votes of a request, oldest first.
pub(super) fn read(conn: &Connection, request: i64) -> Result<Vec<Vote>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT authenticated_as, resolved_by, at FROM votes WHERE request = ?1 ORDER BY n",
    )?;
    let mut found = statement.query([request])?;
    let mut votes = Vec::new();
    while let Some(row) = found.next()? {
        let (authenticated_as, by): (String, String) = (row.get(0)?, row.get(1)?);
        let note = (by != authenticated_as).then_some(by);
        let resolver = Resolver { authenticated_as, note };
        votes.push(Vote { resolver, at: Timestamp(row.get(2)?) });
    }
    Ok(votes)
}

/// What becomes of a call's open request by one more decision: whether it is settled. An approval that
/// is not enough is written down here; what settles is for the caller.
pub(super) fn cast(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallRow,
    decision: &Decision,
    resolver: &Resolver,
    at: Timestamp,
) -> Result<bool, Fault> {
    // Without a question there is nothing to count; whoever settles it says so.
    let Some(request) = call.request else { return Ok(true) };
    let (rule, second) = rules::of_request(write.conn, request)?;
    // Where one approval is enough, none was ever not.
    let votes = if rule.quorum > 1 { read(write.conn, request)? } else { Vec::new() };
    let voted: Vec<&str> =
        votes.iter().map(|vote| vote.resolver.authenticated_as.as_str()).collect();
    let identity = &resolver.authenticated_as;
    match vote::tally(&rule.in_force(second.counts()), &run.requester, &voted, identity, decision) {
        Counted::Settled => Ok(true),
        Counted::Open { have, need } => {
            write.insert(
                "INSERT INTO votes (request, authenticated_as, resolved_by, at)
                 VALUES (?1, ?2, ?3, ?4)",
                params![request, identity, resolver.resolved_by(), at.0],
            )?;
            let body = json!({
                "authenticated_as": identity,
                "by": resolver.resolved_by(),
                "have": have,
                "need": need,
                "request": request,
            });
            write.record(at, &run.id, Some(&call.id), EventKind::ApprovalVoted, &body)?;
            // Whoever may still be needed sees how far it has come.
            let body = json!({"by": resolver.resolved_by(), "call": call.id, "have": have});
            outbox::put(write, run, MessageKind::Decided, &body, at)?;
            Ok(false)
        }
        Counted::Refused(NotCounted::VotedBefore) => {
            let before = votes.iter().find(|vote| vote.resolver.authenticated_as == *identity);
            Err(Conflict::VotedBefore {
                call: call.id.clone(),
                identity: identity.clone(),
                at: before.map_or(at, |vote| vote.at),
                standing: vote::standing(&rule, &run.requester, &voted, second).unwrap_or_default(),
            }
            .into())
        }
        Counted::Refused(why) => Err(ineligible(run, call, (&rule, second), identity, why).into()),
    }
}

/// Refuses somebody whose decisions do not count under `rule`, as far as it is in force.
pub(super) fn check_eligible(
    run: &RunRow,
    call: &CallRow,
    (rule, second): (&ApprovalRule, SecondGroup),
    resolver: &Resolver,
) -> Result<(), Fault> {
    let identity = &resolver.authenticated_as;
    vote::eligible(&rule.in_force(second.counts()), &run.requester, identity)
        .map_err(|why| ineligible(run, call, (rule, second), identity, why).into())
}

fn ineligible(
    run: &RunRow,
    call: &CallRow,
    (rule, second): (&ApprovalRule, SecondGroup),
    identity: &str,
    why: NotCounted,
) -> Conflict {
    let (call, identity) = (call.id.clone(), identity.to_owned());
    let reviewers = vote::deciders(rule, &run.requester, second);
    match why {
        NotCounted::IsRequester => Conflict::IsRequester { call, identity, reviewers },
        NotCounted::NotAReviewer | NotCounted::VotedBefore => {
            Conflict::NotAReviewer { call, identity, reviewers }
        }
    }
}

/// Everybody who approved a request, as shown: those whose votes were not enough, and who settled it.
pub(super) fn names(conn: &Connection, request: i64, last: &Resolver) -> Result<String, Fault> {
    let mut names: Vec<String> =
        read(conn, request)?.iter().map(|vote| vote.resolver.resolved_by().to_owned()).collect();
    names.push(last.resolved_by().to_owned());
    Ok(names.join(", "))
}
