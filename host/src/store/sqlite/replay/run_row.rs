//! Compares a run with its rows: its own, its history, its calls.

use super::super::create_run;
use super::super::fault::Fault;
use super::super::findings::Findings;
use super::super::journal::contents;
use super::super::rows;
use super::Compared;
use super::expected::{Call, Run, Said, Text};
use super::request_row::differs;
use crate::domain::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A call's columns that its turn's digest covers.
struct Stored {
    turn: i64,
    columns: Vec<Value>,
    /// The result of a call that was refused at once.
    refusal: Value,
}

pub(super) fn compare(
    conn: &Connection,
    id: &str,
    run: &Run,
    compared: &mut Compared,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let mut statement = conn.prepare_cached(
        r#"SELECT runs.n, state, owner, fence, outcome, updated_at, created_at, requester, "trigger",
             turns, requests, tool_calls, wall_ms, input_tokens, output_tokens, roles.digest, prompt,
             max_requests, max_tool_calls, max_wall_time, reply_to, history
           FROM runs JOIN roles ON roles.n = runs.role WHERE id = ?1"#,
    )?;
    let found = statement
        .query_row([id], |row| Ok(row.get(0).map(|n| (n, own(conn, n, row, id, run, findings)))))
        .optional()?
        .transpose()?;
    let Some((n, own)) = found else {
        let event = run.created.as_ref().map_or(0, |created| created.event);
        findings.add(|| format!("run {id} is gone from the database: event {event} began it"));
        return Ok(());
    };
    own?;
    compared.runs += 1;
    let calls = calls(conn, id, n, run, compared, findings)?;
    history(conn, id, n, run, &calls, compared, findings)
}

fn own(
    conn: &Connection,
    n: i64,
    row: &Row<'_>,
    id: &str,
    run: &Run,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let name = || format!("run {id}");
    let Some(created) = &run.created else { return Ok(()) };
    let text =
        |index: usize| -> Result<Option<&str>, Fault> { Ok(row.get_ref(index)?.as_str_or_null()?) };
    let event = created.event;
    let mut says = |column: &str, stored: Option<&str>, expected: Option<&str>| {
        if stored != expected {
            let word = |it: Option<&str>| it.map_or("none".into(), |it| format!("`{it}`"));
            findings.add(|| {
                format!(
                    "{}: the {column} is {}, and the journal says {}",
                    name(),
                    word(stored),
                    word(expected)
                )
            });
        }
    };
    says("state", text(1)?, Some(&*run.state));
    says("owner", text(2)?, run.owner.as_deref());
    let fence = row.get::<_, i64>(3)?;
    says("fencing number", Some(&*fence.to_string()), Some(&*run.fence.to_string()));
    says("requester", text(7)?, created.requester.as_deref());
    says("trigger", text(8)?, created.trigger.as_deref());
    let turns = row.get::<_, i64>(9)?;
    says("number of turns", Some(&*turns.to_string()), Some(&*run.turns.to_string()));
    if let Some(used) = run.used {
        const COUNTERS: [&str; 5] = [
            "number of requests",
            "number of tool calls",
            "running time",
            "number of input tokens",
            "number of output tokens",
        ];
        for (index, (column, expected)) in (10..).zip(COUNTERS.into_iter().zip(used)) {
            let stored = row.get::<_, i64>(index)?;
            says(column, Some(&*stored.to_string()), Some(&*expected.to_string()));
        }
    }
    let begun = Timestamp(row.get(6)?).to_string();
    says("time of its start", Some(&*begun), Some(&*Timestamp(created.at).to_string()));
    let updated: i64 = row.get(5)?;
    if !run.updated.contains(&updated) {
        let last = run.updated.last().map(|last| Timestamp(*last).to_string());
        says("time of its last change", Some(&*Timestamp(updated).to_string()), last.as_deref());
    }
    let begun_with = row.get::<_, i64>(21)?;
    let before = created.history;
    says(
        "number of messages before the prompt",
        Some(&*begun_with.to_string()),
        Some(&*before.to_string()),
    );
    if !run.outcome.fits(text(4)?) {
        findings.add(|| format!("{}: the outcome is not what was recorded", name()));
    }
    let digest = data_encoding::HEXLOWER.encode(row.get_ref(15)?.as_blob()?);
    let limits: [i64; 3] = [row.get(17)?, row.get(18)?, row.get(19)?];
    let prompt = row.get_ref(16)?.as_str()?;
    let before = if before > 0 { first_messages(conn, n, before)? } else { Vec::new() };
    let columns = create_run::columns(&digest, prompt, limits, text(20)?, &before);
    if created.contents.as_ref().is_some_and(|recorded| *recorded != contents(&columns)) {
        findings.add(|| {
            format!(
                "{}: the role, prompt, limits, address or earlier messages are not what was recorded (event {event})",
                name()
            )
        });
    }
    Ok(())
}

