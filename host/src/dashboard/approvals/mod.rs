//! What waits for a decision, and deciding.

mod pending;
mod queue;
mod send;

pub(super) use pending::pending;
pub(super) use queue::queue;
pub(super) use send::send;
