//! One connection, opened for one call: read-only unless something is to be changed, and with
//! everything off that lets a hostile file or statement do more than its text says.

use super::super::bindings::initrunner::host::sql::{Error, Statement as Asked};
use super::authorize::{Purpose, authorize};
use super::fault::{Fault, code, sentence};
use super::locate::{Place, own_state, still_there};
use super::watch::{INSTRUCTIONS, Stop, Watch};
use super::{Database, STATEMENT};
use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Batch, Connection, ErrorCode, OpenFlags, Statement};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes of one text, blob or row that SQLite handles. A function that walks over one value asks
/// nobody whether to stop, and some take the square of its length, so this bounds the time that passes
/// unwatched, too: ten seconds in the worst case that we found (`instr` of halves).
const VALUE: i32 = 1 << 20;

/// SQLite's limits on a connection (<https://sqlite.org/limits.html>), where its own are larger.
const LIMITS: [(Limit, i32); 12] = [
    (Limit::SQLITE_LIMIT_LENGTH, VALUE),
    // Also that of each statement in the schema, which may be longer than those that people approve.
    (Limit::SQLITE_LIMIT_SQL_LENGTH, VALUE),
    // SQLite's own. Tables with more columns cannot be opened with a smaller limit.
    (Limit::SQLITE_LIMIT_COLUMN, 2_000),
    // Recursion in the parser: a few kilobytes of stack each.
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 200),
    // 24 bytes each. The longest program of our tests' honest statements has 400.
    (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    // What matching costs grows with the product of pattern and text, unwatched.
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1_000),
    // Triggers that set off triggers.
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 50),
    // No threads beyond the one that is watched.
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    // Tables, indexes, views and triggers. A large application has a thousand.
    (Limit::SQLITE_LIMIT_SCHEMA, 20_000),
];

/// Switches of a connection (<https://sqlite.org/c3ref/c_dbconfig_defensive.html>).
const SWITCHES: [(DbConfig, bool); 8] = [
    // SQL cannot change the tables that SQLite keeps for itself.
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
    // Views, triggers and generated columns may not use functions or virtual tables with effects.
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    // `"nmae"` is a misspelled column and not a text.
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
];

/// More of it, as PRAGMAs: temporary data in memory, where the watch counts it and where no file is
/// left; the file is read and not mapped, since a mapped file that shrinks ends the process; cells of a
/// damaged page are checked before they are used; two megabytes of pages are kept, SQLite's own number.
const SETTINGS: &str = "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; \
                        PRAGMA cell_size_check = ON; PRAGMA cache_size = -2000;";

/// What the header of the host's own databases says (`APPLICATION` in `store/sqlite/schema.rs`, which
/// this layer does not know). They are refused wherever they lie, copies too: the protected folders are
/// found by path, and `--audit-db` and other state folders can be anywhere.
const OWN: i64 = 0x496e_6952;

/// How often a lock is tried again that somebody else holds.
const LOCK_INTERVAL: Duration = Duration::from_millis(5);

/// Why the authorizer refused, for whoever asks after SQLite only said that it did.
type Refusal = Arc<Mutex<Option<Error>>>;

/// A connection of one call.
pub(super) struct Session {
    pub(super) conn: Connection,
    name: String,
    watch: Arc<Watch>,
    refusal: Refusal,
    wrote: bool,
}

impl Session {
    /// Opens a file to be read.
    pub(super) fn to_read(
        database: &Database,
        place: &Place,
        watch: &Arc<Watch>,
    ) -> Result<Self, Error> {
        Self::open(database, Some((place, OpenFlags::SQLITE_OPEN_READ_ONLY)), watch)
    }

