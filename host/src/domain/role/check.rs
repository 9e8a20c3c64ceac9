//! What the tests of roles and of YAML share: a role's text in, its meaning or its problems out.

use super::{Entry, ModelSpec, PolicySpec, Role, Sampling, ToolSettings, parse};
use crate::domain::budget::{Allowance, Budgets};
use crate::domain::rule::ApprovalRule;
use expect_test::Expect;
use std::fmt::Write as _;

/// The environment of every test. `SECRET` must never be seen in a problem.
pub(in crate::domain) fn lookup(name: &str) -> Option<String> {
    let value = match name {
        "WORD" => "word",
        "NUMBER" => "5",
        "YES" => "true",
        "EMPTY" => "",
        "SECRET" => "hunter2 hunter2",
        "SHORT_SECRET" => " hunter2\n",
        "SECRET_NUMBER" => "99999999999999999999",
        "YAML" => "[a, {b: c}]\n---\n",
        _ => return None,
    };
    Some(value.to_owned())
}

/// The role in short, or its problems as a person sees them.
pub(in crate::domain) fn check(text: &str, expected: Expect) {
    expected.assert_eq(&said(text));
}

/// What `check` compares.
pub(in crate::domain) fn said(text: &str) -> String {
    said_with(text, &lookup)
}

/// The same in another environment.
pub(in crate::domain) fn said_with(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let told = match parse(text, lookup) {
        Ok(role) => summary(&role),
        Err(errors) => {
            let missing = if errors.only_missing_variables() { "only variables\n" } else { "" };
            format!("{missing}{}", errors.render("r"))
        }
    };
    if parse(text, lookup).is_err() {
        assert!(!told.contains("hunter2"), "{told}");
        assert!(!told.contains("99999999999999999999"), "{told}");
    }
    told.trim_end().to_owned()
}

/// The same for the items of `tools:`, which begin on line 5.
pub(in crate::domain) fn check_tools(items: &str, expected: Expect) {
    let said = said(&format!("name: x\nprompt: p\nmodel: openai:m\ntools:\n{items}"));
    expected.assert_eq(said.strip_prefix("x: p, OpenAi m\n").unwrap_or(&said));
}

/// The same for the value of `model:`, on line 3.
pub(in crate::domain) fn check_model(value: &str, expected: Expect) {
    check(&format!("name: x\nprompt: p\nmodel: {value}"), expected);
}

fn summary(role: &Role) -> String {
    let mut out = String::new();
    let model = &role.model;
    let _ = write!(out, "{}: {}, {:?} {}", role.name, role.prompt, model.provider, model.name);
    let mut extra = |key: &str, value: &dyn std::fmt::Debug, given: bool| {
        if given {
            let _ = write!(out, ", {key}={value:?}");
        }
    };
    extra("script", &model.script, model.script.is_some());
    extra("base_url", &model.base_url, model.base_url.is_some());
    extra("api_key_env", &model.api_key_env, model.api_key_env.is_some());
    let sampling = &model.sampling;
    extra("temperature", &sampling.temperature, sampling.temperature.is_some());
    extra("max_tokens", &sampling.max_tokens, sampling.max_tokens.is_some());
    let Sampling { top_p, top_k, seed, stop, .. } = sampling;
    extra("top_p", top_p, top_p.is_some());
    extra("top_k", top_k, top_k.is_some());
    extra("seed", seed, seed.is_some());
    extra("stop", stop, !stop.is_empty());
    let Sampling { presence_penalty, frequency_penalty, .. } = sampling;
    extra("presence_penalty", presence_penalty, presence_penalty.is_some());
    extra("frequency_penalty", frequency_penalty, frequency_penalty.is_some());
    let Sampling { reasoning_effort, thinking_tokens, .. } = sampling;
    extra("reasoning_effort", reasoning_effort, reasoning_effort.is_some());
    extra("thinking_tokens", thinking_tokens, thinking_tokens.is_some());
    extra("concurrency", &model.concurrency, model.concurrency.is_some());
    extra("price", &model.price, model.price.is_some());
    let labels: Vec<_> = model.fallback.iter().map(ModelSpec::label).collect();
    extra("fallback", &labels, !labels.is_empty());
    extra("allowance", &role.allowance, role.allowance != Allowance::default());
    extra("description", &role.description, role.description.is_some());
    extra("tags", &role.tags, !role.tags.is_empty());
    extra("author", &role.author, role.author.is_some());
    extra("team", &role.team, role.team.is_some());
    extra("version", &role.version, role.version.is_some());
    extra("secrets", &role.secrets, !role.secrets.is_empty());
    extra("budgets", &role.budgets, role.budgets != Budgets::default());
    out.push('\n');
    for policy in &role.policies {
        let PolicySpec { component, sources, schema, entities, position: at } = policy;
        let _ = write!(out, "policy {component:?} {sources:?} at {}:{}", at.line, at.column);
        let _ = writeln!(out, " schema {schema:?} entities {entities:?}");
    }
    for entry in &role.entries {
        entry_summary(&mut out, entry);
    }
    out
}

