//! The `sql` tool: reads one SQLite database that a role names and, where the role allows it, changes
//! it.
//!
//! The database is the host's to open: read-only for `query`, in one transaction for `execute`. Values
//! are parameters, so that nothing in them can become SQL. What a statement may do at all is decided by
//! the host, and this component adds nothing to it.

pub mod matching;
pub mod preview;
pub mod values;

use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool, sql};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The JSON Schema of [`Config`].
const CONFIG_SCHEMA: &str = include_str!("config.schema.json");
/// What the model may say to `query`.
const QUERY_SCHEMA: &str = include_str!("query.schema.json");
/// What the model may say to `execute`.
const EXECUTE_SCHEMA: &str = include_str!("execute.schema.json");

/// What the host calls the database that the configuration names.
const DATABASE: &str = "database";

/// Rows where the role says nothing: more than a model looks through one by one.
const ROWS: u32 = 200;

/// Bytes where the role says nothing: about sixteen thousand tokens, which a model can still read next
/// to the conversation.
const BYTES: u32 = 65_536;

/// Bytes that `execute` gives back of `RETURNING`. In JSON each can take six (`\u0000`), and a result
/// that does not fit would fail a call that has happened.
const RETURNED_BYTES: u32 = 32 << 10;

/// Seconds where the role says nothing: far beyond a query that an index serves.
const TIMEOUT_SECONDS: u32 = 10;

struct Sql;

/// The keys of a role's entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The file. The host turns it into the grant, relative to the role file. The schema requires it;
    /// it is missing where somebody only looks at the component.
    #[serde(default)]
    database: String,
    #[serde(default)]
    access: Access,
    #[serde(default = "rows")]
    max_rows: u32,
    #[serde(default = "bytes")]
    max_bytes: u32,
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u32,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Access {
    #[default]
    Read,
    Write,
}

fn rows() -> u32 {
    ROWS
}

fn bytes() -> u32 {
    BYTES
}

fn timeout_seconds() -> u32 {
    TIMEOUT_SECONDS
}

impl Config {
    fn limits(&self, rows: u32, bytes: u32) -> sql::Limits {
        sql::Limits {
            max_rows: Some(rows),
            max_bytes: Some(bytes),
            timeout_ms: Some(self.timeout_seconds.saturating_mul(1000)),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    sql: String,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    skip_rows: u64,
}

impl Arguments {
    fn statement(&self) -> Result<sql::Statement, Failure> {
        let parameters = values::parameters(&self.params).map_err(Failure::InvalidArguments)?;
        Ok(sql::Statement { sql: self.sql.clone(), parameters })
    }
}

impl Plugin for Sql {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "sql",
            env!("CARGO_PKG_VERSION"),
            "Reads one SQLite database and, where the role allows it, changes it.",
            CONFIG_SCHEMA,
        )
    }

    fn describe(config: Config) -> Result<Vec<Tool>, String> {
        // None where somebody only looks at the component.
        let database = match config.database.rsplit('/').next() {
            None | Some("") => "SQLite database of the role".to_owned(),
            Some(file) => format!("SQLite database `{file}`"),
        };
        let query = format!(
            "Runs one SELECT on the {database} and returns columns and rows. \
             `SELECT name, sql FROM sqlite_schema` shows its tables; `PRAGMA table_info(NAME)` shows \
             the columns of one. Put values into `params`, not into the statement. At most {} rows \
             come back; `truncated` says that there are more: select less, or go on with `skip_rows`.",
            config.max_rows
        );
        let effects = Effects {
            read_only: Some(true),
            destructive: Some(false),
            idempotent: Some(true),
            open_world: Some(false),
        };
        let mut tools = vec![Tool::new("query", &query, QUERY_SCHEMA, effects)];
        if config.access == Access::Write {
            let execute = format!(
                "Runs one statement that changes the {database}, such as INSERT, UPDATE, \
                 DELETE or CREATE TABLE, and returns how many rows it changed. It happens as a \
                 whole or not at all. Put values into `params`, not into the statement."
            );
            let effects = Effects {
                read_only: Some(false),
                destructive: Some(true),
                idempotent: Some(false),
                open_world: Some(false),
            };
            tools.push(Tool::new("execute", &execute, EXECUTE_SCHEMA, effects));
        }
        Ok(tools)
    }

    fn prepare(config: Config, call: Call) -> Result<Preview, Failure> {
        let arguments: Arguments = call.parse()?;
        let statement = arguments.statement()?;
        let matches = match call.tool.as_str() {
            "execute" => {
                sql::check(DATABASE, &statement)?;
                matching(&config, &statement)
            }
            _ => {
                could_be_read(&config, &statement)?;
                None
            }
        };
        Ok(Preview::sql(preview::preview(&statement, arguments.skip_rows, matches)))
    }

    fn invoke(config: Config, call: Call) -> Result<Content, Failure> {
        let arguments: Arguments = call.parse()?;
        let statement = arguments.statement()?;
        match call.tool.as_str() {
            "execute" => execute(&config, &statement),
            _ => query(&config, &statement, arguments.skip_rows),
        }
    }
}

fn query(config: &Config, statement: &sql::Statement, skip: u64) -> Result<Content, Failure> {
    let limits = config.limits(config.max_rows, config.max_bytes);
    let found = sql::query(DATABASE, statement, skip, limits)?;
    let mut result = Map::new();
    let next = skip.saturating_add(found.rows.len() as u64);
    let truncated = found.truncated;
    put_rows(&mut result, found);
    if truncated {
        result.insert("next_skip_rows".to_owned(), json!(next));
    }
    Content::json(&result)
}

fn execute(config: &Config, statement: &sql::Statement) -> Result<Content, Failure> {
    let limits = config.limits(config.max_rows, config.max_bytes.min(RETURNED_BYTES));
    let statements = std::slice::from_ref(statement);
    let mut result = Map::new();
    for outcome in sql::execute(DATABASE, statements, limits)? {
        result.insert("changed".to_owned(), json!(outcome.changed));
        if let Some(id) = outcome.last_row_id {
            result.insert("last_row_id".to_owned(), values::to_json(&sql::Value::Integer(id)));
        }
        if !outcome.returned.columns.is_empty() {
            put_rows(&mut result, outcome.returned);
        }
    }
    Content::json(&result)
}

fn put_rows(result: &mut Map<String, Value>, rows: sql::Rows) {
    let list = |row: &Vec<sql::Value>| row.iter().map(values::to_json).collect::<Vec<_>>();
    let found: Vec<_> = rows.rows.iter().map(list).collect();
    result.insert("columns".to_owned(), json!(rows.columns));
    result.insert("rows".to_owned(), json!(found));
    result.insert("truncated".to_owned(), json!(rows.truncated));
}

/// How many rows a change would reach, where that can be asked without changing anything.
fn matching(config: &Config, statement: &sql::Statement) -> Option<i64> {
    let count = matching::count(statement)?;
    let found = sql::query(DATABASE, &count, 0, config.limits(1, RETURNED_BYTES)).ok()?;
    match found.rows.first()?.first()? {
        sql::Value::Integer(rows) => Some(*rows),
        _ => None,
    }
}

/// Refuses a query that cannot be compiled, before a person is asked about it.
fn could_be_read(config: &Config, statement: &sql::Statement) -> Result<(), Failure> {
    match sql::query(DATABASE, statement, 0, config.limits(0, RETURNED_BYTES)) {
        // A lock: by then it may be gone.
        Ok(_) | Err(sql::Error::Busy(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

initrunner_sdk::export!(Sql);
