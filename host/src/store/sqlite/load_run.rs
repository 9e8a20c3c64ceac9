//! Reads everything about one run.

use super::fault::Fault;
use super::rows::{self, Asked, AskedColumns};
use super::{bindings, chain, conversations, programs, rules, votes};
use crate::domain::budget::{Budgets, Spent};
use crate::domain::clock::{Timestamp, Uptime};
use crate::domain::decision::{Resolver, SYSTEM};
use crate::domain::digest::Digest;
use crate::domain::ids::RunId;
use crate::domain::message::{Message, Usage};
use crate::domain::tool_call::CallState;
use crate::store::{CallRecord, RunRecord, StoreError, StoredRun};
use rusqlite::{Connection, OptionalExtension, Row};
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStringExt;

pub(super) fn load_run(
    conn: &Connection,
    id: &RunId,
    now: Option<&Uptime>,
) -> Result<StoredRun, Fault> {
    let found = find(conn, id)?;
    let History { messages, earlier, prompt_at } = read_messages(conn, &found)?;
    let calls = read_calls(conn, id, found.n, (1..=i64::MAX, Untold::Left), now)?;
    Ok(StoredRun { run: found.run, messages, earlier, prompt_at, calls })
}

/// Reads the run, the calls of its latest turn, and whatever is open of others.
pub(super) fn load_turn(
    conn: &Connection,
    id: &RunId,
    now: Option<&Uptime>,
) -> Result<StoredRun, Fault> {
    let Found { n, turn, run, .. } = find(conn, id)?;
    let calls = read_calls(conn, id, n, (turn..=turn, Untold::Too), now)?;
    Ok(StoredRun { run, messages: Vec::new(), earlier: 0, prompt_at: 0, calls })
}

/// Reads what going on with a run takes: the whole history, and of its calls those of the latest turn and
/// whatever is open of others. A call whose result was told is in the history.
pub(super) fn load_to_go_on(
    conn: &Connection,
    id: &RunId,
    now: Option<&Uptime>,
) -> Result<StoredRun, Fault> {
    let found = find(conn, id)?;
    let History { messages, earlier, prompt_at } = read_messages(conn, &found)?;
    let calls = read_calls(conn, id, found.n, (found.turn..=found.turn, Untold::Too), now)?;
    Ok(StoredRun { run: found.run, messages, earlier, prompt_at, calls })
}

/// A run that was found.
struct Found {
    /// Its number.
    n: i64,
    /// That of its latest turn.
    turn: i64,
    /// How many of its own messages come before the prompt.
    history: usize,
    /// The number of the conversation that it is a part of.
    conversation: Option<i64>,
    run: RunRecord,
}

fn find(conn: &Connection, id: &RunId) -> Result<Found, Fault> {
    let found = conn
        .prepare_cached(
            r#"SELECT runs.n, state, owner, fence, name, text, path, files, prompt, "trigger",
                 requester, max_requests, max_tool_calls, max_wall_time, requests, tool_calls,
                 wall_ms, input_tokens, output_tokens, outcome, created_at, updated_at, role,
                 turns, history, runs.conversation
               FROM runs JOIN roles ON roles.n = runs.role WHERE id = ?1"#,
        )?
        .query_row([id.as_str()], |row| {
            Ok((
                row.get(0)?,
                row.get(23)?,
                row.get::<_, i64>(24)?,
                row.get::<_, Option<i64>>(25)?,
                run(conn, row, id),
            ))
        })
        .optional()?;
    match found {
        Some((n, turn, history, conversation, run)) => {
            let mut run = run?;
            run.conversation = conversation.map(|n| conversations::id(conn, n)).transpose()?;
            let history = usize::try_from(history).unwrap_or_default();
            Ok(Found { n, turn, history, conversation, run })
        }
        None => Err(StoreError::UnknownRun(id.to_string()).into()),
    }
}

