//! `initrunner inspect`.

use super::arguments::Inspect;
use super::exit::Exit;
use super::output::Output;
use super::{json, page};
use crate::domain::visible::one_line;
use crate::ops::{Host, inspect_component};

pub(super) async fn inspect(host: &Host, command: &Inspect, output: &Output) -> Exit {
    let config = command.config.as_deref();
    let found = match inspect_component(host, &command.component, config).await {
        Ok(found) => found,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&json::inspection(&found).to_string());
        return Exit::Done;
    }
    if command.page {
        output.data(&page::page(&found));
        return Exit::Done;
    }
    let manifest = &found.manifest;
    output.data(&format!("{} {}", manifest.name, one_line(&manifest.version)));
    output.data(&format!("  {}", one_line(&manifest.description)));
    output.data(&format!("  digest        {}", found.digest));
    output.data(&format!("  size          {} bytes", found.size));
    let list = |names: &[String]| {
        if names.is_empty() { "none".to_owned() } else { one_line(&names.join(", ")) }
    };
    output.data(&format!("  capabilities  {}", list(&found.imports.capabilities)));
    output.data(&format!("  WASI (inert)  {}", list(&found.imports.inert)));
    let keys: Vec<String> = manifest.config_schema.properties().map(str::to_owned).collect();
    output.data(&format!("  configuration {}", list(&keys)));
    match &found.tools {
        Err(problem) => {
            output.data(&format!("  tools         need configuration: {}", one_line(problem)))
        }
        Ok(tools) => {
            for tool in tools {
                output.data(&format!("\n{}  ({})", tool.name, tool.effects.words().join(", ")));
                output.data(&format!("  {}", one_line(&tool.description)));
                output.data(&format!(
                    "  arguments     {}",
                    one_line(&tool.parameters.source().to_string())
                ));
            }
        }
    }
    Exit::Done
}