fn entry_summary(out: &mut String, entry: &Entry) {
    let (at, source_at) = (entry.position, entry.source_position);
    let _ = writeln!(
        out,
        "- {} {:?} at {}:{}, source at {}:{}",
        entry.name, entry.source, at.line, at.column, source_at.line, source_at.column
    );
    rule_summary(out, "  ", &entry.approval_rule(""));
    settings_summary(out, "  ", &entry.settings);
    for (tool, settings) in &entry.tools {
        let at = entry.tools_positions[tool];
        let _ = writeln!(out, "  {tool} at {}:{}", at.line, at.column);
        rule_summary(out, "    ", &entry.approval_rule(tool));
        settings_summary(out, "    ", settings);
    }
    let grants = &entry.grants;
    if !grants.process.is_empty() {
        let _ = writeln!(out, "  {:?}", grants.process);
    }
    for grant in &grants.http {
        let _ = writeln!(out, "  http {}", serde_json::to_string(grant).unwrap_or_default());
    }
    for grant in &grants.files {
        let _ = writeln!(out, "  files {}", serde_json::to_string(grant).unwrap_or_default());
    }
    for grant in &grants.sql {
        let _ = writeln!(out, "  sql {}", serde_json::to_string(grant).unwrap_or_default());
    }
    for grant in &grants.secrets {
        let _ = writeln!(out, "  secrets {}", serde_json::to_string(grant).unwrap_or_default());
    }
    if !grants.env.is_empty() {
        let _ = writeln!(out, "  env {:?}", grants.env);
    }
    for (key, value) in &entry.config {
        let at = entry.config_positions[key];
        let _ = writeln!(out, "  config {key} = {value} at {}:{}", at.line, at.column);
    }
}

fn rule_summary(out: &mut String, indent: &str, rule: &ApprovalRule) {
    if *rule != ApprovalRule::default() {
        let rule = serde_json::to_string(rule).unwrap_or_default();
        let _ = writeln!(out, "{indent}approval {rule}");
    }
}

fn settings_summary(out: &mut String, indent: &str, settings: &ToolSettings) {
    if let Some(retry) = settings.retry_unknown {
        let _ = writeln!(out, "{indent}retry_unknown {retry:?}");
    }
    if let Some(permissions) = &settings.permissions {
        let texts = |rules: &[crate::domain::permission::Rule]| {
            rules.iter().map(|rule| rule.text().to_owned()).collect::<Vec<_>>()
        };
        let (allow, deny) = (texts(&permissions.allow), texts(&permissions.deny));
        let _ = writeln!(
            out,
            "{indent}default {:?} allow {allow:?} deny {deny:?}",
            permissions.default
        );
    }
    if !settings.limits.is_empty() {
        let limits = settings.limits.iter();
        let limits: Vec<_> =
            limits.map(|(limit, it)| format!("{}={}", limit.key(), it.value)).collect();
        let _ = writeln!(out, "{indent}limits {}", limits.join(" "));
    }
}
