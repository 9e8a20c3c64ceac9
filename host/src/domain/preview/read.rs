//! From a preview to its lines.

use super::{Kind, Line};
use crate::domain::approval::{Preview, PreviewFormat};
use crate::domain::visible;

/// How far apart the columns are that a tab leads to: as editors show the files that diffs are of.
const TAB: usize = 4;

/// The lines of what will happen: the preview where there is one, else the arguments. There is one at
/// least.
pub fn read(preview: Option<&Preview>, arguments: &str) -> Vec<Line> {
    let Some(preview) = preview.filter(|preview| is_in_lines(Some(preview))) else {
        return vec![Line::new(first_kind(preview), one_line(preview, arguments))];
    };
    let lines = preview.text.trim_end_matches('\n').split('\n');
    match preview.format {
        PreviewFormat::Diff => {
            let mut hunk = Hunk::default();
            lines.map(|line| diff(&mut hunk, line)).collect()
        }
        PreviewFormat::Http => {
            let mut place = Kind::Request;
            lines.map(|line| http(&mut place, line)).collect()
        }
        PreviewFormat::Sql | PreviewFormat::Plain | PreviewFormat::Command => {
            lines.map(|line| Line::new(first_kind(Some(preview)), shown(line))).collect()
        }
    }
}

/// Whether a preview is read in lines. A command is not: it could push itself out of sight.
pub fn is_in_lines(preview: Option<&Preview>) -> bool {
    let in_lines = [PreviewFormat::Diff, PreviewFormat::Sql, PreviewFormat::Http];
    preview.is_some_and(|preview| {
        in_lines.contains(&preview.format) && preview.text.trim_end_matches('\n').contains('\n')
    })
}

/// What will happen, on one line: the preview where there is one, else the arguments.
pub fn one_line(preview: Option<&Preview>, arguments: &str) -> String {
    visible::one_line(preview.map_or(arguments, |preview| &preview.text))
}

fn first_kind(preview: Option<&Preview>) -> Kind {
    match preview.map(|preview| preview.format) {
        None | Some(PreviewFormat::Plain) => Kind::Plain,
        Some(PreviewFormat::Command) => Kind::Command,
        Some(PreviewFormat::Sql) => Kind::Sql,
        Some(PreviewFormat::Diff) => Kind::Heading,
        Some(PreviewFormat::Http) => Kind::Request,
    }
}

/// One line with nothing invisible in it. A tab is an arrow that leads to its column: a line that is
/// indented by tabs stays readable, and does not look like one that is indented by blanks.
fn shown(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for (index, part) in line.split('\t').enumerate() {
        if index > 0 {
            let column = out.chars().count();
            out.push('→');
            out.extend(std::iter::repeat_n(' ', TAB - 1 - column % TAB));
        }
        out.push_str(&visible::one_line(part));
    }
    out
}

/// How many lines of a hunk are still to come.
#[derive(Debug, Default)]
struct Hunk {
    old: u64,
    new: u64,
}

fn diff(hunk: &mut Hunk, line: &str) -> Line {
    // Within a hunk the counts of its heading say what a line is: what is removed may look like a heading.
    let inside = hunk.old > 0 || hunk.new > 0;
    let kind = match line.chars().next() {
        Some('@') => {
            *hunk = counts(line).unwrap_or_default();
            Kind::Heading
        }
        Some('+') if inside || !line.starts_with("+++ ") => {
            hunk.new = hunk.new.saturating_sub(1);
            Kind::Added
        }
        Some('-') if inside || !line.starts_with("--- ") => {
            hunk.old = hunk.old.saturating_sub(1);
            Kind::Removed
        }
        Some('\\') => Kind::Context,
        // Some programs take the blank of an empty line away.
        Some(' ') | None => {
            hunk.old = hunk.old.saturating_sub(1);
            hunk.new = hunk.new.saturating_sub(1);
            Kind::Context
        }
        Some(_) => Kind::Heading,
    };
    let mut text = shown(line);
    // A blank that comes or goes at the end of a line is a change like any other.
    if matches!(kind, Kind::Added | Kind::Removed) && line.len() > 1 && line.ends_with(' ') {
        text.pop();
        text.push_str("\\x20");
    }
    Line::new(kind, text)
}

