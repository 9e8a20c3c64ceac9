//! From sources to something that can be asked.

use crate::policies::{self, Rule};
use crate::shape::Object;
use crate::tools::{self, Tool};
use crate::{entities, names, schema, validate};
use cedar_policy::{Entity, RestrictedExpression as Expression};
use cedar_policy_core::ast::{self, EntityUID, PrincipalOrResourceConstraint};
use cedar_policy_core::entities::Entities;
use initrunner_sdk::policy::{Diagnostic, Severity, Source, SourceKind, Summary};
use std::collections::{HashMap, HashSet};

/// How many diagnostics are told at once. Nobody reads more before mending some.
const MAX_DIAGNOSTICS: usize = 100;

/// Policies that can be asked.
#[derive(Debug)]
pub struct Cedar {
    /// The policies, in order of the sources.
    pub(crate) rules: Vec<Rule>,
    /// The tools, by name.
    pub(crate) tools: HashMap<String, Ready>,
    /// Everything but agents.
    pub(crate) entities: Entities,
    /// What agents belong to.
    pub(crate) agents: HashMap<String, entities::Membership>,
    /// `Action::"approve"`.
    pub(crate) approve: EntityUID,
}

/// A tool that can be asked about.
#[derive(Debug)]
pub(crate) struct Ready {
    /// As the host declared it.
    pub(crate) declared: Tool,
    /// What its arguments look like.
    pub(crate) shape: Object,
    /// Its action.
    pub(crate) action: EntityUID,
    /// Itself.
    pub(crate) resource: EntityUID,
    /// The rules that can speak of a call, by their places in `rules`.
    pub(crate) invoke: Vec<usize>,
    /// Those that can speak of its approval.
    pub(crate) approve: Vec<usize>,
}

impl Cedar {
    /// Makes policies ready.
    ///
    /// # Errors
    /// Everything that is wrong with the sources, in their order.
    pub fn load(sources: &[Source]) -> Result<(Self, Summary), Vec<Diagnostic>> {
        let of = |kind: SourceKind| -> Vec<&Source> {
            sources.iter().filter(|source| source.kind == kind).collect()
        };
        let [declared] = of(SourceKind::Tools)[..] else {
            return Err(vec![Diagnostic::error(
                "",
                None,
                "there is not exactly one list of tools",
            )]);
        };
        let tools = tools::read(declared).map_err(|error| vec![error])?;
        // Syntax first: types are of no use to somebody with a missing bracket.
        let texts = of(SourceKind::Policies);
        let (rules, found) = policies::read(&texts);
        let mut errors = found;
        let made = schema::make(&tools, &of(SourceKind::Schema));
        let made = match made {
            Ok(made) if errors.is_empty() => made,
            Ok(_) => return Err(in_order(errors, sources)),
            Err(found) => {
                errors.extend(found);
                return Err(in_order(errors, sources));
            }
        };
        let mut found = validate::validate(&made.schema, &tools, &rules, &texts);
        let resources = tools.iter().map(resource).collect();
        match entities::read(&of(SourceKind::Entities), resources, &made.schema) {
            Ok(known) => {
                if found.iter().any(|problem| problem.severity == Severity::Error) {
                    return Err(in_order(found, sources));
                }
                found.extend(entities::unknown(&rules, &texts, &known));
                found.extend(silent(&rules, &texts));
                let summary = Summary {
                    policies: rules.iter().map(|rule| rule.name.clone()).collect(),
                    approvals: rules.iter().any(|rule| rule.approves),
                    schema: Some(made.text),
                    warnings: in_order(found, sources),
                };
                let tools = tools
                    .into_iter()
                    .zip(made.shapes)
                    .map(|(tool, shape)| (tool.name.clone(), ready(tool, shape, &rules)))
                    .collect();
                let cedar = Cedar {
                    rules,
                    tools,
                    entities: known.entities.as_ref().clone(),
                    agents: known.agents,
                    approve: names::action(tools::APPROVE).into(),
                };
                Ok((cedar, summary))
            }
            Err(more) => {
                found.extend(more);
                Err(in_order(found, sources))
            }
        }
    }
}

