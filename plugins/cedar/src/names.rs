//! Names of entities, made without parsing.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use cedar_policy_core::ast::EntityUID;
use std::str::FromStr as _;
use std::sync::LazyLock;

/// The types that the host's side of every question has.
struct Types {
    agent: EntityTypeName,
    reviewer: EntityTypeName,
    tool: EntityTypeName,
    action: EntityTypeName,
}

#[expect(clippy::expect_used, reason = "four literals, read by a test")]
static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let named = |name| EntityTypeName::from_str(name).expect("an identifier");
    Types {
        agent: named("Agent"),
        reviewer: named("Reviewer"),
        tool: named("Tool"),
        action: named("Action"),
    }
});

fn entity(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// `Agent::"name"`.
#[must_use]
pub fn agent(name: &str) -> EntityUid {
    entity(&TYPES.agent, name)
}

/// `Reviewer::"identity"`.
#[must_use]
pub fn reviewer(identity: &str) -> EntityUid {
    entity(&TYPES.reviewer, identity)
}

/// `Tool::"name"`.
#[must_use]
pub fn tool(name: &str) -> EntityUid {
    entity(&TYPES.tool, name)
}

/// `Action::"name"`.
#[must_use]
pub fn action(name: &str) -> EntityUid {
    entity(&TYPES.action, name)
}

/// Whether an entity has this type and this id.
#[must_use]
pub fn is(entity: &EntityUID, kind: &str, id: &str) -> bool {
    let bare: &str = entity.eid().as_ref();
    bare == id && is_a(entity, kind)
}

/// Whether an entity has this type, which is in no namespace.
#[must_use]
pub fn is_a(entity: &EntityUID, kind: &str) -> bool {
    entity.entity_type().to_string() == kind
}
