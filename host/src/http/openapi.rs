//! The description of this API (OpenAPI 3.1), made from the same list as its routes.

use super::Shared;
use super::body::{Accepted, Completion, ErrorBody, ModelList};
use super::completions::IGNORED;
use crate::domain::canonical::LARGEST_INTEGER;
use axum::Router;
use axum::routing::MethodRouter;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, ObjectBuilder, OneOfBuilder,
    OpenApiBuilder, PathItem, Paths, PathsBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    ResponsesBuilder, Schema,
};

/// Routes, each with its description.
pub(super) struct Api {
    router: Router<Shared>,
    paths: PathsBuilder,
}

/// What is said of one operation.
pub(super) struct Told {
    operation: OperationBuilder,
    responses: ResponsesBuilder,
    method: HttpMethod,
}

const JSON: &str = "application/json";

/// The name of the security scheme.
const BEARER: &str = "key";

impl Api {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), paths: PathsBuilder::new() }
    }

    /// A path, and what its methods do.
    pub(super) fn route<const N: usize>(
        mut self,
        path: &str,
        handlers: MethodRouter<Shared>,
        told: [Told; N],
    ) -> Self {
        self.router = self.router.route(path, handlers);
        for Told { operation, responses, method } in told {
            let operation = operation.responses(responses.build()).build();
            self.paths = self.paths.path(path, PathItem::new(method, operation));
        }
        self
    }

    /// The routes, and the document.
    pub(super) fn finish(self) -> (Router<Shared>, Value) {
        let document = document(self.paths.build());
        (self.router, document)
    }
}

fn document(paths: Paths) -> Value {
    let info = InfoBuilder::new()
        .title("initrunner")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Runs LLM roles whose dangerous calls wait for a person. Chat completions are OpenAI's; a run \
             that waits says so, and a decision has it go on.",
        ))
        .build();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key of the server's file of keys, or this machine's own."))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(key))
        .schemas_from_iter(whole::<Completion>())
        .schemas_from_iter(whole::<ErrorBody>())
        .schemas_from_iter(whole::<ModelList>())
        .schemas_from_iter(whole::<Accepted>())
        .schema("CompletionRequest", completion_request())
        .schema("Decisions", decisions())
        .schema("RunAgentInput", any_object("AG-UI's `RunAgentInput`."))
        .schema("UiChat", any_object("What the AI SDK's `DefaultChatTransport` sends."))
        .schema("Run", run())
        .schema("RunSummary", run_summary())
        .schema("PendingCall", pending_call())
        .schema("Story", story())
        .build();
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components))
        // Without a key, a server on the loopback address answers as far as calling goes.
        .security(Some([
            SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []),
            SecurityRequirement::default(),
        ]))
        .build();
    serde_json::to_value(document).unwrap_or_default()
}

/// A schema, and those that it refers to.
fn whole<T: ToSchema>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    schemas
}

fn told(method: HttpMethod, id: &str, summary: &str) -> Told {
    Told {
        operation: OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)),
        responses: ResponsesBuilder::new(),
        method,
    }
}

/// Something that is read.
pub(super) fn get(id: &str, summary: &str) -> Told {
    told(HttpMethod::Get, id, summary)
}

/// Something that is done.
pub(super) fn post(id: &str, summary: &str) -> Told {
    told(HttpMethod::Post, id, summary)
}

impl Told {
    /// What comes of it.
    pub(super) fn gives(self, status: u16, what: &str, schema: &str) -> Self {
        self.responds(status, of(JSON, what, Ref::from_schema_name(schema)))
    }

