//! What a person sees before a file is changed: a unified diff of what is there against what would be.
//! The same texts always give the same diff.

use crate::place::clip;
use initrunner_sdk::Failure;
use sha2::{Digest, Sha256};
use similar::{TextDiff, TextDiffConfig};

/// Bytes of a diff. The host refuses a preview of more than 256 KiB; nobody reads half as much.
const LARGEST: usize = 128 << 10;

/// Above so many pairs of lines the shortest diff takes seconds to find, and is as good as none: then
/// all old lines are removed and all new ones added.
const PAIRS: usize = 4_000_000;

/// Lines around a change.
const CONTEXT: usize = 3;

/// The diff of a file that becomes `new`; `old` is what is there, where there is a file.
///
/// # Errors
/// [`Failure::Retry`]: nothing would change, or too much for a person to check.
pub fn diff(name: &str, old: Option<&[u8]>, new: &str) -> Result<String, Failure> {
    let name = clip(name);
    if old == Some(new.as_bytes()) {
        return Err(Failure::Retry(format!("`{name}` already has this content")));
    }
    let text = match old.map(std::str::from_utf8) {
        None if new.is_empty() => format!("--- /dev/null\n+++ b/{name}\n(a new empty file)\n"),
        None => format!("--- /dev/null\n+++ b/{name}\n{}", lines("", new)),
        Some(Ok(old)) => format!("--- a/{name}\n+++ b/{name}\n{}", lines(old, new)),
        // The digest stands for what cannot be shown: where the file is another one by the time the
        // change is approved, this text differs, and the person is asked again.
        Some(Err(_)) => {
            let old = old.unwrap_or_default();
            format!(
                "--- a/{name}\n+++ b/{name}\n(what is there is not UTF-8 text: {} bytes, SHA-256 {}; all \
                 of it is replaced)\n{}",
                old.len(),
                hex(&Sha256::digest(old)),
                lines("", new)
            )
        }
    };
    if text.len() > LARGEST {
        return Err(Failure::Retry(format!(
            "the change of `{name}` is too large for a person to check ({} bytes of differences, at \
             most {LARGEST}); make it in smaller steps",
            text.len()
        )));
    }
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hunks. Lines end with LF alone, so that a CR is part of its line, and is seen.
fn lines(old: &str, new: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let same = |(a, b): &(&&str, &&str)| a == b;
    let before = old.iter().zip(&new).take_while(same).count();
    let after = old[before..].iter().rev().zip(new[before..].iter().rev()).take_while(same).count();
    let middle = |lines: usize| lines - before - after;
    if middle(old.len()).saturating_mul(middle(new.len())) > PAIRS {
        return block(&old, &new, before, after);
    }
    let diff = TextDiff::configure().newline_terminated(true).clone();
    hunks(&diff, &old, &new)
}

fn hunks(config: &TextDiffConfig, old: &[&str], new: &[&str]) -> String {
    config.diff_slices(old, new).unified_diff().context_radius(CONTEXT).to_string()
}

/// One hunk that removes all that differs and adds what comes in its place.
fn block(old: &[&str], new: &[&str], before: usize, after: usize) -> String {
    let first = before.saturating_sub(CONTEXT);
    let shown_after = after.min(CONTEXT);
    let (old_end, new_end) = (old.len() - after, new.len() - after);
    let mut text = format!(
        "@@ -{},{} +{},{} @@\n",
        first + 1,
        old_end + shown_after - first,
        first + 1,
        new_end + shown_after - first
    );
    let mut add = |sign: char, lines: &[&str]| {
        for line in lines {
            text.push(sign);
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    };
    add(' ', &old[first..before]);
    add('-', &old[before..old_end]);
    add('+', &new[before..new_end]);
    add(' ', &old[old_end..old_end + shown_after]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: Option<&str>, new: &str, expected: &str) {
        let said = match diff("f", old.map(str::as_bytes), new) {
            Ok(text) => text,
            Err(Failure::Retry(text)) => format!("retry: {text}"),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
        // What is shown is what is approved: it must be the same each time.
        assert_eq!(
            diff("f", old.map(str::as_bytes), new).ok(),
            diff("f", old.map(str::as_bytes), new).ok()
        );
    }

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        check(
            Some("1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
            "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
            "--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
        );
        check(Some("a\n"), "", "--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-a\n");
    }

    #[test]
    fn a_new_file_is_all_additions() {
        check(None, "a\nb\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n");
        check(None, "", "--- /dev/null\n+++ b/f\n(a new empty file)\n");
        check(Some(""), "a\n", "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
    }

    #[test]
    fn line_ends_are_part_of_lines() {
        check(
            Some("a"),
            "a\n",
            "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n",
        );
        check(
            Some("a\r\nb\r\n"),
            "a\r\nB\r\n",
            "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+B\r\n",
        );
        check(Some("a\r\n"), "a\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\r\n+a\n");
        // Some editors end lines with a CR alone: it is no line end here, and changes nothing.
        check(Some("a\rb\n"), "a\rc\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\rb\n+a\rc\n");
    }

    #[test]
    fn what_would_change_nothing_is_refused() {
        check(Some("a\n"), "a\n", "retry: `f` already has this content");
        check(Some(""), "", "retry: `f` already has this content");
    }

    #[test]
    fn what_cannot_be_shown_is_named_by_its_digest() {
        let text = diff("f", Some(b"\xff\x00"), "a\n").ok().unwrap();
        assert!(
            text.contains(
                "2 bytes, SHA-256 ea5dbf9596d187e9500f23e9a680109475341cf4e81f7e043f7d97152c10772f"
            ),
            "{text}"
        );
        assert!(text.ends_with("@@ -0,0 +1 @@\n+a\n"), "{text}");
        assert_ne!(Some(text), diff("f", Some(b"\xff\x01"), "a\n").ok());
    }

    #[test]
    fn a_change_too_large_to_check_is_refused() {
        let Err(Failure::Retry(why)) = diff("f", None, &"line\n".repeat(40_000)) else { panic!() };
        assert!(why.contains("make it in smaller steps"), "{why}");
    }

    #[test]
    fn files_that_have_nothing_in_common_are_one_block() {
        let old: String = (0..3_000).map(|n| format!("{n}\n")).collect();
        let new: String = (0..3_000).map(|n| format!("x{n}\n")).collect();
        let text =
            diff("f", Some(format!("same\n{old}end").as_bytes()), &format!("same\n{new}end"));
        let text = text.ok().unwrap();
        assert!(text.starts_with("--- a/f\n+++ b/f\n@@ -1,3002 +1,3002 @@\n same\n-0\n"), "{text}");
        assert!(text.ends_with("+x2999\n end\n\\ No newline at end of file\n"), "{text}");
    }
}
