//! `initrunner inspect`.

use super::arguments::Inspect;
use super::exit::Exit;
use super::output::Output;
use super::page;
use crate::domain::visible::one_line;
use crate::json;
use crate::ops::{Host, OpError, inspect_component};
use crate::plugin::Said;

pub(super) async fn inspect(host: &Host, command: &Inspect, output: &Output) -> Exit {
    let config = command.config.as_deref();
    let found = match inspect_component(host, &command.component, config).await {
        Ok(found) => found,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&json::visible_text(&json::inspection(&found)));
        return match &found.said {
            Ok(_) => Exit::Done,
            Err(error) => output.failure(&OpError::Component(error.clone())),
        };
    }
    if command.page {
        return match &found.said {
            Ok(said) => {
                output.data(&page::page(&found, said));
                Exit::Done
            }
            Err(error) => output.failure(&OpError::Component(error.clone())),
        };
    }
    match &found.said {
        Ok(Said { manifest, .. }) => {
            output.data(&format!("{} {}", manifest.name, shown(&manifest.version)));
            output.data(&format!("  {}", shown(&manifest.description)));
        }
        Err(_) => output.data("a component that cannot say what it is"),
    }
    output.data(&format!("  digest        {}", found.digest));
    output.data(&format!("  size          {} bytes", found.size));
    let list = |names: &[String]| {
        if names.is_empty() { "none".to_owned() } else { shown(&names.join(", ")) }
    };
    output.data(&format!("  capabilities  {}", list(&found.imports.capabilities)));
    output.data(&format!("  WASI (inert)  {}", list(&found.imports.inert)));
    if !found.imports.unknown.is_empty() {
        output.data(&format!("  not offered   {}", list(&found.imports.unknown)));
    }
    let lines = |lines: &[&str]| lines.join("\n                ");
    if !found.needed.is_empty() {
        output.data(&format!("  needs         {}", lines(&found.needed)));
    }
    if !found.usable.is_empty() {
        output.data(&format!("  could use     {}", lines(&found.usable)));
    }
    let Said { manifest, tools } = match &found.said {
        Ok(said) => said,
        Err(error) => return output.failure(&OpError::Component(error.clone())),
    };
    let keys: Vec<String> = manifest.config_schema.properties().map(str::to_owned).collect();
    output.data(&format!("  configuration {}", list(&keys)));
    match tools {
        Err(problem) => {
            output.data(&format!("  tools         need configuration: {}", shown(problem)))
        }
        Ok(tools) => {
            for tool in tools {
                output.data(&format!("\n{}  ({})", tool.name, tool.effects.words().join(", ")));
                output.data(&format!("  {}", shown(&tool.description)));
                let arguments = tool.parameters.source().to_string();
                output.data(&format!("  arguments     {}", shown(&arguments)));
            }
        }
    }
    if !found.left_out.is_empty() {
        output.data("\nCannot be called:");
    }
    for (function, why) in &found.left_out {
        output.data(&format!("  {}: {why}", shown(function)));
    }
    Exit::Done
}

/// Characters of one text of a component that are shown: some screens. Who wants more has `--json`.
const LONGEST: usize = 4_000;

/// A component's text on one line.
fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => {
            format!("{}… ({} bytes; `--json` gives all)", one_line(&text[..end]), text.len())
        }
        None => one_line(text),
    }
}
