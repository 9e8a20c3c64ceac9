//! The kinds of values that descriptions are made of.

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};

pub(super) fn string(what: &str) -> ObjectBuilder {
    let what = Some(what).filter(|what| !what.is_empty());
    ObjectBuilder::new().schema_type(Type::String).description(what)
}

/// One of these words.
pub(in crate::http) fn words(words: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied()))
}

/// Any text.
pub(in crate::http) fn text() -> ObjectBuilder {
    string("")
}

/// One of the server-sent events that an answer is made of.
pub(super) fn event() -> ObjectBuilder {
    object([("data", string("JSON; of completions, `[DONE]` at the end."))])
        .property("id", string("Its number, where it has one."))
        .property("event", string("Its type, where it has one."))
        .description(Some("One event of the stream."))
}

/// A client's own name for something: see `domain::client_id`.
pub(in crate::http) fn client_id() -> ObjectBuilder {
    let visible = "^[!-~]([ -~]{0,198}[!-~])?$";
    text().min_length(Some(1)).max_length(Some(200)).pattern(Some(visible))
}

/// What somebody calls themselves.
pub(in crate::http) fn note() -> ObjectBuilder {
    text().max_length(Some(200)).pattern(Some("^[ -~]*$"))
}

/// An event's number.
pub(in crate::http) fn number() -> ObjectBuilder {
    text().pattern(Some("^[0-9]{1,18}$"))
}

pub(super) fn boolean(what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).description(Some(what))
}

pub(super) fn integer(what: &str) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).description(Some(what))
}

pub(super) fn or_null(what: &str, kind: Type) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([kind, Type::Null]))
        .description(Some(what))
}

pub(super) fn anything(what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(what))
}

pub(super) fn any_object(what: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(what))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// An object that has at least these.
pub(super) fn object<const N: usize>(properties: [(&str, ObjectBuilder); N]) -> ObjectBuilder {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for (name, schema) in properties {
        object = object.property(name, schema).required(name);
    }
    object.additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

pub(super) fn list(what: &str, item: impl Into<RefOr<Schema>>) -> Schema {
    ArrayBuilder::new().items(item.into()).description(Some(what)).build().into()
}
