//! The table of attacks: each is tried by a component of its own, is refused for its reason, and leaves
//! the database as it was. Run with `--nocapture` to see the table.

use super::{Shop, is_refused, refused, wait};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is expected of a case.
enum Expected {
    /// It is refused as this, with these words.
    Refused(&'static str, &'static str),
    /// It is a value like any other: so many rows.
    Rows(usize),
}

use Expected::{Refused, Rows};

struct Case {
    family: &'static str,
    ask: Value,
    expected: Expected,
}

/// The cases of one family.
fn family(
    name: &'static str,
    cases: impl IntoIterator<Item = (Value, Expected)>,
) -> impl Iterator<Item = Case> {
    cases.into_iter().map(move |(ask, expected)| Case { family: name, ask, expected })
}

fn query(sql: &str) -> Value {
    json!({"do": "query", "db": "reader", "sql": [sql]})
}

/// A query under the name that may change things, where reading is all that a query does just the same.
fn query_main(sql: &str) -> Value {
    json!({"do": "query", "sql": [sql]})
}

fn execute(sql: &str) -> Value {
    json!({"do": "execute", "sql": [sql]})
}

fn with(mut ask: Value, key: &str, value: Value) -> Value {
    ask[key] = value;
    ask
}

/// Values that would be SQL, were they put into the statement.
fn values() -> impl Iterator<Item = Case> {
    let payloads = [
        "' OR '1'='1",
        "'; DROP TABLE product; --",
        "\"; DELETE FROM product; --",
        "apple' UNION SELECT sql FROM sqlite_schema --",
        "apple'/**/OR/**/1=1--",
        "\\' OR 1=1 --",
        "?); DELETE FROM product; --",
        "\u{2bc} OR 1=1 --",
        "apple\u{0}' OR '1'='1",
        "x' || (SELECT group_concat(name) FROM product) || '",
    ];
    family(
        "values that look like SQL",
        payloads.map(|payload| {
            let ask = query("SELECT * FROM product WHERE name = ?");
            (with(ask, "params", json!([format!("t:{payload}")])), Rows(0))
        }),
    )
}

fn several_statements() -> impl Iterator<Item = Case> {
    let more = || Refused("invalid", "more than one statement");
    let none = || Refused("invalid", "no statement in the text");
    family(
        "several statements",
        [
            (query("SELECT 1; DELETE FROM product"), more()),
            (query("SELECT 1;;;; SELECT 2"), more()),
            (query("SELECT 1; -- a comment\nDROP TABLE product"), more()),
            (query("SELECT 1; nonsense ("), more()),
            (query("SELECT 1; ATTACH 'x' AS y"), more()),
            (execute("DELETE FROM log; DROP TABLE product"), more()),
            (execute("DELETE FROM log; COMMIT; DROP TABLE product"), more()),
            (with(query("SELECT 1;"), "repeat", json!(5_000)), more()),
            (with(query(";"), "repeat", json!(60_000)), none()),
            (query(""), none()),
            (query("-- SELECT 1"), none()),
            (query("SELECT 1\u{0}; DROP TABLE product"), Refused("invalid", "NUL character")),
        ],
    )
}

fn other_files() -> impl Iterator<Item = Case> {
    let one = || Refused("refused", "reaches one database only");
    family(
        "other files",
        [
            (query("ATTACH 'stolen.db' AS stolen"), one()),
            (query("ATTACH ':memory:' AS stolen"), one()),
            (query("ATTACH 'file:stolen.db?mode=rwc' AS stolen"), one()),
            (query("ATTACH char(47) || 'etc/passwd' AS stolen"), one()),
            (query("DETACH main"), one()),
            (execute("ATTACH 'stolen.db' AS stolen"), one()),
            (execute("ATTACH '' AS stolen"), one()),
            (execute("DETACH DATABASE main"), one()),
            (query("VACUUM INTO 'stolen.db'"), Refused("read-only", "only reads")),
            (query_main("VACUUM"), Refused("read-only", "only reads")),
            (execute("VACUUM INTO 'stolen.db'"), Refused("invalid", "cannot VACUUM")),
            (execute("VACUUM"), Refused("invalid", "cannot VACUUM")),
            (execute("CREATE VIRTUAL TABLE f USING csv(filename='/etc/passwd')"), virtual_tables()),
            (execute("CREATE VIRTUAL TABLE f USING dbstat"), virtual_tables()),
            (execute("CREATE VIRTUAL TABLE f USING fts4(text)"), virtual_tables()),
            (query("SELECT readfile('/etc/passwd')"), Refused("invalid", "no such function")),
            (query("SELECT * FROM fsdir('/')"), Refused("invalid", "no such table")),
        ],
    )
}

