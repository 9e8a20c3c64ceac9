//! `write` and `edit`: what a file would become. Nothing happens here, so the preview and the call agree.

use crate::config::Config;
use crate::place::{Place, Root, clip, load, missing, text};
use initrunner_sdk::Failure;
use serde::Deserialize;
use std::fs;

/// What the model may say to `write`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The file.
    pub path: String,
    /// All of what it is to contain.
    pub content: String,
    /// Whether a file that is there may be replaced.
    #[serde(default)]
    pub overwrite: bool,
}

/// What the model may say to `edit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file.
    pub path: String,
    /// What is there, once.
    pub old_text: String,
    /// What comes in its place.
    pub new_text: String,
    /// Whether every occurrence is replaced.
    #[serde(default)]
    pub all: bool,
}

/// What a file would become.
#[derive(Debug)]
pub struct Change {
    /// The file.
    pub place: Place,
    /// What is there; nothing, where there is no file.
    pub old: Option<Vec<u8>>,
    /// What will be.
    pub new: String,
    /// How often something was replaced.
    pub replaced: usize,
}

/// What `write` would do.
///
/// # Errors
/// The path cannot be used, there is a file already, or the content is too large.
pub fn write(root: &Root, config: &Config, arguments: Write) -> Result<Change, Failure> {
    let place = target(root, &arguments.path)?;
    fits(&place, arguments.content.len(), config)?;
    let old = match fs::symlink_metadata(&place.path) {
        Ok(_) if !arguments.overwrite => {
            return Err(Failure::Retry(format!(
                "`{}` exists; say `overwrite: true` to replace it, or change parts of it with edit",
                clip(&place.name)
            )));
        }
        Ok(_) => Some(load(&place, config.max_file_bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(missing(&clip(&place.name), &error)),
    };
    Ok(Change { place, old, new: arguments.content, replaced: 0 })
}

/// What `edit` would do.
///
/// # Errors
/// The file cannot be read, or the text is not there exactly once.
pub fn edit(root: &Root, config: &Config, arguments: Edit) -> Result<Change, Failure> {
    if arguments.old_text.is_empty() {
        return Err(Failure::InvalidArguments(
            "`old_text` is empty; to make a file, use write".into(),
        ));
    }
    let place = target(root, &arguments.path)?;
    let bytes = load(&place, config.max_file_bytes)?;
    let old = text(&place, bytes)?;
    let (mut from, mut to) = (arguments.old_text, arguments.new_text);
    let mut count = old.matches(from.as_str()).count();
    if count == 0 && old.contains("\r\n") && !from.contains('\r') {
        // Models write LF; a file with CR LF keeps its line ends.
        (from, to) = (with_cr(&from), with_cr(&to.replace("\r\n", "\n")));
        count = old.matches(from.as_str()).count();
    }
    let name = clip(&place.name);
    let retry = |why: String| Err(Failure::Retry(why));
    match count {
        0 => {
            return retry(format!(
                "`{name}` does not contain `old_text`; read it and copy the text exactly, with its spaces"
            ));
        }
        1 => {}
        _ if arguments.all => {}
        _ => {
            return retry(format!(
                "`{name}` contains `old_text` {count} times; add lines around it until it is unique, or \
                 say `all: true`"
            ));
        }
    }
    let growth = to.len().saturating_mul(count);
    fits(&place, old.len().saturating_sub(from.len() * count).saturating_add(growth), config)?;
    let new = old.replace(from.as_str(), &to);
    Ok(Change { place, old: Some(old.into_bytes()), new, replaced: count })
}

fn with_cr(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// The place of a file that is to be changed.
fn target(root: &Root, path: &str) -> Result<Place, Failure> {
    let place = root.find(path)?;
    if place.name.is_empty() || path.ends_with('/') {
        return Err(Failure::InvalidArguments(format!("`{}` names a folder", clip(path))));
    }
    Ok(place)
}

fn fits(place: &Place, bytes: usize, config: &Config) -> Result<(), Failure> {
    if bytes as u64 <= config.max_file_bytes {
        return Ok(());
    }
    Err(Failure::Retry(format!(
        "`{}` would have {bytes} bytes, and files of more than {} are not written",
        clip(&place.name),
        config.max_file_bytes
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("f"), "one\ntwo\ntwo\n").unwrap();
        fs::write(folder.path().join("crlf"), "one\r\ntwo\r\n").unwrap();
        fs::write(folder.path().join("binary"), b"\xff").unwrap();
        fs::write(folder.path().join("empty"), b"").unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        folder
    }

    fn told(change: Result<Change, Failure>) -> String {
        match change {
            Ok(change) => format!("{:?}", change.new),
            Err(Failure::Retry(text)) => format!("retry: {text}"),
            Err(Failure::InvalidArguments(text)) => format!("invalid: {text}"),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn edits(arguments: &str, expected: &str) {
        let folder = folder();
        let config: Config = serde_json::from_str(r#"{"max_file_bytes": 20}"#).unwrap();
        let root = Root::at(folder.path().to_owned(), &config);
        let arguments = serde_json::from_str(arguments).unwrap();
        assert_eq!(told(edit(&root, &config, arguments)), expected);
    }

    #[track_caller]
    fn writes(arguments: &str, expected: &str) {
        let folder = folder();
        let config: Config = serde_json::from_str(r#"{"max_file_bytes": 20}"#).unwrap();
        let root = Root::at(folder.path().to_owned(), &config);
        let arguments = serde_json::from_str(arguments).unwrap();
        assert_eq!(told(write(&root, &config, arguments)), expected);
    }

    #[test]
    fn an_edit_replaces_what_is_there_once() {
        edits(r#"{"path": "f", "old_text": "one", "new_text": "1"}"#, r#""1\ntwo\ntwo\n""#);
        edits(
            r#"{"path": "f", "old_text": "two", "new_text": "2"}"#,
            "retry: `f` contains `old_text` 2 times; add lines around it until it is unique, or say `all: true`",
        );
        edits(
            r#"{"path": "f", "old_text": "two", "new_text": "2", "all": true}"#,
            r#""one\n2\n2\n""#,
        );
        edits(
            r#"{"path": "f", "old_text": "three", "new_text": "3"}"#,
            "retry: `f` does not contain `old_text`; read it and copy the text exactly, with its spaces",
        );
        edits(
            r#"{"path": "f", "old_text": "", "new_text": "3"}"#,
            "invalid: `old_text` is empty; to make a file, use write",
        );
        edits(
            r#"{"path": "empty", "old_text": "a", "new_text": "3"}"#,
            "retry: `empty` does not contain `old_text`; read it and copy the text exactly, with its spaces",
        );
        edits(
            r#"{"path": "f", "old_text": "two", "new_text": "a longer word", "all": true}"#,
            "retry: `f` would have 32 bytes, and files of more than 20 are not written",
        );
    }

    #[test]
    fn an_edit_keeps_the_line_ends_of_the_file() {
        edits(r#"{"path": "crlf", "old_text": "one\ntwo", "new_text": "1\n2"}"#, r#""1\r\n2\r\n""#);
        edits(
            r#"{"path": "crlf", "old_text": "one\r\n", "new_text": "1\r\n"}"#,
            r#""1\r\ntwo\r\n""#,
        );
    }

    #[test]
    fn what_is_no_text_is_not_edited() {
        edits(
            r#"{"path": "binary", "old_text": "a", "new_text": "b"}"#,
            "retry: `binary` is not UTF-8 text: it has 1 bytes, and the one at 0 fits no character; it may be binary",
        );
        edits(
            r#"{"path": "d", "old_text": "a", "new_text": "b"}"#,
            "retry: `d` is a folder; list it instead",
        );
        edits(
            r#"{"path": ".env", "old_text": "a", "new_text": "b"}"#,
            "invalid: `.env` is excluded by the role's configuration",
        );
    }

    #[test]
    fn a_file_is_replaced_only_where_that_is_said() {
        writes(r#"{"path": "new", "content": "a"}"#, r#""a""#);
        writes(r#"{"path": "deep/er/new", "content": ""}"#, r#""""#);
        writes(
            r#"{"path": "f", "content": "a"}"#,
            "retry: `f` exists; say `overwrite: true` to replace it, or change parts of it with edit",
        );
        writes(r#"{"path": "f", "content": "a", "overwrite": true}"#, r#""a""#);
        writes(r#"{"path": "binary", "content": "a", "overwrite": true}"#, r#""a""#);
        writes(
            r#"{"path": "d", "content": "a", "overwrite": true}"#,
            "retry: `d` is a folder; list it instead",
        );
        writes(r#"{"path": "x/", "content": "a"}"#, "invalid: `x/` names a folder");
        writes(r#"{"path": ".", "content": "a"}"#, "invalid: `.` names a folder");
        writes(r#"{"path": "../x", "content": "a"}"#, "invalid: `../x` leads out of the root");
        writes(
            r#"{"path": ".git/hooks/pre-commit", "content": "a"}"#,
            "invalid: `.git/hooks/pre-commit` is excluded by the role's configuration",
        );
        writes(
            r#"{"path": "new", "content": "123456789012345678901"}"#,
            "retry: `new` would have 21 bytes, and files of more than 20 are not written",
        );
    }
}
