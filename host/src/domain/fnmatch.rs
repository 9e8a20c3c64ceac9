//! Globs as Python's `fnmatch.fnmatchcase` reads them: case-sensitive, the whole string, `*` crosses
//! `/`, newlines and spaces; `?` is one character; `[seq]` and `[!seq]` are sets. There is no escape;
//! a `[` without its `]` is itself.
//!
//! Source of the semantics: the Python standard library's documentation of `fnmatch`, and the
//! behaviour of CPython 3.11 where the documentation is silent (ranges, `]` and `-` inside sets). The
//! tests compare thousands of generated cases with Python itself.

/// A compiled glob. Matching takes time proportional to pattern × text at worst, never more: a model
/// chooses the text, so a glob must not be a way to stall the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    AnyOne,
    AnyRun,
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// Compiles a glob; every text is one.
    pub fn new(glob: &str) -> Self {
        let chars: Vec<char> = glob.chars().collect();
        let mut tokens = Vec::with_capacity(chars.len());
        let mut index = 0;
        while index < chars.len() {
            let token = match chars[index] {
                '*' => {
                    index += 1;
                    if tokens.last() == Some(&Token::AnyRun) {
                        continue;
                    }
                    tokens.push(Token::AnyRun);
                    continue;
                }
                '?' => Token::AnyOne,
                '[' => match set(&chars[index + 1..]) {
                    Some((set, length)) => {
                        index += length;
                        set
                    }
                    None => Token::Literal('['),
                },
                other => Token::Literal(other),
            };
            tokens.push(token);
            index += 1;
        }
        Self(tokens)
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut token, mut at) = (0, 0);
        // Where to go back to: after the last `*`, which may swallow one character more.
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(token) {
                Some(Token::AnyRun) => {
                    token += 1;
                    retry = Some((token, at));
                    continue;
                }
                Some(one) if one.matches_one(text[at]) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after_star, swallowed)) = retry else { return false };
            token = after_star;
            at = swallowed + 1;
            retry = Some((after_star, at));
        }
        self.0[token..].iter().all(|rest| *rest == Token::AnyRun)
    }
}

impl Token {
    fn matches_one(&self, c: char) -> bool {
        match self {
            Token::Literal(literal) => *literal == c,
            Token::AnyOne => true,
            Token::AnyRun => false,
            Token::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// Reads a set from behind its `[`. Gives it and how many characters it took, its `]` included; `None`
/// where there is no closing `]`.
fn set(rest: &[char]) -> Option<(Token, usize)> {
    let negated = rest.first() == Some(&'!');
    let body_start = usize::from(negated);
    // A `]` right at the start is a member.
    let search_from = body_start + usize::from(rest.get(body_start) == Some(&']'));
    let close = search_from + rest.get(search_from..)?.iter().position(|c| *c == ']')?;
    let body = &rest[body_start..close];
    Some((Token::Set { negated, ranges: ranges(body) }, close + 1))
}

/// The members of a set. CPython splits the body at each hyphen that can stand between two ends (not
/// the first or last character, and at least one character after the one before), and drops ranges
/// that run backwards.
fn ranges(body: &[char]) -> Vec<(char, char)> {
    // Chunks between range hyphens.
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let mut start = 0;
    let mut search = 1;
    while let Some(hyphen) = (search..body.len()).find(|at| body[*at] == '-') {
        chunks.push(body[start..hyphen].to_vec());
        start = hyphen + 1;
        search = hyphen + 3;
    }
    let tail = &body[start.min(body.len())..];
    if tail.is_empty() {
        // A hyphen at the very end is a member of the chunk before it.
        match chunks.last_mut() {
            Some(last) => last.push('-'),
            None => chunks.push(Vec::new()),
        }
    } else {
        chunks.push(tail.to_vec());
    }
    // A range whose ends run backwards is empty: CPython joins the two chunks without those ends.
    let mut index = chunks.len().saturating_sub(1);
    while index > 0 {
        let backwards = match (chunks[index - 1].last(), chunks[index].first()) {
            (Some(low), Some(high)) => low > high,
            _ => false,
        };
        if backwards {
            let right: Vec<char> = chunks[index][1..].to_vec();
            chunks[index - 1].pop();
            chunks[index - 1].extend(right);
            chunks.remove(index);
        }
        index -= 1;
    }
    let mut members = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let first = usize::from(index > 0);
        let last = chunk.len() - usize::from(index + 1 < chunks.len() && !chunk.is_empty());
        members.extend(chunk.get(first..last).unwrap_or_default().iter().map(|c| (*c, *c)));
        if let (Some(low), Some(next)) = (chunk.last(), chunks.get(index + 1))
            && let Some(high) = next.first()
        {
            members.push((*low, *high));
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::new(glob);
        for text in yes {
            assert!(pattern.matches(text), "`{glob}` should match `{text}`");
        }
        for text in no {
            assert!(!pattern.matches(text), "`{glob}` should not match `{text}`");
        }
    }

    #[test]
    fn stars_cross_everything() {
        check("rm *", &["rm -rf /a b/c", "rm \n"], &["rm", "RM x", " rm x"]);
        check("*a*b*", &["ab", "xaxbx", "a\nb"], &["ba", ""]);
        check("**", &["", "x"], &[]);
    }

    #[test]
    fn sets_follow_python() {
        check("[abc]", &["a", "c"], &["d", "", "ab"]);
        check("[!abc]", &["d"], &["a", ""]);
        check("[]]", &["]"], &["["]);
        check("[!]]", &["["], &["]"]);
        check("[a-c]", &["b"], &["-", "d"]);
        check("[a-]", &["a", "-"], &["b"]);
        check("[-a]", &["a", "-"], &["b"]);
        check("[c-a]", &[], &["a", "b", "c", "-"]);
        check("[", &["["], &["a"]);
        check("[a", &["[a"], &["a"]);
        check("[!", &["[!"], &["a"]);
        check("[é-ü]", &["ö"], &["e"]);
    }

    #[test]
    fn a_hostile_text_does_not_stall() {
        let text = "a".repeat(20_000);
        check("*a*a*a*a*a*a*a*b", &[], &[&text]);
    }
}
