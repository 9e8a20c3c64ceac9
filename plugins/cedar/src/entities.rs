//! People, groups, and what is known of them.
//!
//! The text is Cedar's JSON of entities: an array of `{"uid": {"type", "id"}, "attrs": {…}, "parents": […]}`.
//! Tools and actions come from the role and are refused here. An `Agent` may be put into groups; what else
//! is known of it, its role says.

use crate::names;
use crate::place;
use cedar_policy::{Entities, Entity, EntityUid, Schema};
use cedar_policy_core::ast;
use initrunner_sdk::policy::{Diagnostic, Severity, Source};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is known before any question.
#[derive(Debug)]
pub struct Known {
    /// All entities but agents.
    pub entities: Entities,
    /// What agents belong to, by their names.
    pub agents: HashMap<String, Membership>,
    /// Everything that is mentioned, for hints.
    pub mentioned: HashSet<ast::EntityUID>,
}

/// What an agent belongs to.
#[derive(Clone, Debug, Default)]
pub struct Membership {
    /// Directly.
    pub parents: HashSet<ast::EntityUID>,
    /// Through those.
    pub ancestors: HashSet<ast::EntityUID>,
}

/// An agent, as it may be written.
#[derive(Deserialize)]
struct AgentText {
    uid: Value,
    #[serde(default)]
    attrs: BTreeMap<String, Value>,
    #[serde(default)]
    parents: Vec<Value>,
}

