//! `search`: files by their names, and lines by what is in them.

use crate::config::Config;
use crate::glob::Glob;
use crate::list::{Kind, Walk};
use crate::place::{Root, clip};
use initrunner_sdk::{Content, Failure};
use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;
use std::fs;

/// Levels that a search goes down.
const DEPTH: usize = 64;

/// Bytes that one search reads, in all files: some seconds' work.
const BYTES: u64 = 256 << 20;

/// Characters of a line that are shown.
const LINE: usize = 300;

/// What the model may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// What to look for in the files; not said: names only.
    pub text: Option<String>,
    /// Whether `text` is a regular expression.
    #[serde(default)]
    pub regex: bool,
    /// Whether the case of letters does not matter.
    #[serde(default)]
    pub ignore_case: bool,
    /// Which files.
    pub files: Option<String>,
    /// Where.
    #[serde(default)]
    pub path: String,
}

/// Searches.
///
/// # Errors
/// The expression is none, or the folder cannot be read.
pub fn search(root: &Root, config: &Config, arguments: &Arguments) -> Result<Content, Failure> {
    let wanted = arguments.files.as_deref().map(Glob::new);
    let expression =
        arguments.text.as_deref().map(|text| expression(text, arguments)).transpose()?;
    if wanted.is_none() && expression.is_none() {
        return Err(Failure::InvalidArguments("say `text`, `files` or both".into()));
    }
    let from = root.find(&arguments.path)?;
    let (mut lines, mut more) = (Vec::new(), false);
    let (mut binary, mut large, mut read) = (0, 0, 0);
    let mut walk = Walk::default();
    let mut look = |place: &crate::place::Place, kind: &Kind| {
        let Kind::File(bytes) = kind else { return true };
        if wanted.as_ref().is_some_and(|glob| !glob.matches(&place.name)) {
            return true;
        }
        let Some(expression) = &expression else {
            more = lines.len() == config.max_results;
            if !more {
                lines.push(clip(&place.name));
            }
            return !more;
        };
        if *bytes > config.max_file_bytes {
            large += 1;
            return true;
        }
        read += bytes;
        if read > BYTES {
            more = true;
            return false;
        }
        let Ok(Ok(text)) = fs::read(&place.path).map(String::from_utf8) else {
            binary += 1;
            return true;
        };
        for (number, line) in text.lines().enumerate().filter(|(_, it)| expression.is_match(it)) {
            more = lines.len() == config.max_results;
            if more {
                return false;
            }
            let mut shown: String = line.trim_end().chars().take(LINE).collect();
            if shown.len() < line.trim_end().len() {
                shown.push('…');
            }
            lines.push(format!("{}:{}: {shown}", clip(&place.name), number + 1));
        }
        true
    };
    if fs::metadata(&from.path).is_ok_and(|about| about.is_file()) {
        let bytes = fs::metadata(&from.path).map(|about| about.len()).unwrap_or_default();
        look(&from, &Kind::File(bytes));
    } else {
        walk.over(root, &from, DEPTH, &mut look)?;
    }
    let mut notes = walk.notes();
    if more {
        notes.push("there is more; narrow it with `path` or `files`".into());
    }
    if binary > 0 {
        notes.push(format!("{binary} files that are not UTF-8 text"));
    }
    if large > 0 {
        notes.push(format!("{large} files of more than {} bytes", config.max_file_bytes));
    }
    if lines.is_empty() {
        notes.insert(0, "nothing found".into());
    }
    if !notes.is_empty() {
        lines.push(format!("[{}]", notes.join("; ")));
    }
    Ok(Content::Text(lines.join("\n")))
}

/// The expression, which takes time in proportion to the text whatever it says.
fn expression(text: &str, arguments: &Arguments) -> Result<Regex, Failure> {
    if text.is_empty() {
        return Err(Failure::InvalidArguments("`text` is empty".into()));
    }
    let pattern = if arguments.regex { text.to_owned() } else { regex_lite::escape(text) };
    RegexBuilder::new(&pattern).case_insensitive(arguments.ignore_case).build().map_err(|error| {
        Failure::InvalidArguments(format!("`{}` is no regular expression: {error}", clip(text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, arguments: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let files: [(&str, &[u8]); 6] = [
            ("src/a.rs", b"fn one() {}\nfn two() {}\n"),
            ("src/deep/b.rs", b"let one = 1;\r\n"),
            ("notes.md", b"One (1)\n"),
            (".env", b"one=secret\n"),
            ("image", b"\xff\xfeone"),
            ("large", b"one one one one one one one one one one one one"),
        ];
        for (path, bytes) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let config: Config = serde_json::from_str(config).unwrap();
        let root = Root::at(folder.path().to_owned(), &config);
        let said = match search(&root, &config, &serde_json::from_str(arguments).unwrap()) {
            Ok(Content::Text(text)) => text,
            Err(Failure::InvalidArguments(text)) => format!("invalid: {text}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn lines_are_found_by_text() {
        let rest = "[1 left out by the role's configuration; 1 files that are not UTF-8 text; 1 files of more than 40 bytes]";
        let small = r#"{"max_file_bytes": 40}"#;
        check(
            small,
            r#"{"text": "one"}"#,
            &format!("src/a.rs:1: fn one() {{}}\nsrc/deep/b.rs:1: let one = 1;\n{rest}"),
        );
        check(small, r#"{"text": "(1)"}"#, &format!("notes.md:1: One (1)\n{rest}"));
        check(
            small,
            r#"{"text": "ONE", "ignore_case": true, "files": "*.md"}"#,
            "notes.md:1: One (1)\n[1 left out by the role's configuration]",
        );
        check(
            "{}",
            r#"{"text": "^fn \\w+", "regex": true, "path": "src"}"#,
            "src/a.rs:1: fn one() {}\nsrc/a.rs:2: fn two() {}",
        );
        check("{}", r#"{"text": "two", "path": "src/a.rs"}"#, "src/a.rs:2: fn two() {}");
        check(
            r#"{"max_results": 1}"#,
            r#"{"text": "fn", "path": "src"}"#,
            "src/a.rs:1: fn one() {}\n[there is more; narrow it with `path` or `files`]",
        );
        check("{}", r#"{"text": "nowhere", "path": "src"}"#, "[nothing found]");
    }

    #[test]
    fn files_are_found_by_name() {
        check(
            "{}",
            r#"{"files": "*.rs"}"#,
            "src/a.rs\nsrc/deep/b.rs\n[1 left out by the role's configuration]",
        );
        check("{}", r#"{"files": "src/*.rs", "path": "src"}"#, "src/a.rs");
    }

    #[test]
    fn what_cannot_be_searched_for_says_so() {
        check("{}", "{}", "invalid: say `text`, `files` or both");
        check("{}", r#"{"text": ""}"#, "invalid: `text` is empty");
        let Err(Failure::InvalidArguments(why)) =
            expression("(", &serde_json::from_str(r#"{"regex": true}"#).unwrap())
        else {
            panic!()
        };
        assert!(why.starts_with("`(` is no regular expression: "), "{why}");
    }
}