/// Compares the calls; gives what the digests of the turns cover.
fn calls(
    conn: &Connection,
    id: &str,
    n: i64,
    run: &Run,
    compared: &mut Compared,
    findings: &mut Findings,
) -> Result<Vec<Stored>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT calls.id, turn, position, calls.state, request, attempts, result, told,
           calls.created_at, entry, calls.tool, model_tool, provider_id, calls.arguments, proposed,
           asked.arguments, calls.n
         FROM calls LEFT JOIN pending_approvals AS asked ON asked.n = calls.request
         WHERE run = ?1 ORDER BY turn, position",
    )?;
    let mut found = statement.query([n])?;
    let mut expected: HashMap<&str, &Call> =
        run.calls.iter().map(|call| (&*call.id, call)).collect();
    let mut stored = Vec::with_capacity(run.calls.len());
    while let Some(row) = found.next()? {
        let call_id: String = row.get(0)?;
        compared.calls += 1;
        let call = expected.remove(&*call_id);
        stored.push(columns(row, call)?);
        match call {
            Some(call) => {
                one(row, id, call, findings)?;
                compared.programs += programs(conn, id, row.get(16)?, call, findings)?;
            }
            None => findings.add(|| format!("no event speaks of call {call_id} of run {id}")),
        }
    }
    for call in &run.calls {
        if expected.contains_key(&*call.id) {
            findings.add(|| {
                format!(
                    "call {} of run {id} is gone from the database: event {} recorded it",
                    call.id, call.event
                )
            });
        }
    }
    Ok(stored)
}

fn columns(row: &Row<'_>, call: Option<&Call>) -> Result<Stored, Fault> {
    let text =
        |index: usize| -> Result<Value, Fault> { Ok(json!(row.get_ref(index)?.as_str_or_null()?)) };
    let proposed = text(14)?;
    let arguments = if proposed.is_null() { text(13)? } else { proposed };
    let at_once = call.is_some_and(|call| call.result == Text::Unchecked);
    Ok(Stored {
        turn: row.get(1)?,
        columns: vec![text(9)?, text(10)?, text(11)?, text(12)?, arguments],
        refusal: if at_once { text(6)? } else { Value::Null },
    })
}

fn one(row: &Row<'_>, run: &str, call: &Call, findings: &mut Findings) -> Result<(), Fault> {
    let name = || format!("call {} of run {run}", call.id);
    let event = call.event;
    let text =
        |index: usize| -> Result<Option<&str>, Fault> { Ok(row.get_ref(index)?.as_str_or_null()?) };
    let place = (row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
    if place != (call.turn, call.position) {
        findings.add(|| format!("{} is not in its place (event {event})", name()));
    }
    differs(&name, "state", text(3)?, Some(call.state.as_str()), event, findings);
    differs(&name, "approval request", row.get(4)?, call.request, event, findings);
    differs(&name, "number of attempts", row.get(5)?, Some(call.attempts), event, findings);
    let begun = Some(Timestamp(row.get(8)?));
    differs(&name, "time", begun, Some(Timestamp(call.at)), event, findings);
    if !call.result.fits(text(6)?) {
        findings.add(|| match (&call.result, text(6)) {
            (Text::Nothing, _) => format!("{} has a result that no event tells of", name()),
            (_, Ok(None)) => format!("the result of {} is gone", name()),
            _ => format!("the result of {} is not what was recorded", name()),
        });
    }
    if row.get::<_, bool>(7)? != call.told {
        let word = if call.told { "was told" } else { "was not told" };
        findings.add(|| format!("the result of {} {word} to the model", name()));
    }
    if text(14)?.is_some() != call.edited {
        let (row, journal) =
            if call.edited { ("not edited", "were") } else { ("edited", "were not") };
        findings.add(|| {
            format!(
                "the arguments of {} are {row}, and the journal says that they {journal}",
                name()
            )
        });
    }
    // What a person is asked about is what will run. The turn's digest covers the arguments of a call
    // that was not edited, but cannot tell which call of the turn it was.
    if let Some(asked) = text(15)?
        && text(13)? != Some(asked)
    {
        findings.add(|| format!("the arguments of {} are not those that were asked about", name()));
    }
    Ok(())
}

fn programs(
    conn: &Connection,
    run: &str,
    n: i64,
    call: &Call,
    findings: &mut Findings,
) -> Result<i64, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT attempt, pid, start_time FROM programs WHERE call = ?1 ORDER BY n",
    )?;
    let mut found = statement.query([n])?;
    let mut stored: Vec<[Option<i64>; 3]> = Vec::new();
    while let Some(row) = found.next()? {
        stored.push([row.get(0)?, row.get(1)?, row.get(2)?]);
    }
    if stored != call.programs {
        findings.add(|| {
            format!("the programs of call {} of run {run} are not those recorded", call.id)
        });
    }
    Ok(i64::try_from(stored.len()).unwrap_or_default())
}

