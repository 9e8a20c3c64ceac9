//! What is not there.

use super::{COMPLETIONS, Table};
use crate::roles::{self};
use expect_test::expect;
use initrunner_tests::serve::Server;

#[test]
fn what_is_not_there() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    for path in [
        "/v1/models/nobody",
        "/v1/models/%00",
        "/v1/models/%ff",
        "/v1/runs/run_aaaaaaaaaaaa",
        "/v1/runs/x",
        "/v1/runs/%ff",
        "/v1/runs?limit=x",
        "/v1/runs?limit=-1",
        "/v1/runs?colour=red",
        "/v1/approvals/run_aaaaaaaaaaaa",
        "/v1/approvals/%ff",
        "/v1/approvals?limit=x",
        "/v1/approvals?colour=red",
        "/v1/nothing",
        "/v1/chat/completions/",
        "/",
        "//v1/models",
        "/v1/../v1/models",
        COMPLETIONS,
    ] {
        table.row(&format!("GET {path}"), &server.get(path));
    }
    for (method, path) in [
        ("DELETE", "/v1/runs/run_aaaaaaaaaaaa"),
        ("PUT", COMPLETIONS),
        ("PATCH", "/v1/approvals/run_aaaaaaaaaaaa"),
        ("POST", "/v1/models"),
        ("POST", "/v1/runs/run_aaaaaaaaaaaa/cancel"),
        ("POST", "/v1/nothing"),
        ("COOK", "/v1/models"),
    ] {
        let answer = server.request(method, path).json("{}").send();
        table.row(&format!("{method} {path}"), &answer);
    }
    table.check(expect![[r#"
        GET /v1/models/nobody                  404 model_not_found [model] there is no model `nobody`; this server has `asking`, `free`
        GET /v1/models/%00                     404 model_not_found [model] there is no model `\x00`; this server has `asking`, `free`
        GET /v1/models/%ff                     400 invalid_request [path] the path is not text in UTF-8
        GET /v1/runs/RUN_____________          404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        GET /v1/runs/x                         404 unknown_run [-] there is no run `x`; `initrunner runs` lists them
        GET /v1/runs/%ff                       400 invalid_request [path] the path is not text in UTF-8
        GET /v1/runs?limit=x                   400 invalid_request [limit] `limit` is a number from 1 to 1000
        GET /v1/runs?limit=-1                  400 invalid_request [limit] `limit` is a number from 1 to 1000
        GET /v1/runs?colour=red                400 invalid_request [colour] `colour` is not known; there are `after`, `limit`, `order`, `requester`, `role`, `since`, `state`, `until`
        GET /v1/approvals/RUN_____________     404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        GET /v1/approvals/%ff                  400 invalid_request [path] the path is not text in UTF-8
        GET /v1/approvals?limit=x              400 invalid_request [limit] `limit` is a number from 1 to 1000
        GET /v1/approvals?colour=red           400 invalid_request [colour] `colour` is not known; there are `after`, `limit`, `order`, `requester`, `role`, `run`, `since`, `state`, `tool`, `until`
        GET /v1/nothing                        404 unknown_path [-] there is nothing at this path
        GET /v1/chat/completions/              404 unknown_path [-] there is nothing at this path
        GET /                                  404 unknown_path [-] there is nothing at this path
        GET //v1/models                        404 unknown_path [-] there is nothing at this path
        GET /v1/../v1/models                   404 unknown_path [-] there is nothing at this path
        GET /v1/chat/completions               405 method_not_allowed [-] this path does not take this method
        DELETE /v1/runs/RUN_____________       405 method_not_allowed [-] this path does not take this method
        PUT /v1/chat/completions               405 method_not_allowed [-] this path does not take this method
        PATCH /v1/approvals/RUN_____________   405 method_not_allowed [-] this path does not take this method
        POST /v1/models                        405 method_not_allowed [-] this path does not take this method
        POST /v1/runs/RUN_____________/cancel  404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        POST /v1/nothing                       404 unknown_path [-] there is nothing at this path
        COOK /v1/models                        405 method_not_allowed [-] this path does not take this method
    "#]]);
}
