//! The second link: the role's permissions, read afresh each time.

use super::policy::Reviewed;
use super::resolve::Call;
use super::{Refusal, Toolset};
use crate::domain::tool_call::RefusedBy;

/// A call that the role's permissions let through. Only this file makes one.
pub(super) struct Permitted(Call);

impl Permitted {
    pub(super) fn into_call(self) -> Call {
        self.0
    }
}

/// # Errors
/// The refusal, naming the rule and never a value.
pub(super) fn check(tools: &Toolset, reviewed: Reviewed) -> Result<Permitted, Refusal> {
    let call = reviewed.into_call();
    let name = &call.tool(tools).name;
    for permissions in call.entry(tools).entry.permissions_of(name) {
        permissions.check(call.arguments.value()).map_err(|refusal| Refusal {
            by: RefusedBy::Permission,
            result: format!("This call is {refusal}."),
        })?;
    }
    Ok(Permitted(call))
}
