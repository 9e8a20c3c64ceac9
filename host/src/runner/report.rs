//! What a run tells whoever watches it. Nothing here is part of the run.

use crate::domain::approval::Preview;
use crate::domain::ids::{CallId, RunId};
use crate::domain::secret::{Masker, mask};
use crate::domain::tool_call::CallState;
use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A new run is written down, and begins.
    Created {
        /// Its id.
        run: &'a RunId,
    },
    /// A paused or interrupted run goes on in this process.
    Resumed,
    /// A request to the model begins.
    Asking,
    /// The model said more.
    Text(&'a str),
    /// The model's answer is complete.
    Answered,
    /// The model asks for a call, and that is written down. Told to whoever reads along.
    CallProposed {
        /// Our id.
        call: &'a CallId,
        /// The model's name of the tool.
        tool: &'a str,
        /// Canonical arguments; the model's own text where they are none.
        arguments: &'a str,
    },
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
    /// What became of a call: it gave a result, was refused, or will not happen. Told once of each call, to
    /// whoever reads along.
    CallSettled {
        /// Our id.
        call: &'a CallId,
        /// Where it stands now.
        state: CallState,
        /// Its result, or what the model is told in the place of one.
        text: &'a str,
    },
}

/// Somebody who watches.
pub trait Reporter: Send {
    /// Told as it happens. Must not block for long.
    fn report(&mut self, progress: Progress<'_>);

    /// Whether it reads along: what calls are made with and what they give. Looking through all of that for
    /// secrets takes time, and most who watch show none of it.
    fn reads_along(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&mut self, _: Progress<'_>) {}
}

/// Tells somebody who watches, with every secret masked that is recognised by its shape.
pub(super) struct Masked<'r> {
    watcher: &'r mut dyn Reporter,
    /// The text of the answer that is arriving.
    text: Masker,
}

impl<'r> Masked<'r> {
    pub(super) fn new(watcher: &'r mut dyn Reporter) -> Self {
        Self { watcher, text: Masker::default() }
    }

    fn tell(&mut self, text: String) {
        if !text.is_empty() {
            self.watcher.report(Progress::Text(&text));
        }
    }
}

impl Reporter for Masked<'_> {
    fn report(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Text(text) => {
                let text = self.text.push(text);
                self.tell(text);
            }
            Progress::Answered => {
                let text = self.text.finish();
                self.tell(text);
                self.watcher.report(Progress::Answered);
            }
            // What an answer that failed had begun is not part of the next one.
            Progress::Asking => {
                self.text = Masker::default();
                self.watcher.report(Progress::Asking);
            }
            Progress::Retrying { after, why } => {
                self.watcher.report(Progress::Retrying { after, why: &mask(why) });
            }
            Progress::CallStarted { call, tool, arguments, preview } => {
                let preview = preview.map(|preview| Preview {
                    format: preview.format,
                    text: mask(&preview.text).into_owned(),
                });
                self.watcher.report(Progress::CallStarted {
                    call,
                    tool: &mask(tool),
                    arguments: &mask(arguments),
                    preview: preview.as_ref(),
                });
            }
            Progress::CallEnded { call, tool, succeeded, took } => {
                let tool = &*mask(tool);
                self.watcher.report(Progress::CallEnded { call, tool, succeeded, took });
            }
            Progress::CallRefused { tool, why } => {
                self.watcher.report(Progress::CallRefused { tool: &mask(tool), why: &mask(why) });
            }
            Progress::CallProposed { call, tool, arguments } if self.watcher.reads_along() => {
                let (tool, arguments) = (&*mask(tool), &*mask(arguments));
                self.watcher.report(Progress::CallProposed { call, tool, arguments });
            }
            Progress::CallSettled { call, state, text } if self.watcher.reads_along() => {
                self.watcher.report(Progress::CallSettled { call, state, text: &mask(text) });
            }
            Progress::CallProposed { .. } | Progress::CallSettled { .. } => {}
            Progress::CallRemembered { tool, by, from } => {
                let (tool, by) = (&*mask(tool), &*mask(by));
                self.watcher.report(Progress::CallRemembered { tool, by, from });
            }
            Progress::Created { run } => self.watcher.report(Progress::Created { run }),
            Progress::Resumed => self.watcher.report(Progress::Resumed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Notes(String, bool);

    impl Reporter for Notes {
        fn reads_along(&self) -> bool {
            self.1
        }

        fn report(&mut self, progress: Progress<'_>) {
            match progress {
                Progress::Text(text) => self.0.push_str(text),
                other => self.0.push_str(&format!("\n{other:?}\n")),
            }
        }
    }

    #[test]
    fn who_watches_sees_no_secret() {
        let mut notes = Notes(String::new(), true);
        let mut masked = Masked::new(&mut notes);
        let key = "ghp_0123456789abcdef0123456789abcdef0123";
        masked.report(Progress::Asking);
        for piece in ["the key is g", "hp_0123456789abcdef0123456", "789abcdef0123", ", and"] {
            masked.report(Progress::Text(piece));
        }
        masked.report(Progress::Answered);
        let preview =
            Preview { format: crate::domain::approval::PreviewFormat::Plain, text: key.into() };
        masked.report(Progress::CallStarted {
            call: &CallId::from_random([0; 16]),
            tool: key,
            arguments: key,
            preview: Some(&preview),
        });
        let call = &CallId::from_random([0; 16]);
        masked.report(Progress::CallProposed { call, tool: key, arguments: key });
        masked.report(Progress::CallSettled { call, state: CallState::Succeeded, text: key });
        masked.report(Progress::CallRefused { tool: "t", why: key });
        masked.report(Progress::Retrying { after: Duration::ZERO, why: key });
        assert!(!notes.0.contains("0123456789"), "{}", notes.0);
        assert!(notes.0.contains("the key is [redacted], and"), "{}", notes.0);
        assert!(notes.0.contains("CallProposed") && notes.0.contains("CallSettled"), "{}", notes.0);
    }

    #[test]
    fn what_calls_give_is_told_to_whoever_reads_along_and_nobody_else() {
        let call = &CallId::from_random([0; 16]);
        for (reads_along, lines) in [(false, 0), (true, 2)] {
            let mut notes = Notes(String::new(), reads_along);
            let mut masked = Masked::new(&mut notes);
            masked.report(Progress::CallProposed { call, tool: "t", arguments: "{}" });
            masked.report(Progress::CallSettled { call, state: CallState::Denied, text: "no" });
            let told = notes.0.lines().filter(|line| line.starts_with("Call"));
            assert_eq!(told.count(), lines, "{}", notes.0);
        }
    }
}
