//! The parts of YAML that a file may not use, and texts that are not YAML: each with its cure.

use super::build::{Builder, Stop};
use super::interpolate::FaultKind;
use super::problem::{Problem, shown};
use super::source::position;
use super::{Node, NodeValue, Position};
use saphyr_parser::{Marker, ScanError, Span, Tag};

const CORE: &str = "tag:yaml.org,2002:";

impl Builder<'_, '_> {
    /// `*name`. Most are globs that lack their quotes.
    pub(super) fn alias(&mut self, mark: &Marker) -> Result<(), Stop> {
        let position = position(mark);
        self.enter(position)?;
        let word = shown(word(self.source.after(mark)));
        self.problems.add(
            position,
            format!("{word} is an alias in YAML, and aliases are not supported"),
            "put it in quotes if it is text, or write the value out",
        );
        self.place(Node { position, value: NodeValue::Broken });
        Ok(())
    }

    /// `&name`.
    pub(super) fn refuse_anchor(&mut self, anchor: usize, span: &Span) {
        if anchor == 0 {
            return;
        }
        let word = word(self.source.after(&span.start));
        let word = if word.starts_with('&') { shown(word) } else { "this".to_owned() };
        self.problems.add(
            position(&span.start),
            format!("{word} is an anchor in YAML, and anchors are not supported"),
            "put it in quotes if it is text, or remove it",
        );
    }

    /// Any tag but the one that says what the value is anyway.
    pub(super) fn refuse_tag(&mut self, tag: Option<&Tag>, fitting: &str, position: Position) {
        let Some(tag) = tag else { return };
        let core = core_tag(tag);
        if core == Some(fitting) {
            return;
        }
        let name = match core {
            Some(name) => format!("!!{name}"),
            None => format!("{}{}", tag.handle, tag.suffix),
        };
        self.problems.add(
            position,
            format!("the YAML tag {} is not supported here", shown(&name)),
            "remove it, or put the value in quotes if it is text",
        );
    }

    /// What is not YAML at all; nothing can be read after it.
    pub(super) fn scan_error(&mut self, error: &ScanError) -> Result<(), Stop> {
        let at = position(error.marker());
        let info = error.info();
        if info == "recursion limit exceeded" {
            self.too_deep(at);
            return Err(Stop);
        }
        let line = self.source.line(error.marker());
        let hint = if info.contains("tab") {
            "indent with spaces"
        } else if line.contains("${") && line.contains(['{', '[']) {
            "inside `{…}` and `[…]`, put a value with `${…}` in quotes"
        } else if info.contains("mapping values are not allowed") {
            "put a value that holds `: ` in quotes"
        } else if info.starts_with("unexpected character") {
            "put a value that begins with this character in quotes"
        } else if info.contains("simple key") {
            "a key needs a `:` and a space after it"
        } else {
            "look at the indentation, the quotes and the brackets of this line and the one before"
        };
        // The reader writes `x' and 'x'; messages here write `x`.
        let info = info.replace("n't", " not").replace('\'', "`");
        self.problems.add(at, format!("this is not valid YAML: {info}"), hint);
        Err(Stop)
    }
}

/// Whether the parser met an alias whose anchor it does not know.
pub(super) fn is_unknown_alias(error: &ScanError) -> bool {
    error.info() == "while parsing node, found unknown anchor"
}

/// `str` of `!!str`, where a tag belongs to the core schema.
pub(super) fn core_tag(tag: &Tag) -> Option<&str> {
    if tag.handle == CORE { Some(&tag.suffix) } else { tag.suffix.strip_prefix(CORE) }
}

/// What stands up to the next space.
fn word(text: &str) -> &str {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).next().unwrap_or(text)
}

/// What a `${` that cannot be filled in is to the author.
pub(super) fn fault_problem(kind: FaultKind, position: Position, noun: &str) -> Problem {
    let escape = "write `$${` for a literal `${`";
    let (message, hint, missing_variable) = match kind {
        FaultKind::Unclosed => ("`${` has no closing `}`".to_owned(), escape.to_owned(), None),
        FaultKind::NotAName(inside) => (
            format!("{} is not a variable", shown(&format!("${{{inside}}}"))),
            format!("write `${{NAME}}` or `${{NAME:-default}}`; {escape}"),
            None,
        ),
        FaultKind::NestedDefault(name) => (
            format!("the default of {} holds another `${{`", shown(&name)),
            "a default is plain text: set the variable in the environment instead".to_owned(),
            None,
        ),
        FaultKind::Missing(name) => (
            format!("the variable {} is not set", shown(&name)),
            format!(
                "set it in the environment, or write {}",
                shown(&format!("${{{name}:-default}}"))
            ),
            Some(name),
        ),
        FaultKind::TooLong(name) => (
            format!("the variable {} makes the {noun} too long", shown(&name)),
            "shorten its value".to_owned(),
            None,
        ),
    };
    Problem { position, message, hint: Some(hint), missing_variable }
}