/// Reads the sources, and adds the tools.
///
/// # Errors
/// What is wrong with them.
pub fn read(
    sources: &[&Source],
    tools: Vec<Entity>,
    schema: &Schema,
) -> Result<Known, Vec<Diagnostic>> {
    let mut all: Vec<Entity> = Vec::new();
    let mut homes: HashMap<EntityUid, (usize, usize)> = HashMap::new();
    let mut agents: HashMap<String, Vec<EntityUid>> = HashMap::new();
    let mut found = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let texts: Vec<&RawValue> = match serde_json::from_str(&source.text) {
            Ok(texts) => texts,
            Err(error) => {
                found.push(Diagnostic {
                    hint: Some("write an array of `{\"uid\": {\"type\": \"Group\", \"id\": \"leads\"}, \"attrs\": {}, \"parents\": []}`".to_owned()),
                    ..Diagnostic::error(&source.name, place::of_json(&error), format!("the entities are not a list in JSON: {error}"))
                });
                continue;
            }
        };
        let lines = place::Lines::new(&source.text);
        for text in texts {
            let text = text.get();
            // It borrows from the source: the distance is where it begins.
            let at = (text.as_ptr() as usize).saturating_sub(source.text.as_ptr() as usize);
            let problem = |sentence: String, hint: Option<String>| Diagnostic {
                hint,
                ..Diagnostic::error(&source.name, Some(lines.of_byte(at)), sentence)
            };
            let (uid, entity) = match one(text, schema) {
                Ok(One::Agent(uid, parents)) => {
                    let name: &str = uid.as_ref().eid().as_ref();
                    agents.insert(name.to_owned(), parents);
                    (uid, None)
                }
                Ok(One::Entity(entity)) => (entity.uid(), Some(entity)),
                Err((sentence, hint)) => {
                    found.push(problem(sentence, hint));
                    continue;
                }
            };
            if let Some((other, at)) = homes.insert(uid.clone(), (index, at)) {
                let first = sources.get(other).map_or(String::new(), |source| {
                    format!(
                        "; the first is in {}, line {}",
                        source.name,
                        place::of_byte(&source.text, at).0
                    )
                });
                found.push(problem(
                    format!("`{uid}` occurs twice"),
                    Some(format!("merge them{first}")),
                ));
            }
            all.extend(entity);
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let mut mentioned: HashSet<ast::EntityUID> = HashSet::new();
    for entity in &all {
        mentioned.insert(entity.uid().into());
        mentioned.extend(parents(entity).cloned());
    }
    for groups in agents.values() {
        mentioned.extend(groups.iter().map(|group| group.as_ref().clone()));
    }
    mentioned.extend(tools.iter().map(|tool| tool.uid().into()));
    let cycle = in_circle(&all);
    all.extend(tools);
    let entities = Entities::from_entities(all, Some(schema)).map_err(|error| {
        let home = cycle.as_ref().and_then(|uid| homes.get(uid));
        let (source, at) = match home.and_then(|(index, at)| Some((sources.get(*index)?, *at))) {
            Some((source, at)) => (source.name.as_str(), Some(place::of_byte(&source.text, at))),
            None => (sources.first().map_or("", |source| source.name.as_str()), None),
        };
        let sentence = match &cycle {
            Some(uid) => format!("`{uid}` belongs to itself, through its `parents`"),
            None => format!("the entities do not fit together: {}", place::sentence(&error)),
        };
        vec![Diagnostic::error(source, at, sentence)]
    })?;
    let agents = agents
        .into_iter()
        .map(|(name, parents)| {
            let ancestors = parents
                .iter()
                .flat_map(|parent| entities.ancestors(parent).into_iter().flatten())
                .map(|ancestor| ancestor.as_ref().clone())
                .collect();
            let parents = parents.iter().map(|parent| parent.as_ref().clone()).collect();
            (name, Membership { parents, ancestors })
        })
        .collect();
    Ok(Known { entities, agents, mentioned })
}

enum One {
    Agent(EntityUid, Vec<EntityUid>),
    Entity(Entity),
}

/// Reads one entity; an error is a sentence and perhaps a hint.
fn one(text: &str, schema: &Schema) -> Result<One, (String, Option<String>)> {
    let json = |error: serde_json::Error| (format!("this is no entity: {error}"), None);
    let value: Value = serde_json::from_str(text).map_err(json)?;
    let uid = value.get("uid").cloned().unwrap_or_default();
    let uid = EntityUid::from_json(uid).map_err(|error| {
        let hint = "write `\"uid\": {\"type\": \"Reviewer\", \"id\": \"os:alice\"}`".to_owned();
        (format!("this is no entity: {}", place::sentence(&error)), Some(hint))
    })?;
    let core: &ast::EntityUID = uid.as_ref();
    for ours in ["Tool", "Action"] {
        if names::is_a(core, ours) {
            return Err((
                format!("`{uid}` is the role's to say"),
                Some("leave it out: tools and their actions come from the role".to_owned()),
            ));
        }
    }
    if names::is_a(core, "Agent") {
        let agent: AgentText = serde_json::from_value(value).map_err(json)?;
        drop(agent.uid);
        if !agent.attrs.is_empty() {
            return Err((
                format!("`{uid}` has attributes, which are its role's to say"),
                Some("leave `attrs` empty and put it into groups with `parents`".to_owned()),
            ));
        }
        let parents =
            agent.parents.into_iter().map(EntityUid::from_json).collect::<Result<Vec<_>, _>>();
        let parents = parents.map_err(|error| (place::sentence(&error), None))?;
        for parent in &parents {
            if !names::is_a(parent.as_ref(), "Group") {
                return Err((
                    format!("`{uid}` cannot be in `{parent}`: agents belong to groups"),
                    None,
                ));
            }
        }
        return Ok(One::Agent(uid, parents));
    }
    Entity::from_json_value(value, Some(schema)).map(One::Entity).map_err(|error| {
        let help = miette::Diagnostic::help(&error).map(|help| help.to_string());
        let known = "declare its type and attributes in a schema, such as `entity Reviewer in [Group] = { limit?: Long };`";
        (place::sentence(&error), Some(help.unwrap_or_else(|| known.to_owned())))
    })
}

fn parents(entity: &Entity) -> impl Iterator<Item = &ast::EntityUID> {
    core(entity).parents()
}

/// An entity that is among its own ancestors, if there is one: the same each time.
fn in_circle(entities: &[Entity]) -> Option<EntityUid> {
    let mut open: HashMap<&ast::EntityUID, Vec<&ast::EntityUID>> = HashMap::new();
    for entity in entities {
        open.insert(core(entity).uid(), parents(entity).collect());
    }
    // Whatever has no parents left is in no circle, and neither is what only leads there.
    loop {
        let before = open.len();
        let alive: HashSet<&ast::EntityUID> = open.keys().copied().collect();
        open.retain(|_, parents| {
            parents.retain(|parent| alive.contains(*parent));
            !parents.is_empty()
        });
        if open.len() == before {
            break;
        }
    }
    // From any that is left, upwards, until one comes again.
    let first = entities.iter().find(|entity| open.contains_key(core(entity).uid()))?;
    let mut at = core(first).uid();
    let mut seen = HashSet::new();
    while seen.insert(at) {
        at = open.get(at)?.iter().min_by_key(|parent| parent.to_string())?;
    }
    entities.iter().find(|entity| core(entity).uid() == at).map(Entity::uid)
}

fn core(entity: &Entity) -> &ast::Entity {
    entity.as_ref()
}

/// Warnings about entities that policies name and nothing knows. An id that nobody mentions is a slip, as a
/// rule: no principal belongs to it.
#[must_use]
pub fn unknown(
    rules: &[crate::policies::Rule],
    sources: &[&Source],
    known: &Known,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in rules {
        let Some(source) = sources.get(rule.source) else { continue };
        let mut told = HashSet::new();
        // The scope's part about resources is in here alone.
        let condition = rule.policy.condition();
        for part in condition.subexpressions() {
            let ast::ExprKind::Lit(ast::Literal::EntityUID(uid)) = part.expr_kind() else {
                continue;
            };
            // People and agents need not be listed, and actions are the validator's.
            if ["Reviewer", "Agent", "Action"].iter().any(|kind| names::is_a(uid, kind))
                || known.mentioned.contains(uid.as_ref())
                || !told.insert(uid.clone())
            {
                continue;
            }
            let at = part.source_loc().map_or(rule.start(), |loc| loc.start());
            let others: Vec<String> = known
                .mentioned
                .iter()
                .filter(|other| other.entity_type() == uid.entity_type())
                .map(ToString::to_string)
                .collect();
            found.push(Diagnostic {
                severity: Severity::Warning,
                hint: nearest(&uid.to_string(), &others)
                    .map(|near| format!("did you mean `{near}`?")),
                ..Diagnostic::error(
                    &source.name,
                    Some(place::of_byte(&source.text, at)),
                    format!("nothing is known of `{uid}`, which the policy `{}` names", rule.name),
                )
            });
        }
    }
    found
}

/// The name that differs least, if it differs little.
fn nearest(name: &str, others: &[String]) -> Option<String> {
    let mut others: Vec<(usize, &String)> =
        others.iter().map(|other| (distance(name, other), other)).collect();
    others.sort();
    let (distance, other) = others.first()?;
    (*distance <= 3).then(|| (*other).clone())
}

/// How many characters to insert, remove or replace (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, char) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for (column, different) in other.iter().enumerate() {
            let replaced = row.get(column).copied().unwrap_or(0) + usize::from(char != *different);
            let removed = row.get(column + 1).copied().unwrap_or(0) + 1;
            let inserted = next.last().copied().unwrap_or(0) + 1;
            next.push(replaced.min(removed).min(inserted));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
