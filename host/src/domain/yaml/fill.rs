//! Values: variables filled in, then the type by style, tag and core schema.

use super::build::Builder;
use super::interpolate::{Fault, interpolate};
use super::problem::shown;
use super::refuse::{core_tag, fault_problem};
use super::scalar::{Typed, Unholdable, resolve};
use super::source::position;
use super::{MAX_FILLED, NodeValue, Position, Scalar};
use saphyr_parser::{ScalarStyle, Span, Tag};

impl Builder<'_, '_> {
    /// A value, with its variables filled in.
    pub(super) fn filled(
        &mut self,
        written: String,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: &Span,
    ) -> NodeValue {
        let at = position(&span.start);
        let Some(lookup) = self.lookup.filter(|_| written.contains("${")) else {
            return self.scalar(written, None, style, tag, at);
        };
        let room = MAX_FILLED.saturating_sub(self.filled).max(written.len());
        match interpolate(&written, room, lookup) {
            Ok(done) if !done.has_variable => {
                let value = Scalar { text: done.text, typed: Typed::Text, with_variables: None };
                self.refuse_tag(tag, "str", at);
                NodeValue::Scalar(value)
            }
            Ok(done) => {
                self.filled += done.text.len();
                // Only a value that is a variable and nothing else takes the variable's type.
                let whole = style == ScalarStyle::Plain && done.is_one_variable;
                let style = if whole { style } else { ScalarStyle::DoubleQuoted };
                self.scalar(done.text, Some(written), style, tag, at)
            }
            Err(faults) => {
                let places = self.source.dollars(span);
                // Escapes in quotes can hide a `${`; the value's own place is near enough then.
                let exact = places.len() == written.matches("${").count();
                for Fault { index, kind } in faults {
                    let place = if exact { places.get(index).copied() } else { None };
                    let problem = fault_problem(kind, place.unwrap_or(at), self.kind.noun);
                    self.problems.push(problem);
                }
                NodeValue::Broken
            }
        }
    }

    /// A value by its style, its tag and the core schema.
    pub(super) fn scalar(
        &mut self,
        text: String,
        with_variables: Option<String>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        position: Position,
    ) -> NodeValue {
        let wanted = match tag.map(core_tag) {
            None if style != ScalarStyle::Plain => Some("str"),
            None => None,
            Some(Some(name @ ("str" | "int" | "float" | "bool" | "null"))) => Some(name),
            Some(_) => {
                self.refuse_tag(tag, "str", position);
                return NodeValue::Broken;
            }
        };
        let resolved = if wanted == Some("str") { Ok(Typed::Text) } else { resolve(&text) };
        let scalar = Scalar { text, typed: Typed::Text, with_variables };
        let written = shown(scalar.written());
        let typed = match resolved {
            Ok(typed) => typed,
            Err(Unholdable::TooLarge) => {
                let message = format!("the number {written} does not fit into 64 bits");
                self.problems.add(position, message, "put it in quotes if it is text");
                return NodeValue::Broken;
            }
            Err(Unholdable::NotFinite) => {
                let message = format!("{written} is not a number that a value can hold");
                self.problems.add(position, message, "put it in quotes if it is text");
                return NodeValue::Broken;
            }
        };
        match wanted {
            Some(wanted) if wanted != tag_of(typed) => {
                let message = format!("{written} is not what the tag `!!{wanted}` says");
                self.problems.add(position, message, "remove the tag");
                NodeValue::Broken
            }
            _ => NodeValue::Scalar(Scalar { typed, ..scalar }),
        }
    }
}

fn tag_of(typed: Typed) -> &'static str {
    match typed {
        Typed::Null => "null",
        Typed::Bool(_) => "bool",
        Typed::Integer(_) => "int",
        Typed::Float(_) => "float",
        Typed::Text => "str",
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::role::check::{check, check_tools};
    use expect_test::expect;

    #[test]
    fn missing_variables_are_named_and_told_apart() {
        check(
            r#"name: ${NAME}
prompt: |
  Hello ${A},
  this is ${B} and ${WORD}.
model:
  provider: ${P}
  base_url: "x${URL}"
tools:
  - type: ${T}
    approval: ${AP}
    limits: {timeout_seconds: "${N}"}
    k: ${K}
"#,
            expect![[r#"
            only variables
            r:1:7: the variable `NAME` is not set
              hint: set it in the environment, or write `${NAME:-default}`
            r:3:9: the variable `A` is not set
              hint: set it in the environment, or write `${A:-default}`
            r:4:11: the variable `B` is not set
              hint: set it in the environment, or write `${B:-default}`
            r:6:13: the variable `P` is not set
              hint: set it in the environment, or write `${P:-default}`
            r:7:15: the variable `URL` is not set
              hint: set it in the environment, or write `${URL:-default}`
            r:9:11: the variable `T` is not set
              hint: set it in the environment, or write `${T:-default}`
            r:10:15: the variable `AP` is not set
              hint: set it in the environment, or write `${AP:-default}`
            r:11:32: the variable `N` is not set
              hint: set it in the environment, or write `${N:-default}`
            r:12:8: the variable `K` is not set
              hint: set it in the environment, or write `${K:-default}`"#]],
        );
        check(
            r#"name: ${NAME}
prompt: p
"#,
            expect![[r#"
            r:1:1: the key `model` is missing
              hint: add a line such as `model: openai:gpt-4o-mini`
            r:1:7: the variable `NAME` is not set
              hint: set it in the environment, or write `${NAME:-default}`"#]],
        );
    }

    #[test]
    fn what_is_no_variable_is_shown_where_it_stands() {
        check(
            r#"name: x
model: openai:m
prompt: >
  a ${A B} b
  ${1}

  ${WORD:-${A}} $${ok}
  "${
"#,
            expect![[r#"
            r:4:5: `${A B}` is not a variable
              hint: write `${NAME}` or `${NAME:-default}`; write `$${` for a literal `${`
            r:5:3: `${1}` is not a variable
              hint: write `${NAME}` or `${NAME:-default}`; write `$${` for a literal `${`
            r:7:3: the default of `WORD` holds another `${`
              hint: a default is plain text: set the variable in the environment instead
            r:8:4: `${` has no closing `}`
              hint: write `$${` for a literal `${`"#]],
        );
        check(
            r#"name: x
model: openai:m
prompt: "a \x24{b ${"
"#,
            expect![[r#"
            r:3:9: `${` has no closing `}`
              hint: write `$${` for a literal `${`"#]],
        );
    }

    #[test]
    fn numbers_that_nothing_holds() {
        check_tools(
            r#"  - type: a
    k: 9223372036854775808
    l: .inf
    m: "9223372036854775808"
    n: ${SECRET_NUMBER}
"#,
            expect![[r#"
            r:6:8: the number `9223372036854775808` does not fit into 64 bits
              hint: put it in quotes if it is text
            r:7:8: `.inf` is not a number that a value can hold
              hint: put it in quotes if it is text
            r:9:8: the number `${SECRET_NUMBER}` does not fit into 64 bits
              hint: put it in quotes if it is text"#]],
        );
    }

    #[test]
    fn a_variable_is_text_where_text_is_wanted() {
        check(
            r#"name: ${NUMBER}
prompt: ${YES}
model: openai:m
author: ${EMPTY}
"#,
            expect![[r#"5: true, OpenAi m, author=Some("")"#]],
        );
    }
}
