//! As many characters as a message may have.

use super::{Kind, Line, read};
use crate::domain::approval::Preview;

/// The fewest characters that anything is shown in: some of it, and how much is left, twice.
const FEWEST: usize = 100;

/// What will happen, as plain text of at most `most` characters, and at least a hundred: for messages,
/// which wrap lines by themselves. What is left out stands at the end, in characters; of a statement with
/// values each part is cut for itself. The caller escapes what its chat reads as markup.
pub fn bounded(preview: Option<&Preview>, arguments: &str, most: usize) -> String {
    let most = most.max(FEWEST);
    let lines = read(preview, arguments);
    let whole = joined(&lines);
    if whole.chars().count() <= most {
        return whole;
    }
    // The values come before the statement that they are for.
    let is_beside = |line: &&Line| line.kind == Kind::Sql && line.text.starts_with("--");
    let beside = lines.iter().take_while(is_beside).count();
    if beside == 0 || beside == lines.len() {
        return cut(&whole, most);
    }
    let (values, statement) = (joined(&lines[..beside]), joined(&lines[beside..]));
    let needed = statement.chars().count() + 1;
    let values = cut(&values, most.saturating_sub(needed).max(most / 2));
    let room = most - values.chars().count() - 1;
    format!("{values}\n{}", cut(&statement, room))
}

fn joined(lines: &[Line]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.join("\n")
}

/// The text, or its beginning and how many characters are left.
fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let left = |kept: usize| format!("\n… {} more characters", length - kept);
    // As much as the longest such sentence leaves.
    let kept = most.saturating_sub(left(0).chars().count());
    let beginning: String = text.chars().take(kept).collect();
    format!("{beginning}{}", left(kept))
}

#[cfg(test)]
mod tests {
    use super::super::{sample, text};
    use super::*;
    use crate::domain::approval::PreviewFormat;
    use expect_test::expect;
    use proptest::prelude::*;

    #[test]
    fn a_short_one_is_whole_and_a_long_one_says_what_is_left() {
        let command = |text: String| Some(Preview { format: PreviewFormat::Command, text });
        let shown = bounded(command("rm -rf ./scratch".into()).as_ref(), "{}", 200);
        assert_eq!(shown, "rm -rf ./scratch");
        let shown = bounded(command(format!("rm {}", "x".repeat(500))).as_ref(), "{}", 100);
        expect![[r#"
            rm xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            … 425 more characters"#]]
        .assert_eq(&shown);
    }

    #[test]
    fn a_long_value_leaves_the_statement_in_sight() {
        let text =
            format!("-- ?1 = \"{}\"\n-- statement:\nDELETE FROM t WHERE a = ?", "x".repeat(500));
        let shown = bounded(Some(&Preview { format: PreviewFormat::Sql, text }), "{}", 120);
        expect![[r#"
            -- ?1 = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            … 452 more characters
            DELETE FROM t WHERE a = ?"#]]
        .assert_eq(&shown);
    }

    proptest! {
        #[test]
        fn a_message_is_never_longer_and_what_is_left_is_true(
            preview in sample::preview(),
            most in 0..700_usize,
        ) {
            let whole = text(preview.as_ref(), "{}");
            let shown = bounded(preview.as_ref(), "{}", most);
            prop_assert!(shown.chars().count() <= most.max(FEWEST));
            prop_assert_eq!(shown.chars().next(), whole.chars().next());
            let left: usize = shown
                .lines()
                .filter_map(|line| line.strip_prefix("… ")?.strip_suffix(" more characters"))
                .filter_map(|count| count.parse::<usize>().ok())
                .sum();
            if shown != whole {
                let ours: usize = shown
                    .lines()
                    .filter(|line| line.starts_with("… ") && line.ends_with(" more characters"))
                    .map(|line| line.chars().count() + 1)
                    .sum();
                prop_assert_eq!(shown.chars().count() - ours + left, whole.chars().count());
            }
        }
    }
}
