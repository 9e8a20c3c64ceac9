//! From what the model wrote to a call of a tool: the name, strict canonical arguments, the schema.

use super::{Answer, Proposed, Refusal, Toolset, Verdict};
use crate::domain::canonical::Canonical;
use crate::domain::ids::{CallId, RunId};
use crate::domain::nearest::nearest;
use crate::domain::tool_call::RefusedBy;
use crate::plugin::{LoadedEntry, LoadedTool};

/// A call of a tool that exists, with arguments that fit its schema.
pub(super) struct Call {
    pub(super) run: RunId,
    pub(super) id: CallId,
    pub(super) arguments: Canonical,
    entry: usize,
    tool: usize,
}

/// Why it is no call.
pub(super) struct Unresolved {
    place: Option<(String, String)>,
    refusal: Refusal,
}

/// # Errors
/// The refusal, for the model: nobody is asked about a call that cannot be right.
pub(super) fn resolve(tools: &Toolset, call: &Proposed) -> Result<Call, Unresolved> {
    let (entry, tool, arguments) = locate(tools, &call.tool, &call.arguments)?;
    Ok(Call { run: call.run.clone(), id: call.id.clone(), arguments, entry, tool })
}

/// The entry, the tool within it, and arguments that fit it: of a call in a run, or of one that somebody
/// only asks about.
///
/// # Errors
/// As for [`resolve`].
pub(super) fn locate(
    tools: &Toolset,
    name: &str,
    arguments: &str,
) -> Result<(usize, usize, Canonical), Unresolved> {
    let refuse =
        |place, result| Unresolved { place, refusal: Refusal { by: RefusedBy::Arguments, result } };
    let Some((entry, tool)) = tools.find(name) else {
        let hint = match nearest(name, tools.model_names()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        return Err(refuse(None, format!("There is no tool of that name{hint}")));
    };
    let found = &tools.entries()[entry].tools[tool];
    let place = || Some((tools.entries()[entry].entry.name.clone(), found.name.clone()));
    let arguments = Canonical::arguments(arguments)
        .map_err(|error| refuse(place(), format!("Invalid arguments: {error}")))?;
    found
        .parameters
        .check(arguments.value())
        .map_err(|clause| refuse(place(), format!("Invalid arguments: {clause}")))?;
    Ok((entry, tool, arguments))
}

impl Call {
    pub(super) fn entry<'t>(&self, tools: &'t Toolset) -> &'t LoadedEntry {
        &tools.entries()[self.entry]
    }

    pub(super) fn tool<'t>(&self, tools: &'t Toolset) -> &'t LoadedTool {
        &self.entry(tools).tools[self.tool]
    }

    /// Which of the role's entries it calls.
    pub(super) fn place(&self) -> usize {
        self.entry
    }

    pub(super) fn describe(&self, tools: &Toolset) -> (String, String, String) {
        let entry = self.entry(tools).entry.name.clone();
        (entry, self.tool(tools).name.clone(), self.arguments.text().to_owned())
    }
}

impl Unresolved {
    pub(super) fn into_refusal(self) -> Refusal {
        self.refusal
    }

    pub(super) fn into_answer(self, call: &Proposed) -> Answer {
        let (entry, tool) = self.place.unwrap_or_else(|| (String::new(), call.tool.clone()));
        Answer {
            entry,
            tool,
            arguments: call.arguments.clone(),
            verdict: Verdict::Refused(self.refusal),
            said: Vec::new(),
        }
    }
}
