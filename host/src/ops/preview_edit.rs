//! What a call would be with other arguments, before anybody approves that.

use super::approve_run::nothing_waits;
use super::edit_call::{NewArguments, edit_call};
use super::error::OpError;
use super::find_run::find_call;
use super::host::Host;
use super::open_role::open_stored;
use crate::domain::approval::Preview;
use crate::domain::ids::{CallId, RunId};
use crate::domain::secret::mask;
use crate::domain::tool_call::CallState;

/// A call as it would be, for showing: secrets that are recognised are masked.
#[derive(Debug, Clone)]
pub struct EditPreview {
    /// Its canonical arguments.
    pub arguments: String,
    /// What its tool says would happen; `None` where it says nothing of its own.
    pub preview: Option<Preview>,
}

/// Takes new arguments of a waiting call through the whole gate, and decides nothing; `None` where they are
/// those that it has. What is approved later is taken through it again.
///
/// # Errors
/// [`OpError::Edit`] where they are no arguments of the tool, or the gate refuses what the call would
/// become; [`OpError::Conflict`] where the call does not wait any more.
pub async fn preview_edit(
    host: &Host,
    run: &RunId,
    call: &CallId,
    arguments: &NewArguments,
) -> Result<Option<EditPreview>, OpError> {
    let store = host.store()?;
    let mut turn = store.load_turn(run).await?;
    let opened = open_stored(host, &mut turn).await?;
    // As it would be driven: in place of a token, the value that it stands for.
    let stored = store.load_to_drive(run).await?;
    let Ok(call) = find_call(&stored, call.as_str()) else { return Err(nothing_waits(&turn)) };
    if call.state != CallState::Waiting {
        return Err(nothing_waits(&stored));
    }
    let circumstances = stored.circumstances_of(call, host.clock.now());
    let edited = edit_call(host, &opened, call, arguments, circumstances).await?;
    Ok(edited.map(|(edit, _)| EditPreview {
        arguments: mask(&edit.arguments).into_owned(),
        preview: edit.preview.map(|preview| Preview {
            format: preview.format,
            text: mask(&preview.text).into_owned(),
        }),
    }))
}