/// The messages that a run was written down with.
fn first_messages(conn: &Connection, n: i64, count: usize) -> Result<Vec<String>, Fault> {
    let mut statement =
        conn.prepare_cached("SELECT message FROM messages WHERE run = ?1 ORDER BY n LIMIT ?2")?;
    let count = rows::to_stored(count as u64);
    Ok(statement.query_map([n, count], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Compares the messages, in order; stops at the first that does not fit, since all after it may be
/// shifted.
fn history(
    conn: &Connection,
    id: &str,
    n: i64,
    run: &Run,
    calls: &[Stored],
    compared: &mut Compared,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let count: i64 = conn
        .prepare_cached("SELECT count(*) FROM messages WHERE run = ?1")?
        .query_row([n], |row| row.get(0))?;
    compared.messages += count;
    let before = run.created.as_ref().map_or(0, |created| created.history);
    let after = run.history.iter().map(|said| match said {
        Said::Turn { .. } => 1,
        Said::Results { calls, .. } => calls.len(),
    });
    let expected = before + after.sum::<usize>();
    if usize::try_from(count).ok() != Some(expected) {
        findings.add(|| {
            format!(
                "the history of run {id} has {count} messages, and the journal tells of {expected}"
            )
        });
    }
    let mut statement =
        conn.prepare_cached("SELECT message FROM messages WHERE run = ?1 ORDER BY n")?;
    let mut found = statement.query([n])?;
    let mut next = || -> Result<Option<String>, Fault> {
        Ok(found.next()?.map(|row| row.get(0)).transpose()?)
    };
    // Those before the prompt were compared with the run's row.
    for _ in 0..before {
        next()?;
    }
    for said in &run.history {
        let problem = match said {
            Said::Turn { event, turn, contents: recorded, refusals } => {
                let Some(message) = next()? else { return Ok(()) };
                let columns: Vec<Value> = calls
                    .iter()
                    .filter(|call| call.turn == *turn)
                    .map(|call| {
                        let refusal = refusals.then_some(&call.refusal);
                        json!(call.columns.iter().chain(refusal).collect::<Vec<_>>())
                    })
                    .collect();
                let columns = json!([message, columns]);
                let fits = recorded.as_ref().is_none_or(|digest| *digest == contents(&columns));
                (!fits).then(|| {
                    format!(
                        "turn {turn} of run {id}: the model's message, or what its calls are made of, \
                         is not what was recorded (event {event})"
                    )
                })
            }
            Said::Results { event, calls, contents: recorded } => {
                let mut told = Vec::with_capacity(calls.len());
                for call in calls {
                    let Some(message) = next()? else { return Ok(()) };
                    told.push(json!([call, message]));
                }
                let told = json!(told);
                let fits = recorded.as_ref().is_none_or(|digest| *digest == contents(&told));
                (!fits).then(|| {
                    format!(
                        "the results that run {id} was told are not what was recorded (event {event})"
                    )
                })
            }
        };
        if let Some(problem) = problem {
            findings.add(|| problem);
            return Ok(());
        }
    }
    Ok(())
}
