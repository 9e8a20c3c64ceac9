//! Text in which `$1` or `${name}` stands for what a pattern captured.
//!
//! Everything is resolved against the patterns when the script is read. Anything else that begins
//! with a `$`, such as `$HOME` in a shell command, stays as it is: a variable that quietly became
//! nothing would make another command.

use regex::{Captures, Regex};

/// A template.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Literal(String),
    /// A group of the rule's `when`; 0 is what it matched, or the whole text without a `when`.
    Group(usize),
    /// A group of the rule's `user`; 0 is the whole last user message without a `user`.
    User(usize),
}

/// The patterns that a template may refer to.
#[derive(Clone, Copy)]
pub(super) struct Patterns<'p> {
    pub(super) when: Option<&'p Regex>,
    pub(super) user: Option<&'p Regex>,
}

/// What the patterns captured.
pub(super) struct Found<'t> {
    pub(super) when: Option<Captures<'t>>,
    pub(super) text: &'t str,
    pub(super) user: Option<Captures<'t>>,
    pub(super) user_text: &'t str,
}

impl Template {
    /// Reads a template. `Err` is a clause with the cure.
    pub(super) fn parse(text: &str, patterns: Patterns<'_>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (name, end) = if let Some(escaped) = after.strip_prefix('$') {
                literal.push('$');
                rest = escaped;
                continue;
            } else if digits > 0 {
                (&after[..digits], digits)
            } else if let Some(name) = after.strip_prefix('{').and_then(|a| a.split('}').next())
                && name.len() + 1 < after.len()
            {
                (name, name.len() + 2)
            } else {
                literal.push('$');
                rest = after;
                continue;
            };
            let written = &rest[at..=at + end];
            let part = part(name, patterns).ok_or_else(|| {
                format!("`{written}` names no group; write `${written}` for that text itself")
            })?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = &after[end..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// The text with everything in place; a group that took no part is empty.
    pub(super) fn fill(&self, found: &Found<'_>) -> String {
        let group = |captures: &Option<Captures<'_>>, number, whole: &str| match captures {
            Some(captures) => captures.get(number).map_or("", |m| m.as_str()).to_owned(),
            None => whole.to_owned(),
        };
        let fill = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Group(number) => group(&found.when, *number, found.text),
            Part::User(number) => group(&found.user, *number, found.user_text),
        };
        self.0.iter().map(fill).collect()
    }
}

fn part(name: &str, patterns: Patterns<'_>) -> Option<Part> {
    match name.strip_prefix("user.") {
        Some(name) => group(name, patterns.user).map(Part::User),
        None => group(name, patterns.when).map(Part::Group),
    }
}

fn group(name: &str, pattern: Option<&Regex>) -> Option<usize> {
    let Some(pattern) = pattern else { return (name == "0").then_some(0) };
    match name.parse::<usize>() {
        Ok(number) => Some(number).filter(|number| *number < pattern.captures_len()),
        Err(_) => pattern.capture_names().position(|known| known == Some(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: &str) {
        let when = Regex::new(r"delete (\S+)( now)?(?P<end>!)?").unwrap();
        let user = Regex::new(r"u(.)").unwrap();
        let patterns = Patterns { when: Some(&when), user: Some(&user) };
        let (text, user_text) = ("please delete $1 it!", "uv");
        let shown = match Template::parse(template, patterns) {
            Ok(template) => template.fill(&Found {
                when: when.captures(text),
                text,
                user: user.captures(user_text),
                user_text,
            }),
            Err(error) => format!("! {error}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn groups_are_filled_once_and_all_else_stays() {
        check("rm $1 é", "rm $1 é");
        check("$0|${1}|${user.1}|$2|${end}", "delete $1|$1|v||");
        check("$HOME $(id) $ ${ $", "$HOME $(id) $ ${ $");
        check("$$1 $$$1 $${HOME}", "$1 $$1 ${HOME}");
        check("", "");
    }

    #[test]
    fn a_group_that_does_not_exist_is_refused() {
        check("a $7", "! `$7` names no group; write `$$7` for that text itself");
        check("${HOME}", "! `${HOME}` names no group; write `$${HOME}` for that text itself");
        check("${}", "! `${}` names no group; write `$${}` for that text itself");
        check("${user.x}", "! `${user.x}` names no group; write `$${user.x}` for that text itself");
        check(
            "$99999999999999999999",
            "! `$99999999999999999999` names no group; write `$$99999999999999999999` for that text \
             itself",
        );
    }
}