fn virtual_tables() -> Expected {
    Refused("refused", "virtual tables are refused")
}

fn pragmas() -> impl Iterator<Item = Case> {
    let pragma = || Refused("refused", "this `PRAGMA` is refused");
    let set = || Refused("refused", "can be read and not be set");
    family(
        "pragmas",
        [
            (execute("PRAGMA writable_schema = 1"), pragma()),
            (query("PRAGMA query_only = 0"), pragma()),
            (execute("PRAGMA journal_mode = OFF"), pragma()),
            (query("PRAGMA journal_mode"), pragma()),
            (query("PRAGMA database_list"), pragma()),
            (query("SELECT file FROM pragma_database_list"), pragma()),
            (query("SELECT * FROM pragma_function_list"), pragma()),
            (execute("PRAGMA user_version = 5"), set()),
            (execute("PRAGMA application_id(7)"), set()),
            (execute("PRAGMA schema_version = 1"), set()),
            (execute("PRAGMA main.page_size = 512"), set()),
            (execute("PRAGMA temp_store_directory = '/tmp'"), pragma()),
            (query("PRAGMA mmap_size = 1000000000"), pragma()),
            (query("PRAGMA trusted_schema = 1"), pragma()),
            (query("PRAGMA hard_heap_limit = 1"), pragma()),
            (query("PRAGMA soft_heap_limit = 1"), pragma()),
            (query("PRAGMA cache_size = 1000000"), pragma()),
            (query("PRAGMA threads = 8"), pragma()),
            (execute("PRAGMA wal_checkpoint(TRUNCATE)"), pragma()),
            (execute("PRAGMA locking_mode = EXCLUSIVE"), pragma()),
            (execute("PRAGMA foreign_keys = OFF"), pragma()),
            (execute("PRAGMA optimize"), pragma()),
            (query("PRAGMA compile_options"), pragma()),
            (query("PRAGMA no_such_pragma"), pragma()),
        ],
    )
}

fn extensions() -> impl Iterator<Item = Case> {
    let code = || Refused("refused", "load code");
    family(
        "extensions",
        [
            (query("SELECT load_extension('x')"), code()),
            (query("SELECT load_extension('x', 'init')"), code()),
            (query("SELECT LOAD_EXTENSION('x')"), code()),
            (query("SELECT \"load_extension\"('x')"), code()),
            (query("SELECT 1 WHERE (SELECT load_extension('x')) IS NULL"), code()),
            (execute("UPDATE product SET name = load_extension('x')"), code()),
            (query("SELECT fts3_tokenizer('simple')"), code()),
            (query("SELECT fts3_tokenizer('simple', x'0000000000000000')"), code()),
        ],
    )
}

fn writing_while_reading() -> impl Iterator<Item = Case> {
    let reads = || Refused("read-only", "a query only reads");
    let write = || Refused("read-only", "add `access: write` to its grant");
    let reader = |ask| with(ask, "db", json!("reader"));
    family(
        "writing while reading",
        [
            (query("INSERT INTO log VALUES ('x')"), reads()),
            (query_main("INSERT INTO log VALUES ('x')"), reads()),
            (query("INSERT INTO log VALUES ('x') RETURNING what"), reads()),
            (query("UPDATE product SET price = 0"), reads()),
            (query_main("DELETE FROM product"), reads()),
            (query("REPLACE INTO product VALUES (1, 'x', 1)"), reads()),
            (query("WITH x AS (SELECT 1) INSERT INTO log SELECT * FROM x"), reads()),
            (query("CREATE TABLE t (a)"), reads()),
            (query("CREATE TEMP TABLE t (a)"), Refused("refused", "temporary tables")),
            (query("CREATE TEMP VIEW t AS SELECT 1"), Refused("refused", "temporary tables")),
            (query("ALTER TABLE product DROP COLUMN price"), reads()),
            (query_main("DROP TABLE product"), reads()),
            (query("DROP VIEW cheap"), reads()),
            (query("ALTER TABLE product RENAME TO x"), reads()),
            (query("CREATE INDEX i ON product (price)"), reads()),
            (query("ANALYZE"), reads()),
            (query("REINDEX"), reads()),
            (query("EXPLAIN DELETE FROM product"), reads()),
            (reader(execute("DELETE FROM product")), write()),
            (reader(execute("SELECT 1")), write()),
            (with(reader(execute("DELETE FROM log")), "do", json!("check")), write()),
        ],
    )
}

