//! Writes a run down, with everything that a resume will need.

use super::fault::Fault;
use super::journal::contents;
use super::writer::Write;
use super::{components, conversations, idempotency, message, rows};
use crate::domain::canonical;
use crate::domain::digest::Digest;
use crate::domain::event::EventKind;
use crate::domain::ids::OwnerId;
use crate::domain::run::RunState;
use crate::store::{Claim, NewRun};
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

/// The first fencing number of a run.
const FIRST_FENCE: i64 = 1;

pub(super) fn create_run(
    write: &mut Write<'_>,
    run: &NewRun,
    owner: &OwnerId,
) -> Result<Claim, Fault> {
    write_down(write, run, Some(owner))?;
    Ok(Claim { run: run.id.clone(), owner: owner.clone(), fence: FIRST_FENCE })
}

/// Writes a run down that somebody drives, or that waits for its turn.
pub(super) fn write_down(
    write: &mut Write<'_>,
    run: &NewRun,
    owner: Option<&OwnerId>,
) -> Result<(), Fault> {
    idempotency::refuse_repeated(write, run.idempotency.as_ref())?;
    let place = match &run.conversation {
        Some(it) => Some(conversations::enter(write, &run.role_name, it, owner.is_none())?),
        None => None,
    };
    let components: Vec<Digest> = run.components.iter().map(|(digest, _)| *digest).collect();
    let digest = role_digest(&Role {
        name: &run.role_name,
        path: run.role_path.as_os_str().as_bytes(),
        text: &run.role_text,
        files: &run.files,
        components: &components,
    });
    let role = role(write, run, digest)?;
    let state = if owner.is_some() { RunState::Running } else { RunState::Queued };
    let reply_to = addresses(&run.reply_to);
    let n = write.insert(
        r#"INSERT INTO runs (id, role, state, owner, fence, prompt, "trigger", requester,
             max_requests, max_tool_calls, max_wall_time, created_at, updated_at, reply_to, history,
             conversation)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13, ?14, ?15)"#,
        params![
            run.id.as_str(),
            role,
            state.as_str(),
            owner.map(OwnerId::as_str),
            FIRST_FENCE,
            run.prompt,
            run.trigger,
            run.requester,
            run.budgets.max_requests,
            run.budgets.max_tool_calls,
            run.budgets.max_wall_time,
            run.at.0,
            reply_to,
            rows::to_stored(run.history.len() as u64),
            place.as_ref().map(|place| place.n),
        ],
    )?;
    let history = run.history.iter().map(|said| message::append(write, n, said));
    let history: Vec<String> = history.collect::<Result<_, Fault>>()?;
    let limits = &run.budgets;
    let limits = [limits.max_requests, limits.max_tool_calls, limits.max_wall_time];
    let conversation = run.conversation.as_ref().zip(place.as_ref()).map(|(it, place)| {
        let follows = place.follows.as_deref();
        Continued { owner: &it.owner, role: &run.role_name, id: it.id.as_str(), follows }
    });
    let columns = columns(
        &digest.hex(),
        &run.prompt,
        limits,
        reply_to.as_deref(),
        &history,
        conversation.as_ref(),
    );
    let mut body = json!({
        "contents": contents(&columns),
        "fence": FIRST_FENCE,
        "owner": owner,
        "requester": run.requester,
        "trigger": run.trigger,
    });
    if !history.is_empty() {
        body["history"] = json!(history.len());
    }
    write.record(run.at, &run.id, None, EventKind::RunCreated, &body)?;
    idempotency::record(write, run.idempotency.as_ref(), &run.id, run.at)
}

/// The addresses as they are stored; nothing where there are none.
fn addresses(reply_to: &[String]) -> Option<String> {
    (!reply_to.is_empty()).then(|| reply_to.join("\n"))
}

/// What the digest in the event covers: written here and checked by the journal's verification. The
/// addresses, one text, has a place only where there is one, and so have the list of the messages before the
/// prompt and the object of the conversation.
pub(super) fn columns<N: Into<i64>>(
    role: &str,
    prompt: &str,
    limits: [N; 3],
    reply_to: Option<&str>,
    history: &[String],
    conversation: Option<&Continued<'_>>,
) -> Value {
    let [requests, calls, time] = limits.map(Into::into);
    let mut columns = vec![json!(role), json!(prompt), json!(requests), json!(calls), json!(time)];
    columns.extend(reply_to.map(|address| json!(address)));
    if !history.is_empty() {
        columns.push(json!(history));
    }
    columns.extend(
        conversation
            .map(|it| json!({"conversation": [it.owner, it.role, it.id], "follows": it.follows})),
    );
    columns.into()
}

/// A run's place in a conversation.
pub(super) struct Continued<'c> {
    pub(super) owner: &'c str,
    pub(super) role: &'c str,
    pub(super) id: &'c str,
    /// The run before it.
    pub(super) follows: Option<&'c str>,
}

/// The row of what the run is made of: an earlier run's where nothing differs.
fn role(write: &Write<'_>, run: &NewRun, digest: Digest) -> Result<i64, Fault> {
    components::keep(write, &run.components, run.at)?;
    let known = write
        .conn
        .prepare_cached("SELECT n FROM roles WHERE digest = ?1")?
        .query_row([digest.as_bytes()], |row| row.get(0))
        .optional()?;
    if let Some(n) = known {
        return Ok(n);
    }
    let role = write.insert(
        "INSERT INTO roles (digest, name, path, text, files) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            digest.as_bytes(),
            run.role_name,
            run.role_path.as_os_str().as_bytes(),
            run.role_text,
            serde_json::to_string(&run.files)?,
        ],
    )?;
    for (position, (component, _)) in run.components.iter().enumerate() {
        write.execute(
            "INSERT INTO role_components (role, position, digest) VALUES (?1, ?2, ?3)",
            params![role, rows::to_stored(position as u64), component.as_bytes()],
        )?;
    }
    Ok(role)
}

/// What a run is made of, as it is stored once.
pub(super) struct Role<'r> {
    pub(super) name: &'r str,
    pub(super) path: &'r [u8],
    pub(super) text: &'r str,
    pub(super) files: &'r BTreeMap<String, String>,
    pub(super) components: &'r [Digest],
}

/// The digest that stands for all of it in the journal.
pub(super) fn role_digest(role: &Role<'_>) -> Digest {
    let path = data_encoding::HEXLOWER.encode(role.path);
    let components: Vec<Value> = role.components.iter().map(|d| json!(d.hex())).collect();
    let parts = json!([role.name, path, role.text, role.files, components]);
    Digest::of(canonical::to_text(&parts).as_bytes())
}