    /// Opens a file to be changed, making it where there is none.
    pub(super) fn to_change(
        database: &Database,
        place: &Place,
        watch: &Arc<Watch>,
    ) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let flags = if place.is_missing() { flags | OpenFlags::SQLITE_OPEN_CREATE } else { flags };
        Self::open(database, Some((place, flags)), watch)
    }

    /// An empty database in memory: what a file that is not there yet would be.
    pub(super) fn empty(database: &Database, watch: &Arc<Watch>) -> Result<Self, Error> {
        Self::open(database, None, watch)
    }

    fn open(
        database: &Database,
        file: Option<(&Place, OpenFlags)>,
        watch: &Arc<Watch>,
    ) -> Result<Self, Error> {
        let name = database.name.clone();
        let early = |error| {
            let wrote =
                file.is_some_and(|(_, flags)| flags.contains(OpenFlags::SQLITE_OPEN_CREATE));
            sentence(&error, &Fault { name: &name, watch, wrote })
        };
        let conn = match file {
            // No link anywhere on the path, which is resolved; no URI: the path is absolute, and only
            // what begins with `file:` is read as one.
            Some((place, flags)) => Connection::open_with_flags(
                &place.path,
                flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW,
            ),
            None => Connection::open_in_memory_with_flags(
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            ),
        };
        let mut conn = conn.map_err(early)?;
        if let Some((place, _)) = file {
            still_there(place, &name)?;
        }
        let only_reads =
            file.is_some_and(|(_, flags)| flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY));
        set_up(&mut conn, watch, only_reads).map_err(early)?;
        let (watch, refusal) = (Arc::clone(watch), Refusal::default());
        let session = Self { conn, name, watch, refusal, wrote: !only_reads };
        session.keep_out()?;
        session.read_schema()?;
        Ok(session)
    }

    /// Refuses the host's own databases by what they say of themselves.
    fn keep_out(&self) -> Result<(), Error> {
        let application: rusqlite::Result<i64> =
            self.conn.pragma_query_value(None, "application_id", |row| row.get(0));
        match application {
            Ok(OWN) => Err(own_state(&self.name)),
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// Reads the schema once, before anything else does: what is wrong with the file shows here, and
    /// names that are not UTF-8, which the library between SQLite and us does not expect.
    fn read_schema(&self) -> Result<(), Error> {
        let is_text = || -> rusqlite::Result<bool> {
            let mut statement =
                self.conn.prepare("SELECT name, tbl_name, sql FROM main.sqlite_schema")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                for column in 0..3 {
                    let bytes = row.get_ref(column)?.as_bytes_or_null().unwrap_or_default();
                    if std::str::from_utf8(bytes.unwrap_or_default()).is_err() {
                        return Ok(false);
                    }
                }
            }
            Ok(true)
        };
        match is_text() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Failed(format!(
                "the schema of the database `{}` holds names that are not UTF-8",
                self.name
            ))),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// From here on statements may do what `purpose` allows.
    pub(super) fn restrict(&mut self, purpose: Purpose) -> Result<(), Error> {
        let refusal = Arc::clone(&self.refusal);
        let decide = move |context: AuthContext<'_>| match authorize(purpose, context) {
            Ok(()) => Authorization::Allow,
            Err(why) => {
                refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
                Authorization::Deny
            }
        };
        self.conn.authorizer(Some(decide)).map_err(|error| self.explain(&error))
    }

    /// From here on statements are ours again.
    pub(super) fn trust(&mut self) -> Result<(), Error> {
        let none = None::<fn(AuthContext<'_>) -> Authorization>;
        self.conn.authorizer(none).map_err(|error| self.explain(&error))
    }

    /// Compiles the one statement of a text.
    pub(super) fn compile(&self, asked: &Asked) -> Result<Statement<'_>, Error> {
        let invalid = |text: String| Err(Error::Invalid(text));
        if asked.sql.len() > STATEMENT {
            return Err(Error::Limit(format!(
                "the statement is longer than {} KiB; give its values as parameters",
                STATEMENT >> 10
            )));
        }
        if asked.sql.contains('\0') {
            // SQLite would stop reading there, and a person would read on.
            return invalid("the statement holds a NUL character".to_owned());
        }
        let mut statements = Batch::new(&self.conn, &asked.sql);
        let first = statements.next().map_err(|error| self.explain(&error))?;
        let Some(first) = first else {
            return invalid("there is no statement in the text".to_owned());
        };
        // Whatever follows, also what cannot be compiled, is more than one statement.
        match statements.next() {
            Ok(None) => Ok(first),
            _ => invalid(
                "there is more than one statement in the text; give one statement for each call"
                    .to_owned(),
            ),
        }
    }

    /// What an error of SQLite means for whoever asked.
    pub(super) fn explain(&self, error: &rusqlite::Error) -> Error {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
        // SQLite has a code of its own for most of what an authorizer refuses; for a function it has the
        // one for any bad statement.
        let of_authorizer = matches!(
            code(error),
            Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::Unknown)
        );
        if let (Some(refusal), true) = (refusal, of_authorizer) {
            return refusal;
        }
        sentence(error, &Fault { name: &self.name, watch: &self.watch, wrote: self.wrote })
    }
}

fn set_up(conn: &mut Connection, watch: &Arc<Watch>, only_reads: bool) -> rusqlite::Result<()> {
    let stops = Arc::clone(watch);
    conn.progress_handler(INSTRUCTIONS, Some(move || stops.stop().is_some()))?;
    let waits = Arc::clone(watch);
    conn.busy_handler(Some(move |_| {
        // What is being made lasting is tried for as long as there is time.
        let give_up = waits.is_over() || waits.stop() == Some(Stop::Abandoned);
        if !give_up {
            thread::sleep(LOCK_INTERVAL);
        }
        !give_up
    }))?;
    for (limit, value) in LIMITS {
        conn.set_limit(limit, value)?;
    }
    for (switch, on) in SWITCHES {
        conn.set_db_config(switch, on)?;
    }
    conn.execute_batch(SETTINGS)?;
    if only_reads {
        conn.execute_batch("PRAGMA query_only = ON;")?;
    }
    Ok(())
}
