//! A component that misbehaves on demand: each test names what it should try.

mod misbehave;
mod reach;

use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool};
use serde::Deserialize;
use serde_json::json;

struct Probe;

/// How it describes itself wrongly.
#[derive(Deserialize)]
struct Config {
    describe: Option<String>,
}

#[derive(Deserialize)]
struct Arguments {
    /// What to try in `invoke`.
    #[serde(rename = "do")]
    action: Option<String>,
    /// What to try in `prepare`.
    prepare: Option<String>,
    text: Option<String>,
}

impl Plugin for Probe {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "probe",
            env!("CARGO_PKG_VERSION"),
            "Misbehaves on demand.",
            json!({
                "type": "object",
                "properties": { "describe": { "type": "string" }, "level": { "type": "integer", "minimum": 1 } },
                "additionalProperties": false,
            }),
        )
    }

    fn describe(config: Config) -> Result<Vec<Tool>, String> {
        let schema = json!({
            "type": "object",
            "properties": {
                "do": { "type": "string" },
                "prepare": { "type": "string" },
                "text": { "type": "string" },
                "count": { "type": "integer", "minimum": 0 },
            },
            "additionalProperties": false,
        });
        let mut tool = Tool::new("probe", "Tries something.", schema, Effects::default());
        match config.describe.as_deref() {
            None => {}
            Some("refuse") => return Err("it does not like this configuration".into()),
            Some("bad-schema") => {
                tool.parameters = "{\"type\": \"object\", \"properties\": 3}".into()
            }
            Some("no-json") => tool.parameters = "{".into(),
            Some("bad-name") => tool.name = "no spaces please".into(),
            Some("nothing") => return Ok(vec![]),
            Some("twice") => return Ok(vec![tool.clone(), tool]),
            Some("loop") => misbehave::spin(),
            Some("panic") => panic!("describing went wrong"),
            Some("idempotent") => tool.effects.idempotent = Some(true),
            Some("two") => {
                let other = Tool { name: "other".into(), ..tool.clone() };
                return Ok(vec![tool, other]);
            }
            Some(other) => return Err(format!("unknown: {other}")),
        }
        Ok(vec![tool])
    }

    fn prepare(_: Config, call: Call) -> Result<Preview, Failure> {
        let arguments: Arguments = call.parse()?;
        match arguments.prepare.as_deref() {
            None => Ok(Preview::plain(format!("probe {}", arguments.action.unwrap_or_default()))),
            Some("refuse") => Err(Failure::Retry("it would rather not".into())),
            Some("loop") => misbehave::spin(),
            Some("panic") => panic!("preparing went wrong"),
            Some("huge") => Ok(Preview::plain("x".repeat(1 << 20))),
            Some("request") => {
                match reach::request::send_or_fail(&arguments.text.unwrap_or_default()) {
                    Ok(_) => Ok(Preview::plain("it was sent")),
                    Err(failure) => Err(failure),
                }
            }
            Some("escape") => Ok(Preview::plain("\u{1b}[2J\u{202e}evil\nsecond line")),
            Some(other) => Err(Failure::InvalidArguments(format!("unknown: {other}"))),
        }
    }

    fn invoke(_: Config, call: Call) -> Result<Content, Failure> {
        let arguments: Arguments = call.parse()?;
        let text = arguments.text.unwrap_or_default();
        match arguments.action.as_deref().unwrap_or("nothing") {
            "nothing" => Ok(Content::Text("nothing".into())),
            "echo" => Ok(Content::Text(text)),
            "call" => Content::json(&json!({
                "attempt": call.attempt,
                "id": call.id,
                "idempotency_key": call.idempotency_key,
            })),
            "json" => Ok(Content::Json(text)),
            "fail" => Err(Failure::Failed("it did not work".into())),
            "retry" => Err(Failure::Retry("try something else".into())),
            "invalid" => Err(Failure::InvalidArguments("that cannot be right".into())),
            action => match misbehave::misbehave(action) {
                Some(result) => result,
                None => reach::reach(action, &text),
            },
        }
    }
}

initrunner_sdk::export!(Probe);
