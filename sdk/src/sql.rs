//! Databases, where a role grants them: SQLite files, each under a name.
//!
//! The host opens the file for one call and closes it. [`query`] reads, [`execute`] changes in one
//! transaction, and [`check`] tells in `prepare` whether a statement could work at all. Values belong
//! into parameters.
//!
//! ```no_run
//! use initrunner_sdk::{Failure, sql};
//!
//! fn cheapest(kind: &str) -> Result<Option<String>, Failure> {
//!     let statement = sql::Statement::new("SELECT name FROM product WHERE kind = ? ORDER BY price")
//!         .with([kind.into()]);
//!     let limits = sql::Limits { max_rows: Some(1), ..sql::Limits::default() };
//!     let found = sql::query("shop", &statement, 0, limits)?;
//!     match found.rows.first().and_then(|row| row.first()) {
//!         Some(sql::Value::Text(name)) => Ok(Some(name.clone())),
//!         _ => Ok(None),
//!     }
//! }
//! ```

use crate::Failure;

pub use crate::bindings::initrunner::host::sql::{
    Error, Limits, Outcome, Parameters, Rows, Statement, Value, check, execute, query,
};

impl Statement {
    /// A statement without parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), parameters: Parameters::Positional(Vec::new()) }
    }

    /// The same, with these values for its `?`, in order.
    #[must_use]
    pub fn with(self, values: impl IntoIterator<Item = Value>) -> Self {
        Self { parameters: Parameters::Positional(values.into_iter().collect()), ..self }
    }

    /// The same, with these values for its `:NAME`, by the name without the colon.
    #[must_use]
    pub fn with_named<'n>(self, values: impl IntoIterator<Item = (&'n str, Value)>) -> Self {
        let pairs = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self { parameters: Parameters::Named(pairs.collect()), ..self }
    }
}

impl Default for Limits {
    /// What the host allows where a component does not say: 1,000 rows, 256 KiB, and the time that is
    /// left of the call.
    fn default() -> Self {
        Self { max_rows: None, max_bytes: None, timeout_ms: None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl From<bool> for Value {
    /// SQLite has no type for it: 1 or 0.
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Error> for Failure {
    /// Nothing was changed, and the sentence says why. A lock is worth another try.
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(text) | Error::Refused(text) | Error::ReadOnly(text) => {
                Failure::InvalidArguments(text)
            }
            Error::Limit(text) | Error::Busy(text) => Failure::Retry(text),
            Error::NotGranted(text) | Error::NotFound(text) | Error::Failed(text) => {
                Failure::Failed(text)
            }
        }
    }
}
