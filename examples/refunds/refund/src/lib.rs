//! Gives money back: one row in the database that the role grants as `shop`.

use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool, sql};
use serde::Deserialize;
use serde_json::json;

struct Refund;

/// A role says nothing about this tool beyond its grants.
#[derive(Debug, Deserialize)]
struct Config {}

/// What the model says in a call.
#[derive(Debug, Deserialize)]
struct Arguments {
    order: String,
    cents: i64,
    reason: Option<String>,
}

impl Arguments {
    fn sentence(&self) -> String {
        let Self { order, cents, reason } = self;
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("refund {}.{:02} for order {order}{reason}", cents / 100, cents % 100)
    }
}

impl Plugin for Refund {
    type Config = Config;

    fn manifest() -> Manifest {
        let nothing = json!({"type": "object", "additionalProperties": false});
        Manifest::new("refund", env!("CARGO_PKG_VERSION"), "Gives money back.", nothing)
    }

    fn describe(_: Config) -> Result<Vec<Tool>, String> {
        // `cents` is an integer, so that a policy can compare it.
        let schema = json!({
            "type": "object",
            "properties": {
                "order": {"type": "string"},
                "cents": {"type": "integer", "minimum": 1},
                "reason": {"type": "string"},
            },
            "required": ["order", "cents"],
            "additionalProperties": false,
        });
        let effects =
            Effects { read_only: Some(false), open_world: Some(false), ..Effects::default() };
        Ok(vec![Tool::new("refund", "Gives the customer of an order money back.", schema, effects)])
    }

    fn prepare(_: Config, call: Call) -> Result<Preview, Failure> {
        Ok(Preview::plain(call.parse::<Arguments>()?.sentence()))
    }

    fn invoke(_: Config, call: Call) -> Result<Content, Failure> {
        let arguments: Arguments = call.parse()?;
        let sentence = arguments.sentence();
        let table =
            "CREATE TABLE IF NOT EXISTS refunds (\"order\" TEXT, cents INTEGER, reason TEXT)";
        let Arguments { order, cents, reason } = arguments;
        let row = sql::Statement::new("INSERT INTO refunds VALUES (?, ?, ?)").with([
            order.into(),
            cents.into(),
            reason.into(),
        ]);
        sql::execute("shop", &[sql::Statement::new(table), row], sql::Limits::default())?;
        Ok(Content::Text(sentence))
    }
}

initrunner_sdk::export!(Refund);
