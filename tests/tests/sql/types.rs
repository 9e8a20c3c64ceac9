//! Values: what goes in comes out, to the bit.

use super::{Shop, refused};
use serde_json::{Value, json};

#[test]
fn each_type_comes_back_as_it_went_in() {
    let shop = Shop::new();
    for value in [
        json!(null),
        json!("i:0"),
        json!("i:9223372036854775807"),
        json!("i:-9223372036854775808"),
        json!("i:9007199254740993"),
        json!("r:0.1"),
        json!("r:-0.0"),
        json!("r:1.0"),
        json!("r:5e-324"),
        json!("r:1.7976931348623157e308"),
        json!("r:inf"),
        json!("r:-inf"),
        json!("t:"),
        json!("t:a\u{0}b"),
        json!("t:'; DROP TABLE product; --"),
        json!("t:\u{feff}é\u{1f600}"),
        json!("b:"),
        json!("b:00ff00"),
    ] {
        let said = shop.rows("SELECT ?, typeof(?1)", json!([value]));
        assert_eq!(said["rows"][0][0], value, "{said}");
        let kind = match value.as_str().map(|text| &text[..1]) {
            None => "t:null",
            Some("i") => "t:integer",
            Some("r") => "t:real",
            Some("t") => "t:text",
            _ => "t:blob",
        };
        assert_eq!(said["rows"][0][1], kind, "{value}");
    }
}

#[test]
fn a_value_survives_being_stored() {
    let shop = Shop::new();
    shop.change(&["CREATE TABLE any (v)"], json!([]));
    let values = ["i:-9223372036854775808", "r:inf", "t:a\u{0}b", "b:fffe"];
    for value in values {
        let said = shop.change(&["INSERT INTO any VALUES (?)"], json!([value]));
        assert_eq!(said[0]["changed"], 1, "{said}");
    }
    let said = shop.rows("SELECT v FROM any ORDER BY rowid", json!([]));
    let expected: Vec<Value> = values.iter().map(|value| json!([value])).collect();
    assert_eq!(said["rows"], json!(expected));
}

#[test]
fn text_that_is_not_utf8_comes_back_as_bytes() {
    let shop = Shop::new();
    let by_hand = shop.by_hand();
    by_hand.execute("INSERT INTO log VALUES (CAST(x'61ff62' AS TEXT))", []).unwrap();
    let said = shop.rows("SELECT what, typeof(what) FROM log", json!([]));
    assert_eq!(said["rows"], json!([["b:61ff62", "t:text"]]));
}

#[test]
fn not_a_number_is_refused() {
    let shop = Shop::new();
    refused(&shop.rows("SELECT ?", json!(["r:nan"])), "invalid", "is not a number (NaN)");
}

#[test]
fn names_stand_for_values() {
    let shop = Shop::new();
    let said = shop.rows("SELECT :a || @b || $c || :a", json!({"a": "1", "b": "2", "c": "3"}));
    assert_eq!(said["rows"], json!([["t:1231"]]));
    let check = |sql: &str, params: Value, words: &str| {
        refused(&shop.rows(sql, params), "invalid", words);
    };
    check("SELECT ?", json!([]), "has 1 parameters, and 0 values were given");
    check("SELECT ?", json!(["a", "b"]), "has 1 parameters, and 2 values were given");
    check("SELECT 1", json!(["a"]), "has 0 parameters, and 1 values were given");
    check("SELECT :a", json!({"b": "1"}), "no value is given for `:a`");
    check("SELECT :a", json!({"a": "1", "b": "2"}), "has no parameter `b`");
    check("SELECT :a, ?", json!({"a": "1"}), "parameter 2 of the statement has no name");
    check("SELECT ?3", json!({"3": "1"}), "has no name");
    check("SELECT :a", json!([["a", "1"], ["a", "2"]]), "`a` is given twice");
}