/// The counts of `@@ -1,2 +3,4 @@`; one that is left out is 1.
fn counts(line: &str) -> Option<Hunk> {
    let mut ranges = line.strip_prefix("@@ ")?.split(' ');
    let mut count = |sign| {
        let range = ranges.next()?.strip_prefix(sign)?;
        range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    Some(Hunk { old: count('-')?, new: count('+')? })
}

fn http(place: &mut Kind, line: &str) -> Line {
    let kind = *place;
    *place = match kind {
        Kind::Request => Kind::Header,
        Kind::Header if line.is_empty() => Kind::Body,
        other => other,
    };
    Line::new(kind, shown(line))
}

#[cfg(test)]
mod tests {
    use super::super::{sample, text};
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn check(format: PreviewFormat, text: &str, expected: Expect) {
        let preview = Preview { format, text: text.to_owned() };
        let lines = read(Some(&preview), "{}");
        let shown: String =
            lines.iter().map(|line| format!("{:?} {}\n", line.kind, line.text)).collect();
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_command_is_one_line_whatever_it_holds() {
        check(
            PreviewFormat::Command,
            "rm -rf ./scratch\n\n\n\necho\tdone\u{1b}[2J",
            expect![[r"
                Command rm -rf ./scratch\n\n\n\necho\tdone\x1b[2J
            "]],
        );
    }

    #[test]
    fn arguments_stand_in_for_a_preview() {
        let lines = read(None, "{\"a\":\"\u{202e}\"}");
        assert_eq!(lines, [Line::new(Kind::Plain, r#"{"a":"\u{202e}"}"#.into())]);
    }

    #[test]
    fn what_is_removed_is_no_heading_however_it_looks() {
        check(
            PreviewFormat::Diff,
            "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@ fn\n same\n--- a/other\n-\tx \n+++ b/other\n+  x\t\n\\ No newline\n@@ -9 +9 @@\n-a\n+b\n+++ b/g\n",
            expect![[r"
                Heading --- a/f
                Heading +++ b/f
                Heading @@ -1,3 +1,3 @@ fn
                Context  same
                Removed --- a/other
                Removed -→  x\x20
                Added +++ b/other
                Added +  x→   
                Context \ No newline
                Heading @@ -9 +9 @@
                Removed -a
                Added +b
                Heading +++ b/g
            "]],
        );
    }

    #[test]
    fn a_request_has_a_line_headers_and_a_body() {
        check(
            PreviewFormat::Http,
            "POST https://a.example/x\nAccept: */*\n\nGET /y\n\nHost: b",
            expect![[r"
                Request POST https://a.example/x
                Header Accept: */*
                Header 
                Body GET /y
                Body 
                Body Host: b
            "]],
        );
    }

    #[test]
    fn a_statement_and_its_values_are_sql() {
        check(
            PreviewFormat::Sql,
            "-- ?1 = \"x\"\n-- statement:\nDELETE FROM t\n  WHERE a = ?\n\n",
            expect![[r#"
                Sql -- ?1 = "x"
                Sql -- statement:
                Sql DELETE FROM t
                Sql   WHERE a = ?
            "#]],
        );
    }

    proptest! {
        #[test]
        fn nothing_invisible_is_left(preview in sample::preview()) {
            let shown = text(preview.as_ref(), "{}");
            let hidden = |c: char| c != '\n' && (c.is_control() || visible::is_invisible(c));
            prop_assert!(!shown.contains(hidden), "{shown:?}");
        }

        #[test]
        fn no_line_is_lost(preview in sample::preview()) {
            let lines = read(preview.as_ref(), "{}");
            prop_assert!(!lines.is_empty());
            if let Some(preview) = preview.filter(|preview| is_in_lines(Some(preview))) {
                let expected = preview.text.trim_end_matches('\n').matches('\n').count() + 1;
                prop_assert_eq!(lines.len(), expected);
            }
        }
    }
}