/// The entity of a tool.
fn resource(tool: &Tool) -> Entity {
    let text = |text: &str| Expression::new_string(text.to_owned());
    let attributes = [
        ("name", text(&tool.name)),
        ("entry", text(&tool.entry)),
        ("plugin", text(&tool.plugin)),
        ("tool", text(&tool.tool)),
        ("read_only", Expression::new_bool(tool.effects.read_only())),
        ("destructive", Expression::new_bool(tool.effects.destructive())),
        ("idempotent", Expression::new_bool(tool.effects.idempotent())),
        ("open_world", Expression::new_bool(tool.effects.open_world())),
    ];
    let uid = names::tool(&tool.name);
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
    // It fails where an attribute calls a function of Cedar's, and none does.
    Entity::new(uid.clone(), attributes, HashSet::new())
        .unwrap_or_else(|_| Entity::new_no_attrs(uid, HashSet::new()))
}

/// Finds the rules that can speak of a tool. The others are false for it, and never asked.
fn ready(tool: Tool, shape: Object, rules: &[Rule]) -> Ready {
    let resource: EntityUID = names::tool(&tool.name).into();
    let action: EntityUID = names::action(&tool.name).into();
    let mut own: HashSet<EntityUID> =
        tool.groups().iter().map(|group| names::action(group).into()).collect();
    own.insert(action.clone());
    let select = |wanted: &dyn Fn(&Rule) -> bool| {
        let fits =
            |rule: &Rule| wanted(rule) && fits(rule.template().resource_constraint(), &resource);
        (0..rules.len()).filter(|at| rules.get(*at).is_some_and(fits)).collect()
    };
    Ready {
        invoke: select(&|rule| rule.actions.iter().any(|action| own.contains(action))),
        approve: select(&|rule| rule.approves),
        declared: tool,
        shape,
        action,
        resource,
    }
}

/// Whether a scope's resource can be this one. Tools belong to nothing.
fn fits(constraint: &ast::ResourceConstraint, resource: &EntityUID) -> bool {
    use ast::EntityReference::EUID;
    match constraint.as_inner() {
        PrincipalOrResourceConstraint::Eq(EUID(named))
        | PrincipalOrResourceConstraint::In(EUID(named))
        | PrincipalOrResourceConstraint::IsIn(_, EUID(named)) => named.as_ref() == resource,
        _ => true,
    }
}

/// A warning where nothing permits any call.
fn silent(rules: &[Rule], sources: &[&Source]) -> Option<Diagnostic> {
    if rules.iter().any(|rule| !rule.approves && !rule.forbids) {
        return None;
    }
    Some(Diagnostic {
        severity: Severity::Warning,
        hint: Some(format!(
            "to forbid only some calls, add `permit (principal, action in Action::\"{}\", resource);`",
            tools::ALL
        )),
        ..Diagnostic::error(
            sources.first().map_or("", |source| source.name.as_str()),
            None,
            "no policy permits a call, so that every call is refused",
        )
    })
}

/// In the order of the sources and of their lines, and not too many.
fn in_order(mut found: Vec<Diagnostic>, sources: &[Source]) -> Vec<Diagnostic> {
    let rank: HashMap<&str, usize> =
        sources.iter().enumerate().map(|(at, source)| (source.name.as_str(), at)).collect();
    found.sort_by_key(|one| {
        // Errors first, so that none is cut away.
        let severity = u8::from(one.severity != Severity::Error);
        (severity, rank.get(one.source.as_str()).copied(), one.place, one.message.clone())
    });
    found.dedup();
    let more = found.len().saturating_sub(MAX_DIAGNOSTICS);
    if more > 0 {
        found.truncate(MAX_DIAGNOSTICS);
        if let Some(last) = found.last_mut() {
            last.message.push_str(&format!("; and {more} more after this"));
        }
    }
    found
}
