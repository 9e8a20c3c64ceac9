//! `initrunner policy check`.

use super::arguments::PolicyCheck;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::domain::visible::{lines, one_line};
use crate::json::visible_text;
use crate::ops::{CheckedPolicies, CheckedPolicy, Finding, Host, check_policies};
use serde_json::{Value, json};

pub(super) async fn check(host: &Host, command: &PolicyCheck, output: &Output) -> Exit {
    let checked = match check_policies(host, &command.role).await {
        Ok(checked) => checked,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&visible_text(&to_json(&checked)));
    } else {
        render(&checked, output);
    }
    let fails = |of_host: bool| {
        let mut of = checked.policies.iter().filter(|policy| policy.of_host == of_host);
        of.any(|policy| policy.loaded.is_none())
    };
    match (fails(false), fails(true)) {
        (true, _) => Exit::InvalidRole,
        (false, true) => Exit::Failed,
        (false, false) => Exit::Done,
    }
}

fn render(checked: &CheckedPolicies, output: &Output) {
    if checked.policies.is_empty() {
        let role = one_line(&checked.role);
        output.data(&format!("The role `{role}` has no policies, and this host has none."));
        return;
    }
    for policy in &checked.policies {
        for finding in &policy.findings {
            output.data(&lines(&finding.render()));
        }
        if let Some(loaded) = &policy.loaded {
            let label = one_line(&policy.label);
            let count = match loaded.policies.len() {
                1 => "1 policy".to_owned(),
                count => format!("{count} policies"),
            };
            let approval = match loaded.speaks_of_approval {
                true => "speaks of approval",
                false => "does not speak of approval",
            };
            output.data(&format!("{label}: {count}, {approval}, {}", loaded.digest));
        }
    }
}

fn to_json(checked: &CheckedPolicies) -> Value {
    let finding = |it: &Finding| {
        let Finding { file, place, is_warning, message, hint } = it;
        json!({
            "file": file,
            "line": place.map(|(line, _)| line),
            "column": place.map(|(_, column)| column),
            "severity": if *is_warning { "warning" } else { "error" },
            "message": message,
            "hint": hint,
        })
    };
    let policy = |it: &CheckedPolicy| {
        let loaded = it.loaded.as_ref();
        json!({
            "name": it.label,
            "of": if it.of_host { "host" } else { "role" },
            "findings": it.findings.iter().map(finding).collect::<Vec<_>>(),
            "policies": loaded.map(|it| &it.policies),
            "speaks_of_approval": loaded.map(|it| it.speaks_of_approval),
            "digest": loaded.map(|it| it.digest.to_string()),
        })
    };
    let policies: Vec<Value> = checked.policies.iter().map(policy).collect();
    json!({"role": checked.role, "policies": policies})
}
