//! Databases: what a component can do with one that it is granted, and everything that it cannot.

mod attack;
mod file;
mod own_state;
mod tool;
mod types;

use initrunner::gate::Toolset;
use initrunner::plugin::{CacheFolder, Pool};
use initrunner_tests::sandbox::Sandbox;
use initrunner_tests::sql_probe;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// One cache for all tests: each component is compiled once.
fn cache() -> CacheFolder {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache");
    CacheFolder { folder, key: [3; 32] }
}

/// What every test begins with: three products, a view, and a trigger that writes a log.
const SHOP: &str = "
    CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL);
    CREATE TABLE log (what TEXT);
    INSERT INTO product VALUES (1, 'apple', 0.5), (2, 'pear', 0.75), (3, 'quince', 2.0);
    CREATE VIEW cheap AS SELECT * FROM product WHERE price < 1;
    CREATE TRIGGER told AFTER DELETE ON product BEGIN INSERT INTO log VALUES (old.name); END;
";

/// A role's folder with a database `shop.db`, and a component that may use it: as `main` to change it,
/// as `reader` to read it.
///
/// One at a time: SQLite counts its memory for the whole process, so a test that takes all of it would
/// have others stopped.
struct Shop {
    folder: TempDir,
    state: PathBuf,
    sandbox: Sandbox,
    // Last, and so given back when all else is gone.
    _alone: MutexGuard<'static, ()>,
}

impl Shop {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        std::fs::create_dir(&state).unwrap();
        let sandbox = Sandbox::protecting(Some(cache()), Pool::MANY_RUNS, vec![state.clone()]);
        let shop = Self { _alone: alone, folder, state, sandbox };
        shop.by_hand().execute_batch(SHOP).unwrap();
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database as somebody else opens it.
    fn by_hand(&self) -> Connection {
        Connection::open(self.path("shop.db")).unwrap()
    }

    /// Everything in it, as text.
    fn contents(&self) -> String {
        let conn = self.by_hand();
        let sql = "SELECT group_concat(what, char(10)) FROM (
            SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS what FROM sqlite_schema
            UNION ALL SELECT id || ' ' || name || ' ' || price FROM product
            UNION ALL SELECT what FROM log
            UNION ALL SELECT 'version ' || user_version FROM pragma_user_version)";
        conn.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The component, granted databases (YAML, one per line).
    async fn granted(&self, grants: &[&str]) -> Result<Toolset, String> {
        let lines: String = grants.iter().map(|line| format!("\n        - {line}")).collect();
        let tools = format!(
            "  - component: {}\n    name: probe\n    grants:\n      sql:{lines}",
            sql_probe().display()
        );
        self.sandbox.open_with(&tools, self.folder.path(), &[("KEY", "hunter2-hunter2")]).await
    }

    async fn tools(&self) -> Toolset {
        let main = "{name: main, url: 'sqlite:./shop.db', access: write}";
        let reader = "{name: reader, url: 'sqlite:shop.db'}";
        self.granted(&[main, reader]).await.unwrap()
    }

    /// What the component is told.
    async fn ask(&self, tools: &Toolset, arguments: &Value) -> Value {
        let said = self.sandbox.call(tools, "probe", &arguments.to_string()).await;
        let Some(json) = said.strip_prefix("ok: ") else { panic!("{arguments}: {said}") };
        serde_json::from_str(json).unwrap()
    }

    /// What the component is told with the usual grants.
    fn says(&self, arguments: Value) -> Value {
        wait(async { self.ask(&self.tools().await, &arguments).await })
    }

    /// Of a query of `reader`.
    fn rows(&self, sql: &str, params: Value) -> Value {
        self.says(json!({"do": "query", "db": "reader", "sql": [sql], "params": params}))
    }

    /// Of a change of `main`.
    fn change(&self, sql: &[&str], params: Value) -> Value {
        self.says(json!({"do": "execute", "sql": sql, "params": params}))
    }
}

/// Checks that something was refused as this, for a reason with these words.
#[track_caller]
fn refused(said: &Value, kind: &str, words: &str) {
    assert!(is_refused(said, kind, words), "expected {kind}: …{words}…, and it is {said}");
}

fn is_refused(said: &Value, kind: &str, words: &str) -> bool {
    let reason = said["said"].as_str().unwrap_or_default();
    // A sentence for the component's author: none of the machine's paths.
    said["error"] == kind && reason.contains(words) && !reason.contains("/tmp")
}
