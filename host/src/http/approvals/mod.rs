//! What waits for people, and their decisions.

mod decide;
mod list;
mod show;

pub(super) use decide::decide;
pub(super) use list::list;
pub(super) use show::show;
