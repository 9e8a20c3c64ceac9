//! Decides about each thing that a statement does, while SQLite compiles it
//! (<https://sqlite.org/c3ref/set_authorizer.html>). What is not named here is refused.

use super::super::bindings::initrunner::host::sql::Error;
use rusqlite::ffi;
use rusqlite::hooks::{AuthAction, AuthContext};

/// What a statement is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To read.
    Reading,
    /// To change something, too.
    Changing,
}

/// PRAGMAs that tell something of what they are given, such as a table's columns. Their argument
/// changes nothing. `ALTER TABLE` asks `quick_check` by itself.
const TELLING: [&str; 10] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
    "quick_check",
];

/// PRAGMAs that tell something as long as they are given nothing. SQLite's full-text search asks the
/// last two by itself.
const TELLING_ALONE: [&str; 9] = [
    "user_version",
    "application_id",
    "schema_version",
    "encoding",
    "page_count",
    "freelist_count",
    "collation_list",
    "page_size",
    "data_version",
];

/// Functions that reach beyond the database.
const REACHING: [&str; 2] = ["load_extension", "fts3_tokenizer"];

/// Virtual tables that keep what they hold in the database, and that SQLite's own authors maintain.
const MODULES: [&str; 2] = ["fts5", "rtree"];

/// Why nothing temporary is made.
const TEMPORARY: &str = "temporary tables, views and triggers are refused: nothing of them would be left \
                         at the next call; use `WITH`";

/// Whether a statement may do this.
///
/// # Errors
/// It may not, and why.
pub(super) fn authorize(purpose: Purpose, context: AuthContext<'_>) -> Result<(), Error> {
    let refused = |text: &str| Err(Error::Refused(text.to_owned()));
    let is_temporary = context.database_name == Some("temp");
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Ok(()),
        AuthAction::Function { function_name } => {
            match REACHING.iter().any(|name| name.eq_ignore_ascii_case(function_name)) {
                true => refused("functions that load code are refused"),
                false => Ok(()),
            }
        }
        AuthAction::Pragma { pragma_name, pragma_value } => pragma(pragma_name, pragma_value),
        // Unknown: of a file whose name is not a plain text.
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Unknown { code: ffi::SQLITE_ATTACH | ffi::SQLITE_DETACH, .. } => refused(
            "a statement reaches one database only: `ATTACH`, `DETACH` and `VACUUM INTO` are refused",
        ),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => refused(
            "transactions are the host's: each call is one, and it is committed if all of it works",
        ),
        AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. } => refused(TEMPORARY),
        // `CREATE TABLE temp.x`. `ALTER TABLE` updates the list of temporary things by itself.
        AuthAction::Insert { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::CreateVtable { .. }
            if is_temporary =>
        {
            refused(TEMPORARY)
        }
        AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropView { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. }
        | AuthAction::CreateVtable { .. }
            if purpose == Purpose::Reading =>
        {
            Err(Error::ReadOnly(
                "the statement changes the database, and a query only reads".to_owned(),
            ))
        }
        AuthAction::CreateVtable { module_name, .. } => {
            match MODULES.iter().any(|name| name.eq_ignore_ascii_case(module_name)) {
                true => Ok(()),
                false => refused("virtual tables are refused, apart from `fts5` and `rtree`"),
            }
        }
        AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropView { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. } => Ok(()),
        // What a later SQLite may add.
        _ => refused("the statement does something that this host does not know"),
    }
}

fn pragma(name: &str, value: Option<&str>) -> Result<(), Error> {
    let is_in = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is_in(&TELLING) || (value.is_none() && is_in(&TELLING_ALONE)) {
        return Ok(());
    }
    Err(Error::Refused(match is_in(&TELLING_ALONE) {
        true => "this `PRAGMA` can be read and not be set".to_owned(),
        false => format!(
            "this `PRAGMA` is refused; those that only tell something are allowed: {}",
            TELLING.map(|name| format!("`{name}`")).join(", ")
        ),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pragma_may_tell_and_not_set() {
        let check = |name, value, allowed| {
            assert_eq!(pragma(name, value).is_ok(), allowed, "{name} {value:?}");
        };
        check("table_info", Some("t"), true);
        check("TABLE_INFO", Some("t"), true);
        check("user_version", None, true);
        check("user_version", Some("3"), false);
        check("journal_mode", None, false);
        check("writable_schema", Some("1"), false);
        check("query_only", Some("0"), false);
        check("hard_heap_limit", Some("1"), false);
        check("database_list", None, false);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let action = AuthAction::Unknown { code: 99, arg1: None, arg2: None };
        let unknown = AuthContext { action, database_name: None, accessor: None };
        for purpose in [Purpose::Reading, Purpose::Changing] {
            assert!(matches!(authorize(purpose, unknown), Err(Error::Refused(_))));
        }
    }
}
