//! The schemas of requests and of answers that are made of rows.

use super::values::{
    any_object, anything, boolean, integer, list, object, or_null, string, text, words,
};
use crate::domain::canonical::LARGEST_INTEGER;
use crate::http::completions::IGNORED;
use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, Type};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema};

pub(super) fn completion_request() -> ObjectBuilder {
    let part = object([("type", words(&["text"])), ("text", text())]);
    let content = OneOfBuilder::new().item(text()).item(list("Parts of text.", part.build()));
    let message = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("role", words(&["user", "assistant", "system", "developer"]))
        .property("content", content)
        .required("role")
        .required("content");
    let mut request = ObjectBuilder::new().schema_type(Type::Object);
    for key in IGNORED {
        request = request.property(key, anything("Says nothing here, and is let pass."));
    }
    request
        .property("model", string("The name of a role.").examples(["demo"]))
        .property("messages", list("The last one is the user's.", message.build()))
        .property("stream", boolean("Whether the answer is wanted as it arrives."))
        .property("n", ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([1])))
        .property(
            "stream_options",
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .property("include_usage", boolean("Whether the end tells what was used.")),
        )
        .required("model")
        .required("messages")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .examples([json!({
            "model": "demo",
            "messages": [{"role": "user", "content": "delete ./scratch"}],
        })])
}

pub(super) fn decisions() -> ObjectBuilder {
    let rich = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("decision", words(&["approve", "deny", "retry", "report_unknown"]))
        .property("reason", string("Why it is denied; the model reads it."))
        .property("arguments", any_object("What the call is approved with in their place."))
        .property(
            "version",
            integer("The version of the call that was shown.").maximum(Some(LARGEST_INTEGER)),
        )
        .required("decision")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let one = OneOfBuilder::new().item(boolean("Whether the call may happen.")).item(rich);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("By the id of each call that waits."))
        .additional_properties(Some(RefOr::T(Schema::from(one.build()))))
        .examples([json!({"call_p3p2dkk54k": true})])
}

pub(super) fn run() -> ObjectBuilder {
    object([
        ("run_id", text()),
        (
            "state",
            string("`running`, `paused`, `interrupted`, `completed`, `failed` or `cancelled`."),
        ),
        ("answer", or_null("The model's answer.", Type::String)),
        ("error", or_null("Why there is none.", Type::String)),
        ("resumable", boolean("Whether what waits can be decided.")),
        ("usage", any_object("`input_tokens` and `output_tokens`.")),
    ])
    .property("pending_approvals", list("The calls that wait.", any_object("").build()))
    .required("pending_approvals")
}

pub(super) fn run_summary() -> ObjectBuilder {
    object([
        ("run_id", text()),
        ("agent", string("The role's name.")),
        ("state", text()),
        ("waiting", integer("How many calls wait.")),
        ("prompt", or_null("What was asked.", Type::String)),
        ("created_at", text()),
        ("updated_at", text()),
    ])
}

pub(super) fn pending_call() -> ObjectBuilder {
    object([
        ("run_id", text()),
        ("tool_call_id", text()),
        ("tool", text()),
        ("agent", string("The role's name.")),
        ("state", string("`waiting`, or `unknown` where nobody knows whether it happened.")),
        ("created_at", text()),
        ("expires_at", or_null("When nobody can approve it any more.", Type::String)),
        ("escalates_at", or_null("When a second group of reviewers decides too.", Type::String)),
        ("escalated_at", or_null("Since when they do.", Type::String)),
        ("version", integer("What a decision can name, so that it is about what was shown.")),
        ("preview", or_null("What will happen, from the tool itself.", Type::Object)),
        (
            "preview_text",
            string("What will happen, as text to show: no invisible character is in it."),
        ),
        ("arguments", any_object("")),
    ])
}

pub(super) fn story() -> ObjectBuilder {
    let rows = |what: &str| list(what, any_object("").build());
    object([
        ("run_id", text()),
        ("state", text()),
        ("agent", text()),
        ("requester", string("Who started it.")),
    ])
    .property("messages", rows("The history, in order."))
    .property("calls", rows("Every call, with its decision."))
    .property("events", rows("The journal, in order."))
    .required("messages")
    .required("calls")
    .required("events")
}
