//! `initrunner:host/sql`: from the name that a component uses to the database that the role grants,
//! and from what comes back to what a component may see.

use super::super::access::Reach;
use super::super::bindings::initrunner::host::sql::{
    self as wit, Error, Limits, Outcome, Parameters, Rows, Statement, Value,
};
use super::super::sql::{self, Database, Room, Watch};
use super::super::state::State;
use crate::domain::secret::Secrets;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{HasSelf, Linker};

/// The interface's name, without its version.
pub(super) const INTERFACE: &str = "initrunner:host/sql";

/// How much earlier than the call a statement ends: the component still has to tell.
const TO_TELL: Duration = Duration::from_millis(500);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl wit::Host for State {
    async fn query(
        &mut self,
        connection: String,
        statement: Statement,
        skip_rows: u64,
        limits: Limits,
    ) -> wasmtime::Result<Result<Rows, Error>> {
        let room = Room::of(limits.max_rows, limits.max_bytes);
        let statements = std::slice::from_ref(&statement);
        let database = match self.database(&connection, statements, Use::Look) {
            Ok(database) => database,
            Err(error) => return Ok(Err(error)),
        };
        let deadline = self.statement_deadline(limits.timeout_ms);
        let work =
            move |watch: &Arc<Watch>| sql::query(&database, &statement, skip_rows, room, watch);
        let result = sql::run(deadline, work).await;
        let secrets = &self.access.secrets;
        Ok(result.map(|rows| hide(secrets, rows)).map_err(|error| hide_error(secrets, error)))
    }

    async fn execute(
        &mut self,
        connection: String,
        statements: Vec<Statement>,
        limits: Limits,
    ) -> wasmtime::Result<Result<Vec<Outcome>, Error>> {
        let room = Room::of(limits.max_rows, limits.max_bytes);
        let database = match self.database(&connection, &statements, Use::Change) {
            Ok(database) => database,
            Err(error) => return Ok(Err(error)),
        };
        let deadline = self.statement_deadline(limits.timeout_ms);
        let work = move |watch: &Arc<Watch>| sql::execute(&database, &statements, room, watch);
        let result = sql::run(deadline, work).await;
        let secrets = &self.access.secrets;
        let hide_outcome =
            |outcome: Outcome| Outcome { returned: hide(secrets, outcome.returned), ..outcome };
        Ok(result
            .map(|outcomes| outcomes.into_iter().map(hide_outcome).collect())
            .map_err(|error| hide_error(secrets, error)))
    }

    async fn check(
        &mut self,
        connection: String,
        statement: Statement,
    ) -> wasmtime::Result<Result<(), Error>> {
        let statements = std::slice::from_ref(&statement);
        let database = match self.database(&connection, statements, Use::PlanChange) {
            Ok(database) => database,
            Err(error) => return Ok(Err(error)),
        };
        let deadline = self.statement_deadline(None);
        let work = move |watch: &Arc<Watch>| sql::check(&database, &statement, watch);
        let result = sql::run(deadline, work).await;
        Ok(result.map_err(|error| hide_error(&self.access.secrets, error)))
    }
}

/// What a database is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// To read.
    Look,
    /// To find out whether it could be changed.
    PlanChange,
    /// To change it.
    Change,
}

impl State {
    /// The database that a name stands for, where it may be used so.
    fn database(
        &self,
        name: &str,
        statements: &[Statement],
        wanted: Use,
    ) -> Result<Database, Error> {
        let access = &self.access;
        let not_granted = |text: String| Err(Error::NotGranted(text));
        if access.reach == Reach::Nothing {
            return not_granted(
                "no database can be used while a tool only describes itself".into(),
            );
        }
        let Some(grant) = access.grants.sql.iter().find(|grant| grant.name == name) else {
            let names: Vec<String> =
                access.grants.sql.iter().map(|grant| format!("`{}`", grant.name)).collect();
            let name = clip(name);
            return not_granted(format!(
                "the database `{name}` is not granted, only {}; add `grants: {{sql: [{{name: {name}, \
                 url: sqlite:PATH}}]}}` to the entry",
                names.join(", ")
            ));
        };
        let database = Database::new(grant, &access.protected);
        if wanted != Use::Look && !database.may_change() {
            return Err(Error::ReadOnly(format!(
                "the database `{}` is granted for reading; add `access: write` to its grant",
                clip(name)
            )));
        }
        if wanted == Use::Change && access.reach != Reach::Act {
            return not_granted(
                "nothing may be changed while a call is only being prepared".to_owned(),
            );
        }
        keep_secrets_out(&access.secrets, statements)?;
        Ok(database)
    }

