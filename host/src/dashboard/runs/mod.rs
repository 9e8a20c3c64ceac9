//! The runs: all of them, and one.

mod list;
mod panel;
mod rows;
mod show;

pub(super) use list::list;
pub(super) use panel::{of as panel_of, panel};
pub(super) use rows::rows;
pub(super) use show::show;
