//! What the line editor asks while somebody types: whether a message is finished, and what a word that was
//! begun may become.

use super::command::COMMANDS;
use super::unfinished::is_unfinished;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use std::sync::{Arc, Mutex, PoisonError};

/// What may follow our words. It is shared with the conversation, which learns of more.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    tools: Vec<String>,
    ids: Vec<String>,
}

/// The most ids that are offered: the latest, which are what is asked about.
const MOST_IDS: usize = 50;

impl Words {
    /// The role's tools.
    pub(super) fn tools(&self, tools: Vec<String>) {
        self.lock().tools = tools;
    }

    /// A run or a call that was shown.
    pub(super) fn id(&self, id: &str) {
        let mut known = self.lock();
        if !known.ids.iter().any(|one| one == id) {
            known.ids.insert(0, id.to_owned());
            known.ids.truncate(MOST_IDS);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From where on the line is completed, and with what.
    fn complete(&self, line: &str) -> (usize, Vec<String>) {
        if !line.starts_with('/') || line.contains('\n') {
            return (0, Vec::new());
        }
        let begins = |begun: &str, words: &mut dyn Iterator<Item = String>| {
            words.filter(|word| word.starts_with(begun)).collect::<Vec<_>>()
        };
        let Some((word, rest)) = line.split_once(' ') else {
            let mut words = COMMANDS.iter().map(|(name, takes, _)| match takes.is_empty() {
                true => (*name).to_owned(),
                false => format!("{name} "),
            });
            return (0, begins(line, &mut words));
        };
        let known = self.lock();
        let words = match word {
            "/tools" => &known.tools,
            "/show" => &known.ids,
            _ => return (0, Vec::new()),
        };
        (line.len() - rest.len(), begins(rest, &mut words.iter().cloned()))
    }
}

/// The editor's helper. Arguments and reasons are typed in the same editor, where a slash is a slash.
pub(super) struct Typing {
    pub(super) words: Words,
    /// Whether it is a message that is typed.
    pub(super) message: bool,
}

impl Completer for Typing {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if !self.message {
            return Ok((0, Vec::new()));
        }
        let (from, words) = self.words.complete(line.get(..at).unwrap_or_default());
        let pair = |word: String| Pair { display: word.trim_end().to_owned(), replacement: word };
        Ok((from, words.into_iter().map(pair).collect()))
    }
}

impl Validator for Typing {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match self.message && is_unfinished(typed.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Hinter for Typing {
    type Hint = String;
}

impl Highlighter for Typing {}

impl Helper for Typing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_words_and_what_follows_them_are_completed() {
        let words = Words::default();
        words.tools(vec!["shell".into(), "sql_query".into(), "sql_execute".into()]);
        words.id("run_aaaa");
        words.id("call_bbbb");
        words.id("run_aaaa");
        let check = |line: &str, from: usize, expected: &[&str]| {
            assert_eq!(
                words.complete(line),
                (from, expected.iter().map(|it| (*it).to_owned()).collect())
            );
        };
        check("/t", 0, &["/tools "]);
        check("/re", 0, &["/resume", "/reset"]);
        check("/tools s", 7, &["shell", "sql_query", "sql_execute"]);
        check("/tools sql_e", 7, &["sql_execute"]);
        check("/show r", 6, &["run_aaaa"]);
        check("/show ", 6, &["call_bbbb", "run_aaaa"]);
        check("/reset ", 0, &[]);
        check("tell me", 0, &[]);
        check("", 0, &[]);
    }
}
