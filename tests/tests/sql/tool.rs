//! The `sql` tool as a role uses it: two tools, a preview, and problems at the key that is wrong.

use super::{Shop, wait};
use expect_test::{Expect, expect};

/// A role's entry of the tool.
fn entry(settings: &str) -> String {
    let indented: String = settings.lines().map(|line| format!("\n    {line}")).collect();
    format!("  - type: sql{indented}")
}

/// What a call gives.
fn call(shop: &Shop, settings: &str, tool: &str, arguments: &str) -> String {
    wait(async {
        match shop.sandbox.open(&entry(settings), shop.folder.path()).await {
            Ok(tools) => shop.sandbox.call(&tools, tool, arguments).await,
            Err(problems) => problems,
        }
    })
}

const READ: &str = "database: shop.db";
const WRITE: &str = "database: ./shop.db\naccess: write";
const ASKED: &str = "database: shop.db\naccess: write\napproval: required";

#[track_caller]
fn query(arguments: &str, expected: Expect) {
    expected.assert_eq(&call(&Shop::new(), READ, "sql_query", arguments));
}

#[track_caller]
fn opens(settings: &str, expected: Expect) {
    let shop = Shop::new();
    let said = wait(async {
        match shop.sandbox.open(&entry(settings), shop.folder.path()).await {
            Ok(tools) => tools.model_names().collect::<Vec<_>>().join(" "),
            Err(problems) => problems,
        }
    });
    expected.assert_eq(&said);
}

#[test]
fn there_is_a_tool_to_change_only_where_the_role_says_so() {
    opens(READ, expect!["sql_query"]);
    opens(WRITE, expect!["sql_execute sql_query"]);
    opens("database: sqlite:shop.db", expect!["sql_query"]);
}

