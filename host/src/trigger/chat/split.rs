//! Long texts in messages of limited length: cut at lines or words where that is possible, never within a
//! character, and never without saying how much is left.

/// What one character takes of a service's limit, as it is sent.
pub(super) type Cost = fn(char) -> usize;

/// The most messages that one text becomes: a chat is no place for a book, and whoever floods one with an
/// answer makes people miss the question after it.
const MOST_PARTS: usize = 4;

/// Room for the sentence about what is left out.
const LEFT: usize = 120;

/// What a text takes.
pub(super) fn cost(text: &str, cost: Cost) -> usize {
    text.chars().map(cost).sum()
}

/// The beginning of a text that fits, and how many characters are left.
pub(super) fn clip(text: &str, limit: usize, cost: Cost) -> (&str, usize) {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += cost(c);
        if used > limit {
            return (&text[..at], text[at..].chars().count());
        }
    }
    (text, 0)
}

/// The text in parts that fit; `whole` says where the whole of it is found. At least one part.
pub(super) fn split(text: &str, limit: usize, cost: Cost, whole: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (_, left) = clip(rest, limit, cost);
        if left == 0 {
            parts.push(rest.to_owned());
            return parts;
        }
        if parts.len() + 1 == MOST_PARTS {
            let (part, left) = clip(rest, limit.saturating_sub(LEFT), cost);
            parts.push(format!("{part}\n… {left} more characters: {whole}"));
            return parts;
        }
        let (part, _) = clip(rest, limit, cost);
        let part = at_a_gap(part);
        parts.push(part.trim_end().to_owned());
        // A line that was cut begins the next part; the gap itself belongs to neither.
        rest = rest[part.len()..].trim_start_matches(['\n', ' ']);
        // A single character that is dearer than the limit: no service has so small a one.
        if part.is_empty() {
            return parts;
        }
    }
}

/// The part up to its last line end, else its last space, where that leaves at least half of it.
fn at_a_gap(part: &str) -> &str {
    let found = [part.rfind('\n'), part.rfind(' ')].into_iter().flatten();
    let half = part.len() / 2;
    found.into_iter().find(|at| *at > half).map_or(part, |at| &part[..=at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EACH: Cost = |_| 1;
    const UTF16: Cost = char::len_utf16;

    #[test]
    fn a_short_text_is_one_message() {
        assert_eq!(split("hello", 5, EACH, "w"), ["hello"]);
        assert_eq!(split("", 5, EACH, "w"), [""]);
    }

    #[test]
    fn a_long_one_is_cut_at_lines_and_words() {
        assert_eq!(split("one two\nthree four", 10, EACH, "w"), ["one two", "three four"]);
        assert_eq!(split("one two three", 9, EACH, "w"), ["one two", "three"]);
        assert_eq!(split("abcdefgh", 3, EACH, "w"), ["abc", "def", "gh"]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let parts = split(&"x".repeat(10_000), 1_000, EACH, "`initrunner show run_a`");
        assert_eq!(parts.len(), 4);
        let last = &parts[3];
        assert!(last.ends_with("\n… 6120 more characters: `initrunner show run_a`"), "{last}");
        assert_eq!(last.chars().filter(|c| *c == 'x').count(), 880);
    }

    #[test]
    fn no_character_is_torn() {
        assert_eq!(clip("a🙂b", 2, UTF16), ("a", 2));
        assert_eq!(clip("a🙂b", 3, UTF16), ("a🙂", 1));
        assert_eq!(clip("日本", 1, EACH), ("日", 1));
    }

    proptest! {
        #[test]
        fn every_part_fits(text in "[a-z 🙂\n]{0,2000}", limit in 200..400usize) {
            let parts = split(&text, limit, UTF16, "w");
            prop_assert!(!parts.is_empty() && parts.len() <= MOST_PARTS);
            for part in &parts {
                prop_assert!(cost(part, UTF16) <= limit, "{}", part);
            }
        }

        #[test]
        fn nothing_but_gaps_is_lost_where_nothing_is_left_out(text in "[a-z \n]{0,600}") {
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            let parts = split(&text, 200, EACH, "w");
            prop_assert_eq!(letters(&parts.concat()), letters(&text));
        }
    }
}
