//! Bodies that mean nothing.

use super::{COMPLETIONS, Table};
use crate::roles::{self, ASKING, FREE};
use expect_test::expect;
use initrunner_tests::serve::Server;

#[test]
fn bodies_that_mean_nothing() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let in_key = format!(r#"{{"model":{deep}}}"#);
    let twice = format!(r#"{{"model":"{FREE}","model":"{ASKING}","messages":[]}}"#);
    let bodies: [(&str, &[u8]); 14] = [
        ("nothing", b""),
        ("blanks", b" \n "),
        ("half an object", b"{"),
        ("no JSON", b"hello"),
        ("a list", b"[]"),
        ("a text", b"\"x\""),
        ("null", b"null"),
        ("no UTF-8", b"{\"model\":\"\xff\"}"),
        ("half a surrogate pair", br#"{"model":"\ud800"}"#),
        ("a number that no program holds", br#"{"model":1e999}"#),
        ("two objects", b"{}{}"),
        ("a key twice", twice.as_bytes()),
        ("a deep list", deep.as_bytes()),
        ("a deep list in a key", in_key.as_bytes()),
    ];
    for path in [COMPLETIONS, "/v1/approvals/run_aaaaaaaaaaaa"] {
        for (what, body) in bodies {
            table.row(&format!("{} {what}", &path[3..9]), &server.post(path, body));
        }
    }
    table.check(expect![[r#"
        /chat/ nothing                         400 invalid_request [body] the body is empty; send a JSON object
        /chat/ blanks                          400 invalid_request [body] the body is empty; send a JSON object
        /chat/ half an object                  400 invalid_request [body] the body: the JSON cannot be used: EOF while parsing an object at line 1 column 1
        /chat/ no JSON                         400 invalid_request [body] the body: the JSON cannot be used: expected value at line 1 column 1
        /chat/ a list                          400 invalid_request [body] the body is no JSON object
        /chat/ a text                          400 invalid_request [body] the body is no JSON object
        /chat/ null                            400 invalid_request [body] the body is no JSON object
        /chat/ no UTF-8                        400 invalid_request [body] the body is not text in UTF-8
        /chat/ half a surrogate pair           400 invalid_request [body] the body: the JSON cannot be used: unexpected end of hex escape at line 1 column 17
        /chat/ a number that no program holds  400 invalid_request [body] the body: the JSON cannot be used: number out of range at line 1 column 14
        /chat/ two objects                     400 invalid_request [body] the body: the JSON cannot be used: trailing characters at line 1 column 3
        /chat/ a key twice                     400 invalid_request [body] the body: the JSON cannot be used: a key occurs twice in one object at line 1 column 32
        /chat/ a deep list                     400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 128
        /chat/ a deep list in a key            400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 136
        /appro nothing                         400 invalid_request [body] the body is empty; send a JSON object
        /appro blanks                          400 invalid_request [body] the body is empty; send a JSON object
        /appro half an object                  400 invalid_request [body] the body: the JSON cannot be used: EOF while parsing an object at line 1 column 1
        /appro no JSON                         400 invalid_request [body] the body: the JSON cannot be used: expected value at line 1 column 1
        /appro a list                          400 invalid_request [body] the body is no JSON object
        /appro a text                          400 invalid_request [body] the body is no JSON object
        /appro null                            400 invalid_request [body] the body is no JSON object
        /appro no UTF-8                        400 invalid_request [body] the body is not text in UTF-8
        /appro half a surrogate pair           400 invalid_request [body] the body: the JSON cannot be used: unexpected end of hex escape at line 1 column 17
        /appro a number that no program holds  400 invalid_request [body] the body: the JSON cannot be used: number out of range at line 1 column 14
        /appro two objects                     400 invalid_request [body] the body: the JSON cannot be used: trailing characters at line 1 column 3
        /appro a key twice                     400 invalid_request [body] the body: the JSON cannot be used: a key occurs twice in one object at line 1 column 32
        /appro a deep list                     400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 128
        /appro a deep list in a key            400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 136
    "#]]);
}
