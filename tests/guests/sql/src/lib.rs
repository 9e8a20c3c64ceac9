//! A component that says to the database capability whatever a test names, and answers with what it
//! was told: no rules of its own stand in between.

use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool, sql};
use serde::Deserialize;
use serde_json::{Value as Json, json};

struct Probe;

/// It has none.
#[derive(Deserialize)]
struct Config {}

#[derive(Deserialize)]
struct Arguments {
    /// `query`, `execute` or `check`.
    #[serde(rename = "do")]
    action: String,
    /// In `prepare` instead of `invoke`.
    #[serde(default)]
    prepare: bool,
    #[serde(default = "main_database")]
    db: String,
    #[serde(default)]
    sql: Vec<String>,
    /// Of each statement: a list, or an object for names.
    #[serde(default)]
    params: Json,
    #[serde(default)]
    skip: u64,
    rows: Option<u32>,
    bytes: Option<u32>,
    ms: Option<u32>,
    /// Repeats the first statement's text so often, for texts that are too long to be arguments.
    #[serde(default)]
    repeat: Option<usize>,
}

fn main_database() -> String {
    "main".to_owned()
}

impl Plugin for Probe {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "probe",
            env!("CARGO_PKG_VERSION"),
            "Uses databases.",
            json!({"type": "object"}),
        )
    }

    fn describe(_: Config) -> Result<Vec<Tool>, String> {
        // Pure: a database is as much out of reach here as everything else.
        if !matches!(
            sql::query("main", &sql::Statement::new("SELECT 1"), 0, sql::Limits::default()),
            Err(sql::Error::NotGranted(_))
        ) {
            return Err("a database could be used while describing".to_owned());
        }
        Ok(vec![Tool::new(
            "probe",
            "Uses a database.",
            json!({"type": "object"}),
            Effects::default(),
        )])
    }

    fn prepare(_: Config, call: Call) -> Result<Preview, Failure> {
        let arguments: Arguments = call.parse()?;
        if !arguments.prepare {
            return Ok(Preview::plain("later"));
        }
        Ok(Preview::plain(act(&arguments).to_string()))
    }

    fn invoke(_: Config, call: Call) -> Result<Content, Failure> {
        Content::json(&act(&call.parse()?))
    }
}

fn act(arguments: &Arguments) -> Json {
    let limits = sql::Limits {
        max_rows: arguments.rows,
        max_bytes: arguments.bytes,
        timeout_ms: arguments.ms,
    };
    let texts = arguments.sql.iter().map(|text| text.repeat(arguments.repeat.unwrap_or(1)));
    let mut statements: Vec<sql::Statement> = texts
        .map(|sql| sql::Statement { sql, parameters: parameters(&arguments.params) })
        .collect();
    match arguments.action.as_str() {
        "query" => match sql::query(&arguments.db, &statements.remove(0), arguments.skip, limits) {
            Ok(rows) => shown_rows(&rows),
            Err(error) => shown_error(error),
        },
        "check" => match sql::check(&arguments.db, &statements.remove(0)) {
            Ok(()) => json!({"fits": true}),
            Err(error) => shown_error(error),
        },
        "execute" => match sql::execute(&arguments.db, &statements, limits) {
            Ok(outcomes) => outcomes
                .iter()
                .map(|it| {
                    json!({
                        "changed": it.changed,
                        "last": it.last_row_id.map(|id| id.to_string()),
                        "returned": shown_rows(&it.returned),
                    })
                })
                .collect(),
            Err(error) => shown_error(error),
        },
        other => json!({"unknown": other}),
    }
}

fn parameters(json: &Json) -> sql::Parameters {
    match json {
        Json::Object(pairs) => sql::Parameters::Named(
            pairs.iter().map(|(name, it)| (name.clone(), value(it))).collect(),
        ),
        // A pair of each, so that one name can be given twice.
        Json::Array(items) if items.first().is_some_and(Json::is_array) => sql::Parameters::Named(
            items
                .iter()
                .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), value(&pair[1]))))
                .collect(),
        ),
        Json::Array(items) => sql::Parameters::Positional(items.iter().map(value).collect()),
        _ => sql::Parameters::Positional(Vec::new()),
    }
}

/// `"i:5"`, `"r:nan"`, `"t:text"`, `"b:00ff"`, null; anything else is text. Integers and numbers as
/// texts, since JSON cannot say all of them.
fn value(json: &Json) -> sql::Value {
    let Json::String(text) = json else { return sql::Value::Null };
    match text.split_once(':') {
        Some(("i", text)) => text.parse().map_or(sql::Value::Null, sql::Value::Integer),
        Some(("r", text)) => text.parse().map_or(sql::Value::Null, sql::Value::Real),
        Some(("t", text)) => sql::Value::Text(text.to_owned()),
        Some(("b", text)) => sql::Value::Blob(
            (0..text.len() / 2)
                .filter_map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok())
                .collect(),
        ),
        _ => sql::Value::Text(text.clone()),
    }
}

fn shown_rows(rows: &sql::Rows) -> Json {
    let shown = |value: &sql::Value| match value {
        sql::Value::Null => Json::Null,
        sql::Value::Integer(integer) => json!(format!("i:{integer}")),
        sql::Value::Real(real) => json!(format!("r:{real:?}")),
        sql::Value::Text(text) => json!(format!("t:{text}")),
        sql::Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(format!("b:{digits}"))
        }
    };
    let list: Vec<Vec<Json>> =
        rows.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    json!({"columns": rows.columns, "rows": list, "truncated": rows.truncated})
}

fn shown_error(error: sql::Error) -> Json {
    let (kind, text) = match error {
        sql::Error::NotGranted(text) => ("not-granted", text),
        sql::Error::NotFound(text) => ("not-found", text),
        sql::Error::ReadOnly(text) => ("read-only", text),
        sql::Error::Refused(text) => ("refused", text),
        sql::Error::Invalid(text) => ("invalid", text),
        sql::Error::Limit(text) => ("limit", text),
        sql::Error::Busy(text) => ("busy", text),
        sql::Error::Failed(text) => ("failed", text),
    };
    json!({"error": kind, "said": text})
}

initrunner_sdk::export!(Probe);