    /// When a statement must be over: a moment before the call, or earlier if it asks so.
    fn statement_deadline(&self, asked_ms: Option<u32>) -> Instant {
        let now = Instant::now();
        let left = self.deadline.saturating_duration_since(now);
        let left = left.saturating_sub(TO_TELL.min(left / 4));
        let asked = asked_ms.map_or(left, |ms| Duration::from_millis(ms.into()));
        now + left.min(asked)
    }
}

/// Refuses a secret's placeholder. Its value is never put into a database; and a placeholder in there
/// would be one that replaced the value on its way out, so that writing it back would destroy the value.
fn keep_secrets_out(secrets: &Secrets, statements: &[Statement]) -> Result<(), Error> {
    if secrets.is_empty() {
        return Ok(());
    }
    let in_value = |value: &Value| match value {
        Value::Text(text) => secrets.named_in(text).map(str::to_owned),
        Value::Blob(bytes) => secrets.named_in(&String::from_utf8_lossy(bytes)).map(str::to_owned),
        _ => None,
    };
    let named = statements.iter().find_map(|statement| {
        let in_parameters = || match &statement.parameters {
            Parameters::Positional(values) => values.iter().find_map(in_value),
            Parameters::Named(pairs) => pairs.iter().find_map(|(_, value)| in_value(value)),
        };
        secrets.named_in(&statement.sql).map(str::to_owned).or_else(in_parameters)
    });
    named.map_or(Ok(()), |name| {
        Err(Error::Invalid(format!(
            "the secret `{name}` stands in the statement or a parameter, and values of secrets are not \
             put into databases"
        )))
    })
}

/// Replaces the values of secrets in what a database holds.
fn hide(secrets: &Secrets, mut rows: Rows) -> Rows {
    if secrets.is_empty() {
        return rows;
    }
    for column in &mut rows.columns {
        *column = secrets.redacted(std::mem::take(column));
    }
    for value in rows.rows.iter_mut().flatten() {
        match value {
            Value::Text(text) => *text = secrets.redacted(std::mem::take(text)),
            Value::Blob(bytes) => {
                let mut stream = secrets.stream();
                let mut hidden = stream.push(bytes).into_owned();
                hidden.extend(stream.finish());
                *bytes = hidden;
            }
            Value::Integer(integer) => {
                if let Cow::Owned(placeholder) = secrets.redact(&integer.to_string()) {
                    *value = Value::Text(placeholder);
                }
            }
            Value::Null | Value::Real(_) => {}
        }
    }
    rows
}

/// SQLite's words may hold what the database holds.
fn hide_error(secrets: &Secrets, error: Error) -> Error {
    let hidden = |text| secrets.redacted(text);
    match error {
        Error::NotGranted(text) => Error::NotGranted(hidden(text)),
        Error::NotFound(text) => Error::NotFound(hidden(text)),
        Error::ReadOnly(text) => Error::ReadOnly(hidden(text)),
        Error::Refused(text) => Error::Refused(hidden(text)),
        Error::Invalid(text) => Error::Invalid(hidden(text)),
        Error::Limit(text) => Error::Limit(hidden(text)),
        Error::Busy(text) => Error::Busy(hidden(text)),
        Error::Failed(text) => Error::Failed(hidden(text)),
    }
}

/// Untrusted text inside a sentence: short, on one line.
fn clip(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
