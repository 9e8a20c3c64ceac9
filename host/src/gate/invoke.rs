//! Doing it: an admitted call is used up by its one invocation.

use super::approval::{Admitted, input};
use super::{Gate, Toolset};
use crate::plugin::CallError;
use crate::plugin::process::Announce;
use std::time::Duration;

/// What became of an invocation: the text for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the component gave a result.
    pub succeeded: bool,
    /// The text.
    pub result: String,
}

impl Gate {
    /// Invokes an admitted call, which may take `at_most` so long. Whoever calls this has written down
    /// that the call is started, and is told through `announce` of each program before it runs: it lets
    /// the program run once that is written down too.
    pub async fn invoke(
        &self,
        tools: &Toolset,
        admitted: Admitted,
        attempt: u32,
        at_most: Duration,
        announce: Option<Announce>,
    ) -> Outcome {
        let call = admitted.into_call();
        let entry = call.entry(tools);
        let name = &call.tool(tools).name;
        let limits = entry.limits(name).within(at_most);
        match self.runtime.invoke(entry, limits, input(&call, name, attempt), announce).await {
            Ok(result) => Outcome { succeeded: true, result: result.text },
            Err(error) => Outcome { succeeded: false, result: error_text(&error) },
        }
    }
}

/// The text that the model reads for a failure.
pub(super) fn error_text(error: &CallError) -> String {
    match error {
        CallError::InvalidArguments(text) => format!("Invalid arguments: {text}"),
        CallError::Retry(text) => format!("Nothing was done: {text}"),
        CallError::Failed(text) => format!("The tool failed: {text}"),
        CallError::Broken(text) => format!("The tool could not be used: {text}"),
    }
}
