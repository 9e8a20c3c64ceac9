//! What is said of one operation: what it takes, gives and refuses.

use super::values::{any_object, event, object, or_null, string, words};
use crate::http::page::either;
use crate::store::Order;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, Type};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    ResponsesBuilder, Schema,
};

/// What is said of one operation.
pub(in crate::http) struct Told {
    pub(super) operation: OperationBuilder,
    pub(super) responses: ResponsesBuilder,
    pub(super) method: HttpMethod,
}

const JSON: &str = "application/json";

fn told(method: HttpMethod, id: &str, summary: &str) -> Told {
    Told {
        operation: OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)),
        responses: ResponsesBuilder::new(),
        method,
    }
}

/// Something that is read.
pub(in crate::http) fn get(id: &str, summary: &str) -> Told {
    told(HttpMethod::Get, id, summary)
}

/// Something that is done.
pub(in crate::http) fn post(id: &str, summary: &str) -> Told {
    told(HttpMethod::Post, id, summary)
}

impl Told {
    /// What comes of it.
    pub(in crate::http) fn gives(self, status: u16, what: &str, schema: &str) -> Self {
        self.responds(status, of(JSON, what, Ref::from_schema_name(schema)))
    }

    /// A page of rows comes of it.
    pub(in crate::http) fn gives_page(self, row: &str) -> Self {
        let page = object([("object", string("`list`"))])
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(row)))
            .property("next", or_null("What `after` is for the next page.", Type::String))
            .required("data")
            .required("next");
        self.responds(200, of(JSON, "a page", page))
    }

    /// Server-sent events come of it.
    pub(in crate::http) fn gives_events(self, what: &str) -> Self {
        self.responds(200, of("text/event-stream", what, event()))
    }

    /// Something else than JSON, or nothing, comes of it.
    pub(in crate::http) fn gives_text(self, status: u16, what: &str, kind: Option<&str>) -> Self {
        let response = match kind {
            Some(kind) => of(kind, what, string(what)),
            None => ResponseBuilder::new().description(what).build(),
        };
        self.responds(status, response)
    }

    /// Either of a completion, whole, and one that arrives in pieces.
    pub(in crate::http) fn gives_completion(self) -> Self {
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
    pub(in crate::http) fn refuses<const N: usize>(mut self, statuses: [u16; N]) -> Self {
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
    pub(in crate::http) fn takes(mut self, schema: &str) -> Self {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let body =
            RequestBodyBuilder::new().content(JSON, content).required(Some(Required::True)).build();
        self.operation = self.operation.request_body(Some(body));
        self
    }

    /// A part of the path.
    pub(in crate::http) fn names(self, name: &str, what: &str) -> Self {
        self.parameter(name, ParameterIn::Path, what, string(what).into())
    }

    /// A key of the query.
    pub(in crate::http) fn asks(self, name: &str, what: &str, schema: impl Into<Schema>) -> Self {
        self.parameter(name, ParameterIn::Query, what, schema.into())
    }

    /// What every list takes.
    pub(in crate::http) fn asks_page(self, orders: &[(&str, Order)]) -> Self {
        let names: Vec<&str> = orders.iter().map(|(word, _)| *word).collect();
        let limit =
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(1000));
        self.asks("limit", "Rows of a page; 50 where it is not given.", limit)
            .asks("after", "`next` of the page before.", string(""))
            .asks("order", &format!("What comes first: {}.", either(orders)), words(&names))
            .asks(
                "since",
                "Not before: a time (RFC 3339), or how long ago, such as `12h`.",
                string(""),
            )
            .asks("until", "Before: a time, or how long ago.", string(""))
    }

    /// A header.
    pub(in crate::http) fn heeds(self, name: &str, what: &str, schema: impl Into<Schema>) -> Self {
        self.parameter(name, ParameterIn::Header, what, schema.into())
    }

    /// Nothing is sent, and said to be JSON all the same: pages of others cannot say so unasked.
    pub(in crate::http) fn takes_nothing(mut self) -> Self {
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
