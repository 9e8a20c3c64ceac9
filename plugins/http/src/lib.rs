//! The `http` tool: requests to one server, below one path.
//!
//! A call names a path below the role's `base_url`, a method that the role allows, a query, a few
//! harmless headers and a body. What the role configures (the server, its own headers with secrets in
//! them) a call cannot change.
//!
//! What is checked here is for clear answers. The host checks again whatever is sent, against grants that
//! it derives from the same configuration, and puts secrets in where only it knows their values.

pub mod config;
pub mod plan;
pub mod report;
pub mod url;

use config::Config;
use initrunner_sdk::http::Request;
use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool};
use plan::Arguments;
use serde_json::json;
use std::time::Duration;

struct Http;

impl Plugin for Http {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "http",
            env!("CARGO_PKG_VERSION"),
            "Sends HTTP requests to one server.",
            config::CONFIG_SCHEMA,
        )
    }

    fn describe(config: Config) -> Result<Vec<Tool>, String> {
        config.check()?;
        let server = match config.base_url.as_str() {
            "" => "the server that the role names",
            base => base,
        };
        let description = format!(
            "Sends an HTTP request to {server} and returns the status, some headers and the body. A \
             redirect is returned and not followed."
        );
        let scalar = json!({ "type": ["string", "number", "boolean"] });
        let schema = json!({
            "type": "object",
            "properties": {
                "method": {
                    "enum": config.allowed_methods,
                    "description": format!("The method; {} if it is left out.", config.allowed_methods[0]),
                },
                "path": {
                    "type": "string",
                    "maxLength": 4096,
                    "description": "The path below the base URL, such as `/users/1`, without a query.",
                },
                "query": {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [scalar, { "type": "array", "items": scalar }],
                    },
                    "description": "Query parameters, not encoded. A list gives a parameter several times.",
                },
                "headers": {
                    "type": "object",
                    "additionalProperties": { "type": "string", "maxLength": 4096 },
                    "description": "Further headers, such as Accept.",
                },
                "body": { "type": "string", "description": "The body, as text." },
                "json": { "description": "The body, as JSON, in the place of `body`." },
            },
            "additionalProperties": false,
        });
        Ok(vec![Tool::new("http", &description, schema, effects(&config.allowed_methods))])
    }

    fn prepare(config: Config, call: Call) -> Result<Preview, Failure> {
        let arguments: Arguments = call.parse()?;
        let plan = plan::plan(&config, arguments, &call.idempotency_key)?;
        Ok(Preview::http(plan.preview()))
    }

    fn invoke(config: Config, call: Call) -> Result<Content, Failure> {
        let arguments: Arguments = call.parse()?;
        let plan = plan::plan(&config, arguments, &call.idempotency_key)?;
        let mut request = Request::new(&plan.method, &plan.url)
            .timeout(Duration::from_secs(config.timeout_seconds.into()))
            .body(plan.body);
        for (name, value) in &plan.headers {
            request = request.header(name, value.as_str());
        }
        let response = request.send()?;
        report::report(&response, config.max_response_bytes as usize)
    }
}

/// What the methods of RFC 9110 promise (9.2), as far as a server keeps to it.
fn effects(methods: &[String]) -> Effects {
    let all = |of: &[&str]| methods.iter().all(|method| of.contains(&method.as_str()));
    let safe = all(&plan::SAFE);
    Effects {
        read_only: Some(safe),
        destructive: Some(!safe),
        idempotent: Some(safe || all(&["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])),
        open_world: Some(true),
    }
}

initrunner_sdk::export!(Http);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_those_of_the_most_dangerous_method() {
        let check = |methods: &[&str], read_only, idempotent| {
            let methods: Vec<String> = methods.iter().map(|it| (*it).to_owned()).collect();
            let effects = effects(&methods);
            assert_eq!(effects.read_only, Some(read_only), "{methods:?}");
            assert_eq!(effects.destructive, Some(!read_only), "{methods:?}");
            assert_eq!(effects.idempotent, Some(idempotent), "{methods:?}");
        };
        check(&["GET", "HEAD"], true, true);
        check(&["GET", "PUT", "DELETE"], false, true);
        check(&["GET", "POST"], false, false);
        check(&["PATCH"], false, false);
    }

    #[test]
    fn it_describes_itself_without_a_server() {
        let config: Config = serde_json::from_str("{}").unwrap();
        let tools = Http::describe(config).unwrap();
        assert!(tools[0].description.contains("the server that the role names"));
    }
}
