//! What is counted, traced and logged of what this process does, for whoever operates it. Nothing here is part
//! of a run: a run goes on whether or not anybody looks, and never waits for it.
//!
//! Three things are told at once, by [`Observer::run`] and what it gives: a number in [`Metrics`], an event of
//! `tracing` for the log, and, where a collector is named, a span for it. None of them ever holds a prompt, a
//! message, an argument, a result, a reason or a secret: ids, names that roles give, counts and times alone.

mod export;
mod metrics;
mod watch;

pub use export::Traces;
pub use metrics::{CONTENT_TYPE, Metrics};
pub use watch::{CallWatch, ChatWatch, Outcome, RunFacts, RunWatch};

use opentelemetry_sdk::trace::SdkTracer;
use std::sync::OnceLock;

/// Everything that is observed of a process.
#[derive(Debug, Default)]
pub struct Observer {
    metrics: Metrics,
    traces: OnceLock<Traces>,
}

impl Observer {
    /// What is counted.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// From now on, spans go to a collector as well. Only the first one counts.
    pub fn export(&self, traces: Traces) {
        let _ = self.traces.set(traces);
    }

    /// Sends what was not sent yet, as long as that takes a few seconds at most. Spans that end later are lost.
    pub async fn finish(&self) {
        if let Some(traces) = self.traces.get() {
            traces.finish().await;
        }
    }

    fn tracer(&self) -> Option<&SdkTracer> {
        self.traces.get().map(Traces::tracer)
    }
}