fn temporary_and_transactions() -> impl Iterator<Item = Case> {
    let temporary = || Refused("refused", "temporary tables, views and triggers");
    let transaction = || Refused("refused", "transactions are the host's");
    family(
        "temporary things, transactions",
        [
            (execute("CREATE TEMP TABLE t (a)"), temporary()),
            (execute("CREATE TABLE temp.t (a)"), temporary()),
            (execute("CREATE TEMP VIEW t AS SELECT 1"), temporary()),
            (
                execute("CREATE TEMP TRIGGER t AFTER INSERT ON product BEGIN SELECT 1; END"),
                temporary(),
            ),
            (execute("COMMIT"), transaction()),
            (execute("BEGIN"), transaction()),
            (execute("ROLLBACK"), transaction()),
            (execute("SAVEPOINT s"), transaction()),
            (execute("RELEASE s"), transaction()),
            (query("BEGIN EXCLUSIVE"), transaction()),
        ],
    )
}

fn own_tables() -> impl Iterator<Item = Case> {
    family(
        "SQLite's own tables",
        [
            (
                execute(
                    "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 2, 'CREATE TABLE x(a)')",
                ),
                Refused("invalid", "may not be modified"),
            ),
            (execute("DELETE FROM sqlite_schema"), Refused("invalid", "may not be modified")),
            (
                execute("UPDATE sqlite_master SET sql = 'CREATE TABLE product (x)'"),
                Refused("invalid", "may not be modified"),
            ),
            (execute("DROP TABLE sqlite_schema"), Refused("invalid", "may not be dropped")),
            (execute("CREATE TABLE sqlite_x (a)"), Refused("invalid", "reserved for internal use")),
        ],
    )
}

const FOREVER: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";

