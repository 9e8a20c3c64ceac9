//! Untrusted text for a person's eyes: nothing invisible, nothing that moves the cursor or turns the
//! reading direction, nothing cut where the danger may be.
//!
//! A model or a component chooses this text, and a person decides by it: an escape sequence could
//! repaint the question, a bidirectional mark could reverse a path, a newline could push the rest out
//! of sight.

/// The text with every control, bidirectional, zero-width and otherwise invisible character written as
/// `\n`, `\x1b` or `\u{202e}`. Newlines and tabs stay where `multiline` is set.
fn show(text: &str, multiline: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if multiline => shown.push('\n'),
            '\t' if multiline => shown.push('\t'),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                shown.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c if is_invisible(c) => shown.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

/// On one line: tables, lists, sentences.
pub fn one_line(text: &str) -> String {
    show(text, false)
}

/// On as many lines as it has: previews, answers.
pub fn lines(text: &str) -> String {
    show(text, true)
}

/// C1 controls, format characters (Unicode category Cf, where bidirectional and zero-width marks are),
/// separators that break lines, blanks that look like nothing, variation selectors and tags.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x80..=0x9f
        | 0xad
        | 0x034f
        | 0x0600..=0x0605 | 0x061c | 0x06dd | 0x070f | 0x08e2
        | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
        | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a
        | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_is_left() {
        assert_eq!(one_line("rm\u{1b}[2K\r -rf"), "rm\\x1b[2K\\r -rf");
        assert_eq!(one_line("a\u{202e}b\u{200b}c\u{9b}d"), "a\\u{202e}b\\u{200b}c\\u{9b}d");
        assert_eq!(one_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(lines("a\nb\tc\u{7}"), "a\nb\tc\\x07");
        assert_eq!(one_line("Grüße 日本 🙂"), "Grüße 日本 🙂");
    }
}
