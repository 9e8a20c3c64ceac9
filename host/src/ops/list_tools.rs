//! What a role's model may call.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use crate::domain::rule::ApprovalRule;
use crate::plugin::Effects;

/// A tool, as the model is told of it, and what the role says of its calls.
#[derive(Debug, Clone)]
pub struct ToolSummary {
    /// The model's name of it.
    pub name: String,
    /// What it does, in its component's words.
    pub description: String,
    /// What its component says that it may do.
    pub effects: Effects,
    /// Who is asked about its calls.
    pub rule: ApprovalRule,
}

/// The tools of a role that was read before, in its order.
///
/// # Errors
/// Every problem found in its entries, or why its model cannot be used.
pub async fn list_tools(host: &Host, file: &RoleFile) -> Result<Vec<ToolSummary>, OpError> {
    let opened = file.open(host).await?;
    let of_entry = opened.tools.entries().iter().flat_map(|entry| {
        entry.tools.iter().map(|tool| ToolSummary {
            name: tool.model_name.clone(),
            description: tool.description.clone(),
            effects: tool.effects,
            rule: entry.entry.approval_rule(&tool.name),
        })
    });
    Ok(of_entry.collect())
}
