//! Calls that a person changes.

use crate::domain::approval::{Binding, Preview};
use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;
use crate::domain::rule::ApprovalRule;

/// What a person makes of a waiting call, as the gate answered it: like a call of the model's, it waits.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The new canonical arguments.
    pub arguments: String,
    /// What the person sees.
    pub preview: Option<Preview>,
    /// What the approval will be for.
    pub binding: Binding,
    /// Who must approve.
    pub rule: ApprovalRule,
}

/// An edit, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The canonical arguments before.
    pub from: String,
    /// The canonical arguments after.
    pub to: String,
    /// Who made it.
    pub resolver: Resolver,
    /// When.
    pub at: Timestamp,
}
