//! `read`: the lines of a file.

use crate::config::Config;
use crate::place::{Root, load, text};
use initrunner_sdk::{Content, Failure};
use serde::Deserialize;

/// Lines that one call gives, unless it asks for fewer.
const LINES: usize = 2_000;

/// Bytes that one call gives: less than a result may have, so that it is never cut in the middle.
const BYTES: usize = 200 << 10;

/// What the model may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The file.
    pub path: String,
    /// The first line, from 1.
    pub offset: Option<usize>,
    /// How many lines.
    pub limit: Option<usize>,
}

/// Reads.
///
/// # Errors
/// The file cannot be read, or has no such line.
pub fn read(root: &Root, config: &Config, arguments: &Arguments) -> Result<Content, Failure> {
    let place = root.find(&arguments.path)?;
    let text = text(&place, load(&place, config.max_file_bytes)?)?;
    if text.is_empty() {
        return Ok(Content::Text("[the file is empty]".into()));
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = arguments.offset.unwrap_or(1).max(1);
    if first > lines.len() {
        return Err(Failure::Retry(format!(
            "there is no line {first}: the file has {}",
            lines.len()
        )));
    }
    let mut shown = String::new();
    let mut last = first - 1;
    for line in lines.iter().skip(first - 1).take(arguments.limit.unwrap_or(LINES).min(LINES)) {
        if shown.len() + line.len() > BYTES {
            break;
        }
        shown.push_str(line);
        last += 1;
    }
    let mut notes = Vec::new();
    if last < first {
        // One line that is too long: its beginning is better than nothing.
        let mut end = BYTES;
        while !lines[last].is_char_boundary(end) {
            end -= 1;
        }
        shown.push_str(&lines[last][..end]);
        last += 1;
        notes.push(format!("line {last} is cut: it has {} bytes", lines[last - 1].len()));
    }
    if first > 1 || last < lines.len() {
        notes.push(format!("lines {first} to {last} of {}", lines.len()));
    }
    if last < lines.len() {
        notes.push(format!("go on with offset {}", last + 1));
    } else if !text.ends_with('\n') {
        notes.push("the last line has no line end".into());
    }
    if text.contains("\r\n") {
        notes.push("lines end with CR LF".into());
    }
    if !notes.is_empty() {
        if !shown.ends_with('\n') {
            shown.push('\n');
        }
        shown.push_str(&format!("[{}]", notes.join("; ")));
    }
    Ok(Content::Text(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &[u8], arguments: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), file).unwrap();
        let config: Config = serde_json::from_str("{}").unwrap();
        let root = Root::at(folder.path().to_owned(), &config);
        let said = match read(&root, &config, &serde_json::from_str(arguments).unwrap()) {
            Ok(Content::Text(text)) => text,
            Err(Failure::Retry(text)) => format!("retry: {text}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_file_is_read_as_it_is() {
        check(b"a\nb\n", r#"{"path": "f"}"#, "a\nb\n");
        check(b"", r#"{"path": "f"}"#, "[the file is empty]");
        check(b"a", r#"{"path": "f"}"#, "a\n[the last line has no line end]");
        check(b"a\r\n", r#"{"path": "f"}"#, "a\r\n[lines end with CR LF]");
    }

    #[test]
    fn a_part_says_which_part_it_is() {
        let file = b"1\n2\n3\n4\n";
        check(
            file,
            r#"{"path": "f", "offset": 2, "limit": 2}"#,
            "2\n3\n[lines 2 to 3 of 4; go on with offset 4]",
        );
        check(file, r#"{"path": "f", "offset": 4}"#, "4\n[lines 4 to 4 of 4]");
        check(file, r#"{"path": "f", "offset": 5}"#, "retry: there is no line 5: the file has 4");
        check(
            file,
            r#"{"path": "g"}"#,
            "retry: `g`: there is no such file; list its folder to see what is there",
        );
        check(
            b"\xff",
            r#"{"path": "f"}"#,
            "retry: `f` is not UTF-8 text: it has 1 bytes, and the one at 0 fits no character; it may be binary",
        );
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), "é".repeat(200 << 10)).unwrap();
        let config: Config = serde_json::from_str("{}").unwrap();
        let root = Root::at(folder.path().to_owned(), &config);
        let Ok(Content::Text(text)) =
            read(&root, &config, &serde_json::from_str(r#"{"path": "f"}"#).unwrap())
        else {
            panic!()
        };
        assert!(
            text.ends_with("\n[line 1 is cut: it has 409600 bytes; the last line has no line end]")
        );
    }
}
