//! The description of this API (OpenAPI 3.1), made from the same list as its routes.

mod operation;
mod schemas;
mod values;

pub(super) use operation::{get, post};
pub(super) use values::{client_id, note, number, text, words};

use crate::http::Shared;
use crate::http::body::{Accepted, Completion, ErrorBody, ModelList};
use axum::Router;
use axum::routing::MethodRouter;
use operation::Told;
use schemas::{completion_request, decisions, pending_call, run, run_summary, story};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApiBuilder, PathItem, Paths, PathsBuilder, RefOr, Schema,
};
use values::any_object;

/// Routes, each with its description.
pub(super) struct Api {
    router: Router<Shared>,
    paths: PathsBuilder,
}

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
