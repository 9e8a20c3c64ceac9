//! As many rows as there is place for, and how many are left.

use super::wrap::rows;
use super::{Kind, Line};

/// The fewest rows that anything is shown in: the beginning, how much is left, and the same of the part
/// behind it.
const FEWEST: usize = 4;

/// What is shown of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clipped {
    /// The rows; where something is left out, one of them says how much.
    pub rows: Vec<Line>,
    /// How many rows are left out in all.
    pub hidden: usize,
}

/// The lines in rows of at most `width` columns, at most `most` of them, and at least four. What is left
/// out is left out behind its beginning, never before it; a value that is long does not push a statement
/// out of sight that comes after it.
pub fn clip(lines: &[Line], width: usize, most: usize) -> Clipped {
    let most = most.max(FEWEST);
    let wrapped: Vec<Vec<Line>> = lines.iter().map(|line| rows(line, width)).collect();
    if wrapped.iter().map(Vec::len).sum::<usize>() <= most {
        return Clipped { rows: wrapped.concat(), hidden: 0 };
    }
    // The values come before the statement that they are for.
    let is_beside = |line: &&Line| line.kind == Kind::Sql && line.text.starts_with("--");
    let beside = lines.iter().take_while(is_beside).count();
    if beside == 0 || beside == lines.len() {
        return cut(&wrapped, most);
    }
    let (values, statement) = wrapped.split_at(beside);
    let needed: usize = statement.iter().map(Vec::len).sum();
    let mut shown = cut(values, most.saturating_sub(needed).max(most / 2));
    let rest = cut(statement, most - shown.rows.len());
    shown.rows.extend(rest.rows);
    shown.hidden += rest.hidden;
    shown
}

/// At most `most` rows of lines, and at least two: the last says how many are left.
fn cut(lines: &[Vec<Line>], most: usize) -> Clipped {
    let all: usize = lines.iter().map(Vec::len).sum();
    if all <= most {
        return Clipped { rows: lines.concat(), hidden: 0 };
    }
    // One line takes a quarter of the place where others come after it.
    let share = match lines.len() {
        1 => most,
        _ => (most / 4).max(2),
    };
    let mut shown = Clipped { rows: Vec::new(), hidden: 0 };
    let mut seen = 0;
    for (index, line) in lines.iter().enumerate() {
        let is_last = index + 1 == lines.len();
        let own = match line.len() <= share {
            true => line.clone(),
            false => {
                let mut own = line[..share - 1].to_vec();
                own.push(left(line.len() - own.len()));
                own
            }
        };
        // Room for the row that says how many are left.
        let room = most - shown.rows.len() - usize::from(!is_last);
        if own.len() > room {
            let place = most - shown.rows.len() - 1;
            shown.rows.extend_from_slice(&line[..place.min(line.len())]);
            let hidden = all - seen - place.min(line.len());
            shown.rows.push(left(hidden));
            shown.hidden += hidden;
            return shown;
        }
        shown.hidden += line.len() - own.iter().filter(|row| row.kind != Kind::Left).count();
        seen += line.len();
        shown.rows.extend(own);
    }
    shown
}

fn left(rows: usize) -> Line {
    let lines = if rows == 1 { "line" } else { "lines" };
    Line::new(Kind::Left, format!("… {rows} more {lines}"))
}

#[cfg(test)]
mod tests {
    use super::super::{read, sample, wrap};
    use super::*;
    use crate::domain::approval::{Preview, PreviewFormat};
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn check(format: PreviewFormat, text: &str, most: usize, expected: Expect) {
        let preview = Preview { format, text: text.to_owned() };
        let clipped = clip(&read(Some(&preview), "{}"), 20, most);
        let rows = clipped.rows.iter().map(|row| format!("{}\n", row.text));
        expected.assert_eq(&format!("{}= {} hidden", rows.collect::<String>(), clipped.hidden));
    }

    #[test]
    fn the_end_of_a_command_is_left_out_and_counted() {
        check(
            PreviewFormat::Command,
            &format!("rm -rf /{}; echo ok", " ".repeat(200)),
            4,
            expect![[r#"
                rm -rf /            
                                    
                                    
                … 8 more lines
                = 8 hidden"#]],
        );
    }

    #[test]
    fn a_diff_is_cut_behind_its_beginning() {
        let lines: String = (0..9).map(|n| format!("+{n}\n")).collect();
        check(
            PreviewFormat::Diff,
            &format!("--- /dev/null\n+++ b/f\n@@ -0,0 +1,9 @@\n{lines}"),
            6,
            expect![[r#"
                --- /dev/null
                +++ b/f
                @@ -0,0 +1,9 @@
                +0
                +1
                … 7 more lines
                = 7 hidden"#]],
        );
    }

    #[test]
    fn values_push_no_statement_out_of_sight() {
        let values: String = (1..50).map(|n| format!("-- ?{n} = {n}\n")).collect();
        check(
            PreviewFormat::Sql,
            &format!("{values}-- statement:\nDELETE FROM t\nWHERE a = ?1"),
            6,
            expect![[r#"
                -- ?1 = 1
                -- ?2 = 2
                -- ?3 = 3
                … 47 more lines
                DELETE FROM t
                WHERE a = ?1
                = 47 hidden"#]],
        );
        check(
            PreviewFormat::Sql,
            &format!("-- ?1 = \"{}\"\n-- ?2 = 5\n-- statement:\nSELECT 1", "x".repeat(300)),
            8,
            expect![[r#"
                -- ?1 = "xxxxxxxxxxx
                … 15 more lines
                -- ?2 = 5
                -- statement:
                SELECT 1
                = 15 hidden"#]],
        );
    }

    proptest! {
        #[test]
        fn what_is_left_out_is_counted_and_the_beginning_never_lost(
            preview in sample::preview(),
            width in 1..60_usize,
            most in 0..40_usize,
        ) {
            let lines = read(preview.as_ref(), "{}");
            let all = wrap(&lines, width);
            let clipped = clip(&lines, width, most);
            prop_assert!(clipped.rows.len() <= most.max(FEWEST), "{clipped:?}");
            prop_assert_eq!(&clipped.rows[0], &all[0]);
            let ours = |row: &&Line| row.kind == Kind::Left;
            let shown = clipped.rows.iter().filter(|row| !ours(row)).count();
            prop_assert_eq!(shown + clipped.hidden, all.len());
            let told: usize = clipped
                .rows
                .iter()
                .filter(ours)
                .filter_map(|row| row.text.split(' ').nth(1)?.parse::<usize>().ok())
                .sum();
            prop_assert_eq!(told, clipped.hidden);
            // What is shown is shown in its order.
            let mut rest = all.iter();
            for row in clipped.rows.iter().filter(|row| !ours(row)) {
                prop_assert!(rest.any(|one| one == row), "{row:?}");
            }
        }
    }
}
