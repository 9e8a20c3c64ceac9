//! Comma-separated values: RFC 4180, and safe to open in a spreadsheet.

/// One record, with its line end.
pub(super) fn record<'f>(fields: impl IntoIterator<Item = &'f str>) -> String {
    let fields: Vec<String> = fields.into_iter().map(field).collect();
    format!("{}\r\n", fields.join(","))
}

/// A spreadsheet runs what begins with one of these as a formula, and some do so after blanks; an
/// apostrophe makes it text (OWASP, *CSV injection*). What people and models wrote gets into an export,
/// so it must not run on the machine of whoever reads it.
fn field(text: &str) -> String {
    const STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
    let first = text.trim_start_matches([' ', '\n']).chars().next();
    let formula = first.is_some_and(|c| STARTS.contains(&c));
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_is_quoted() {
        assert_eq!(record(["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(record(["a,b", "say \"x\"", "1\n2"]), "\"a,b\",\"say \"\"x\"\"\",\"1\n2\"\r\n");
    }

    #[test]
    fn nothing_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1"] {
            assert!(field(text).trim_start_matches('"').starts_with('\''), "{text:?}");
        }
        for text in ["", "a=1", "2026-04-24", "{\"a\":1}", "'", "1-1"] {
            assert!(!field(text).trim_start_matches('"').starts_with("'\'"), "{text:?}");
            assert_eq!(field(text).contains('\''), text.contains('\''), "{text:?}");
        }
    }
}
