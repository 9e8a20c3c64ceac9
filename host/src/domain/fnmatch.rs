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
    let (negated, members) = members(&rest[body_start..close], negated);
    let ranges = members.into_iter().map(|(low, high)| (low, high.unwrap_or(low))).collect();
    Some((Token::Set { negated, ranges }, close + 1))
}

/// A character, or a range with its other end.
type Member = (char, Option<char>);

/// The members of a set, and whether it is negated after all. A hyphen makes a range of its neighbours
/// where it has two that belong to no range yet.
fn members(body: &[char], negated: bool) -> (bool, Vec<Member>) {
    let mut members: Vec<Member> = Vec::new();
    let mut dropped = false;
    let mut rest = body;
    while let [first, after @ ..] = rest {
        let (last, after) = match after {
            ['-', last, after @ ..] => (Some(*last), after),
            _ => (None, after),
        };
        rest = after;
        if last.is_some_and(|last| *first > last) {
            dropped = true;
        } else {
            members.push((*first, last));
        }
    }
    // CPython drops ranges that run backwards and only then looks whether the set begins with `!`: one
    // behind such ranges negates as well, and a range that it begins is its hyphen and its last end.
    match members.first().copied() {
        Some(('!', last)) if dropped && !negated => {
            let hyphen_and_last = last.map(|last| [('-', None), (last, None)]);
            members.splice(..1, hyphen_and_last.into_iter().flatten());
            (true, members)
        }
        _ => (negated, members),
    }
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
        check("[b-a!x]", &["a", "!"], &["x"]);
        check("[b-a!]", &["a", "!"], &[""]);
        check("[b-a!-x]", &["a", "!"], &["-", "x"]);
        check("[b-a!!-#]", &["a"], &["!", "\"", "#"]);
        check("[!b-a!x]", &["a"], &["!", "x"]);
        check("[!b-a]", &["a", "!"], &[""]);
    }

    #[test]
    fn a_hostile_text_does_not_stall() {
        let text = "a".repeat(20_000);
        check("*a*a*a*a*a*a*a*b", &[], &[&text]);
    }
}
