//! The log of a process that serves many: what happens to runs and calls, by their ids, on standard error.

use super::arguments::{LogFormat, LogLevel};
use super::output::Output;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Has what the host logs written from now on. What libraries log stays unheard: nobody vouches for what is in
/// it.
pub(super) fn start(format: LogFormat, level: LogLevel, output: &Output) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
    };
    let output = output.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(move || output.log())
        .with_ansi(false)
        .with_target(false);
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // Where somebody listens already, they hear it.
    let _ = tracing_subscriber::registry().with(layer.with_filter(ours)).try_init();
}
