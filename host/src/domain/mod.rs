//! Data and state machines: no input or output, no async, no ambient clock or randomness.

pub mod approval;
pub mod budget;
pub mod canonical;
pub mod clock;
pub mod decision;
pub mod digest;
pub mod edit;
pub mod event;
pub mod expiry;
pub mod fnmatch;
pub mod grant;
pub mod ids;
pub mod message;
pub mod moment;
pub mod nearest;
pub mod outbox;
pub mod permission;
pub mod role;
pub mod rule;
pub mod run;
pub mod tool_call;
pub mod visible;
pub mod vote;
pub(crate) mod yaml;