    /// A page of rows comes of it.
    pub(super) fn gives_page(self, row: &str) -> Self {
        let page = object([("object", string("`list`"))])
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(row)))
            .property("next", or_null("What `after` is for the next page.", Type::String))
            .required("data")
            .required("next");
        self.responds(200, of(JSON, "a page", page))
    }

    /// Server-sent events come of it.
    pub(super) fn gives_events(self, what: &str) -> Self {
        self.responds(200, of("text/event-stream", what, event()))
    }

    /// Something else than JSON, or nothing, comes of it.
    pub(super) fn gives_text(self, status: u16, what: &str, kind: Option<&str>) -> Self {
        let response = match kind {
            Some(kind) => of(kind, what, string(what)),
            None => ResponseBuilder::new().description(what).build(),
        };
        self.responds(status, response)
    }

    /// Either of a completion, whole, and one that arrives in pieces.
    pub(super) fn gives_completion(self) -> Self {
        let whole = ContentBuilder::new().schema(Some(Ref::from_schema_name("Completion"))).build();
        let pieces = ContentBuilder::new().schema(Some(event())).build();
        let response = ResponseBuilder::new()
            .description("the answer, or that the run waits for a person")
            .content(JSON, whole)
            .content("text/event-stream", pieces)
            .build();
        self.responds(200, response)
    }

    /// The ways in which it is refused; those of every path besides.
    pub(super) fn refuses<const N: usize>(mut self, statuses: [u16; N]) -> Self {
        for status in statuses.into_iter().chain([400, 401, 403, 429, 503]) {
            let why = http::StatusCode::from_u16(status).ok();
            let why = why.and_then(|status| status.canonical_reason()).unwrap_or_default();
            self = self.gives(status, why, "ErrorBody");
        }
        self
    }

    fn responds(mut self, status: u16, response: Response) -> Self {
        self.responses = self.responses.response(status.to_string(), response);
        self
    }

    /// What is sent.
    pub(super) fn takes(mut self, schema: &str) -> Self {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let body =
            RequestBodyBuilder::new().content(JSON, content).required(Some(Required::True)).build();
        self.operation = self.operation.request_body(Some(body));
        self
    }

    /// A part of the path.
    pub(super) fn names(self, name: &str, what: &str) -> Self {
        self.parameter(name, ParameterIn::Path, what, string(what).into())
    }

    /// A key of the query.
    pub(super) fn asks(self, name: &str, what: &str, schema: impl Into<Schema>) -> Self {
        self.parameter(name, ParameterIn::Query, what, schema.into())
    }

    /// What every list takes.
    pub(super) fn asks_page(self) -> Self {
        let limit =
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(1000));
        self.asks("limit", "Rows of a page; 50 where it is not given.", limit)
            .asks("after", "`next` of the page before.", string(""))
            .asks("order", "`newest` or `oldest` first.", words(&["newest", "oldest"]))
            .asks(
                "since",
                "Not before: a time (RFC 3339), or how long ago, such as `12h`.",
                string(""),
            )
            .asks("until", "Before: a time, or how long ago.", string(""))
    }

    /// A header.
    pub(super) fn heeds(self, name: &str, what: &str, schema: impl Into<Schema>) -> Self {
        self.parameter(name, ParameterIn::Header, what, schema.into())
    }

    /// Nothing is sent, and said to be JSON all the same: pages of others cannot say so unasked.
    pub(super) fn takes_nothing(mut self) -> Self {
        let content = ContentBuilder::new().schema(Some(any_object("Empty."))).build();
        let body =
            RequestBodyBuilder::new().content(JSON, content).required(Some(Required::True)).build();
        self.operation = self.operation.request_body(Some(body));
        self
    }

    fn parameter(mut self, name: &str, place: ParameterIn, what: &str, schema: Schema) -> Self {
        let required = match place {
            ParameterIn::Path => Required::True,
            _ => Required::False,
        };
        let parameter: Parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .description(Some(what))
            .required(required)
            .schema(Some(schema))
            .build();
        self.operation = self.operation.parameter(parameter);
        self
    }
}

fn of(kind: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Response {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(what).content(kind, content).build()
}

fn string(what: &str) -> ObjectBuilder {
    let what = Some(what).filter(|what| !what.is_empty());
    ObjectBuilder::new().schema_type(Type::String).description(what)
}

/// One of these words.
pub(super) fn words(words: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied()))
}

/// Any text.
pub(super) fn text() -> ObjectBuilder {
    string("")
}

/// One of the server-sent events that an answer is made of.
fn event() -> ObjectBuilder {
    object([("data", string("JSON; of completions, `[DONE]` at the end."))])
        .property("id", string("Its number, where it has one."))
        .property("event", string("Its type, where it has one."))
        .description(Some("One event of the stream."))
}

/// A client's own name for something: see `domain::client_id`.
pub(super) fn client_id() -> ObjectBuilder {
    let visible = "^[!-~]([ -~]{0,198}[!-~])?$";
    text().min_length(Some(1)).max_length(Some(200)).pattern(Some(visible))
}

/// What somebody calls themselves.
pub(super) fn note() -> ObjectBuilder {
    text().max_length(Some(200)).pattern(Some("^[ -~]*$"))
}

/// An event's number.
pub(super) fn number() -> ObjectBuilder {
    text().pattern(Some("^[0-9]{1,18}$"))
}

fn boolean(what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).description(Some(what))
}

fn integer(what: &str) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).description(Some(what))
}

fn or_null(what: &str, kind: Type) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([kind, Type::Null]))
        .description(Some(what))
}

fn anything(what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(what))
}

fn any_object(what: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(what))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// An object that has at least these.
fn object<const N: usize>(properties: [(&str, ObjectBuilder); N]) -> ObjectBuilder {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for (name, schema) in properties {
        object = object.property(name, schema).required(name);
    }
    object.additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

fn list(what: &str, item: impl Into<RefOr<Schema>>) -> Schema {
    ArrayBuilder::new().items(item.into()).description(Some(what)).build().into()
}

fn completion_request() -> ObjectBuilder {
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

fn decisions() -> ObjectBuilder {
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

fn run() -> ObjectBuilder {
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

fn run_summary() -> ObjectBuilder {
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

fn pending_call() -> ObjectBuilder {
    object([
        ("run_id", text()),
        ("tool_call_id", text()),
        ("tool", text()),
        ("agent", string("The role's name.")),
        ("state", string("`waiting`, or `unknown` where nobody knows whether it happened.")),
        ("created_at", text()),
        ("expires_at", or_null("When nobody can approve it any more.", Type::String)),
        ("version", integer("What a decision can name, so that it is about what was shown.")),
        ("preview", or_null("What will happen, from the tool itself.", Type::Object)),
        ("arguments", any_object("")),
    ])
}

fn story() -> ObjectBuilder {
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_schema_that_is_referred_to_is_there() {
        let (_, document) = crate::http::documented().finish();
        let text = document.to_string();
        let mut rest = text.as_str();
        let mut found = 0;
        while let Some((_, after)) = rest.split_once("#/components/schemas/") {
            let (name, after) = after.split_once('"').unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
            (rest, found) = (after, found + 1);
        }
        assert!(found > 20, "{found}");
    }
}
