//! Policies against the schema: strictly, and only where they can apply.
//!
//! Cedar's validator checks every policy in every environment: each action with each type of principal and
//! resource. A policy's scope is false in the environments of other actions, whatever else it says, so that
//! only those of its own actions are tried here. Of a policy that looks at nothing in which tools differ, one
//! tool stands for all. A test compares both.

use crate::names;
use crate::place::{self, Lines};
use crate::policies::Rule;
use crate::tools::Tool;
use cedar_policy::Schema;
use cedar_policy_core::ast::EntityUID;
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::RequestEnv;
use cedar_policy_core::validator::{
    ValidationMode, Validator, ValidatorSchema, confusable_string_checks,
};
use initrunner_sdk::policy::{Diagnostic, Severity, Source};
use std::collections::{HashMap, HashSet};

/// What is wrong with the rules.
#[must_use]
pub fn validate(
    schema: &Schema,
    tools: &[Tool],
    rules: &[Rule],
    sources: &[&Source],
) -> Vec<Diagnostic> {
    let tools: HashSet<EntityUID> =
        tools.iter().map(|tool| names::action(&tool.name).into()).collect();
    let schema: &ValidatorSchema = schema.as_ref();
    let checker = Typechecker::new(schema, ValidationMode::Strict);
    let mut environments: HashMap<&EntityUID, Vec<RequestEnv<'_>>> = HashMap::new();
    for environment in schema.unlinked_request_envs(ValidationMode::Strict) {
        if let RequestEnv::DeclaredAction { action, .. } = environment {
            environments.entry(action).or_default().push(environment);
        }
    }
    let mut reach = Reach { schema, known: HashMap::new() };
    let lines: Vec<Lines<'_>> = sources.iter().map(|source| Lines::new(&source.text)).collect();
    let mut found = Vec::new();
    for rule in rules {
        let (Some(source), Some(lines)) = (sources.get(rule.source), lines.get(rule.source)) else {
            continue;
        };
        let template = rule.template();
        let mut errors: HashSet<_> =
            Validator::validate_entity_types_and_literals(schema, template).collect();
        let mut possible = false;
        let mut stood_for = false;
        for action in reach.actions(&rule.actions) {
            if !rule.minds_tool
                && tools.contains(&action)
                && std::mem::replace(&mut stood_for, true)
            {
                continue;
            }
            for environment in environments.get(&action).map(Vec::as_slice).unwrap_or_default() {
                match checker.typecheck_by_single_request_env(template, environment) {
                    PolicyCheck::Success(_) => possible = true,
                    PolicyCheck::Irrelevant(more, _) => errors.extend(more),
                    PolicyCheck::Fail(more) => {
                        possible = true;
                        errors.extend(more);
                    }
                }
            }
        }
        let mut wrong: Vec<Diagnostic> = errors
            .iter()
            .map(|error| place::diagnose(&source.name, lines, Severity::Error, error))
            .collect();
        wrong.sort_by(|one, other| (one.place, &one.message).cmp(&(other.place, &other.message)));
        // Once, of however many actions it is true.
        let mut told = HashSet::new();
        wrong.retain(|error| told.insert((error.place, without_actions(&error.message))));
        for mut error in wrong {
            // How Cedar prints the type of an argument that may be any number.
            if error.hint.is_none() && error.message.contains("long?: Long,text: String") {
                error.hint = Some(
                    "a number is a record: test `… has decimal`, then compare `….decimal` with \
                     `.lessThan(decimal(\"10.0\"))`, or take `long`"
                        .to_owned(),
                );
            }
            found.push(error);
        }
        if errors.is_empty() && !possible {
            found.push(Diagnostic {
                severity: Severity::Warning,
                hint: Some(
                    "agents call tools and reviewers approve; see what the condition compares"
                        .to_owned(),
                ),
                ..Diagnostic::error(
                    &source.name,
                    Some(lines.of_byte(rule.start())),
                    format!("the policy `{}` can never apply", rule.name),
                )
            });
        }
        for warning in confusable_string_checks(std::iter::once(template)) {
            found.push(place::diagnose(&source.name, lines, Severity::Warning, &warning));
        }
    }
    found
}

/// A sentence without the names of actions.
fn without_actions(sentence: &str) -> String {
    let mut parts = sentence.split("Action::\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('"').map_or("", |(_, rest)| rest))
}

/// Which actions a scope reaches.
struct Reach<'s> {
    schema: &'s ValidatorSchema,
    known: HashMap<EntityUID, Vec<EntityUID>>,
}

impl Reach<'_> {
    /// These actions, and those in them, each once.
    fn actions(&mut self, named: &[EntityUID]) -> Vec<EntityUID> {
        let mut all: Vec<EntityUID> = Vec::new();
        for action in named {
            let schema = self.schema;
            let reached = self.known.entry(action.clone()).or_insert_with(|| {
                let mut reached = vec![action.clone()];
                if let Some(known) = schema.get_action_id(action) {
                    reached.extend(known.descendants().cloned());
                }
                reached
            });
            all.extend(
                reached.iter().filter(|action| !all.contains(action)).cloned().collect::<Vec<_>>(),
            );
        }
        all
    }
}
