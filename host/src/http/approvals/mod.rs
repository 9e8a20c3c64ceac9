//! What waits for people, and their decisions.

mod decide;
mod list;
mod show;

pub(crate) use decide::decide;
pub(super) use list::list;
pub(crate) use show::show;
