//! Reads a role's text, in either of its two forms.
//!
//! *Flat*: all keys side by side. *Enveloped*: `apiVersion` and `kind`, what the role is called under
//! `metadata` and what it does under `spec`.

use super::field::Field;
use super::keys::Keys;
use super::parse_approval::{inherit, parse_approval, parse_plugins};
use super::parse_entry::parse_entries;
use super::parse_model::parse_model;
use super::parse_name::parse_name;
use super::parse_notify::{parse_daemon, parse_notices};
use super::parse_policy::parse_policies;
use super::parse_prompt::parse_prompt;
use super::parse_secrets::parse_secrets;
use super::parse_trigger::parse_triggers;
use super::{ModelSpec, Role, RoleErrors};
use crate::domain::budget::{Allowance, Budgets};
use crate::domain::secret::placeholder;
use crate::domain::yaml::{self, Kind, Node, NodeValue, Problems};

/// What an empty file is told, and what a role is called in messages.
const KIND: Kind =
    Kind { noun: "role", begin: "a role needs at least `name`, `prompt` and `model`" };

const ENVELOPE: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
const METADATA: [&str; 6] = ["name", "description", "tags", "author", "team", "version"];
const SPEC: [&str; 12] = [
    "prompt", "role", "model", "secrets", "approval", "plugins", "policy", "tools", "budgets",
    "triggers", "notify", "daemon",
];
const FLAT: [&str; 18] = [
    "name",
    "description",
    "tags",
    "author",
    "team",
    "version",
    "prompt",
    "role",
    "model",
    "secrets",
    "approval",
    "plugins",
    "policy",
    "tools",
    "budgets",
    "triggers",
    "notify",
    "daemon",
];

/// Reads a role. `lookup` gives the value of a `${VAR}`; it is asked about each one that the text
/// names and, for a model that does not say its provider, about the providers' keys. Of a declared secret the role holds the placeholder and never the value.
///
/// # Errors
/// Everything that is wrong with the text, not only the first thing.
pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Role, RoleErrors> {
    let secrets = if text.contains("${") { secret_names(text, lookup) } else { Vec::new() };
    let hiding = |name: &str| {
        let value = lookup(name)?;
        Some(if secrets.iter().any(|it| it == name) { placeholder(name) } else { value })
    };
    let mut problems = Problems::default();
    let root = yaml::read(text, &KIND, Some(&hiding), &mut problems);
    let role = root.and_then(|root| parse_root(&root, lookup, &mut problems));
    match role {
        Some(role) if problems.is_empty() => Ok(role),
        _ => Err(RoleErrors { problems: problems.into_sorted() }),
    }
}

/// The variables whose values the role may not hold. A first reading finds them, and everything that is
/// wrong is left to the second: no other value has to be in order for that.
fn secret_names(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut unused = Problems::default();
    let Some(root) = yaml::read(text, &KIND, Some(lookup), &mut unused) else { return Vec::new() };
    let root = Field::new(String::new(), root.position, &root);
    let keys = Keys::of(&root, &FLAT, &mut unused);
    let spec = keys.get("spec");
    let keys = spec.map(|spec| Keys::of(&spec, &SPEC, &mut unused)).unwrap_or(keys);
    let declared = keys.get("secrets").map(|field| parse_secrets(&field, lookup, &mut unused));
    let mut names = declared.unwrap_or_default();
    let model = keys.get("model").and_then(|field| parse_model(&field, lookup, &mut unused));
    let keys = model.iter().flat_map(ModelSpec::all).flat_map(ModelSpec::key_variables);
    names.extend(keys.map(str::to_owned));
    names
}

