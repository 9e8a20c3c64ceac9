//! What a run tells whoever watches it. Nothing here is part of the run.

use crate::domain::approval::Preview;
use crate::domain::ids::CallId;
use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A paused or interrupted run goes on in this process.
    Resumed,
    /// A request to the model begins.
    Asking,
    /// The model said more.
    Text(&'a str),
    /// The model's answer is complete.
    Answered,
    /// The request failed and will be tried again.
    Retrying {
        /// After how long.
        after: Duration,
        /// Why.
        why: &'a str,
    },
    /// A tool begins.
    CallStarted {
        /// Our id.
        call: &'a CallId,
        /// The model's name of the tool.
        tool: &'a str,
        /// Canonical arguments.
        arguments: &'a str,
        /// What a person saw, where one was asked.
        preview: Option<&'a Preview>,
    },
    /// A tool ended.
    CallEnded {
        /// Our id.
        call: &'a CallId,
        /// The model's name of the tool.
        tool: &'a str,
        /// Whether it gave a result.
        succeeded: bool,
        /// How long it took.
        took: Duration,
    },
    /// A call is approved as an equal one was.
    CallRemembered {
        /// The model's name of the tool.
        tool: &'a str,
        /// Who approved the other one, as shown.
        by: &'a str,
        /// The other one.
        from: &'a CallId,
    },
    /// The gate refused a call.
    CallRefused {
        /// The model's name of the tool.
        tool: &'a str,
        /// What the model is told.
        why: &'a str,
    },
}

/// Somebody who watches.
pub trait Reporter: Send {
    /// Told as it happens. Must not block for long.
    fn report(&mut self, progress: Progress<'_>);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&mut self, _: Progress<'_>) {}
}