fn limits() -> impl Iterator<Item = Case> {
    let soon = |ask| with(ask, "ms", json!(400));
    let time = || Refused("limit", "took longer than its 0.4 s and was stopped");
    let memory = || Refused("limit", "more than 64 MiB of memory were needed");
    let large = || Refused("limit", "longer than 1 MiB");
    let forever = |rest: &str| format!("{FOREVER}{rest}");
    let nested = format!("SELECT {}1{}", "(1 + ".repeat(600), ")".repeat(600));
    let terms = format!("SELECT 1{}", " UNION SELECT 1".repeat(300));
    let columns = format!("SELECT 1{}", ", 1".repeat(2_100));
    family(
        "limits",
        [
            (soon(query(&forever("SELECT count(*) FROM n"))), time()),
            (
                soon(query(
                    "SELECT count(*) FROM pragma_table_list a, pragma_table_list b, \
                pragma_table_list c, pragma_table_list d, pragma_table_list e, pragma_table_list f, \
                pragma_table_list g, pragma_table_list h, pragma_table_list i",
                )),
                time(),
            ),
            (soon(execute(&forever("INSERT INTO log SELECT 'x' FROM n WHERE i < 0"))), time()),
            (
                soon(execute(&forever("UPDATE product SET price = (SELECT count(*) FROM n)"))),
                time(),
            ),
            (query(&forever("SELECT randomblob(100000) AS r FROM n ORDER BY r")), memory()),
            (
                query(
                    "WITH RECURSIVE n(b) AS (SELECT randomblob(100000) UNION SELECT randomblob(100000) \
                FROM n) SELECT count(*) FROM n",
                ),
                memory(),
            ),
            // One instruction that takes seconds and asks nobody: its call ends in time all the same.
            (soon(query("SELECT instr(zeroblob(1000000), zeroblob(500000) || x'01')")), time()),
            (query("SELECT randomblob(1000000000)"), large()),
            (
                query("SELECT length(zeroblob(1000000000)) + length(hex(zeroblob(1000000000)))"),
                large(),
            ),
            (query("SELECT printf('%.*c', 1000000000, 'x')"), large()),
            (query("SELECT hex(randomblob(1000000))"), large()),
            (query("SELECT replace(hex(zeroblob(100000)), '0', hex(zeroblob(100)))"), large()),
            (
                soon(query(&forever(
                    "SELECT group_concat('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') FROM n",
                ))),
                time(),
            ),
            (query("SELECT json_array(x'ffffff')"), Refused("invalid", "JSON cannot hold BLOB")),
            (query(&nested), Refused("limit", "maximum depth")),
            (query(&terms), Refused("limit", "too many terms in compound SELECT")),
            (query(&columns), Refused("limit", "too many columns")),
            (query("SELECT ?2000"), Refused("invalid", "variable number must be")),
            (query("SELECT 'x' LIKE hex(zeroblob(1000))"), Refused("limit", "pattern too complex")),
            (
                with(query("SELECT 1 + 1 +       "), "repeat", json!(4_000)),
                Refused("limit", "longer than 64 KiB"),
            ),
            (
                with(query("SELECT zeroblob(1000)"), "bytes", json!(500)),
                Refused("limit", "one row alone has 1016 bytes"),
            ),
            (
                query(&format!("SELECT json_extract('{}', '$')", "[".repeat(3_000))),
                Refused("invalid", "malformed JSON"),
            ),
        ],
    )
}

fn names() -> impl Iterator<Item = Case> {
    let named = |name: &str| with(query("SELECT 1"), "db", json!(name));
    let unknown = |words| Refused("not-granted", words);
    family(
        "names",
        [
            (
                named("mian"),
                unknown(
                    "`mian` is not granted, only `main`, `reader`; add `grants: {sql: [{name: mian, url: sqlite:PATH}]}` to the entry",
                ),
            ),
            (named(""), unknown("only `main`, `reader`")),
            (named("MAIN"), unknown("only `main`, `reader`")),
            (named("main\n"), unknown("only `main`, `reader`")),
            (named("shop.db"), unknown("only `main`, `reader`")),
            (named("../shop.db"), unknown("only `main`, `reader`")),
            (named("file:shop.db"), unknown("only `main`, `reader`")),
            (named(&"x".repeat(10_000)), unknown("only `main`, `reader`")),
        ],
    )
}

#[test]
fn every_attack_is_refused_for_its_reason() {
    let shop = Shop::new();
    let before = shop.contents();
    let mut table: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let cases: Vec<Case> = values()
        .chain(several_statements())
        .chain(other_files())
        .chain(pragmas())
        .chain(extensions())
        .chain(writing_while_reading())
        .chain(temporary_and_transactions())
        .chain(own_tables())
        .chain(limits())
        .chain(names())
        .collect();
    wait(async {
        let tools = shop.tools().await;
        for case in &cases {
            let began = Instant::now();
            let said = shop.ask(&tools, &case.ask).await;
            let asked: String = case.ask.to_string().chars().take(200).collect();
            let is_refused = match case.expected {
                Refused(kind, words) => is_refused(&said, kind, words),
                Rows(rows) => said["rows"].as_array().map(Vec::len) == Some(rows),
            };
            if !is_refused {
                println!("not refused as it should be: {asked}\n    {said:.300}");
            }
            // Far beyond any limit of the cases, on the busiest machine.
            assert!(began.elapsed() < Duration::from_secs(30), "{asked}");
            let row = table.entry(case.family).or_default();
            *row = (row.0 + 1, row.1 + usize::from(is_refused));
        }
    });
    assert_eq!(shop.contents(), before);
    assert!(!shop.path("stolen.db").exists() && !std::path::Path::new("stolen.db").exists());
    println!("{:32} {:>5} {:>7}", "family", "cases", "refused");
    for (family, (cases, refused)) in &table {
        println!("{family:32} {cases:>5} {refused:>7}");
    }
    assert!(table.values().all(|(cases, refused)| cases == refused), "see the list above");
    assert!(cases.len() >= 100, "{} cases", cases.len());
}

