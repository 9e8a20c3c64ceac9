//! What a person makes of a waiting call: its new arguments, taken through the whole gate as the model's
//! were. Nothing is written down here.

use super::error::OpError;
use super::host::Host;
use super::open_role::{Opened, why_unreadable};
use crate::domain::canonical::{self, Canonical};
use crate::domain::edit::{self, Change};
use crate::domain::policy::{Circumstances, PolicyRecord};
use crate::domain::secret::{SEAL_BEGIN, SEAL_END, SEAL_LENGTH, mask};
use crate::domain::visible::one_line;
use crate::gate::{Proposed, Waiting};
use crate::store::{CallRecord, Edit};
use cap_std::ambient_authority;
use cap_std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file of arguments: as much as one call can hold, since no answer of a model is larger.
const LARGEST_ARGUMENTS: u64 = 16 << 20;

/// How a person changes a call's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewArguments {
    /// Some keys; the others stay.
    Set(Vec<Change>),
    /// All of them: a JSON object.
    Json(String),
    /// All of them, from a file.
    File(PathBuf),
}

/// The edit, as the gate answers it, and what policies said of it; `None` where it changes nothing.
///
/// # Errors
/// [`OpError::Edit`] where it is no edit, or the gate refuses what the call would become.
pub(super) async fn edit_call(
    host: &Host,
    opened: &Opened,
    call: &CallRecord,
    arguments: &NewArguments,
    circumstances: Circumstances,
) -> Result<Option<(Edit, Vec<PolicyRecord>)>, OpError> {
    let refuse = |sentence: String| OpError::Edit {
        call: call.id.clone(),
        sentence: mask(&sentence).into_owned(),
    };
    let text = edited(opened, call, arguments).map_err(refuse)?;
    let text = opened.secrets.redact_arguments(&text).into_owned();
    if let Some(token) = tokens(&text).find(|token| !call.arguments.contains(token)) {
        return Err(refuse(format!(
            "`{token}` stands for a secret that is shown to nobody, and cannot be written; keep its key \
             and change the others with `--set`"
        )));
    }
    if text == call.arguments {
        return Ok(None);
    }
    let proposed = Proposed {
        run: call.run.clone(),
        id: call.id.clone(),
        tool: call.model_tool.clone(),
        arguments: text,
        circumstances,
    };
    let mut answer = host.gate()?.reconsider(&opened.tools, &proposed).await;
    answer.said.iter_mut().for_each(|record| record.edited = true);
    match answer.outcome {
        Ok(waiting) => {
            let Waiting { preview, binding, rule, changed: _ } = waiting;
            let edit = Edit { arguments: answer.arguments, preview, binding, rule };
            Ok(Some((edit, answer.said)))
        }
        Err(refusal) => {
            let at = proposed.circumstances.at;
            if !answer.said.is_empty() {
                host.store()?.record_policies(&call.run, &call.id, answer.said, at).await?;
            }
            Err(refuse(format!(
                "the call would be {}: {}",
                crate::domain::tool_call::CallState::Refused(refusal.by),
                refusal.result
            )))
        }
    }
}

/// The tokens of sealed values in a text.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(SEAL_BEGIN).filter_map(|(begin, _)| {
        let length = SEAL_BEGIN.len() + SEAL_LENGTH + SEAL_END.len();
        let token = text.get(begin..begin + length)?;
        token.ends_with(SEAL_END).then_some(token)
    })
}

/// The new arguments' canonical text, or why there is none.
fn edited(opened: &Opened, call: &CallRecord, arguments: &NewArguments) -> Result<String, String> {
    let whole = |text: &str| {
        if text.trim().is_empty() {
            return Err("the arguments are empty; write `{}` for none".to_owned());
        }
        let read = Canonical::arguments(text);
        read.map(|arguments| arguments.text().to_owned()).map_err(|error| error.to_string())
    };
    match arguments {
        NewArguments::Json(text) => whole(text),
        NewArguments::File(path) => whole(&read_file(path)?),
        NewArguments::Set(changes) => {
            let schema = opened
                .tools
                .parameters(&call.model_tool)
                .ok_or_else(|| format!("the role has no tool `{}`", one_line(&call.model_tool)))?;
            let current =
                Canonical::arguments(&call.arguments).map_err(|error| error.to_string())?;
            let edited = edit::apply(schema, current.value(), changes)?;
            Ok(canonical::to_text(&edited))
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| {
        format!("the file `{shown}` cannot be read: {}", why_unreadable(&error))
    };
    let file = File::open_ambient(path, ambient_authority()).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_ARGUMENTS + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST_ARGUMENTS {
        return Err(format!("the file `{shown}` is larger than {} MiB", LARGEST_ARGUMENTS >> 20));
    }
    String::from_utf8(bytes).map_err(|_| format!("the file `{shown}` is not text in UTF-8"))
}
