//! Reads `prompt:`, which may also be called `role:`.

use super::keys::Keys;
use crate::domain::yaml::Problems;

/// Reads the prompt.
pub(super) fn parse_prompt(keys: &Keys<'_>, problems: &mut Problems) -> Option<String> {
    let field = match (keys.get("prompt"), keys.get("role")) {
        (Some(prompt), Some(role)) => {
            let (later, line) = if role.key_position.line > prompt.key_position.line {
                (&role, prompt.key_position.line)
            } else {
                (&prompt, role.key_position.line)
            };
            problems.add(
                later.key_position,
                format!("`prompt` and `role` are the same key; the other one is on line {line}"),
                "keep one of the two",
            );
            return None;
        }
        (Some(field), None) | (None, Some(field)) => field,
        (None, None) => {
            keys.missing("prompt", "add `prompt:` with what the model is told first", problems);
            return None;
        }
    };
    field.filled(problems).map(|scalar| scalar.text.clone())
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use expect_test::expect;

    #[test]
    fn a_prompt_has_text() {
        check(
            r#"name: x
prompt: "  "
model: openai:m"#,
            expect![[r#"
                r:2:9: `prompt` has no text
                  hint: write one"#]],
        );
        check(
            r#"name: x
prompt:
model: openai:m"#,
            expect![[r#"
                r:2:1: `prompt` is empty; it must be text
                  hint: write a text"#]],
        );
        check(
            r#"name: x
prompt: [a]
model: openai:m"#,
            expect![[r#"
                r:2:9: `prompt` must be text, not a list
                  hint: write a text"#]],
        );
        check(
            r#"name: x
prompt: "cost: $5, $${HOME} and ${WORD}"
model: openai:m"#,
            expect!["x: cost: $5, ${HOME} and word, OpenAi m"],
        );
    }
}
