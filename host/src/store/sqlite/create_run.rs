//! Writes a run down, with everything that a resume will need.

use super::fault::Fault;
use super::journal::contents;
use super::writer::Write;
use super::{components, rows};
use crate::domain::canonical;
use crate::domain::digest::Digest;
use crate::domain::event::EventKind;
use crate::domain::run::RunState;
use crate::store::{Claim, NewRun};
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};
use std::os::unix::ffi::OsStrExt;

/// The first fencing number of a run.
const FIRST_FENCE: i64 = 1;

pub(super) fn create_run(write: &mut Write<'_>, run: &NewRun) -> Result<Claim, Fault> {
    let digest = role_digest(run);
    let role = role(write, run, digest)?;
    write.insert(
        r#"INSERT INTO runs (id, role, state, owner, fence, prompt, "trigger", requester,
             max_requests, max_tool_calls, max_wall_time, created_at, updated_at, reply_to)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13)"#,
        params![
            run.id.as_str(),
            role,
            RunState::Running.as_str(),
            run.owner.as_str(),
            FIRST_FENCE,
            run.prompt,
            run.trigger,
            run.requester,
            run.budgets.max_requests,
            run.budgets.max_tool_calls,
            run.budgets.max_wall_time,
            run.at.0,
            run.reply_to,
        ],
    )?;
    let columns = json!([
        digest.hex(),
        run.prompt,
        run.budgets.max_requests,
        run.budgets.max_tool_calls,
        run.budgets.max_wall_time,
    ]);
    let mut body = json!({
        "contents": contents(&columns),
        "fence": FIRST_FENCE,
        "owner": run.owner,
        "requester": run.requester,
        "trigger": run.trigger,
    });
    if let Some(address) = &run.reply_to {
        body["reply_to"] = json!(address);
    }
    write.record(run.at, &run.id, None, EventKind::RunCreated, &body)?;
    Ok(Claim { run: run.id.clone(), owner: run.owner.clone(), fence: FIRST_FENCE })
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

fn role_digest(run: &NewRun) -> Digest {
    let path = data_encoding::HEXLOWER.encode(run.role_path.as_os_str().as_bytes());
    let components: Vec<Value> = run.components.iter().map(|(d, _)| json!(d.hex())).collect();
    let parts = json!([run.role_name, path, run.role_text, run.files, components]);
    Digest::of(canonical::to_text(&parts).as_bytes())
}
