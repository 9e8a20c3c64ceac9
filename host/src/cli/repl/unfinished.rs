//! Messages of several lines: where one is not finished yet, and what it is once it is.

/// What opens and closes a block in which lines are kept as they are, as in Markdown.
const FENCE: &str = "```";

/// Whether more lines belong to the text: its last one ends with a backslash, or a block is open.
pub(super) fn is_unfinished(text: &str) -> bool {
    let mut open = false;
    let mut continues = false;
    for line in text.split('\n') {
        let fence = line.trim_start().starts_with(FENCE);
        open ^= fence;
        continues = !open && !fence && ends_with_backslash(line);
    }
    open || continues
}

/// The text without the backslashes that joined its lines. Within a block they are the text's own.
pub(super) fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open = false;
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let fence = line.trim_start().starts_with(FENCE);
        open ^= fence;
        let is_last = lines.peek().is_none();
        match line.strip_suffix('\\') {
            Some(line) if !open && !fence && !is_last && !ends_with_backslash(line) => {
                out.push_str(line);
            }
            _ => out.push_str(line),
        }
        if !is_last {
            out.push('\n');
        }
    }
    out
}

/// Whether the last backslash of a line stands for itself: two are one that was written.
fn ends_with_backslash(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_or_an_open_block_asks_for_more() {
        for (text, unfinished) in [
            ("", false),
            ("one", false),
            ("one\\", true),
            ("one\\\\", false),
            ("one\\\ntwo", false),
            ("look:\n```", true),
            ("```rust\nlet a = 1;\n```", false),
            ("```\na\\", true),
            ("```\na\\\n```\nb\\", true),
            ("  ```\nx", true),
            ("a ``` b", false),
        ] {
            assert_eq!(is_unfinished(text), unfinished, "{text:?}");
        }
    }

    #[test]
    fn lines_are_joined_by_line_ends_and_blocks_keep_theirs() {
        assert_eq!(joined("one\\\ntwo\\\nthree"), "one\ntwo\nthree");
        assert_eq!(joined("```\ncat \\\n  file\n```"), "```\ncat \\\n  file\n```");
        assert_eq!(joined("a\\\\\nb"), "a\\\\\nb");
        assert_eq!(joined("end\\"), "end\\");
    }
}
