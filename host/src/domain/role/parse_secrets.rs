//! Reads `secrets:`, names of environment variables whose values only a granted capability may see.

use super::field::Field;
use crate::domain::secret::{SHORTEST, is_long_enough};
use crate::domain::yaml::{NodeValue, Problem, Problems, Scalar, is_variable_name};

/// Reads the names. Each must have a value that is long enough to be looked for. No problem here shows
/// what is written: it may be a secret that was put where its name belongs.
pub(super) fn parse_secrets(
    field: &Field<'_>,
    lookup: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Vec<String> {
    let hint =
        "write names, such as `secrets: [DEPLOY_TOKEN]`, and set these variables to the values";
    let NodeValue::Sequence(items) = &field.node.value else {
        if !field.is_broken() {
            let message = "`secrets` must be a list of names of environment variables";
            problems.add(field.node.position, message, hint);
        }
        return Vec::new();
    };
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let item = Field::new("an item of `secrets`".into(), item.position, item);
        let name = item.scalar().filter(|scalar| !scalar.has_variables()).and_then(Scalar::as_text);
        let Some(name) = name.filter(|name| is_variable_name(name)) else {
            if !item.is_broken() {
                let message = "an item of `secrets` must be the name of an environment variable, not the value";
                problems.add(item.node.position, message, hint);
            }
            continue;
        };
        match lookup(name) {
            None => problems.push(Problem {
                position: item.node.position,
                message: format!("the variable `{name}` is not set"),
                hint: Some("set it in the environment, or take it out of `secrets`".into()),
                missing_variable: Some(name.to_owned()),
            }),
            Some(value) if !is_long_enough(&value) => problems.add(
                item.node.position,
                format!("the variable `{name}` has fewer than {SHORTEST} characters, too few for a secret"),
                "a text so short occurs by chance, so it cannot be hidden: use a longer value, or take it \
                 out of `secrets`",
            ),
            Some(_) => {}
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::super::parse;
    use crate::domain::secret::Secrets;
    use expect_test::expect;

    #[test]
    fn a_declared_secret_is_a_placeholder_everywhere() {
        check(
            r#"name: x
prompt: use ${SECRET}
model: {provider: openai, name: m, api_key_env: SECRET_NUMBER}
secrets: [SECRET, SECRET]
tools:
  - type: shell
    url: https://x/?key=${SECRET}&n=${SECRET_NUMBER}
    alone: ${SECRET_NUMBER}
    word: ${WORD}
    default: ${SECRET:-none}
"#,
            expect![[r#"
                x: use {{secret:SECRET}}, OpenAi m, api_key_env=Some("SECRET_NUMBER"), secrets=["SECRET"]
                - shell Type("shell") at 6:5, source at 6:11
                  config url = "https://x/?key={{secret:SECRET}}&n={{secret:SECRET_NUMBER}}" at 7:5
                  config alone = "{{secret:SECRET_NUMBER}}" at 8:5
                  config word = "word" at 9:5
                  config default = "{{secret:SECRET}}" at 10:5"#]],
        );
        check(
            r#"apiVersion: initrunner/v1
kind: Agent
metadata: {name: x}
spec:
  prompt: use ${SECRET} and ${WORD}
  model: openai:m
  secrets:
    - SECRET
"#,
            expect![[r#"x: use {{secret:SECRET}} and word, OpenAi m, secrets=["SECRET"]"#]],
        );
    }

    #[test]
    fn a_secret_that_is_missing_short_or_no_name_is_refused() {
        check(
            r#"name: x
prompt: p
model: openai:m
secrets: [NOWHERE, SHORT_SECRET, hunter2-hunter2, "${SECRET}", 5, [a], EMPTY]
"#,
            expect![[r#"
                r:4:11: the variable `NOWHERE` is not set
                  hint: set it in the environment, or take it out of `secrets`
                r:4:20: the variable `SHORT_SECRET` has fewer than 8 characters, too few for a secret
                  hint: a text so short occurs by chance, so it cannot be hidden: use a longer value, or take it out of `secrets`
                r:4:34: an item of `secrets` must be the name of an environment variable, not the value
                  hint: write names, such as `secrets: [DEPLOY_TOKEN]`, and set these variables to the values
                r:4:51: an item of `secrets` must be the name of an environment variable, not the value
                  hint: write names, such as `secrets: [DEPLOY_TOKEN]`, and set these variables to the values
                r:4:64: an item of `secrets` must be the name of an environment variable, not the value
                  hint: write names, such as `secrets: [DEPLOY_TOKEN]`, and set these variables to the values
                r:4:67: an item of `secrets` must be the name of an environment variable, not the value
                  hint: write names, such as `secrets: [DEPLOY_TOKEN]`, and set these variables to the values
                r:4:72: the variable `EMPTY` has fewer than 8 characters, too few for a secret
                  hint: a text so short occurs by chance, so it cannot be hidden: use a longer value, or take it out of `secrets`"#]],
        );
        check(
            r#"name: x
prompt: p
model: openai:m
secrets: [NOWHERE]
"#,
            expect![[r#"
                only variables
                r:4:11: the variable `NOWHERE` is not set
                  hint: set it in the environment, or take it out of `secrets`"#]],
        );
        check(
            r#"name: x
prompt: p
model: openai:m
secrets: hunter2-hunter2
"#,
            expect![[r#"
                r:4:10: `secrets` must be a list of names of environment variables
                  hint: write names, such as `secrets: [DEPLOY_TOKEN]`, and set these variables to the values"#]],
        );
        check(
            r#"apiVersion: initrunner/v1
kind: Agent
metadata: {name: x, secrets: [SECRET]}
spec: {prompt: p, model: "openai:m"}
"#,
            expect![[r#"
                r:3:21: unknown key `secrets`
                  hint: it belongs under `spec:`"#]],
        );
    }

    #[test]
    fn the_models_key_is_a_secret_too() {
        let role = |model: &str| {
            let text = format!("name: x\nprompt: p\nmodel: {model}\nsecrets: [A]");
            let value = |name: &str| Some(format!("{name}-0123456789"));
            parse(&text, &value).map(|role| format!("{:?}", Secrets::of(&role, &value)))
        };
        let check = |model: &str, expected: &str| assert_eq!(role(model).unwrap(), expected);
        check("openai:m", r#"["A", "OPENAI_API_KEY"]"#);
        check("{provider: openai, name: m, api_key_env: K}", r#"["A", "K"]"#);
        check("{provider: openai, name: m, api_key_env: A}", r#"["A"]"#);
        check("{provider: openai, name: m, base_url: 'http://h/v1'}", r#"["A"]"#);
        check("scripted:s", r#"["A"]"#);
    }
}
