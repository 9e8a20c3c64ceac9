//! What a person at a terminal sees while a run goes on: the answer as it arrives, each tool call as
//! it starts and ends. Silent where nobody watches.

use super::answer::what;
use super::output::{Output, Style};
use crate::domain::visible;
use crate::runner::{Progress, Reporter};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Shows a run on a terminal.
pub(super) struct Live {
    output: Output,
    enabled: bool,
    as_json: bool,
    spinner: Option<ProgressBar>,
    /// Text was streamed since the last line end.
    open_line: bool,
    /// The text streamed since the last request.
    streamed: bool,
}

impl Live {
    /// Shows where somebody watches and text was asked for.
    pub(super) fn new(output: &Output, as_json: bool) -> Self {
        Self {
            output: output.clone(),
            enabled: output.is_live() && !as_json,
            as_json,
            spinner: None,
            open_line: false,
            streamed: false,
        }
    }

    /// Whether the model's last answer was shown as it arrived.
    pub(super) fn streamed(&self) -> bool {
        self.streamed
    }

    fn spin(&mut self, message: String) {
        self.still();
        let bar = ProgressBar::new_spinner().with_message(message);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        // Slow enough to cost nothing, quick enough to look alive.
        bar.enable_steady_tick(Duration::from_millis(120));
        self.spinner = Some(bar);
    }

    fn still(&mut self) {
        if let Some(bar) = self.spinner.take() {
            bar.finish_and_clear();
        }
    }

    fn line_end(&mut self) {
        if std::mem::take(&mut self.open_line) {
            self.output.write("\n");
        }
    }
}

impl Reporter for Live {
    fn report(&mut self, progress: Progress<'_>) {
        if matches!(progress, Progress::Resumed) && !self.as_json {
            self.output.data("Resumed.");
        }
        if !self.enabled {
            return;
        }
        match progress {
            Progress::Created { .. } | Progress::Resumed => {}
            // Told to whoever reads along.
            Progress::CallProposed { .. } | Progress::CallSettled { .. } => {}
            Progress::Asking => {
                self.streamed = false;
                self.spin("thinking …".into());
            }
            Progress::Text(text) => {
                self.still();
                self.output.write(&visible::lines(text));
                self.open_line = true;
                self.streamed = true;
            }
            Progress::Answered => {
                self.still();
                self.line_end();
            }
            Progress::Retrying { after, why } => {
                self.still();
                // Without a wait another model is asked, and the reason says so.
                let when = match after.is_zero() {
                    true => String::new(),
                    false => format!("; trying again in {:.1} s", after.as_secs_f32()),
                };
                self.output.talk(&format!("{}{when}", visible::one_line(why)));
                self.spin("waiting …".into());
            }
            Progress::CallStarted { tool, arguments, preview, .. } => {
                self.line_end();
                let tool = visible::one_line(tool);
                self.spin(format!("{tool}  {}", what(preview, arguments)));
            }
            Progress::CallEnded { tool, succeeded, took, .. } => {
                self.still();
                let mark = if succeeded {
                    self.output.styled(Style::Green, "✓")
                } else {
                    self.output.styled(Style::Red, "✗")
                };
                let tool = visible::one_line(tool);
                self.output.talk(&format!("{mark} {tool}  {:.1} s", took.as_secs_f32()));
            }
            Progress::CallRemembered { tool, by, from } => {
                self.still();
                let mark = self.output.styled(Style::Green, "✓");
                let (tool, by) = (visible::one_line(tool), visible::one_line(by));
                self.output
                    .talk(&format!("{mark} {tool}  approved by {by} (remembered from {from})"));
            }
            Progress::CallRefused { tool, why } => {
                self.still();
                let mark = self.output.styled(Style::Yellow, "–");
                let tool = visible::one_line(tool);
                self.output.talk(&format!("{mark} {tool}  {}", visible::one_line(why)));
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.still();
        self.line_end();
    }
}
