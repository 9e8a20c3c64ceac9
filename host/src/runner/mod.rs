//! The run loop. [`step`] decides what comes next, purely, from what is written down; [`drive`]
//! performs it. A run that was interrupted anywhere resumes by asking `step` the same question.

mod drive;
mod report;
mod step;

pub use drive::{Driven, Driver, Ended, retriable, specs};
pub use report::{Progress, Reporter, Silent};
