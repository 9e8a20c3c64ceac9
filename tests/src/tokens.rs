//! Rust source as words and signs, without comments and without what stands in quotes: enough to see
//! what a file names.

/// A word or a sign, and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'t> {
    /// Counted from 1.
    pub line: usize,
    /// A whole identifier, keyword or number, or one character; `"` stands for a literal in quotes.
    pub text: &'t str,
}

/// Reads a file's text.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut reader = Reader { text, at: 0, line: 1, tokens: Vec::new() };
    while let Some(c) = reader.rest().chars().next() {
        reader.one(c);
    }
    reader.tokens
}

/// Every path that begins with the word `root`, as its words: `use crate::{a, b::c}` gives `crate a` and
/// `crate b c`.
pub fn paths<'t>(tokens: &[Token<'t>], root: &str) -> Vec<(usize, Vec<&'t str>)> {
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.text == root && (index == 0 || tokens[index - 1].text != ":") {
            tree(tokens, index, Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one path or group of paths; gives where it ends.
fn tree<'t>(
    tokens: &[Token<'t>],
    mut at: usize,
    mut before: Vec<&'t str>,
    found: &mut Vec<(usize, Vec<&'t str>)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    loop {
        if text(at) == "{" && !before.is_empty() {
            at += 1;
            while !matches!(text(at), "}" | "") {
                at = match text(at) {
                    "as" => at + 2,
                    word if is_word(word) => tree(tokens, at, before.clone(), found),
                    _ => at + 1,
                };
            }
            return at + 1;
        }
        if !is_word(text(at)) {
            return at;
        }
        before.push(text(at));
        at += 1;
        let goes_on = text(at) == ":" && text(at + 1) == ":";
        if !goes_on || !(is_word(text(at + 2)) || text(at + 2) == "{") {
            found.push((tokens[at - 1].line, before));
            return at;
        }
        at += 2;
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn one(&mut self, c: char) {
        let rest = self.rest();
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.block_comment();
        } else if let Some(length) = raw_string(rest) {
            self.push(length, "\"");
        } else if let Some(length) = quoted(rest) {
            self.push(length, "\"");
        } else if is_word(&rest[..c.len_utf8()]) {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let length = length.unwrap_or(rest.len());
            self.push(length, &rest[..length]);
        } else if c.is_whitespace() {
            self.skip(c.len_utf8());
        } else {
            self.push(c.len_utf8(), &rest[..c.len_utf8()]);
        }
    }

    fn push(&mut self, length: usize, text: &'t str) {
        self.tokens.push(Token { line: self.line, text });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.at += length;
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while !self.rest().is_empty() {
            let step = match self.rest() {
                rest if rest.starts_with("/*") => {
                    depth += 1;
                    2
                }
                rest if rest.starts_with("*/") => {
                    depth -= 1;
                    2
                }
                rest => rest.chars().next().map_or(1, char::len_utf8),
            };
            self.skip(step);
            if depth == 0 {
                return;
            }
        }
    }
}

/// The length of `r"…"`, `br#"…"#` and their like.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| after.starts_with(['"', '#']))
    })?;
    let after = &rest[prefix.len()..];
    let signs = after.len() - after.trim_start_matches('#').len();
    let inside = after[signs..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(signs));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(prefix.len() + signs + 1 + length)
}

/// The length of `"…"`, `'c'` and their like; a lifetime is none.
fn quoted(rest: &str) -> Option<usize> {
    let prefix = ["b", "c", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| after.starts_with(['"', '\'']))
    })?;
    let after = &rest[prefix.len()..];
    let quote = after.chars().next()?;
    let mut inside = after[1..].char_indices();
    let first = inside.clone().next()?.1;
    let is_character = first == '\\' || after[1 + first.len_utf8()..].starts_with('\'');
    if quote == '\'' && !is_character {
        return None;
    }
    while let Some((index, c)) = inside.next() {
        if c == '\\' {
            inside.next();
        } else if c == quote {
            return Some(prefix.len() + 1 + index + 1);
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let words = tokens(text).iter().map(|token| token.text).collect::<Vec<_>>().join(" ");
        assert_eq!(words, expected, "{text}");
    }

    #[test]
    fn comments_and_literals_are_left_out() {
        check("a // b\nc /* d /* e */ f */ g", "a c g");
        check(
            r###"f("a\"b", r"c\", r#"d"e"#, b'x', '\'', '"', "\\") z"###,
            "f ( \" , \" , \" , \" , \" , \" , \" ) z",
        );
        check("fn f<'a>(x: &'a str) -> r#type", "fn f < ' a > ( x : & ' a str ) - > r # type");
        let lines: Vec<usize> = tokens("a\n\"b\nc\"\n/*\n*/ d").iter().map(|t| t.line).collect();
        assert_eq!(lines, [1, 2, 5]);
    }

    #[test]
    fn groups_are_taken_apart() {
        let text =
            "use crate::{a, b::{self, c as d, e::*}, f};\ncrate::g::<T>(); x::crate::y; pub(crate)";
        let found = tokens(text);
        let shown: Vec<String> = paths(&found, "crate").iter().map(|(_, p)| p.join(" ")).collect();
        let expected =
            ["crate a", "crate b self", "crate b c", "crate b e", "crate f", "crate g", "crate"];
        assert_eq!(shown, expected);
    }
}