fn parse_root(
    root: &Node,
    lookup: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Role> {
    let field = Field::new("a role".into(), root.position, root);
    let NodeValue::Mapping(pairs) = &root.value else {
        let hint = "a role begins with keys such as `name: …`, `prompt: …` and `model: …`";
        field.wrong("a mapping of keys", hint, problems);
        return None;
    };
    if !pairs.iter().any(|(key, _)| ENVELOPE.contains(&key.text.as_str())) {
        let keys = Keys::of(&field, &FLAT, problems);
        return parse_keys(Some(&keys), Some(&keys), lookup, problems);
    }
    let of_metadata = ("under `metadata:`", METADATA.as_slice());
    let of_spec = ("under `spec:`", SPEC.as_slice());
    let keys = Keys::of_parted(&field, &ENVELOPE, &[of_metadata, of_spec], problems);
    for (key, only) in [("apiVersion", "initrunner/v1"), ("kind", "Agent")] {
        let hint = format!("add the line `{key}: {only}`");
        if let Some(field) = keys.require(key, &hint, problems) {
            field.word(&[(only, ())], problems);
        }
    }
    let hint = "add `metadata:` with the role's `name`";
    let metadata = keys
        .require("metadata", hint, problems)
        .map(|field| Keys::of_parted(&field, &METADATA, &[of_spec], problems));
    let hint = "add `spec:` with the role's `prompt` and `model`";
    let spec = keys
        .require("spec", hint, problems)
        .map(|field| Keys::of_parted(&field, &SPEC, &[of_metadata], problems));
    parse_keys(metadata.as_ref(), spec.as_ref(), lookup, problems)
}

/// Reads what both forms hold. Every part is read, whatever is wrong with the ones before.
fn parse_keys(
    metadata: Option<&Keys<'_>>,
    spec: Option<&Keys<'_>>,
    lookup: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Role> {
    let mut text = |key| metadata?.get(key)?.string(problems);
    let (description, author) = (text("description"), text("author"));
    let (team, version) = (text("team"), text("version"));
    let tags = metadata.and_then(|keys| keys.get("tags")).map(|field| field.texts(problems));
    let tags = tags.unwrap_or_default().into_iter().map(|tag| tag.text.clone()).collect();
    let name = metadata.and_then(|keys| parse_name(keys, problems));
    let prompt = spec.and_then(|keys| parse_prompt(keys, problems));
    let model = spec.and_then(|keys| {
        let hint = "add a line such as `model: openai:gpt-4o-mini`";
        parse_model(&keys.require("model", hint, problems)?, lookup, problems)
    });
    let secrets = spec.and_then(|keys| keys.get("secrets"));
    let secrets = secrets.map(|field| parse_secrets(&field, lookup, problems)).unwrap_or_default();
    let budgets = spec.and_then(|keys| keys.get("budgets"));
    let budgets = budgets.map(|field| parse_budgets(&field, model.as_ref(), problems));
    let (budgets, allowance) = budgets.unwrap_or_default();
    let entries = spec.and_then(|keys| keys.get("tools"));
    let mut entries = entries.map(|field| parse_entries(&field, problems)).unwrap_or_default();
    let approval = spec.and_then(|keys| keys.get("approval"));
    let approval = approval.and_then(|field| parse_approval(&field, problems)).unwrap_or_default();
    let plugins = spec.and_then(|keys| keys.get("plugins"));
    let plugins = plugins.map(|field| parse_plugins(&field, problems)).unwrap_or_default();
    inherit(&mut entries, &approval, &plugins, problems);
    let policies = spec.and_then(|keys| keys.get("policy"));
    let policies = policies.map(|field| parse_policies(&field, problems)).unwrap_or_default();
    let mut taken = Vec::new();
    let triggers = spec.and_then(|keys| keys.get("triggers"));
    let triggers = triggers.map(|field| parse_triggers(&field, &mut taken, problems));
    let triggers = triggers.unwrap_or_default();
    let notices = spec.and_then(|keys| keys.get("notify"));
    let notices = notices.map(|field| parse_notices(&field, &triggers, &mut taken, problems));
    let daemon = spec.and_then(|keys| keys.get("daemon"));
    let daemon = daemon.map(|field| parse_daemon(&field, model.as_ref(), problems));
    Some(Role {
        name: name?,
        description,
        tags,
        author,
        team,
        version,
        prompt: prompt?,
        model: model?,
        secrets,
        entries,
        budgets,
        allowance,
        approval,
        policies,
        triggers,
        notices: notices.unwrap_or_default(),
        daemon: daemon.unwrap_or_default(),
    })
}

fn parse_budgets(
    field: &Field<'_>,
    model: Option<&ModelSpec>,
    problems: &mut Problems,
) -> (Budgets, Allowance) {
    let default = Budgets::default();
    let valid = ["max_requests", "max_tool_calls", "max_wall_time", "max_tokens", "max_cost_usd"];
    let keys = Keys::of(field, &valid, problems);
    let mut number = |key| keys.get(key)?.positive(problems);
    let budgets = Budgets {
        max_requests: number("max_requests").unwrap_or(default.max_requests),
        max_tool_calls: number("max_tool_calls").unwrap_or(default.max_tool_calls),
        max_wall_time: number("max_wall_time").unwrap_or(default.max_wall_time),
    };
    let max_tokens = number("max_tokens");
    let cost = keys.get("max_cost_usd");
    let max_cost_usd = cost.as_ref().and_then(|field| field.number_above_zero(problems));
    let unpriced = model.and_then(|model| model.all().position(|model| model.price.is_none()));
    if let (Some(field), Some(unpriced)) = (cost, unpriced) {
        let whose = match unpriced {
            0 => "the model".to_owned(),
            number => format!("fallback {number}"),
        };
        problems.add(
            field.key_position,
            format!("`max_cost_usd` needs the price of {whose}"),
            "write it as a mapping with `price: {input: USD, output: USD}`, for a million tokens",
        );
    }
    (budgets, Allowance { max_tokens, max_cost_usd })
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use expect_test::expect;

    #[test]
    fn both_forms_say_the_same() {
        check(
            r#"name: demo
description: A demo
tags: [a, b]
author: me
team: us
version: "1.0"
prompt: |
  Be brief.
model: openai:gpt-4o-mini
budgets: {max_requests: 3, max_tool_calls: 4, max_wall_time: 5}
tools:
  - type: shell
    approval: required
"#,
            expect![[r#"
                demo: Be brief.
                , OpenAi gpt-4o-mini, description=Some("A demo"), tags=["a", "b"], author=Some("me"), team=Some("us"), version=Some("1.0"), budgets=Budgets { max_requests: 3, max_tool_calls: 4, max_wall_time: 5 }
                - shell Type("shell") at 12:5, source at 12:11
                  approval {"mode":"required"}"#]],
        );
        check(
            r#"---
apiVersion: initrunner/v1
kind: Agent
metadata:
  name: demo
  description: A demo
  tags: [a, b]
  author: me
  team: us
  version: "1.0"
spec:
  role: |
    Be brief.
  model: openai:gpt-4o-mini
  budgets: {max_requests: 3, max_tool_calls: 4, max_wall_time: 5}
  tools:
    - type: shell
      approval: required
"#,
            expect![[r#"
                demo: Be brief.
                , OpenAi gpt-4o-mini, description=Some("A demo"), tags=["a", "b"], author=Some("me"), team=Some("us"), version=Some("1.0"), budgets=Budgets { max_requests: 3, max_tool_calls: 4, max_wall_time: 5 }
                - shell Type("shell") at 17:7, source at 17:13
                  approval {"mode":"required"}"#]],
        );
    }

    #[test]
    fn tools_may_be_left_out_or_empty() {
        check(
            r#"name: x
role: p
model: openai:m"#,
            expect!["x: p, OpenAi m"],
        );
        check(
            r#"name: x
role: p
model: openai:m
tools:
"#,
            expect!["x: p, OpenAi m"],
        );
        check(
            r#"name: x
role: p
model: openai:m
tools: []
"#,
            expect!["x: p, OpenAi m"],
        );
    }

    #[test]
    fn every_problem_is_reported_in_the_order_of_the_text() {
        check(
            r#"modle: openai:m
name: My Agent
colour: blue
version: 1.10
tags: one
budgets: {max_requests: 0, max_tool_cals: 3}
tools: {shell: {}}
"#,
            expect![[r#"
                r:1:1: unknown key `modle`
                  hint: did you mean `model`?
                r:1:1: the key `prompt` is missing
                  hint: add `prompt:` with what the model is told first
                r:2:7: `name` must be a plain name, not `My Agent`
                  hint: use at most 64 lower-case letters, digits, `.`, `_` and `-`, and begin with a letter or digit, such as `my-agent`
                r:3:1: unknown key `colour`
                  hint: the keys here are `name`, `description`, `tags`, `author`, `team`, `version`, `prompt`, `role`, `model`, `secrets`, `approval`, `plugins`, `policy`, `tools`, `budgets`, `triggers`, `notify`, `daemon`
                r:4:10: `version` must be text, not `1.10`
                  hint: put it in quotes: `"1.10"`
                r:5:7: `tags` must be a list, not `one`
                  hint: begin each item on its own line with `- `
                r:6:25: `max_requests` must be a positive whole number, not `0`
                  hint: write a number from 1 to 4294967295
                r:6:28: unknown key `max_tool_cals`
                  hint: did you mean `max_tool_calls`?
                r:7:8: `tools` must be a list, not a mapping
                  hint: begin each entry with `- `, such as `- type: shell`"#]],
        );
        check(
            r#"kind: Agnet
spec:
  model: 5
  name: x
tools: []
"#,
            expect![[r#"
                r:1:1: the key `apiVersion` is missing
                  hint: add the line `apiVersion: initrunner/v1`
                r:1:1: the key `metadata` is missing
                  hint: add `metadata:` with the role's `name`
                r:1:7: `kind` must be `Agent`, not `Agnet`
                  hint: did you mean `Agent`?
                r:2:1: the key `prompt` is missing
                  hint: add `prompt:` with what the model is told first
                r:3:10: `model` must be a model, not `5`
                  hint: write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`
                r:4:3: unknown key `name`
                  hint: it belongs under `metadata:`
                r:5:1: unknown key `tools`
                  hint: it belongs under `spec:`"#]],
        );
        check(
            r#"apiVersion: initrunner/v2
kind: Agent
metadata:
spec: []
"#,
            expect![[r#"
                r:1:13: `apiVersion` must be `initrunner/v1`, not `initrunner/v2`
                  hint: did you mean `initrunner/v1`?
                r:3:1: `metadata` is empty; it must be a mapping of keys
                  hint: it may have the keys `name`, `description`, `tags`, `author`, `team`, `version`
                r:4:7: `spec` must be a mapping of keys, not a list
                  hint: it may have the keys `prompt`, `role`, `model`, `secrets`, `approval`, `plugins`, `policy`, `tools`, `budgets`, `triggers`, `notify`, `daemon`"#]],
        );
        check(
            r#"apiVersion: v1
kind: Agent
metadata: {name: x, tools: []}
spec: {prompt: p, role: q, model: "openai:m"}
"#,
            expect![[r#"
                r:1:13: `apiVersion` must be `initrunner/v1`, not `v1`
                  hint: write `initrunner/v1`
                r:3:21: unknown key `tools`
                  hint: it belongs under `spec:`
                r:4:8: `prompt` and `role` are the same key; the other one is on line 4
                  hint: keep one of the two"#]],
        );
    }

    #[test]
    fn what_is_no_mapping_is_no_role() {
        check(
            r#""#,
            expect![[r#"
            r:1:1: the file is empty
              hint: a role needs at least `name`, `prompt` and `model`"#]],
        );
        check(
            r#"  
# only a comment
"#,
            expect![[r#"
            r:1:1: the file is empty
              hint: a role needs at least `name`, `prompt` and `model`"#]],
        );
        check(
            r#"---
"#,
            expect![[r#"
            r:1:1: the file is empty
              hint: a role needs at least `name`, `prompt` and `model`"#]],
        );
        check(
            r#"null"#,
            expect![[r#"
            r:1:1: a role must be a mapping of keys, not `null`
              hint: a role begins with keys such as `name: …`, `prompt: …` and `model: …`"#]],
        );
        check(
            r#""""#,
            expect![[r#"
            r:1:1: the file is empty
              hint: a role needs at least `name`, `prompt` and `model`"#]],
        );
        check(
            r#"- a
- b"#,
            expect![[r#"
            r:1:1: a role must be a mapping of keys, not a list
              hint: a role begins with keys such as `name: …`, `prompt: …` and `model: …`"#]],
        );
        check(
            r#"just text"#,
            expect![[r#"
            r:1:1: a role must be a mapping of keys, not `just text`
              hint: a role begins with keys such as `name: …`, `prompt: …` and `model: …`"#]],
        );
        check(
            r#"{}"#,
            expect![[r#"
            r:1:1: the key `name` is missing
              hint: add a line such as `name: my-agent`
            r:1:1: the key `prompt` is missing
              hint: add `prompt:` with what the model is told first
            r:1:1: the key `model` is missing
              hint: add a line such as `model: openai:gpt-4o-mini`"#]],
        );
    }
}