#[cfg(test)]
mod tests {
    use crate::domain::role::check::{check, check_tools};
    use expect_test::expect;

    #[test]
    fn anchors_and_aliases_are_refused_by_name() {
        check_tools(
            r#"  - type: a
    permissions:
      deny:
        - *.env
        - *key*
      allow: [*x, "y"]
"#,
            expect![[r#"
            r:8:11: `*.env` is an alias in YAML, and aliases are not supported
              hint: put it in quotes if it is text, or write the value out
            r:9:11: `*key*` is an alias in YAML, and aliases are not supported
              hint: put it in quotes if it is text, or write the value out
            r:10:15: `*x` is an alias in YAML, and aliases are not supported
              hint: put it in quotes if it is text, or write the value out"#]],
        );
        check(
            r#"name: &n x
prompt: *n
model: &m {a: b}
&k tools: []
"#,
            expect![[r#"
                r:1:7: `&n` is an anchor in YAML, and anchors are not supported
                  hint: put it in quotes if it is text, or remove it
                r:2:9: `*n` is an alias in YAML, and aliases are not supported
                  hint: put it in quotes if it is text, or write the value out
                r:3:1: the key `provider` is missing
                  hint: add a line such as `provider: openai`
                r:3:8: `&m` is an anchor in YAML, and anchors are not supported
                  hint: put it in quotes if it is text, or remove it
                r:3:12: unknown key `a`
                  hint: the keys here are `provider`, `name`, `base_url`, `api_key_env`, `script`, `concurrency`, `price`, `fallback`, `temperature`, `top_p`, `top_k`, `max_tokens`, `seed`, `stop`, `presence_penalty`, `frequency_penalty`, `reasoning_effort`, `thinking_tokens`
                r:4:1: `&k` is an anchor in YAML, and anchors are not supported
                  hint: put it in quotes if it is text, or remove it"#]],
        );
        check(
            r#"a: &a [x, x]
b: &b [*a, *a]
c: &c [*b, *b]
"#,
            expect![[r#"
                r:1:1: unknown key `a`
                  hint: the keys here are `name`, `description`, `tags`, `author`, `team`, `version`, `prompt`, `role`, `model`, `secrets`, `approval`, `plugins`, `policy`, `tools`, `budgets`, `triggers`, `notify`, `daemon`
                r:1:1: the key `name` is missing
                  hint: add a line such as `name: my-agent`
                r:1:1: the key `prompt` is missing
                  hint: add `prompt:` with what the model is told first
                r:1:1: the key `model` is missing
                  hint: add a line such as `model: openai:gpt-4o-mini`
                r:1:4: `&a` is an anchor in YAML, and anchors are not supported
                  hint: put it in quotes if it is text, or remove it
                r:2:1: unknown key `b`
                  hint: the keys here are `name`, `description`, `tags`, `author`, `team`, `version`, `prompt`, `role`, `model`, `secrets`, `approval`, `plugins`, `policy`, `tools`, `budgets`, `triggers`, `notify`, `daemon`
                r:2:4: `&b` is an anchor in YAML, and anchors are not supported
                  hint: put it in quotes if it is text, or remove it
                r:2:8: `*a` is an alias in YAML, and aliases are not supported
                  hint: put it in quotes if it is text, or write the value out
                r:2:12: `*a` is an alias in YAML, and aliases are not supported
                  hint: put it in quotes if it is text, or write the value out
                r:3:1: unknown key `c`
                  hint: the keys here are `name`, `description`, `tags`, `author`, `team`, `version`, `prompt`, `role`, `model`, `secrets`, `approval`, `plugins`, `policy`, `tools`, `budgets`, `triggers`, `notify`, `daemon`
                r:3:4: `&c` is an anchor in YAML, and anchors are not supported
                  hint: put it in quotes if it is text, or remove it
                r:3:8: `*b` is an alias in YAML, and aliases are not supported
                  hint: put it in quotes if it is text, or write the value out
                r:3:12: `*b` is an alias in YAML, and aliases are not supported
                  hint: put it in quotes if it is text, or write the value out"#]],
        );
    }

    #[test]
    fn tags_outside_the_core_schema_are_refused() {
        check(
            r#"name: !!str 5
prompt: !secret p
model: !!binary aGk=
tools: !!set {}
"#,
            expect![[r#"
            r:2:9: the YAML tag `!secret` is not supported here
              hint: remove it, or put the value in quotes if it is text
            r:3:8: the YAML tag `!!binary` is not supported here
              hint: remove it, or put the value in quotes if it is text
            r:4:8: the YAML tag `!!set` is not supported here
              hint: remove it, or put the value in quotes if it is text
            r:4:8: `tools` must be a list, not a mapping
              hint: begin each entry with `- `, such as `- type: shell`"#]],
        );
        check_tools(
            r#"  - type: a
    k: [!!int "5", !!str 5, !!float 1.5, !!bool true, !!null ~, !<tag:yaml.org,2002:str> x]
    l: !!seq [a]
    m: !!map {a: b}
"#,
            expect![[r#"
            - a Type("a") at 5:5, source at 5:11
              config k = [5,"5",1.5,true,null,"x"] at 6:5
              config l = ["a"] at 7:5
              config m = {"a":"b"} at 8:5"#]],
        );
        check_tools(
            r#"  - type: a
    k: [!!int x, !!null 5, !!seq 5, !!str [a], ! x, !e!x y]
"#,
            expect![[r#"
                r:6:9: `x` is not what the tag `!!int` says
                  hint: remove the tag
                r:6:18: `5` is not what the tag `!!null` says
                  hint: remove the tag
                r:6:28: the YAML tag `!!seq` is not supported here
                  hint: remove it, or put the value in quotes if it is text
                r:6:37: the YAML tag `!!str` is not supported here
                  hint: remove it, or put the value in quotes if it is text
                r:6:48: the YAML tag `!` is not supported here
                  hint: remove it, or put the value in quotes if it is text
                r:6:53: this is not valid YAML: the handle was not declared
                  hint: look at the indentation, the quotes and the brackets of this line and the one before"#]],
        );
    }

    #[test]
    fn one_document_only() {
        check(
            r#"name: x
prompt: p
model: openai:m
---
name: y
"#,
            expect![[r#"
            r:4:1: a second YAML document begins here
              hint: a role is one document: remove the `---`, or give it a file of its own"#]],
        );
        check(
            r#"name: x
prompt: p
model: openai:m
...
"#,
            expect!["x: p, OpenAi m"],
        );
    }

    #[test]
    fn what_is_not_yaml_has_a_place_and_a_cure() {
        check(
            r#"name: x
	prompt: p
"#,
            expect![[r#"
            r:1:7: this is not valid YAML: while scanning a plain scalar, found a tab
              hint: indent with spaces"#]],
        );
        check(
            r#"name: a: b
"#,
            expect![[r#"
            r:1:8: this is not valid YAML: mapping values are not allowed in this context
              hint: put a value that holds `: ` in quotes"#]],
        );
        check(
            r#"name: @x
"#,
            expect![[r#"
            r:1:7: this is not valid YAML: unexpected character: `@`
              hint: put a value that begins with this character in quotes"#]],
        );
        check(
            r#"name: x
prompt: "open
model: m
"#,
            expect![[r#"
            r:2:9: this is not valid YAML: invalid indentation in quoted scalar
              hint: look at the indentation, the quotes and the brackets of this line and the one before"#]],
        );
        check(
            r#"name: x
prompt
model: m
"#,
            expect![[r#"
            r:3:1: this is not valid YAML: simple key expect `:`
              hint: a key needs a `:` and a space after it"#]],
        );
        check(
            r#"name: x
model: {name: ${WORD}, a: b}
"#,
            expect![[r#"
            r:2:16: this is not valid YAML: while parsing a flow mapping, did not find expected `,` or `}`
              hint: inside `{…}` and `[…]`, put a value with `${…}` in quotes"#]],
        );
        check(
            r#"name: [a
"#,
            expect![[r#"
            r:2:1: this is not valid YAML: while parsing a flow sequence, expected `,` or `]`
              hint: look at the indentation, the quotes and the brackets of this line and the one before"#]],
        );
        check(
            r#"name: x
 - a
"#,
            expect![[r#"
                r:1:1: the key `prompt` is missing
                  hint: add `prompt:` with what the model is told first
                r:1:1: the key `model` is missing
                  hint: add a line such as `model: openai:gpt-4o-mini`
                r:1:7: `name` must be a plain name, not `x - a`
                  hint: use at most 64 lower-case letters, digits, `.`, `_` and `-`, and begin with a letter or digit, such as `x---a`"#]],
        );
        check(
            r#"}"#,
            expect![[r#"
            r:1:1: this is not valid YAML: misplaced bracket
              hint: look at the indentation, the quotes and the brackets of this line and the one before"#]],
        );
    }
}