#[test]
fn rows_come_in_pages() {
    let shop = Shop::new();
    let page = |skip: u64| {
        let sql = ["SELECT name FROM product ORDER BY id"];
        shop.says(json!({"do": "query", "sql": sql, "skip": skip, "rows": 2}))
    };
    let names = |said: &Value| said["rows"].to_string();
    assert_eq!(names(&page(0)), r#"[["t:apple"],["t:pear"]]"#);
    assert_eq!(page(0)["truncated"], true);
    assert_eq!(names(&page(2)), r#"[["t:quince"]]"#);
    assert_eq!(page(2)["truncated"], false);
    assert_eq!(names(&page(9)), "[]");
    let nothing = shop.says(json!({"do": "query", "sql": ["SELECT 1"], "rows": 0}));
    assert_eq!((&nothing["rows"], &nothing["truncated"]), (&json!([]), &json!(true)));
    let bytes =
        json!({"do": "query", "sql": ["SELECT name FROM product ORDER BY id"], "bytes": 50});
    let said = shop.says(bytes);
    assert_eq!(
        (names(&said).as_str(), &said["truncated"]),
        (r#"[["t:apple"],["t:pear"]]"#, &json!(true))
    );
}

#[test]
fn a_change_says_what_it_did() {
    let shop = Shop::new();
    let said = shop.change(
        &["INSERT INTO product (name, price) VALUES ('fig', 1) RETURNING id, name"],
        json!([]),
    );
    assert_eq!((&said[0]["changed"], &said[0]["last"]), (&json!(1), &json!("4")));
    assert_eq!(said[0]["returned"]["rows"], json!([["i:4", "t:fig"]]));
    // The row, and the one that the trigger wrote.
    let said = shop.change(&["DELETE FROM product WHERE id = 1"], json!([]));
    assert_eq!(said[0]["changed"], 2);
    let said = shop.change(&["CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)"], json!([]));
    assert_eq!((&said[0]["changed"], &said[1]["changed"]), (&json!(0), &json!(2)));
    let said = shop.change(&["ALTER TABLE t ADD COLUMN b CHECK (b > 0)"], json!([]));
    assert_eq!(said[0]["changed"], 0, "{said}");
}

#[test]
fn statements_happen_together_or_not_at_all() {
    let shop = Shop::new();
    let before = shop.contents();
    let said = shop.change(
        &[
            "DELETE FROM product WHERE id = 1",
            "CREATE TABLE t (a)",
            "INSERT INTO product VALUES (9, 'pear', 1)",
        ],
        json!([]),
    );
    refused(&said, "failed", "UNIQUE constraint failed: product.name; nothing was changed");
    assert_eq!(shop.contents(), before);
    refused(&shop.change(&[], json!([])), "invalid", "0 statements are given");
}

#[test]
fn full_text_search_works_where_it_may_change_something() {
    let shop = Shop::new();
    let said = shop.change(
        &[
            "CREATE VIRTUAL TABLE note USING fts5(text)",
            "INSERT INTO note VALUES ('an apple a day'), ('pears')",
        ],
        json!([]),
    );
    assert!(said.is_array(), "{said}");
    let said = shop.rows("SELECT text FROM note WHERE note MATCH ?", json!(["apple"]));
    assert_eq!(said["rows"], json!([["t:an apple a day"]]), "{said}");
}

#[test]
fn the_schema_can_be_asked_for() {
    let shop = Shop::new();
    for sql in [
        "SELECT name, sql FROM sqlite_schema",
        "PRAGMA table_info(product)",
        "SELECT name FROM pragma_table_info('product')",
        "PRAGMA table_list",
        "PRAGMA index_list(product)",
        "PRAGMA user_version",
        "PRAGMA integrity_check",
        "EXPLAIN QUERY PLAN SELECT * FROM cheap",
        "EXPLAIN SELECT 1",
        "VALUES (1), (2)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT date('now'), random(), sqlite_version()",
    ] {
        let said = shop.rows(sql, json!([]));
        assert!(said["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{sql}: {said}");
    }
}

#[test]
fn secrets_neither_go_in_nor_come_out() {
    let shop = Shop::new();
    shop.by_hand()
        .execute("INSERT INTO log VALUES ('key: hunter2-hunter2'), (x'0068756e746572322d68756e7465723200')", [])
        .unwrap();
    let said = shop.rows("SELECT what, 1 AS \"hunter2-hunter2\" FROM log", json!([]));
    assert_eq!(said["columns"][1], "{{secret:KEY}}");
    assert_eq!(said["rows"][0][0], "t:key: {{secret:KEY}}");
    assert!(!said.to_string().contains("68756e74657232"), "{said}");
    // In SQLite's words, too.
    let said = shop.rows("SELECT * FROM \"hunter2-hunter2\"", json!([]));
    refused(&said, "invalid", "no such table: {{secret:KEY}}");
    let check = |sql: &str, params: Value| {
        refused(&shop.change(&[sql], params), "invalid", "the secret `KEY` stands in");
    };
    check("INSERT INTO log VALUES ('{{secret:KEY}}')", json!([]));
    check("INSERT INTO log VALUES (?)", json!(["t:x{{secret:KEY}}"]));
    check("INSERT INTO log VALUES (?)", json!(["b:7b7b7365637265743a4b45597d7d"]));
    check("INSERT INTO log VALUES (:a)", json!({"a": "{{secret:KEY}}"}));
}
