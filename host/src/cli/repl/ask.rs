//! Asking about one call that waits, in the middle of the conversation.

use super::answer::{forget_typed, read_answer};
use super::change::{Changed, Edited};
use super::editor::{Line, Wanted};
use super::session::Session;
use super::wait::expire;
use crate::cli::answer::{beneath, marked};
use crate::cli::output::Style;
use crate::cli::signals::Asked;
use crate::domain::approval::Preview;
use crate::domain::decision::Decision;
use crate::domain::preview;
use crate::domain::tool_call::CallState;
use crate::domain::visible::one_line;
use crate::ops::{Choice, Host, OpError, await_run};
use crate::store::{CallRecord, StoredRun};

/// The question, as it was always asked.
const QUESTION: &str = "  Approve? [y/N]: ";

/// What can be answered.
const ANSWERS: &str = "  y       approve: it happens as it is shown
  n       deny, as Enter alone does
  e       edit the arguments, and look at the call again
  r       deny with a reason, which the model reads
  v       show all of it
  Ctrl-C  decide later: the run stays paused
  Ctrl-D  leave: the run stays paused";

/// Lines of a terminal that are not for the preview: the head, the call, the question, and what a person
/// still wants to see of what came before.
const OTHER_ROWS: usize = 8;

/// The fewest rows of a preview: a terminal of less than a screen shows them by scrolling.
const FEWEST_ROWS: usize = 10;

/// The rows where a terminal does not say how many it has: those of a VT100.
const USUAL_ROWS: usize = 24;

/// What came of asking.
pub(super) enum Answer {
    /// The person decides.
    Decide(Choice),
    /// Somebody else did, or the question has changed.
    Meanwhile,
    /// The person decides later.
    Later,
    /// The person leaves.
    Leave,
}

/// What was typed at a question.
pub(super) enum Heard {
    Line(String),
    /// What it was about is settled, or has changed.
    Meanwhile,
    /// Ctrl-C.
    Stop,
    /// Ctrl-D, or the process is asked to leave.
    Leave,
}

impl Session<'_> {
    /// Shows a call and asks about it until there is an answer.
    pub(super) async fn ask(
        &mut self,
        turn: &StoredRun,
        call: &CallRecord,
    ) -> Result<Answer, OpError> {
        self.show_waiting(turn, call);
        let mut changed: Option<Changed> = None;
        // What was typed before this was shown is no answer to it.
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
                "y" | "yes" => {
                    return Ok(Answer::Decide(match changed {
                        Some(changed) => Choice::Edit(changed.arguments),
                        None => Choice::Decide(Decision::Approve),
                    }));
                }
                "" | "n" | "no" => {
                    return Ok(Answer::Decide(Choice::Decide(Decision::Deny { reason: None })));
                }
                "r" => {
                    if let Some(reason) = self.reason().await {
                        let deny = Decision::Deny { reason: Some(reason) };
                        return Ok(Answer::Decide(Choice::Decide(deny)));
                    }
                }
                "e" => match self.change(turn, call, changed.as_ref()).await? {
                    Edited::New(new) => {
                        self.output.write("\n");
                        self.show_doing(new.preview.as_ref(), &new.shown, false);
                        changed = Some(new);
                    }
                    // What was changed before is not what is approved now.
                    Edited::Models if changed.take().is_some() => {
                        self.output.write("\n");
                        self.show_doing(call.preview.as_ref(), &call.arguments, false);
                    }
                    Edited::Models | Edited::Left => {}
                },
                "v" => match &changed {
                    Some(new) => self.show_doing(new.preview.as_ref(), &new.shown, true),
                    None => self.show_doing(call.preview.as_ref(), &call.arguments, true),
                },
                "?" => self.output.data(ANSWERS),
                other => self.output.data(&format!(
                    "  `{}` is no answer: y, n, e, r or v; ? says what they do",
                    one_line(other)
                )),
            }
            if self.signals.leaving() {
                return Ok(Answer::Leave);
            }
        }
    }

    /// A call that waits, with all that a person should know of it.
    pub(super) fn show_waiting(&self, turn: &StoredRun, call: &CallRecord) {
        let tool = self.output.styled(Style::Bold, &one_line(&call.model_tool));
        self.output.data(&format!("\n  {tool}  {}", call.id));
        self.show_doing(call.preview.as_ref(), &call.arguments, false);
        for line in beneath(turn, call) {
            self.output.data(&format!("  {line}"));
        }
    }

    /// What would happen: as much as the screen holds, or all of it.
    fn show_doing(&self, preview: Option<&Preview>, arguments: &str, whole: bool) {
        let lines = preview::read(preview, arguments);
        let width = self.output.width().saturating_sub(4);
        let most = match self.output.rows() {
            _ if whole => usize::MAX,
            rows => rows.unwrap_or(USUAL_ROWS).saturating_sub(OTHER_ROWS).max(FEWEST_ROWS),
        };
        let clipped = preview::clip(&lines, width, most);
        match clipped.rows.as_slice() {
            [one] if !preview::is_in_lines(preview) => {
                self.output.data(format!("  {}", one.text).trim_end());
            }
            rows => {
                for row in rows {
                    self.output.data(&format!("  {}", marked(row, &self.output)));
                }
            }
        }
        if clipped.hidden > 0 {
            self.output.data("  (v shows all of it)");
        }
    }

    /// What is typed at the question that stands, unless it is settled before.
    pub(super) async fn hear(
        &mut self,
        turn: &StoredRun,
        call: &CallRecord,
    ) -> Result<Heard, OpError> {
        self.signals.forget();
        let settled = settled(self.host, turn, call);
        let heard = tokio::select! {
            settled = settled => {
                settled?;
                Heard::Meanwhile
            }
            asked = self.signals.next() => match asked {
                Asked::Stop => Heard::Stop,
                Asked::Leave => Heard::Leave,
            },
            line = read_answer() => match line {
                Ok(Some(line)) => return Ok(Heard::Line(line)),
                Ok(None) | Err(_) => Heard::Leave,
            },
        };
        // The cursor stands behind the question, and what was begun there is for nobody.
        self.output.write("\n");
        forget_typed();
        Ok(heard)
    }

    /// Why a call is denied; nothing where the person gives no reason after all.
    async fn reason(&mut self) -> Option<String> {
        let wanted =
            Wanted { prompt: "  Reason: ".to_owned(), initial: String::new(), message: false };
        match self.read_line(wanted).await {
            Line::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Line::Text(_) => {
                self.output.data("  No reason was given; n denies without one.");
                None
            }
            Line::Interrupted | Line::End => None,
        }
    }
}

/// Waits until a question is settled, by people or by time, or is another one.
async fn settled(host: &Host, turn: &StoredRun, call: &CallRecord) -> Result<(), OpError> {
    let is_other = |now: &StoredRun| {
        let found = now.calls.iter().find(|one| one.id == call.id);
        found.is_none_or(|now| {
            now.state != call.state
                || now.request != call.request
                || now.votes.len() != call.votes.len()
                || now.running != call.running
        })
    };
    let due = call.expires_at.filter(|_| call.state == CallState::Waiting);
    tokio::select! {
        other = await_run(host, &turn.run.id, is_other) => other.map(drop),
        error = expire(host, due) => Err(error),
    }
}
