//! `initrunner validate`.

use super::arguments::Validate;
use super::exit::Exit;
use super::output::Output;
use crate::ops::{Host, validate_role};

pub(super) async fn validate(host: &Host, command: &Validate, output: &Output) -> Exit {
    match validate_role(host, &command.role).await {
        Ok(valid) => {
            let count = valid.tools.len();
            let tools = if count == 1 { "tool" } else { "tools" };
            output.data(&format!("The role `{}` is valid: {count} {tools}.", valid.role.name));
            for (name, effects, asks) in &valid.tools {
                let mut words = effects.words();
                words.push(if *asks { "approval required" } else { "no approval" });
                output.data(&format!("  {name}  ({})", words.join(", ")));
            }
            for note in &valid.notes {
                output.talk(&format!("note: {note}"));
            }
            if let Some(missing) = &valid.missing {
                output.talk(&format!("note: {missing}"));
            }
            Exit::Done
        }
        Err(error) => output.failure(&error),
    }
}
