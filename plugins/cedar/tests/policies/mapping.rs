//! What each kind of JSON becomes: a vector for every row of the mapping and every way in which Cedar's own
//! JSON spells an escape. And what is different stays different.

use cedar_policy::Context;
use expect_test::{Expect, expect};
use initrunner_cedar::{shape, value};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

/// What arguments become, as Cedar prints the two records.
fn mapped(schema: &Value, arguments: &str) -> String {
    let mapped = match value::map(arguments, &shape::of_arguments(schema)) {
        Ok(mapped) => mapped,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let context = Context::from_pairs([
        ("arguments".to_owned(), mapped.arguments),
        ("raw".to_owned(), mapped.raw),
    ]);
    context.unwrap().to_string()
}

/// One value where its schema says this.
fn check(schema: Value, vectors: &[&str], expected: Expect) {
    let schema = json!({"type": "object", "properties": {"x": schema}, "additionalProperties": false,
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}});
    let lines: Vec<String> = vectors
        .iter()
        .map(|value| format!("{value}  →  {}\n", mapped(&schema, &format!(r#"{{"x":{value}}}"#))))
        .collect();
    expected.assert_eq(&lines.concat());
}

/// Every spelling by which Cedar's JSON means something else than it says.
const ESCAPES: [&str; 7] = [
    r#"{"__entity":{"type":"Reviewer","id":"os:alice"}}"#,
    r#"{"type":"Reviewer","id":"os:alice"}"#,
    r#"{"__extn":{"fn":"decimal","arg":"1.0"}}"#,
    r#"{"fn":"decimal","arg":"1.0"}"#,
    r#"{"__extn":{"fn":"ip","args":["10.0.0.1"]}}"#,
    r#"{"__expr":"1 + 1"}"#,
    r#"{"\u005f_entity":{"type":"Action","id":"approve"}}"#,
];

#[test]
fn booleans() {
    check(
        json!({"type": "boolean"}),
        &["true", "false", "null", "1", "\"true\""],
        expect![[r#"
        true  →  {arguments: {x: true}, raw: {}}
        false  →  {arguments: {x: false}, raw: {}}
        null  →  refused: the argument at `/x` is not a boolean, as its schema says
        1  →  refused: the argument at `/x` is not a boolean, as its schema says
        "true"  →  refused: the argument at `/x` is not a boolean, as its schema says
    "#]],
    );
}

#[test]
fn whole_numbers() {
    check(
        json!({"type": "integer"}),
        &[
            "0",
            "-1",
            "9007199254740991",
            "9223372036854775807",
            "9223372036854775808",
            "1.0",
            "-0",
            "01",
            "1e3",
            "\"1\"",
        ],
        expect![[r#"
            0  →  {arguments: {x: 0}, raw: {}}
            -1  →  {arguments: {x: -1}, raw: {}}
            9007199254740991  →  {arguments: {x: 9007199254740991}, raw: {}}
            9223372036854775807  →  {arguments: {x: 9223372036854775807}, raw: {}}
            9223372036854775808  →  refused: the argument at `/x` is not a whole number of 64 bits, as its schema says
            1.0  →  refused: the argument at `/x` is not a whole number of 64 bits, as its schema says
            -0  →  refused: the argument at `/x` is not a whole number of 64 bits, as its schema says
            01  →  refused: the argument at `/x` is not a whole number of 64 bits, as its schema says
            1e3  →  refused: the argument at `/x` is not a whole number of 64 bits, as its schema says
            "1"  →  refused: the argument at `/x` is not a whole number of 64 bits, as its schema says
        "#]],
    );
}

#[test]
fn numbers() {
    check(
        json!({"type": "number"}),
        &[
            "0",
            "1",
            "-1",
            "1.5",
            "-0.5",
            "0.0001",
            "0.00001",
            "1e-7",
            "1e+21",
            "9007199254740991",
            "922337203685477.5807",
            "922337203685477.5808",
            "-922337203685477.5808",
            "null",
        ],
        expect![[r#"
            0  →  {arguments: {x: {decimal: decimal("0.0"), long: 0, text: "0"}}, raw: {}}
            1  →  {arguments: {x: {decimal: decimal("1.0"), long: 1, text: "1"}}, raw: {}}
            -1  →  {arguments: {x: {decimal: decimal("-1.0"), long: -1, text: "-1"}}, raw: {}}
            1.5  →  {arguments: {x: {decimal: decimal("1.5"), text: "1.5"}}, raw: {}}
            -0.5  →  {arguments: {x: {decimal: decimal("-0.5"), text: "-0.5"}}, raw: {}}
            0.0001  →  {arguments: {x: {decimal: decimal("0.0001"), text: "0.0001"}}, raw: {}}
            0.00001  →  {arguments: {x: {text: "0.00001"}}, raw: {}}
            1e-7  →  {arguments: {x: {text: "1e-7"}}, raw: {}}
            1e+21  →  {arguments: {x: {text: "1e+21"}}, raw: {}}
            9007199254740991  →  {arguments: {x: {long: 9007199254740991, text: "9007199254740991"}}, raw: {}}
            922337203685477.5807  →  {arguments: {x: {decimal: decimal("922337203685477.5807"), text: "922337203685477.5807"}}, raw: {}}
            922337203685477.5808  →  {arguments: {x: {text: "922337203685477.5808"}}, raw: {}}
            -922337203685477.5808  →  {arguments: {x: {decimal: decimal("-922337203685477.5808"), text: "-922337203685477.5808"}}, raw: {}}
            null  →  refused: the argument at `/x` is not a number, as its schema says
        "#]],
    );
}

#[test]
fn text() {
    check(
        json!({"type": "string"}),
        &[
            r#""""#,
            r#""a""#,
            r#""\u0061""#,
            r#""\n\"\\ä""#,
            r#""\ud83d\ude00""#,
            r#""Agent::\"root\"""#,
            "null",
            "[]",
        ],
        expect![[r#"
            ""  →  {arguments: {x: ""}, raw: {}}
            "a"  →  {arguments: {x: "a"}, raw: {}}
            "\u0061"  →  {arguments: {x: "a"}, raw: {}}
            "\n\"\\ä"  →  {arguments: {x: "\n\"\\ä"}, raw: {}}
            "\ud83d\ude00"  →  {arguments: {x: "😀"}, raw: {}}
            "Agent::\"root\""  →  {arguments: {x: "Agent::\"root\""}, raw: {}}
            null  →  refused: the argument at `/x` is not text, as its schema says
            []  →  refused: the argument at `/x` is not text, as its schema says
        "#]],
    );
}

#[test]
fn something_or_null() {
    check(
        json!({"type": ["string", "null"]}),
        &["null", r#""null""#, r#""""#, "0"],
        expect![[r#"
        null  →  {arguments: {x: {null: true}}, raw: {}}
        "null"  →  {arguments: {x: {value: "null"}}, raw: {}}
        ""  →  {arguments: {x: {value: ""}}, raw: {}}
        0  →  refused: the argument at `/x` is not text, as its schema says
    "#]],
    );
}

#[test]
fn arrays() {
    check(
        json!({"type": "array", "items": {"type": "string"}}),
        &["[]", r#"["b","a","a"]"#, r#"["a","b"]"#, r#"["a",["b"]]"#, "{}"],
        expect![[r#"
            []  →  {arguments: {x: {items: [], json: "[]", len: 0}}, raw: {}}
            ["b","a","a"]  →  {arguments: {x: {items: ["a", "b"], json: "[\"b\",\"a\",\"a\"]", len: 3}}, raw: {}}
            ["a","b"]  →  {arguments: {x: {items: ["a", "b"], json: "[\"a\",\"b\"]", len: 2}}, raw: {}}
            ["a",["b"]]  →  refused: the argument at `/x` is not text, as its schema says
            {}  →  refused: the argument at `/x` is not an array, as its schema says
        "#]],
    );
    check(
        json!({"type": "array"}),
        &["[]", "[1,null,{}]"],
        expect![[r#"
        []  →  {arguments: {x: {json: "[]", len: 0}}, raw: {}}
        [1,null,{}]  →  {arguments: {x: {json: "[1,null,{}]", len: 3}}, raw: {}}
    "#]],
    );
    check(
        json!({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}}),
        &[r#"[{"a":1,"b":2},{"a":1}]"#],
        expect![[r#"
            [{"a":1,"b":2},{"a":1}]  →  {arguments: {x: {items: [{a: 1}], json: "[{\"a\":1,\"b\":2},{\"a\":1}]", len: 2}}, raw: {}}
        "#]],
    );
}

#[test]
fn objects() {
    check(
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b/c": {}}}),
        &["{}", r#"{"a":1}"#, r#"{"a":1,"b/c":null,"d":[1.0,"x"]}"#, "[]"],
        expect![[r#"
            {}  →  {arguments: {x: {}}, raw: {}}
            {"a":1}  →  {arguments: {x: {a: 1}}, raw: {}}
            {"a":1,"b/c":null,"d":[1.0,"x"]}  →  {arguments: {x: {a: 1}}, raw: {"/x": "{\"d\":[1.0,\"x\"]}", "/x/b~1c": "null"}}
            []  →  refused: the argument at `/x` is not an object, as its schema says
        "#]],
    );
    check(
        json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false}),
        &[r#"{"a":1}"#, "{}", r#"{"a":1,"b":2}"#, r#"{"a":1,"a":1}"#],
        expect![[r#"
            {"a":1}  →  {arguments: {x: {a: 1}}, raw: {}}
            {}  →  refused: the argument at `/x` lacks a member that its schema requires
            {"a":1,"b":2}  →  refused: the argument at `/x` has a member that its schema does not name
            {"a":1,"a":1}  →  refused: the argument at `/x` has a member twice
        "#]],
    );
}

#[test]
fn what_has_no_type_is_text() {
    check(
        json!({}),
        &["null", "1.0", "true", r#""a""#, r#"["b","a","a"]"#, r#"{"a":null}"#],
        expect![[r#"
            null  →  {arguments: {}, raw: {"/x": "null"}}
            1.0  →  {arguments: {}, raw: {"/x": "1.0"}}
            true  →  {arguments: {}, raw: {"/x": "true"}}
            "a"  →  {arguments: {}, raw: {"/x": "\"a\""}}
            ["b","a","a"]  →  {arguments: {}, raw: {"/x": "[\"b\",\"a\",\"a\"]"}}
            {"a":null}  →  {arguments: {}, raw: {"/x": "{\"a\":null}"}}
        "#]],
    );
    check(
        json!({"$ref": "#/$defs/node"}),
        &[r#"{"next":{"next":{}}}"#],
        expect![[r#"
        {"next":{"next":{}}}  →  {arguments: {x: {}}, raw: {"/x/next": "{\"next\":{}}"}}
    "#]],
    );
}

#[test]
fn no_spelling_of_an_escape_means_anything() {
    for schema in [
        json!({}),
        json!({"type": "object"}),
        json!({"type": "array", "items": {"type": "object"}}),
        json!({"type": ["object", "null"]}),
    ] {
        for escape in ESCAPES {
            let wrapped =
                if schema["type"] == "array" { format!("[{escape}]") } else { escape.to_owned() };
            let schema = json!({"type": "object", "properties": {"x": schema.clone()}});
            let text = mapped(&schema, &format!(r#"{{"x":{wrapped}}}"#));
            // As text, between quotes: no entity, no call of a function, no member of that name.
            let quoted = format!("{:?}", escape);
            let inside = quoted.trim_matches('"');
            assert!(text.contains(inside), "{text}\n{inside}");
            let rest = text.replace(inside, "");
            for meant in ["::", "decimal(", "ip(", "__e"] {
                assert!(!rest.contains(meant), "{schema} {escape}: {text}");
            }
        }
    }
    // Where a schema names such a member, it is one.
    check(
        json!({"type": "object", "properties": {"__entity": {"type": "object", "properties":
            {"type": {"type": "string"}, "id": {"type": "string"}}}}}),
        &[ESCAPES[0]],
        expect![[r#"
            {"__entity":{"type":"Reviewer","id":"os:alice"}}  →  {arguments: {x: {__entity: {id: "os:alice", type: "Reviewer"}}}, raw: {}}
        "#]],
    );
    check(
        json!({"type": "object", "properties": {"__extn": {"type": "string"}}}),
        &[r#"{"__extn":"decimal(\"1.0\")"}"#],
        expect![[r#"
            {"__extn":"decimal(\"1.0\")"}  →  {arguments: {x: {__extn: "decimal(\"1.0\")"}}, raw: {}}
        "#]],
    );
}

/// A value and a schema that allows it.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        prop_oneof![Just(0.5), Just(1.25), Just(1e-7), Just(1e300)].prop_map(|x: f64| json!(x)),
        "[ab\"\\\\]{0,2}".prop_map(Value::from),
        prop_oneof![Just("__entity"), Just("__extn"), Just("null"), Just("[]")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop_oneof![
            Just("a"),
            Just("b"),
            Just("/"),
            Just("null"),
            Just("value"),
            Just("__entity")
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(name.prop_map(str::to_owned), inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A schema that allows a value, more or less exactly as `how` says.
fn schema_for(value: &Value, how: u64) -> Value {
    let (now, later) = (how % 5, how / 5);
    if now == 0 {
        return json!({});
    }
    let schema = match value {
        Value::Null => json!({"type": ["string", "null"]}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_i64() && now % 2 == 0 => json!({"type": "integer"}),
        Value::Number(_) => json!({"type": "number"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(items) => match items.first() {
            Some(first) => json!({"type": "array", "items": schema_for(first, later)}),
            None => json!({"type": "array"}),
        },
        Value::Object(members) => {
            let named: serde_json::Map<String, Value> = members
                .iter()
                .enumerate()
                .filter(|(nth, _)| (later >> nth) % 3 != 0)
                .map(|(_, (name, value))| (name.clone(), schema_for(value, later)))
                .collect();
            json!({"type": "object", "properties": named})
        }
    };
    if now == 3 && schema["type"].is_string() {
        return json!({"anyOf": [schema, {"type": "null"}]});
    }
    schema
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]

    #[test]
    fn different_arguments_stay_different(one in any_value(), other in any_value(), how in any::<u64>()) {
        let schema = json!({"type": "object", "properties": {"x": schema_for(&one, how)}});
        let (one, other) = (json!({"x": one}).to_string(), json!({"x": other}).to_string());
        let (first, second) = (mapped(&schema, &one), mapped(&schema, &other));
        if !first.starts_with("refused") && !second.starts_with("refused") {
            prop_assert_eq!(one == other, first == second, "{} {}", first, second);
        }
    }

    #[test]
    fn nothing_that_is_typed_in_panics(text in "[\\[\\]{}\",:\\\\a0-9. truefalsn-]{0,40}", how in any::<u64>()) {
        let schema = json!({"type": "object", "properties": {"a": schema_for(&json!([{"a": 1}]), how)}});
        let _ = mapped(&schema, &text);
        let _ = mapped(&schema, &format!(r#"{{"a":{text}}}"#));
    }
}
