//! Tables that fit the terminal and never cut an id.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its head.
    pub(super) head: &'static str,
    /// The fewest columns it may shrink to; `None`: it is never cut.
    pub(super) shrinks_to: Option<usize>,
}

/// Draws a table with a heavy head, in at most `width` columns: the last shrinkable columns give way
/// first. Where it cannot fit, each row becomes a block of lines, and nothing is cut.
pub(super) fn draw(columns: &[Column], rows: &[Vec<String>], width: usize) -> String {
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
            cells.chain([column.head.width()]).max().unwrap_or(0)
        })
        .collect();
    // Each column costs two blanks and a line; the table one line more.
    let frame = 3 * columns.len() + 1;
    let mut over = (widths.iter().sum::<usize>() + frame).saturating_sub(width);
    for (index, column) in columns.iter().enumerate().rev() {
        if let Some(least) = column.shrinks_to {
            let give = over.min(widths[index].saturating_sub(least));
            widths[index] -= give;
            over -= give;
        }
    }
    if over > 0 { blocks(columns, rows) } else { boxed(columns, rows, &widths) }
}

fn boxed(columns: &[Column], rows: &[Vec<String>], widths: &[usize]) -> String {
    let rule = |left: &str, line: &str, middle: &str, right: &str| {
        let parts: Vec<String> = widths.iter().map(|width| line.repeat(width + 2)).collect();
        format!("{left}{}{right}\n", parts.join(middle))
    };
    let row = |bar: &str, cells: &mut dyn Iterator<Item = &str>| {
        let parts: Vec<String> =
            cells.zip(widths).map(|(cell, width)| format!(" {} ", fit(cell, *width))).collect();
        format!("{bar}{}{bar}\n", parts.join(bar))
    };
    let mut table = rule("┏", "━", "┳", "┓");
    table.push_str(&row("┃", &mut columns.iter().map(|column| column.head)));
    table.push_str(&rule("┡", "━", "╇", "┩"));
    for cells in rows {
        table.push_str(&row("│", &mut cells.iter().map(String::as_str)));
    }
    table.push_str(&rule("└", "─", "┴", "┘"));
    table
}

fn blocks(columns: &[Column], rows: &[Vec<String>]) -> String {
    let widest = columns.iter().map(|column| column.head.width()).max().unwrap_or(0);
    let block = |cells: &Vec<String>| {
        let lines = columns.iter().zip(cells);
        lines.map(|(column, cell)| format!("{}  {cell}\n", fit(column.head, widest))).collect()
    };
    rows.iter().map(block).collect::<Vec<String>>().join("\n")
}

/// Exactly `width` columns: padded, or cut with an ellipsis.
fn fit(text: &str, width: usize) -> String {
    let have = text.width();
    if have <= width {
        return format!("{text}{}", " ".repeat(width - have));
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns + 1 > width {
            break;
        }
        cut.push(c);
        used += columns;
    }
    cut.push('…');
    format!("{cut}{}", " ".repeat(width.saturating_sub(used + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(width: usize, expected: Expect) {
        let columns = [
            Column { head: "run_id", shrinks_to: None },
            Column { head: "arguments", shrinks_to: Some(8) },
        ];
        let rows = vec![
            vec!["run_k3q7x2mabcde".to_owned(), "rm -rf ./scratch/old/日本".to_owned()],
            vec!["run_aaaaaaaaaaaa".to_owned(), "ls".to_owned()],
        ];
        expected.assert_eq(&draw(&columns, &rows, width));
    }

    #[test]
    fn a_wide_terminal_cuts_nothing() {
        check(
            60,
            expect![[r#"
                ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
                ┃ run_id           ┃ arguments                 ┃
                ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
                │ run_k3q7x2mabcde │ rm -rf ./scratch/old/日本 │
                │ run_aaaaaaaaaaaa │ ls                        │
                └──────────────────┴───────────────────────────┘
            "#]],
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_arguments_and_never_ids() {
        check(
            40,
            expect![[r#"
                ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
                ┃ run_id           ┃ arguments         ┃
                ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
                │ run_k3q7x2mabcde │ rm -rf ./scratch… │
                │ run_aaaaaaaaaaaa │ ls                │
                └──────────────────┴───────────────────┘
            "#]],
        );
    }

    #[test]
    fn where_no_table_fits_each_row_is_a_block() {
        check(
            20,
            expect![[r#"
                run_id     run_k3q7x2mabcde
                arguments  rm -rf ./scratch/old/日本

                run_id     run_aaaaaaaaaaaa
                arguments  ls
            "#]],
        );
    }
}
