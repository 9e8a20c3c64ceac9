//! `initrunner policy schema`.

use crate::cli::arguments::PolicySchema;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::domain::visible::{lines, one_line};
use crate::ops::{Host, make_policy_schema};

pub(super) async fn schema(host: &Host, command: &PolicySchema, output: &Output) -> Exit {
    let schemas = match make_policy_schema(host, &command.role).await {
        Ok(schemas) => schemas,
        Err(error) => return output.failure(&error),
    };
    for schema in &schemas {
        // A comment in Cedar: what is printed can be put into a file as it is.
        if let Some(line) = schema.line.filter(|_| schemas.len() > 1) {
            output.data(&format!("// `{}` of line {line}", one_line(&schema.label)));
        }
        output.data(lines(&schema.text).trim_end());
    }
    Exit::Done
}
