//! Reads a role's `name`.

use super::keys::Keys;
use crate::domain::yaml::Problems;

/// The longest name of a role: it is a column of tables and a label of logs.
const LONGEST_NAME: usize = 64;

/// Reads the name.
pub(super) fn parse_name(keys: &Keys<'_>, problems: &mut Problems) -> Option<String> {
    let field = keys.require("name", "add a line such as `name: my-agent`", problems)?;
    let scalar = field.text(problems)?;
    let name = &scalar.text;
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = name.starts_with(first)
        && name.len() <= LONGEST_NAME
        && name.chars().all(|c| first(c) || matches!(c, '.' | '_' | '-'));
    if fits {
        return Some(name.clone());
    }
    let rule = format!(
        "use at most {LONGEST_NAME} lower-case letters, digits, `.`, `_` and `-`, and begin with a \
         letter or digit"
    );
    let better = if scalar.has_variables() { String::new() } else { better_name(name) };
    let hint = if better.is_empty() { rule } else { format!("{rule}, such as `{better}`") };
    field.wrong("a plain name", &hint, problems);
    None
}

/// The nearest name that fits; empty where nothing of the name is left.
fn better_name(name: &str) -> String {
    let mut better = String::new();
    for character in name.chars().take(LONGEST_NAME).flat_map(char::to_lowercase) {
        let fits = character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        better.push(if fits { character } else { '-' });
    }
    better.trim_matches(['.', '_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use expect_test::expect;

    #[test]
    fn names_are_plain() {
        check(
            r#"name: "Ünder the -Sea!"
prompt: p
model: openai:m"#,
            expect![[r#"
                r:1:7: `name` must be a plain name, not `Ünder the -Sea!`
                  hint: use at most 64 lower-case letters, digits, `.`, `_` and `-`, and begin with a letter or digit, such as `nder-the--sea`"#]],
        );
        check(
            r#"name: ${SECRET}
prompt: p
model: openai:m"#,
            expect![[r#"
            r:1:7: `name` must be a plain name, not `${SECRET}`
              hint: use at most 64 lower-case letters, digits, `.`, `_` and `-`, and begin with a letter or digit"#]],
        );
        check(
            r#"name: 12
prompt: p
model: openai:m"#,
            expect![[r#"
            r:1:7: `name` must be text, not `12`
              hint: put it in quotes: `"12"`"#]],
        );
        check(
            r#"name: -
prompt: p
model: openai:m"#,
            expect![[r#"
            r:1:7: this is not valid YAML: block sequence entries are not allowed in this context
              hint: look at the indentation, the quotes and the brackets of this line and the one before"#]],
        );
        check(
            r#"name: ""
prompt: p
model: openai:m"#,
            expect![[r#"
            r:1:1: `name` is empty; it must be a plain name
              hint: use at most 64 lower-case letters, digits, `.`, `_` and `-`, and begin with a letter or digit"#]],
        );
        check(
            r#"name: 7.a_b-c
prompt: p
model: openai:m"#,
            expect!["7.a_b-c: p, OpenAi m"],
        );
    }
}
