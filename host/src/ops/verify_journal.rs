//! Checking that nobody changed what was written down.

use super::error::OpError;
use super::host::Host;
use super::read_text::why_unreadable;
use crate::store::{JournalCheck, JournalHead};
use std::path::Path;

/// Walks the whole journal: its chain; the heads in the file beside the database, which show a cut-off
/// end; and every other table, which must hold what the events say. `head` is a file that was kept
/// elsewhere, with a head in some line: it shows that database and heads were rolled back together.
///
/// # Errors
/// Where the database, the key or the kept head cannot be read.
pub async fn verify_journal(host: &Host, head: Option<&Path>) -> Result<JournalCheck, OpError> {
    let kept = head.map_or(Ok(Vec::new()), read)?;
    Ok(host.store()?.check_journal(kept).await?)
}

fn read(path: &Path) -> Result<Vec<JournalHead>, OpError> {
    let text = std::fs::read_to_string(path).map_err(|error| OpError::Setup {
        message: format!(
            "the kept head `{}` cannot be read: {}",
            path.display(),
            why_unreadable(&error)
        ),
        hint: "give a file with a line that `initrunner audit verify` printed".into(),
    })?;
    let heads: Vec<JournalHead> = text.lines().filter_map(JournalHead::parse).collect();
    if heads.is_empty() {
        return Err(OpError::Setup {
            message: format!("the file `{}` holds no head", path.display()),
            hint: "a head is a line with an event's number and its code, as \
                   `initrunner audit verify` prints it"
                .into(),
        });
    }
    Ok(heads)
}
