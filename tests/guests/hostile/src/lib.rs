//! A component that tries to exhaust, mislead or crash its host. The arguments name what `invoke` and
//! `prepare` do, the configuration what `describe` does, and a mark in the file itself what `manifest`
//! does, which is given nothing to go by.

mod attack;
mod lie;
mod reach;

use attack::attack;
use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool};
use serde::Deserialize;
use serde_json::json;

struct Hostile;

#[derive(Deserialize)]
struct Config {
    describe: Option<String>,
}

#[derive(Deserialize)]
struct Arguments {
    /// What to do in `invoke`.
    #[serde(rename = "do")]
    action: Option<String>,
    /// What to do in `prepare`.
    prepare: Option<String>,
    text: Option<String>,
}

/// What `manifest` does: tests write a word over the dots.
#[used]
static MARK: [u8; 48] = *b"what the manifest does:........................;";

fn mark() -> String {
    // Read where it lies, since the compiler knows what it was.
    let mark = std::hint::black_box(&MARK).map(std::hint::black_box);
    let word = mark[23..].iter().copied().take_while(|byte| !matches!(byte, b'.' | b';'));
    word.map(char::from).collect()
}

impl Plugin for Hostile {
    type Config = Config;

    fn manifest() -> Manifest {
        let mut manifest = Manifest::new(
            "hostile",
            env!("CARGO_PKG_VERSION"),
            "Tries to get the better of its host.",
            json!({
                "type": "object",
                "properties": { "describe": { "type": "string" } },
                "additionalProperties": false,
            }),
        );
        let word = mark();
        if !word.is_empty() && !lie::about_itself(&word, &mut manifest) {
            let _ = attack(&word, "");
        }
        manifest
    }

    fn describe(config: Config) -> Result<Vec<Tool>, String> {
        let schema = json!({
            "type": "object",
            "properties": {
                "do": { "type": "string" },
                "prepare": { "type": "string" },
                "text": { "type": "string" },
            },
            "additionalProperties": false,
        });
        let mut tools = vec![Tool::new("hostile", "Tries something.", schema, Effects::default())];
        if let Some(word) = config.describe
            && !lie::about_tools(&word, &mut tools)
        {
            return match attack(&word, "") {
                Some(Ok(Content::Text(text) | Content::Json(text))) => Err(text),
                Some(Err(_)) => Err("it failed".into()),
                None => Err(format!("unknown: {word}")),
            };
        }
        Ok(tools)
    }

    fn prepare(_: Config, call: Call) -> Result<Preview, Failure> {
        let arguments: Arguments = call.parse()?;
        match arguments.prepare.as_deref() {
            None => Ok(Preview::plain("harmless")),
            Some(word) => match attack(word, &arguments.text.unwrap_or_default()) {
                Some(Ok(Content::Text(text) | Content::Json(text))) => Ok(Preview::plain(text)),
                Some(Err(failure)) => Err(failure),
                None => Err(Failure::InvalidArguments(format!("unknown: {word}"))),
            },
        }
    }

    fn invoke(_: Config, call: Call) -> Result<Content, Failure> {
        let arguments: Arguments = call.parse()?;
        let text = arguments.text.unwrap_or_default();
        let word = arguments.action.as_deref().unwrap_or("nothing");
        attack(word, &text)
            .or_else(|| reach::reach(word, &text))
            .unwrap_or_else(|| Err(Failure::InvalidArguments(format!("unknown: {word}"))))
    }
}

initrunner_sdk::export!(Hostile);
