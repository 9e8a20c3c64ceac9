//! Other arguments for a call, typed in the place of the model's and looked at before they are approved.

use super::editor::{Line, Wanted};
use super::session::Session;
use crate::domain::approval::Preview;
use crate::domain::edit::Change;
use crate::ops::{NewArguments, OpError, preview_edit};
use crate::store::{CallRecord, StoredRun};

/// Arguments that the gate has let through.
pub(super) struct Changed {
    /// As they were typed, to be edited again.
    typed: String,
    /// As they are approved.
    pub(super) arguments: NewArguments,
    /// The canonical arguments, for showing.
    pub(super) shown: String,
    /// What would happen.
    pub(super) preview: Option<Preview>,
}

/// What came of editing.
pub(super) enum Edited {
    /// Other arguments.
    New(Changed),
    /// The model's again, whatever they were changed to before.
    Models,
    /// They stay as they are.
    Left,
}

impl Session<'_> {
    /// Has the arguments edited until the gate lets them through.
    pub(super) async fn change(
        &mut self,
        turn: &StoredRun,
        call: &CallRecord,
        before: Option<&Changed>,
    ) -> Result<Edited, OpError> {
        let mut initial =
            before.map_or_else(|| call.arguments.clone(), |before| before.typed.clone());
        self.output
            .data("  A JSON object, or KEY=VALUE for one key; Ctrl-C leaves them as they are.");
        loop {
            let wanted = Wanted { prompt: "  Arguments: ".to_owned(), initial, message: false };
            let Line::Text(typed) = self.read_line(wanted).await else {
                return Ok(Edited::Left);
            };
            match read(&typed) {
                Ok(arguments) => {
                    match preview_edit(self.host, &turn.run.id, &call.id, &arguments).await {
                        Ok(Some(edit)) => {
                            let (shown, preview) = (edit.arguments, edit.preview);
                            let new = Changed { typed, arguments, shown, preview };
                            return Ok(Edited::New(new));
                        }
                        Ok(None) => {
                            self.output.data("  These are the model's arguments.");
                            return Ok(Edited::Models);
                        }
                        // Whoever decided meanwhile is told of at the question.
                        Err(OpError::Conflict(_)) => return Ok(Edited::Left),
                        Err(error @ OpError::Edit { .. }) => self.output.error(&error.to_string()),
                        Err(error) => return Err(error),
                    }
                }
                Err(sentence) => self.output.error(&sentence),
            }
            initial = typed;
        }
    }
}

/// What was typed: all arguments, or one of them.
fn read(typed: &str) -> Result<NewArguments, String> {
    let typed = typed.trim();
    if typed.is_empty() || typed.starts_with(['{', '[', '"']) {
        return Ok(NewArguments::Json(typed.to_owned()));
    }
    match typed.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            let change = Change { key: key.trim().to_owned(), value: value.to_owned() };
            Ok(NewArguments::Set(vec![change]))
        }
        _ => Err("write a JSON object such as `{\"key\": \"value\"}`, or `KEY=VALUE`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_json_or_one_key() {
        let json = |text: &str| Ok(NewArguments::Json(text.to_owned()));
        assert_eq!(read(" {\"a\": 1} "), json("{\"a\": 1}"));
        // Why this is none is said by whoever takes it.
        assert_eq!(read(""), json(""));
        assert_eq!(read("[1]"), json("[1]"));
        let change = Change { key: "command".into(), value: "a = b".into() };
        assert_eq!(read("command=a = b"), Ok(NewArguments::Set(vec![change])));
        assert!(read("rm x").is_err());
        assert!(read("=x").is_err());
    }
}
