//! The first link: policies. A role of this version names none, and without a policy every call goes
//! on to permissions; the link exists so that no later one can be reached without it.

use super::resolve::Call;
use super::{Refusal, Toolset};

/// A call that policy lets through. Only this file makes one.
pub(super) struct Reviewed(Call);

impl Reviewed {
    pub(super) fn into_call(self) -> Call {
        self.0
    }
}

/// # Errors
/// The refusal of the policy that denied.
pub(super) fn review(_tools: &Toolset, call: Call) -> Result<Reviewed, Refusal> {
    Ok(Reviewed(call))
}