fn run(conn: &Connection, row: &Row<'_>, id: &RunId) -> Result<RunRecord, Fault> {
    let (state, owner) = rows::standing(id, &row.get::<_, String>(1)?, row.get(2)?)?;
    Ok(RunRecord {
        id: id.clone(),
        state,
        owner,
        fence: row.get(3)?,
        role_name: row.get(4)?,
        role_text: row.get(5)?,
        role_path: OsString::from_vec(row.get(6)?).into(),
        files: serde_json::from_str(&row.get::<_, String>(7)?)?,
        components: components(conn, row.get(22)?)?,
        // Looked up where there is one.
        conversation: None,
        prompt: row.get(8)?,
        trigger: row.get(9)?,
        requester: row.get(10)?,
        budgets: Budgets {
            max_requests: row.get(11)?,
            max_tool_calls: row.get(12)?,
            max_wall_time: row.get(13)?,
        },
        spent: Spent {
            requests: row.get(14)?,
            tool_calls: row.get(15)?,
            wall_ms: rows::from_stored(row.get(16)?),
        },
        usage: Usage {
            input_tokens: rows::from_stored(row.get(17)?),
            output_tokens: rows::from_stored(row.get(18)?),
        },
        outcome: row.get(19)?,
        created_at: Timestamp(row.get(20)?),
        updated_at: Timestamp(row.get(21)?),
    })
}

fn components(conn: &Connection, role: i64) -> Result<Vec<Digest>, Fault> {
    let mut statement = conn
        .prepare_cached("SELECT digest FROM role_components WHERE role = ?1 ORDER BY position")?;
    let mut found = statement.query([role])?;
    let mut digests = Vec::new();
    while let Some(row) = found.next()? {
        digests.push(rows::digest(row.get(0)?)?);
    }
    Ok(digests)
}

/// What was said, how much of it in earlier runs, and where the prompt is.
struct History {
    messages: Vec<Message>,
    earlier: usize,
    prompt_at: usize,
}

/// Reads the messages. The prompt is stored with the run; before it come those of earlier runs of the
/// conversation, and those that the client gave.
fn read_messages(conn: &Connection, found: &Found) -> Result<History, Fault> {
    let mut messages = match found.conversation {
        Some(conversation) => conversations::earlier(conn, conversation, found.n)?,
        None => Vec::new(),
    };
    let earlier = messages.len();
    let (run, prompt_at) = (&found.run, earlier + found.history);
    let mut statement =
        conn.prepare_cached("SELECT message FROM messages WHERE run = ?1 ORDER BY n")?;
    let mut stored = statement.query([found.n])?;
    loop {
        if messages.len() == prompt_at {
            messages.push(Message::User { text: run.prompt.clone() });
        }
        let Some(row) = stored.next()? else { break };
        messages.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
    }
    if messages.len() <= prompt_at {
        return Err(Fault::Inconsistent(format!(
            "run {} began with {} messages, and some are gone",
            run.id, found.history
        )));
    }
    Ok(History { messages, earlier, prompt_at })
}

/// The calls of one turn, in emitted order.
pub(super) fn calls_of_turn(
    conn: &Connection,
    id: &RunId,
    run: i64,
    turn: i64,
) -> Result<Vec<CallRecord>, Fault> {
    // None of them was started yet, so none has a program.
    read_calls(conn, id, run, (turn..=turn, Untold::Left), None)
}

/// What is read beside the calls of some turns.
#[derive(Debug, Clone, Copy)]
enum Untold {
    /// Nothing.
    Left,
    /// Every call whose result was not told.
    Too,
}

