//! A component that asks for files as no library would: each step of a call is one function of
//! `wasi:filesystem`, on a descriptor that an earlier step opened. It tells what came of each.

mod step;

use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool};
use serde::Deserialize;
use serde_json::json;
use step::{Open, Step};

struct Files;

#[derive(Deserialize)]
struct Config {}

#[derive(Deserialize)]
struct Arguments {
    /// What `invoke` does.
    #[serde(default)]
    steps: Vec<Step>,
    /// What `prepare` does.
    #[serde(default)]
    prepare: Vec<Step>,
    /// Whether it fails with what it would tell, as a component does that met an error.
    #[serde(default)]
    fail: bool,
}

impl Plugin for Files {
    type Config = Config;

    fn manifest() -> Manifest {
        let schema = json!({ "type": "object", "additionalProperties": false });
        Manifest::new("files", env!("CARGO_PKG_VERSION"), "Asks for files.", schema)
    }

    fn describe(_: Config) -> Result<Vec<Tool>, String> {
        let schema = json!({ "type": "object" });
        Ok(vec![Tool::new("files", "Asks for files.", schema, Effects::default())])
    }

    fn prepare(_: Config, call: Call) -> Result<Preview, Failure> {
        let arguments: Arguments = call.parse()?;
        let told = run(&arguments.prepare);
        if arguments.fail { Err(Failure::Failed(told)) } else { Ok(Preview::plain(told)) }
    }

    fn invoke(_: Config, call: Call) -> Result<Content, Failure> {
        let arguments: Arguments = call.parse()?;
        let told = run(&arguments.steps);
        if arguments.fail { Err(Failure::Failed(told)) } else { Ok(Content::Text(told)) }
    }
}

fn run(steps: &[Step]) -> String {
    let mut open = Open::new();
    steps.iter().map(|step| open.take(step)).collect::<Vec<_>>().join("\n")
}

initrunner_sdk::export!(Files);
