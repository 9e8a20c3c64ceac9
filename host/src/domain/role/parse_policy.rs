//! Reads `policy:`, one mapping or a list of them: who decides, and by which texts.

use super::field::Field;
use super::keys::Keys;
use super::{PolicyComponent, PolicySpec};
use crate::domain::yaml::{NodeValue, Problems};

/// The policy component where a role names none.
pub(super) const DEFAULT: &str = "cedar";

/// Reads `policy:`.
pub(in crate::domain) fn parse_policies(
    field: &Field<'_>,
    problems: &mut Problems,
) -> Vec<PolicySpec> {
    match &field.node.value {
        NodeValue::Sequence(_) => {
            let items = field.items("begin each policy on its own line with `- `", problems);
            items.iter().filter_map(|item| parse_policy(item, problems)).collect()
        }
        _ => parse_policy(field, problems).into_iter().collect(),
    }
}

fn parse_policy(field: &Field<'_>, problems: &mut Problems) -> Option<PolicySpec> {
    let keys = Keys::of(field, &["component", "sources", "schema", "entities"], problems);
    if !matches!(field.node.value, NodeValue::Mapping(_)) {
        return None;
    }
    let component = match keys.get("component") {
        Some(field) => PolicyComponent::named(&field.filled(problems)?.text),
        None => PolicyComponent::BuiltIn(DEFAULT.to_owned()),
    };
    let hint = "name files or folders: `sources: [policies/]`";
    let sources = keys.require("sources", hint, problems)?;
    let items = sources.items(hint, problems);
    let texts: Vec<String> = items
        .iter()
        .filter_map(|item| item.filled(problems).map(|scalar| scalar.text.clone()))
        .collect();
    if items.is_empty() && matches!(sources.node.value, NodeValue::Sequence(_)) {
        let message = "`sources` is an empty list, and a policy without a text decides nothing";
        problems.add(sources.node.position, message, hint);
    }
    let mut path = |key| keys.get(key)?.filled(problems).map(|scalar| scalar.text.clone());
    let (schema, entities) = (path("schema"), path("entities"));
    Some(PolicySpec { component, sources: texts, schema, entities, position: field.node.position })
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use expect_test::expect;

    #[test]
    fn a_policy_is_a_component_and_its_texts() {
        check(
            "name: x\nprompt: p\nmodel: openai:m\npolicy: {sources: [policies/, more.cedar], schema: s, entities: e}\n",
            expect![[r#"
                x: p, OpenAi m
                policy BuiltIn("cedar") ["policies/", "more.cedar"] at 4:9 schema Some("s") entities Some("e")"#]],
        );
        check(
            "name: x\nprompt: p\nmodel: openai:m\npolicy:\n  - {component: cedar, sources: [a.cedar]}\n  - {component: ./hours.wasm, sources: [hours.toml]}\n",
            expect![[r#"
                x: p, OpenAi m
                policy BuiltIn("cedar") ["a.cedar"] at 5:5 schema None entities None
                policy File("./hours.wasm") ["hours.toml"] at 6:5 schema None entities None"#]],
        );
    }

    #[test]
    fn a_policy_that_decides_nothing_is_refused() {
        check(
            "name: x\nprompt: p\nmodel: openai:m\npolicy:\n  - {component: cedar}\n  - {sources: []}\n  - {sources: [''], componnet: x}\n  - x\n",
            expect![[r#"
                r:5:5: the key `sources` is missing
                  hint: name files or folders: `sources: [policies/]`
                r:6:15: `sources` is an empty list, and a policy without a text decides nothing
                  hint: name files or folders: `sources: [policies/]`
                r:7:16: an item of `sources` has no text
                  hint: write one
                r:7:21: unknown key `componnet`
                  hint: did you mean `component`?
                r:8:5: an item of `policy` must be a mapping of keys, not `x`
                  hint: it may have the keys `component`, `sources`, `schema`, `entities`"#]],
        );
        check(
            "name: x\nprompt: p\nmodel: openai:m\npolicy: cedar\n",
            expect![[r#"
            r:4:9: `policy` must be a mapping of keys, not `cedar`
              hint: it may have the keys `component`, `sources`, `schema`, `entities`"#]],
        );
        check(
            "name: x\nprompt: p\nmodel: openai:m\npolicy:\n",
            expect![[r#"
            r:4:1: `policy` is empty; it must be a mapping of keys
              hint: it may have the keys `component`, `sources`, `schema`, `entities`"#]],
        );
    }
}