#[test]
fn nothing_changes_while_a_call_is_only_prepared() {
    let shop = Shop::new();
    let before = shop.contents();
    let prepare = |ask: Value| -> Value {
        wait(async {
            let tools = format!(
                "  - component: {}\n    name: probe\n    approval: required\n    grants:\n      sql:\n        \
                 - {{name: main, url: 'sqlite:shop.db', access: write}}",
                initrunner_tests::sql_probe().display()
            );
            let tools = shop.sandbox.open(&tools, shop.folder.path()).await.unwrap();
            let said = shop
                .sandbox
                .call(&tools, "probe", &with(ask, "prepare", json!(true)).to_string())
                .await;
            serde_json::from_str(said.strip_prefix("waiting: ").expect(&said)).unwrap()
        })
    };
    let said = prepare(execute("DELETE FROM product"));
    refused(&said, "not-granted", "nothing may be changed while a call is only being prepared");
    let said = prepare(query_main("SELECT count(*) FROM product"));
    assert_eq!(said["rows"], json!([["i:3"]]));
    let check = |sql: &str| prepare(with(execute(sql), "do", json!("check")));
    assert_eq!(check("DELETE FROM product"), json!({"fits": true}));
    refused(&check("DELETE FROM prodcut"), "invalid", "no such table: prodcut");
    refused(&check("DELETE FROM product WHERE id = ?"), "invalid", "has 1 parameters");
    refused(&check("ATTACH 'x' AS y"), "refused", "reaches one database only");
    assert_eq!(shop.contents(), before);
}

#[test]
fn a_call_that_is_dropped_is_undone() {
    let shop = Shop::new();
    let before = shop.contents();
    wait(async {
        let tools = shop.tools().await;
        let endless = format!("{FOREVER}INSERT INTO log SELECT 'x' FROM n");
        let ask = execute(&endless).to_string();
        let call = shop.sandbox.call(&tools, "probe", &ask);
        assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
        // The next one gets its lock as soon as the thread has noticed.
        let said = shop.ask(&tools, &execute("INSERT INTO log VALUES ('next')")).await;
        assert_eq!(said[0]["changed"], 1, "{said}");
    });
    assert_eq!(
        shop.contents(),
        format!("{before}\nnext").replace("\nversion 0\nnext", "\nnext\nversion 0")
    );
}

#[test]
fn many_at_once_all_end() {
    let shop = Shop::new();
    wait(async {
        let tools = shop.tools().await;
        let endless = with(query(&format!("{FOREVER}SELECT count(*) FROM n")), "ms", json!(300));
        let asks: Vec<_> = (0..20).map(|_| shop.ask(&tools, &endless)).collect();
        for said in futures_joined(asks).await {
            // Of those that never got their turn, the other reason.
            let kind = said["error"].as_str();
            assert!(matches!(kind, Some("limit" | "busy")), "{said}");
        }
        let said = shop.ask(&tools, &query("SELECT 1")).await;
        assert_eq!(said["rows"], json!([["i:1"]]));
    });
}

/// The most memory that this process has had, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn the_memory_of_many_at_once_is_bounded() {
    let shop = Shop::new();
    wait(async {
        let tools = shop.tools().await;
        let sort = query(&format!("{FOREVER}SELECT randomblob(500000) AS r FROM n ORDER BY r"));
        let before = most_memory();
        let asks: Vec<_> = (0..8).map(|_| shop.ask(&tools, &sort)).collect();
        for said in futures_joined(asks).await {
            refused(&said, "limit", "more than 64 MiB of memory were needed");
        }
        // Twice what one may have, with room for what the other tests of this process do meanwhile.
        // Without a bound it would be what the machine has.
        let grown = most_memory() - before;
        assert!(grown < 512 << 20, "{} MiB", grown >> 20);
    });
}

/// All of them, side by side.
async fn futures_joined<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|it| (Box::pin(it), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
