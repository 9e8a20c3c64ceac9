//! The roles that are served, and running one.

mod list;
mod show;
mod start;

pub(super) use list::list;
pub(super) use show::show;
pub(super) use start::start;
