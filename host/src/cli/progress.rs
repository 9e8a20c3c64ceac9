//! What a person at a terminal sees while a run goes on: the answer as it arrives, each tool call as
//! it starts and ends. Silent where nobody watches.

use super::output::{Output, Style};
use crate::domain::preview;
use crate::domain::visible;
use crate::runner::{Progress, Reporter};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Shows a run on a terminal.
pub(super) struct Live {
    output: Output,
    enabled: bool,
    as_json: bool,
    /// Whether this is one of several turns, in which the model is named.
    talks: bool,
    /// What was shown last, of a turn.
    block: Option<Block>,
    spinner: Option<ProgressBar>,
    /// Text was streamed since the last line end.
    open_line: bool,
    /// The text streamed since the last request.
    streamed: bool,
}

/// What is shown of a turn, each apart from the other by an empty line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Tools,
    Text,
}

/// What the words of the model begin with in a conversation.
pub(super) const AGENT: &str = "Agent: ";

impl Live {
    /// Shows a turn of a conversation to whoever watches.
    pub(super) fn of_turn(output: &Output) -> Self {
        let mut live = Self::new(output, false);
        (live.enabled, live.talks) = (output.is_terminal(), true);
        live
    }

    /// Shows where somebody watches and text was asked for.
    pub(super) fn new(output: &Output, as_json: bool) -> Self {
        Self {
            output: output.clone(),
            enabled: output.is_live() && !as_json,
            as_json,
            talks: false,
            block: None,
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

    /// Begins another block, in a conversation.
    fn begin(&mut self, block: Block) {
        if self.talks && self.block.replace(block) != Some(block) {
            self.output.write("\n");
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
        if matches!(progress, Progress::Resumed) && !self.as_json && !self.talks {
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
                self.begin(Block::Text);
                if self.talks && !self.open_line {
                    self.output.write(&self.output.styled(Style::Bold, AGENT));
                }
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
                self.begin(Block::Tools);
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
                self.spin(format!("{tool}  {}", preview::one_line(preview, arguments)));
            }
            Progress::CallEnded { tool, succeeded, took, .. } => {
                self.still();
                self.begin(Block::Tools);
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
                self.begin(Block::Tools);
                let mark = self.output.styled(Style::Green, "✓");
                let (tool, by) = (visible::one_line(tool), visible::one_line(by));
                self.output
                    .talk(&format!("{mark} {tool}  approved by {by} (remembered from {from})"));
            }
            Progress::CallRefused { tool, why } => {
                self.still();
                self.begin(Block::Tools);
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
