//! Text from outside, made fit to stand in a sentence for a person.

use crate::domain::visible::is_invisible;

/// The longest foreign text in an error: enough for any provider's message, short enough to read.
const LONGEST: usize = 500;

/// Clips `text` to 500 characters and makes visible what could move the cursor, colour a terminal
/// or reorder the line.
pub(super) fn visible(text: &str) -> String {
    visible_up_to(text, LONGEST)
}

/// [`visible`] with another limit.
pub(super) fn visible_up_to(text: &str, longest: usize) -> String {
    let text = text.trim();
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == longest {
            shown.push('…');
            break;
        }
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_shown() {
        assert_eq!(visible(" a\n\u{1b}[31mb\u{202e}c é\t"), r"a\n\u{1b}[31mb\u{202e}c é");
    }

    #[test]
    fn long_text_is_clipped_by_characters() {
        assert_eq!(visible_up_to("äöüß", 4), "äöüß");
        assert_eq!(visible_up_to("äöüß!", 4), "äöüß…");
    }
}