fn read_calls(
    conn: &Connection,
    id: &RunId,
    run: i64,
    (turns, untold): (RangeInclusive<i64>, Untold),
    now: Option<&Uptime>,
) -> Result<Vec<CallRecord>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT id, turn, position, entry, calls.tool, model_tool, provider_id, calls.arguments,
           calls.state, attempts, result, told, calls.created_at, preview_format, preview, binding,
           changed, request, resolved_at, resolved_by, authenticated_as, decision, reason,
           shared_binding, proposed, rule, source, expires_at, calls.n, escalates_at, escalated_at
         FROM calls LEFT JOIN pending_approvals AS asked ON asked.n = calls.request
         WHERE run = ?1 AND (turn BETWEEN ?2 AND ?3 OR told < ?4) ORDER BY turn, position",
    )?;
    let told = match untold {
        Untold::Left => 0,
        Untold::Too => 1,
    };
    let mut found = statement.query([run, *turns.start(), *turns.end(), told])?;
    let mut calls = Vec::new();
    while let Some(row) = found.next()? {
        calls.push(call(conn, row, id, now)?);
    }
    Ok(calls)
}

fn call(
    conn: &Connection,
    row: &Row<'_>,
    run: &RunId,
    now: Option<&Uptime>,
) -> Result<CallRecord, Fault> {
    let id = rows::call_id(&row.get::<_, String>(0)?)?;
    let state = rows::call_state(&row.get::<_, String>(8)?)?;
    let attempts: u32 = row.get(9)?;
    let result: Option<String> = row.get(10)?;
    let told: bool = row.get(11)?;
    let request: Option<i64> = row.get(17)?;
    let (proposed, rule): (Option<String>, Option<i64>) = (row.get(24)?, row.get(25)?);
    let source: Option<i64> = row.get(26)?;
    let asked = rows::asked(AskedColumns {
        request,
        resolved_at: row.get(18)?,
        resolved_by: row.get(19)?,
        authenticated_as: row.get(20)?,
        decision: row.get(21)?,
        reason: row.get(22)?,
    })?;
    rows::check_call(&id, state, &asked, result.is_some(), attempts, told)?;
    let (decision, resolver, decided_at) = match asked {
        Asked::Decided { decision, resolver, at } => (Some(decision), Some(resolver), Some(at)),
        Asked::Expired { at } => {
            (None, Some(Resolver { authenticated_as: SYSTEM.into(), note: None }), Some(at))
        }
        Asked::Never | Asked::Open | Asked::Closed => (None, None, None),
    };
    let (expires_at, escalates_at): (Option<i64>, Option<i64>) = (row.get(27)?, row.get(29)?);
    let asked_now = matches!(state, CallState::Waiting | CallState::Unknown);
    let running = match state {
        CallState::Unknown => programs::running(conn, row.get(28)?, now)?,
        _ => None,
    };
    let votes = match request {
        // Under the plain rule nobody votes.
        Some(request) if rule.is_some() => votes::read(conn, request)?,
        _ => Vec::new(),
    };
    let edits = match request {
        Some(request) if proposed.is_some() => chain::edits(conn, request)?,
        _ => Vec::new(),
    };
    Ok(CallRecord {
        rule: request.map(|_| rules::read(conn, rule)).transpose()?,
        remembered_from: source
            .map(|source| chain::other_call(conn, source, &id))
            .transpose()?
            .flatten(),
        request,
        proposed,
        edits,
        votes,
        id,
        run: run.clone(),
        turn: row.get(1)?,
        position: row.get(2)?,
        entry: row.get(3)?,
        tool: row.get(4)?,
        model_tool: row.get(5)?,
        provider_id: row.get(6)?,
        arguments: row.get(7)?,
        state,
        preview: rows::preview(row.get(13)?, row.get(14)?)?,
        binding: match told {
            // Nothing is compared with it any more.
            true => None,
            false => bindings::read(conn, (row.get(23)?, row.get(15)?))?,
        },
        decision,
        resolver,
        decided_at,
        changed: rows::changed(row.get(16)?)?,
        expires_at: expires_at.filter(|_| state == CallState::Waiting).map(Timestamp),
        escalates_at: escalates_at.filter(|_| asked_now).map(Timestamp),
        escalated_at: row.get::<_, Option<i64>>(30)?.map(Timestamp),
        attempts,
        running,
        result,
        told,
        created_at: Timestamp(row.get(12)?),
    })
}