#[test]
fn a_wrong_configuration_is_pointed_at() {
    opens(
        "access: read",
        expect![[r#"
        role.yaml:5:5: the entry `sql` names no database
          hint: write its file, relative to the role: `database: ./data.db`"#]],
    );
    opens(
        "database: ''",
        expect![[r#"
        role.yaml:6:5: the entry `sql` names no database
          hint: write its file, relative to the role: `database: ./data.db`"#]],
    );
    opens(
        "database: ':memory:'",
        expect![[r#"
        role.yaml:6:5: `:memory:` is not the path of a database file
          hint: write a path, such as `./data.db`; a database in memory would be empty at every call"#]],
    );
    opens(
        "database: 'file:shop.db?mode=rwc'",
        expect![[r#"
        role.yaml:6:5: `file:shop.db?mode=rwc` is not the path of a database file
          hint: write a path, such as `./data.db`; a database in memory would be empty at every call"#]],
    );
    opens(
        "database: shop.db\naccess: full",
        expect![[
            r#"role.yaml:7:5: the configuration of `sql` does not fit at `access`: the value is not one of "read" or "write""#
        ]],
    );
    opens(
        "database: shop.db\ntables: [a]",
        expect![[r#"
        role.yaml:7:5: the tool `sql` has no key `tables`
          hint: it knows `database`, `access`, `max_rows`, `max_bytes`, `timeout_seconds`"#]],
    );
    opens(
        "database: shop.db\nmax_rows: 0",
        expect![
            "role.yaml:7:5: the configuration of `sql` does not fit at `max_rows`: the value is less than the minimum of 1"
        ],
    );
    opens(
        "database: shop.db\ngrants: {sql: [{name: a, url: 'sqlite:b'}]}",
        expect![[r#"
        role.yaml:5:11: the built-in `sql` takes no `grants`
          hint: what it may reach follows from its own configuration"#]],
    );
}

#[test]
fn a_query_gives_columns_and_rows() {
    query(
        r#"{"sql": "SELECT * FROM product ORDER BY id"}"#,
        expect![[
            r#"ok: {"columns":["id","name","price"],"rows":[[1,"apple",0.5],[2,"pear",0.75],[3,"quince",2]],"truncated":false}"#
        ]],
    );
    query(
        r#"{"sql": "SELECT name FROM product WHERE price < ? AND name <> ?", "params": [1, "pear"]}"#,
        expect![[r#"ok: {"columns":["name"],"rows":[["apple"]],"truncated":false}"#]],
    );
    query(
        r#"{"sql": "SELECT :a AS a", "params": {":a": {"integer": "9223372036854775807"}}}"#,
        expect![[
            r#"ok: {"columns":["a"],"rows":[[{"integer":"9223372036854775807"}]],"truncated":false}"#
        ]],
    );
    query(
        r#"{"sql": "SELECT x'00ff' AS b, NULL AS n, 1e300 AS r, 'é' AS t"}"#,
        expect![[
            r#"ok: {"columns":["b","n","r","t"],"rows":[[{"blob":"AP8="},null,{"real":"1e300"},"é"]],"truncated":false}"#
        ]],
    );
    query(
        r#"{"sql": "SELECT 1 WHERE 0"}"#,
        expect![[r#"ok: {"columns":["1"],"rows":[],"truncated":false}"#]],
    );
}

#[test]
fn more_rows_than_fit_are_read_on() {
    let shop = Shop::new();
    let settings = format!("{READ}\nmax_rows: 2");
    let first = r#"{"sql": "SELECT name FROM product ORDER BY id"}"#;
    expect![[r#"ok: {"columns":["name"],"next_skip_rows":2,"rows":[["apple"],["pear"]],"truncated":true}"#]].assert_eq(&call(&shop, &settings, "sql_query", first));
    let next = r#"{"sql": "SELECT name FROM product ORDER BY id", "skip_rows": 2}"#;
    expect![[r#"ok: {"columns":["name"],"rows":[["quince"]],"truncated":false}"#]]
        .assert_eq(&call(&shop, &settings, "sql_query", next));
}

#[test]
fn a_query_that_cannot_be_says_why() {
    query(
        r#"{"sql": "SELECT nmae FROM product"}"#,
        expect!["failed: Invalid arguments: no such column: nmae (at byte 7 of the statement)"],
    );
    query(
        r#"{"sql": "SELEC 1"}"#,
        expect![[
            r#"failed: Invalid arguments: near "SELEC": syntax error (at byte 0 of the statement)"#
        ]],
    );
    query(
        r#"{"sql": "DELETE FROM product"}"#,
        expect![
            "failed: Invalid arguments: the statement changes the database, and a query only reads"
        ],
    );
    query(
        r#"{"sql": "PRAGMA journal_mode = OFF"}"#,
        expect![
            "failed: Invalid arguments: this `PRAGMA` is refused; those that only tell something are allowed: `table_info`, `table_xinfo`, `table_list`, `index_list`, `index_info`, `index_xinfo`, `foreign_key_list`, `foreign_key_check`, `integrity_check`, `quick_check`"
        ],
    );
    query(
        r#"{"sql": "SELECT 1", "params": "x"}"#,
        expect![[
            r#"refused by Arguments: Invalid arguments: at `/params`: the value is not of types "array", "object""#
        ]],
    );
    query(
        r#"{"sql": "SELECT ?", "params": [[1]]}"#,
        expect![[
            r#"failed: Invalid arguments: parameter 1 is no value: give text, a number, a boolean or null, or one of {"integer": "…"}, {"real": "…"}, {"blob": "BASE64"}; for JSON, give its text"#
        ]],
    );
    query(
        r#"{"sql": "SELECT \"apple\" FROM product"}"#,
        expect![[
            r#"failed: Invalid arguments: no such column: "apple" - should this be a string literal in single-quotes? (at byte 7 of the statement)"#
        ]],
    );
    query(
        r#"{"sql": "SELECT 1; SELECT 2"}"#,
        expect![
            "failed: Invalid arguments: there is more than one statement in the text; give one statement for each call"
        ],
    );
}

#[test]
fn a_change_says_how_many_rows() {
    let shop = Shop::new();
    let change = |arguments: &str, expected: Expect| {
        expected.assert_eq(&call(&shop, WRITE, "sql_execute", arguments));
    };
    change(
        r#"{"sql": "INSERT INTO product (name, price) VALUES (:name, :price)", "params": {"name": "fig", "price": 1.5}}"#,
        expect![[r#"ok: {"changed":1,"last_row_id":4}"#]],
    );
    change(
        r#"{"sql": "UPDATE product SET price = price * 2 RETURNING id, price"}"#,
        expect![[
            r#"ok: {"changed":4,"columns":["id","price"],"rows":[[1,1],[2,1.5],[3,4],[4,3]],"truncated":false}"#
        ]],
    );
    change(
        r#"{"sql": "INSERT INTO product (name) VALUES (?)", "params": ["fig"]}"#,
        expect![
            "failed: The tool failed: UNIQUE constraint failed: product.name; nothing was changed"
        ],
    );
    change(r#"{"sql": "DROP TABLE log"}"#, expect![[r#"ok: {"changed":0}"#]]);
}

#[test]
fn a_person_sees_the_values_the_statement_and_how_many_rows_it_finds() {
    let shop = Shop::new();
    let before = shop.contents();
    let asked = |tool: &str, arguments: &str, expected: Expect| {
        expected.assert_eq(&call(&shop, ASKED, tool, arguments));
    };
    asked(
        "sql_execute",
        r#"{"sql": "DELETE FROM product WHERE price < :most -- the cheap ones", "params": {"most": 1}}"#,
        expect![[r#"
            waiting: -- :most = 1
            -- rows that its condition finds now: 2
            -- statement:
            DELETE FROM product WHERE price < :most -- the cheap ones"#]],
    );
    asked(
        "sql_execute",
        r#"{"sql": "UPDATE product\nSET name = ?\nWHERE id = ?", "params": ["x'\n-- statement:\nSELECT 1", 2]}"#,
        expect![[r#"
            waiting: -- ?1 = "x'\n-- statement:\nSELECT 1"
            -- ?2 = 2
            -- rows that its condition finds now: 1
            -- statement:
            UPDATE product
            SET name = ?
            WHERE id = ?"#]],
    );
    asked(
        "sql_execute",
        r#"{"sql": "DELETE FROM product WHERE random() > 0"}"#,
        expect![[r#"
        waiting: -- no parameters
        -- statement:
        DELETE FROM product WHERE random() > 0"#]],
    );
    asked(
        "sql_query",
        r#"{"sql": "SELECT 1"}"#,
        expect![[r#"
        waiting: -- no parameters
        -- statement:
        SELECT 1"#]],
    );
    assert_eq!(shop.contents(), before);
}

#[test]
fn nobody_is_asked_about_what_cannot_work() {
    let shop = Shop::new();
    let asked = |tool: &str, sql: &str, expected: Expect| {
        let arguments = serde_json::json!({ "sql": sql }).to_string();
        expected.assert_eq(&call(&shop, ASKED, tool, &arguments));
    };
    asked(
        "sql_execute",
        "DELETE FROM prodcut",
        expect!["refused by Component: Invalid arguments: no such table: prodcut"],
    );
    asked(
        "sql_execute",
        "DELETE FROM product WHERE id = ?",
        expect![
            "refused by Component: Invalid arguments: the statement has 1 parameters, and 0 values were given"
        ],
    );
    asked(
        "sql_execute",
        "ATTACH 'x' AS y",
        expect![
            "refused by Component: Invalid arguments: a statement reaches one database only: `ATTACH`, `DETACH` and `VACUUM INTO` are refused"
        ],
    );
    asked(
        "sql_query",
        "DELETE FROM product",
        expect![
            "refused by Component: Invalid arguments: the statement changes the database, and a query only reads"
        ],
    );
    asked(
        "sql_query",
        "SELECT nmae FROM product",
        expect![
            "refused by Component: Invalid arguments: no such column: nmae (at byte 7 of the statement)"
        ],
    );
}
