//! The log of a process that serves many: what happens to runs and calls, by their ids, on standard error.

use super::arguments::{LogFormat, LogLevel};
use super::output::Output;
use std::fmt;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
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
    let to_journal = output.to_journal();
    let output = output.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(move || output.log())
        .with_ansi(false)
        .with_target(false);
    let layer = match format {
        LogFormat::Text if to_journal => layer.event_format(Journal).boxed(),
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // Where somebody listens already, they hear it.
    let _ = tracing_subscriber::registry().with(layer.with_filter(ours)).try_init();
}

/// Lines for the journal, which knows the time: each begins with how grave it is (sd-daemon(3)).
struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let grave = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        // A line that follows would be taken for another entry: each one says how grave it is.
        let mut text = String::new();
        let plain = Format::default().without_time().with_level(false).with_target(false);
        plain.format_event(context, Writer::new(&mut text), event)?;
        text.lines().try_for_each(|line| writeln!(writer, "<{grave}>{line}"))
    }
}
