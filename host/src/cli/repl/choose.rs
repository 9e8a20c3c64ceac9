//! Asking about a call that was started, and of which nobody knows whether it happened.

use super::answer::forget_typed;
use super::ask::{Answer, Heard};
use super::session::Session;
use crate::domain::visible::one_line;
use crate::ops::{Choice, OpError};
use crate::store::{CallRecord, StoredRun};

/// The words are whole ones: neither is said by a slip.
const QUESTION: &str = "  Retry it, or report that it is unknown? [retry/report/N]: ";

/// What can be answered.
const ANSWERS: &str = "  retry   try it again: if it happened, it may happen twice
  report  tell the model that nobody knows whether it happened
  n       decide later, as Enter alone does: the run stays as it is";

impl Session<'_> {
    /// Shows a call of unknown outcome and asks until there is an answer.
    pub(super) async fn choose(
        &mut self,
        turn: &StoredRun,
        call: &CallRecord,
    ) -> Result<Answer, OpError> {
        self.show_waiting(turn, call);
        self.output.data(
            "  It was started, and ended before a result was written: whether it happened is not known.",
        );
        match call.running {
            Some(pid) => self.output.data(&format!("  Its program (pid {pid}) still runs.")),
            None => self.output.data("  Look first."),
        }
        forget_typed();
        loop {
            self.output.write(QUESTION);
            let line = match self.hear(turn, call).await? {
                Heard::Line(line) => line,
                Heard::Meanwhile => return Ok(Answer::Meanwhile),
                Heard::Stop => return Ok(Answer::Later),
                Heard::Leave => return Ok(Answer::Leave),
            };
            match line.to_lowercase().as_str() {
                "retry" => return Ok(Answer::Decide(Choice::Retry)),
                "report" => return Ok(Answer::Decide(Choice::ReportUnknown)),
                "" | "n" | "no" => return Ok(Answer::Later),
                "?" => self.output.data(ANSWERS),
                other => self.output.data(&format!(
                    "  `{}` is no answer: retry, report or n; ? says what they do",
                    one_line(other)
                )),
            }
        }
    }
}
