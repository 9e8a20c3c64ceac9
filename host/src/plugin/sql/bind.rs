//! Parameters: each one that a statement has gets its value, and each value its parameter.

use super::super::bindings::initrunner::host::sql::{Error, Parameters, Value};
use super::fault::clip;
use super::session::Session;
use rusqlite::Statement;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use std::collections::{HashMap, HashSet};

/// Gives a statement its parameters.
///
/// # Errors
/// There are too many or too few, or a name twice or unknown, or a value that SQLite would change.
pub(super) fn bind(
    session: &Session,
    statement: &mut Statement<'_>,
    parameters: &Parameters,
) -> Result<(), Error> {
    let count = statement.parameter_count();
    match parameters {
        Parameters::Positional(values) => {
            if values.len() != count {
                return invalid(format!(
                    "the statement has {count} parameters, and {} values were given",
                    values.len()
                ));
            }
            for (index, value) in values.iter().enumerate() {
                bind_one(session, statement, index + 1, value)?;
            }
        }
        Parameters::Named(pairs) => {
            let mut values: HashMap<&str, &Value> = HashMap::with_capacity(pairs.len());
            for (name, value) in pairs {
                if values.insert(name, value).is_some() {
                    return invalid(format!("the parameter `{}` is given twice", clip(name)));
                }
            }
            let mut unused: HashSet<&str> = values.keys().copied().collect();
            for index in 1..=count {
                // `:a`, `@a` and `$a` are three parameters to SQLite and one name to whoever gives it.
                let name = statement.parameter_name(index).unwrap_or_default().to_owned();
                let Some(bare) = name.get(1..).filter(|_| !name.starts_with('?')) else {
                    return invalid(format!(
                        "parameter {index} of the statement has no name; give the values as a list"
                    ));
                };
                let Some(value) = values.get(bare) else {
                    return invalid(format!("no value is given for `{}`", clip(&name)));
                };
                bind_one(session, statement, index, value)?;
                unused.remove(bare);
            }
            if let Some(name) = unused.into_iter().min() {
                return invalid(format!("the statement has no parameter `{}`", clip(name)));
            }
        }
    }
    Ok(())
}

fn bind_one(
    session: &Session,
    statement: &mut Statement<'_>,
    index: usize,
    value: &Value,
) -> Result<(), Error> {
    let output = match value {
        Value::Null => ToSqlOutput::from(Null),
        Value::Integer(integer) => ToSqlOutput::from(*integer),
        Value::Real(real) if real.is_nan() => {
            return invalid(format!(
                "parameter {index} is not a number (NaN), for which SQLite would store NULL"
            ));
        }
        Value::Real(real) => ToSqlOutput::from(*real),
        Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
    };
    statement.raw_bind_parameter(index, output).map_err(|error| session.explain(&error))
}

fn invalid<T>(text: String) -> Result<T, Error> {
    Err(Error::Invalid(text))
}
