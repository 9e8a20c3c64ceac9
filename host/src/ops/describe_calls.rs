//! What is known of a run's tools besides their calls: for those who decide.

use super::error::OpError;
use super::host::Host;
use super::open_role::open_stored;
use crate::plugin::Effects;
use crate::store::StoredRun;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of a tool.
#[derive(Debug, Clone)]
pub struct CallFacts {
    /// What it does, in its component's words.
    pub description: String,
    /// What its component says that a call may do.
    pub effects: Effects,
    /// The JSON Schema of its arguments.
    pub schema: Value,
}

/// The tools that a run's open calls are of, by the model's name, as the run has them: its own text and
/// components, whatever has become of its role's file. `run` is as it was read.
///
/// # Errors
/// What keeps its role from being used now, such as a variable that is not set.
pub async fn describe_calls(
    host: &Host,
    run: &StoredRun,
) -> Result<BTreeMap<String, CallFacts>, OpError> {
    let mut run = run.clone();
    let opened = open_stored(host, &mut run).await?;
    let tools = opened.tools.entries().iter().flat_map(|entry| &entry.tools);
    let called =
        tools.filter(|tool| run.calls.iter().any(|call| call.model_tool == tool.model_name));
    let facts = called.map(|tool| {
        let facts = CallFacts {
            description: tool.description.clone(),
            effects: tool.effects,
            schema: tool.parameters.source().clone(),
        };
        (tool.model_name.clone(), facts)
    });
    Ok(facts.collect())
}
