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
use std::time::Duration;

/// A time for the log, in milliseconds, to the microsecond: what is finer is noise, and long to read.
pub(crate) fn milliseconds(took: Duration) -> f64 {
    took.as_micros() as f64 / 1e3
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_places() {
        for (nanos, told) in
            [(0, "0"), (44_496, "0.044"), (20_802_981, "20.802"), (31_000_000, "31")]
        {
            assert_eq!(milliseconds(Duration::from_nanos(nanos)).to_string(), told);
        }
    }
}
