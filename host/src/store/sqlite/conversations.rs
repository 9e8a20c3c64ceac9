//! Conversations: each run begins with what was said in those before it, which is read and not copied.
//!
//! The runs of a conversation are those that name it, in the order they were written down: one begins only
//! after the one before it has ended. So no run has to name another; reading needs one query for all that
//! was said, and a look at each run's calls. Pruning takes all runs of a conversation or none.

use super::fault::Fault;
use super::run_row::RunRow;
use super::writer::Write;
use super::{rows, sealed};
use crate::domain::message::Message;
use crate::domain::tool_call::{CallState, NOT_EXECUTED, UNKNOWN_RESULT};
use crate::store::{Conflict, Conversation, ConversationRecord};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// What a run is written down with.
pub(super) struct Place {
    /// The conversation's number.
    pub(super) n: i64,
    /// The id of the run before it.
    pub(super) follows: Option<String>,
}

/// Where a new run of a conversation goes: behind all others, which have ended, or will have when the turn of
/// one that is `queued` comes.
pub(super) fn enter(
    write: &Write<'_>,
    role: &str,
    conversation: &Conversation,
    queued: bool,
) -> Result<Place, Fault> {
    let Some(n) = number(write.conn, role, conversation)? else {
        let n = write.insert(
            "INSERT INTO conversations (owner, role, id) VALUES (?1, ?2, ?3)",
            params![conversation.owner, role, conversation.id.as_str()],
        )?;
        return Ok(Place { n, follows: None });
    };
    let latest = write
        .conn
        .prepare_cached(
            "SELECT id, state FROM runs WHERE conversation = ?1 ORDER BY n DESC LIMIT 1",
        )?
        .query_row([n], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((id, state)) = latest else { return Ok(Place { n, follows: None }) };
    let state = rows::run_state(&state)?;
    if !queued && !state.is_final() {
        return Err(Conflict::ConversationBusy { run: rows::run_id(&id)?, state }.into());
    }
    Ok(Place { n, follows: Some(id) })
}

/// Refuses to begin with a run as long as one before it in its conversation has not ended.
pub(super) fn refuse_out_of_turn(conn: &Connection, run: &RunRow) -> Result<(), Fault> {
    let before = conn
        .prepare_cached(
            "SELECT earlier.id, earlier.state FROM runs AS earlier
             WHERE earlier.conversation = (SELECT conversation FROM runs WHERE n = ?1)
               AND earlier.n < ?1 AND earlier.state NOT IN ('completed', 'failed', 'cancelled')
             ORDER BY earlier.n LIMIT 1",
        )?
        .query_row([run.n], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    match before {
        None => Ok(()),
        Some((id, state)) => {
            let (run, state) = (rows::run_id(&id)?, rows::run_state(&state)?);
            Err(Conflict::ConversationBusy { run, state }.into())
        }
    }
}

fn number(
    conn: &Connection,
    role: &str,
    conversation: &Conversation,
) -> Result<Option<i64>, Fault> {
    Ok(conn
        .prepare_cached("SELECT n FROM conversations WHERE owner = ?1 AND role = ?2 AND id = ?3")?
        .query_row(params![conversation.owner, role, conversation.id.as_str()], |row| row.get(0))
        .optional()?)
}

/// How far a conversation goes; nothing where it has no run.
pub(super) fn conversation(
    conn: &Connection,
    role: &str,
    conversation: &Conversation,
) -> Result<Option<ConversationRecord>, Fault> {
    let Some(n) = number(conn, role, conversation)? else { return Ok(None) };
    let mut statement = conn.prepare_cached(
        "SELECT n, id, state, history FROM runs WHERE conversation = ?1 ORDER BY n",
    )?;
    let mut found = statement.query([n])?;
    let mut known: Option<ConversationRecord> = None;
    while let Some(row) = found.next()? {
        let before = known.map_or((0, 0), |known| (known.runs, known.user_turns));
        known = Some(ConversationRecord {
            latest: rows::run_id(row.get_ref(1)?.as_str()?)?,
            state: rows::run_state(row.get_ref(2)?.as_str()?)?,
            runs: before.0 + 1,
            user_turns: before.1 + 1 + said_by_user(conn, row.get(0)?, row.get(3)?)?,
        });
    }
    Ok(known)
}

/// How many of the messages before a run's prompt are the user's.
fn said_by_user(conn: &Connection, run: i64, history: i64) -> Result<usize, Fault> {
    if history == 0 {
        return Ok(0);
    }
    let count: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM (SELECT message FROM messages WHERE run = ?1 ORDER BY n LIMIT ?2)
             WHERE json_extract(message, '$.kind') = 'user'",
        )?
        .query_row([run, history], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The client's name of a conversation.
pub(super) fn id(conn: &Connection, n: i64) -> Result<String, Fault> {
    let mut statement = conn.prepare_cached("SELECT id FROM conversations WHERE n = ?1")?;
    Ok(statement.query_row([n], |row| row.get(0))?)
}

/// A run of the conversation that is being read.
struct Earlier {
    n: i64,
    prompt: Option<String>,
    /// How many messages come before the prompt.
    history: i64,
}

/// Everything that was said in the runs of a conversation before the run `before`.
///
/// What was sealed in them stays so: they have ended, and nothing of them is kept. A provider's own message
/// in which a token stands is left out, since no provider wrote it; what it said is there without it. A call
/// without a result gets one that says so, because models refuse a history in which one is missing.
pub(super) fn earlier(
    conn: &Connection,
    conversation: i64,
    before: i64,
) -> Result<Vec<Message>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT runs.n, message, prompt, history
         FROM runs LEFT JOIN messages ON messages.run = runs.n
         WHERE conversation = ?1 AND runs.n < ?2 ORDER BY runs.n, messages.n",
    )?;
    let mut found = statement.query([conversation, before])?;
    let mut messages = Vec::new();
    let mut current: Option<Earlier> = None;
    while let Some(row) = found.next()? {
        let n: i64 = row.get(0)?;
        if current.as_ref().is_none_or(|run| run.n != n) {
            finish(conn, current.take(), &mut messages)?;
            current = Some(Earlier { n, prompt: Some(row.get(2)?), history: row.get(3)? });
        }
        let Some(run) = &mut current else { continue };
        if run.history == 0 {
            messages.extend(run.prompt.take().map(|text| Message::User { text }));
        }
        run.history -= 1;
        if let Some(text) = row.get_ref(1)?.as_str_or_null()? {
            messages.push(message(text)?);
        }
    }
    finish(conn, current, &mut messages)?;
    Ok(messages)
}

fn message(text: &str) -> Result<Message, Fault> {
    let mut message = serde_json::from_str(text)?;
    if let Message::Assistant { raw, .. } = &mut message {
        raw.take_if(|raw| sealed::has_token(&raw.json));
    }
    Ok(message)
}

/// Ends what is read of a run.
fn finish(
    conn: &Connection,
    run: Option<Earlier>,
    messages: &mut Vec<Message>,
) -> Result<(), Fault> {
    let Some(run) = run else { return Ok(()) };
    messages.extend(run.prompt.map(|text| Message::User { text }));
    let mut statement = conn.prepare_cached(
        "SELECT id, provider_id, model_tool, state, result FROM calls
         WHERE run = ?1 AND told = 0 ORDER BY turn, position",
    )?;
    let mut found = statement.query([run.n])?;
    while let Some(row) = found.next()? {
        messages.push(untold(row)?);
    }
    Ok(())
}

/// What becomes of a call whose run ended before its result was told.
fn untold(row: &Row<'_>) -> Result<Message, Fault> {
    let state = rows::call_state(row.get_ref(3)?.as_str()?)?;
    let content = match row.get::<_, Option<String>>(4)? {
        Some(result) => result,
        None if matches!(state, CallState::Started | CallState::Unknown) => UNKNOWN_RESULT.into(),
        None => NOT_EXECUTED.into(),
    };
    Ok(Message::ToolResult {
        call: rows::call_id(row.get_ref(0)?.as_str()?)?,
        provider_id: row.get(1)?,
        tool: row.get(2)?,
        content,
        is_error: state != CallState::Succeeded,
    })
}
