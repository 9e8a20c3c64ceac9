//! What a path may lead to: whatever is not a plain database file ends in a sentence, at once.

use super::{Shop, refused};
use rusqlite::Connection;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

/// Asks for the file at `path` to be read, and to be changed: both are refused.
#[track_caller]
fn check(shop: &Shop, path: &Path, kind: &str, words: &str) {
    let began = Instant::now();
    let url = format!("{{name: main, url: 'sqlite:{}', access: write}}", path.display());
    super::wait(async {
        let tools = shop.granted(&[&url]).await.unwrap();
        for ask in [
            json!({"do": "query", "sql": ["SELECT * FROM sqlite_schema"], "ms": 2000}),
            json!({"do": "execute", "sql": ["CREATE TABLE t (a)"], "ms": 2000}),
            json!({"do": "check", "sql": ["CREATE TABLE t (a)"]}),
        ] {
            println!("{} {ask}", path.display());
            let said = shop.ask(&tools, &ask).await;
            refused(&said, kind, words);
        }
    });
    assert!(began.elapsed() < Duration::from_secs(30), "{}", path.display());
}

/// Makes a database at a path by hand.
fn make(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_is_no_plain_file_is_not_opened() {
    let shop = Shop::new();
    let pipe = shop.path("pipe.db");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    check(&shop, &pipe, "failed", "is a pipe, not a file");
    check(&shop, Path::new("/dev/zero"), "failed", "is a device, not a file");
    let folder = shop.path("folder.db");
    fs::create_dir(&folder).unwrap();
    check(&shop, &folder, "failed", "is a folder, not a file");
    let socket = shop.path("socket.db");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    check(&shop, &socket, "failed", "is a socket, not a file");
    let link = shop.path("link.db");
    symlink(shop.path("shop.db"), &link).unwrap();
    check(&shop, &link, "failed", "is a symbolic link");
    let dangling = shop.path("dangling.db");
    symlink(shop.path("nothing"), &dangling).unwrap();
    check(&shop, &dangling, "failed", "is a symbolic link");
    check(
        &shop,
        &shop.path("no/folder.db"),
        "not-found",
        "the folder of the database `main` does not exist",
    );
    check(&shop, &shop.path("shop.db/x.db"), "failed", "cannot be reached");
}

#[test]
fn what_is_no_database_is_named_so() {
    let shop = Shop::new();
    let text = shop.path("text.db");
    fs::write(&text, "not a database, but long enough to be read as one".repeat(100)).unwrap();
    check(&shop, &text, "failed", "is not an SQLite database");
    // The header is there, what follows is not.
    let torn = shop.path("torn.db");
    let whole = fs::read(shop.path("shop.db")).unwrap();
    fs::write(&torn, &whole[..700]).unwrap();
    check(&shop, &torn, "failed", "");
    let scribbled = shop.path("scribbled.db");
    let mut bytes = whole;
    bytes[100..4096].fill(0xa5);
    fs::write(&scribbled, bytes).unwrap();
    check(&shop, &scribbled, "failed", "is damaged");
}

#[test]
fn what_lies_beside_a_database_must_be_files_too() {
    for suffix in ["-journal", "-wal", "-shm"] {
        let shop = Shop::new();
        let beside = shop.path(&format!("shop.db{suffix}"));
        mknodat(CWD, &beside, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        check(&shop, &shop.path("shop.db"), "failed", "is not one that SQLite made");
        fs::remove_file(&beside).unwrap();
        symlink(shop.path("elsewhere"), &beside).unwrap();
        check(&shop, &shop.path("shop.db"), "failed", "is not one that SQLite made");
        assert!(!shop.path("elsewhere").exists());
    }
}

#[test]
fn a_database_that_is_not_there_is_made_by_a_change_only() {
    let shop = Shop::new();
    super::wait(async {
        let write = "{name: main, url: 'sqlite:new.db', access: write}";
        let read = "{name: reader, url: 'sqlite:new.db'}";
        let tools = shop.granted(&[write, read]).await.unwrap();
        let ask = async |ask: Value| shop.ask(&tools, &ask).await;
        let said = ask(json!({"do": "query", "db": "reader", "sql": ["SELECT 1"]})).await;
        refused(&said, "not-found", "does not exist");
        let said = ask(json!({"do": "query", "sql": ["SELECT 1"]})).await;
        refused(&said, "not-found", "the first change makes it");
        let said = ask(json!({"do": "check", "sql": ["CREATE TABLE t (a)"]})).await;
        assert_eq!(said, json!({"fits": true}));
        let said = ask(json!({"do": "check", "sql": ["INSERT INTO t VALUES (1)"]})).await;
        refused(&said, "invalid", "no such table: t");
        assert!(!shop.path("new.db").exists());
        let said = ask(json!({"do": "execute", "sql": ["CREATE TABLE t (a)"]})).await;
        assert!(said.is_array(), "{said}");
        let said =
            ask(json!({"do": "query", "db": "reader", "sql": ["SELECT name FROM sqlite_schema"]}))
                .await;
        assert_eq!(said["rows"], json!([["t:t"]]));
    });
}

#[test]
fn odd_names_are_names_of_files() {
    let shop = Shop::new();
    for name in ["a?mode=memory.db", "file:a.db", "with space.db", "ü.db", "-x.db", "a%00b.db"] {
        make(&shop.path(name), "CREATE TABLE t (a); INSERT INTO t VALUES (7)");
        let url = format!("{{name: main, url: 'sqlite:{name}'}}");
        super::wait(async {
            let tools = shop.granted(&[&url]).await.unwrap();
            let said = shop.ask(&tools, &json!({"do": "query", "sql": ["SELECT a FROM t"]})).await;
            assert_eq!(said["rows"], json!([["i:7"]]), "{name}: {said}");
        });
    }
}

#[test]
fn a_lock_is_waited_for_no_longer_than_there_is_time() {
    let shop = Shop::new();
    let by_hand = shop.by_hand();
    by_hand.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let query = json!({"do": "query", "db": "reader", "sql": ["SELECT 1 FROM product"], "ms": 200});
    refused(&shop.says(query.clone()), "busy", "locked by another program for all of 0.2 s");
    let change = json!({"do": "execute", "sql": ["DELETE FROM log"], "ms": 200});
    refused(&shop.says(change.clone()), "busy", "nothing was changed; try again");
    by_hand.execute_batch("ROLLBACK").unwrap();
    // Somebody who reads keeps a change from becoming lasting.
    let mut reading = by_hand.prepare("SELECT * FROM product").unwrap();
    let mut rows = reading.query([]).unwrap();
    rows.next().unwrap();
    refused(&shop.says(change.clone()), "busy", "nothing was changed");
    drop(rows);
    assert!(shop.says(change).is_array());
    assert_eq!(shop.says(query)["rows"], json!([["i:1"], ["i:1"], ["i:1"]]));
}

#[test]
fn a_lock_that_is_given_up_in_time_is_taken() {
    let shop = Shop::new();
    let path = shop.path("shop.db");
    let (locked, is_locked) = std::sync::mpsc::channel();
    let holder = std::thread::spawn(move || {
        let by_hand = Connection::open(path).unwrap();
        by_hand.execute_batch("BEGIN EXCLUSIVE").unwrap();
        locked.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        by_hand.execute_batch("COMMIT").unwrap();
    });
    is_locked.recv().unwrap();
    let said = shop.change(&["INSERT INTO log VALUES ('after')"], json!([]));
    assert_eq!(said[0]["changed"], 1, "{said}");
    holder.join().unwrap();
}

#[test]
fn a_hostile_schema_ends_in_a_sentence() {
    let schemas = [
        (
            "CREATE VIEW v AS SELECT load_extension('x')",
            "SELECT * FROM v",
            "refused",
            "unsafe use of load_extension()",
        ),
        (
            "CREATE VIEW v AS SELECT fts3_tokenizer('simple')",
            "SELECT * FROM v",
            "refused",
            "unsafe use of fts3_tokenizer()",
        ),
        (
            "CREATE VIEW v AS SELECT * FROM pragma_database_list",
            "SELECT * FROM v",
            "refused",
            "unsafe use of virtual table",
        ),
        (
            "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
             SELECT count(*) FROM n",
            "SELECT * FROM v",
            "limit",
            "took longer",
        ),
        (
            "CREATE VIEW v AS SELECT hex(randomblob(900000))",
            "SELECT * FROM v",
            "limit",
            "longer than 1 MiB",
        ),
        (
            "CREATE TABLE t (a, b AS (hex(zeroblob(a)))); INSERT INTO t (a) VALUES (900000)",
            "SELECT b FROM t",
            "limit",
            "longer than 1 MiB",
        ),
        (
            "CREATE VIEW v AS SELECT * FROM v",
            "SELECT * FROM v",
            "invalid",
            "view v is circularly defined",
        ),
        (
            "PRAGMA writable_schema = 1; INSERT INTO sqlite_schema VALUES \
             ('table', 'x', 'x', 2, 'CREATE TABLE x (a' || CAST(x'ff' AS TEXT) || ')')",
            "SELECT 1",
            "failed",
            "",
        ),
        (
            "PRAGMA writable_schema = 1; CREATE TABLE x (a); \
             UPDATE sqlite_schema SET sql = 'CREATE TABLE x (\"' || CAST(x'ff' AS TEXT) || '\")'",
            "SELECT * FROM x",
            "failed",
            "not UTF-8",
        ),
        (
            "PRAGMA writable_schema = 1; CREATE TABLE x (a); \
             UPDATE sqlite_schema SET rootpage = 70000",
            "SELECT * FROM x",
            "failed",
            "is damaged",
        ),
        (
            "PRAGMA writable_schema = 1; CREATE TABLE x (a); UPDATE sqlite_schema SET sql = 'nonsense'",
            "SELECT * FROM x",
            "failed",
            "is damaged",
        ),
    ];
    let shop = Shop::new();
    for (index, (schema, sql, kind, words)) in schemas.into_iter().enumerate() {
        let name = format!("hostile{index}.db");
        make(&shop.path(&name), schema);
        let url = format!("{{name: main, url: 'sqlite:{name}'}}");
        super::wait(async {
            let tools = shop.granted(&[&url]).await.unwrap();
            let ask = json!({"do": "query", "sql": [sql], "ms": 1000});
            let said = shop.ask(&tools, &ask).await;
            println!("{schema}\n    {said}");
            refused(&said, kind, words);
        });
    }
}

#[test]
fn a_hostile_trigger_ends_in_a_sentence() {
    let shop = Shop::new();
    shop.by_hand()
        .execute_batch(
            "CREATE TRIGGER a AFTER INSERT ON log BEGIN
                INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                SELECT 'x' FROM n; END;
             CREATE TABLE b (x);
             CREATE TRIGGER b AFTER INSERT ON b BEGIN SELECT load_extension('x'); END;
             CREATE TABLE c (x);
             CREATE TRIGGER c AFTER INSERT ON c BEGIN SELECT RAISE(ABORT, 'no\u{1b}[2Jhunter2-hunter2'); END;",
        )
        .unwrap();
    let before = shop.contents();
    let ask = |sql: &str| shop.says(json!({"do": "execute", "sql": [sql], "ms": 500}));
    refused(&ask("INSERT INTO log VALUES ('x')"), "limit", "was stopped; nothing was changed");
    refused(&ask("INSERT INTO b VALUES (1)"), "refused", "load code");
    refused(&ask("INSERT INTO c VALUES (1)"), "failed", "no\u{fffd}[2J{{secret:KEY}}");
    assert_eq!(shop.contents(), before);
}

#[test]
fn a_database_with_a_write_ahead_log_is_read_and_changed() {
    let shop = Shop::new();
    let by_hand = shop.by_hand();
    by_hand.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    by_hand.execute("INSERT INTO log VALUES ('in the log')", []).unwrap();
    assert_eq!(shop.rows("SELECT what FROM log", json!([]))["rows"], json!([["t:in the log"]]));
    let said = shop.change(&["INSERT INTO log VALUES ('and more')"], json!([]));
    assert_eq!(said[0]["changed"], 1, "{said}");
    drop(by_hand);
    let said = shop.rows("SELECT count(*) FROM log", json!([]));
    assert_eq!(said["rows"], json!([["i:2"]]), "{said}");
}

#[test]
fn what_a_program_left_half_written_is_undone_by_a_change_only() {
    let shop = Shop::new();
    let by_hand = shop.by_hand();
    // So few pages are kept that the file is written before the end of the transaction.
    by_hand
        .execute_batch(
            "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN;
             UPDATE product SET price = 99;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO log SELECT hex(randomblob(500)) FROM n;",
        )
        .unwrap();
    for suffix in ["", "-journal"] {
        let copy = shop.path(&format!("torn.db{suffix}"));
        fs::copy(shop.path(&format!("shop.db{suffix}")), copy).unwrap();
    }
    by_hand.execute_batch("ROLLBACK").unwrap();
    super::wait(async {
        let grant = "{name: main, url: 'sqlite:torn.db', access: write}";
        let tools = shop.granted(&[grant]).await.unwrap();
        let sql = ["SELECT max(price) FROM product"];
        let query = json!({"do": "query", "sql": sql});
        refused(&shop.ask(&tools, &query).await, "failed", "was cut off");
        let change = json!({"do": "execute", "sql": ["INSERT INTO log VALUES ('x')"]});
        assert_eq!(shop.ask(&tools, &change).await[0]["changed"], 1);
        assert_eq!(shop.ask(&tools, &query).await["rows"], json!([["r:2.0"]]));
    });
}

#[test]
fn a_granted_reading_writes_nothing() {
    let shop = Shop::new();
    let before = fs::read(shop.path("shop.db")).unwrap();
    shop.rows("SELECT * FROM product ORDER BY name", json!([]));
    refused(&shop.rows("DELETE FROM product", json!([])), "read-only", "only reads");
    assert_eq!(fs::read(shop.path("shop.db")).unwrap(), before);
    let mut names: Vec<_> =
        fs::read_dir(shop.folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["shop.db", "state"]);
}
