//! What the queue shows, and of what.

use crate::desk::{ASKING, Desk};
use expect_test::expect;
use std::fmt::Write as _;

#[test]
fn the_queue_is_asked_by_role_tool_requester_and_age() {
    let desk = Desk::start();
    desk.paused("run echo one");
    desk.paused("run echo two");
    let mut reviewer = desk.visitor("reviewer");
    let mut table = String::new();
    for query in [
        "",
        "?role=&tool=&requester=&until=&order=",
        &format!("?role={ASKING}"),
        "?role=other",
        "?tool=shell",
        "?tool=none",
        "?requester=key:all",
        "?requester=key:second",
        "?until=0s",
        "?until=1h",
        "?since=1h",
        "?limit=1",
        "?limit=1&role=asking&order=oldest",
        "?until=soon",
        "?order=expiring",
        "?order=odd",
        "?colour=red",
    ] {
        let answer = reviewer.get(&format!("/approvals{query}"));
        let page = answer.text();
        let shown: Vec<&str> =
            ["echo one", "echo two"].into_iter().filter(|call| page.contains(call)).collect();
        // What the next page is asked for, beside its place.
        let more = page.split_once("/approvals?after=").and_then(|(_, rest)| rest.split_once('"'));
        let kept =
            more.map(|(address, _)| address.split_once("&amp;").map_or("", |(_, kept)| kept));
        let kept = kept.map(|kept| format!(" more of {}", kept.replace("&amp;", "&")));
        let _ =
            writeln!(table, "{query:<40} {} {shown:?}{}", answer.status, kept.unwrap_or_default());
    }
    expect![[r#"
                                                 200 ["echo one", "echo two"]
        ?role=&tool=&requester=&until=&order=    200 ["echo one", "echo two"]
        ?role=asking                             200 ["echo one", "echo two"]
        ?role=other                              200 []
        ?tool=shell                              200 ["echo one", "echo two"]
        ?tool=none                               200 []
        ?requester=key:all                       200 ["echo one", "echo two"]
        ?requester=key:second                    200 []
        ?until=0s                                200 ["echo one", "echo two"]
        ?until=1h                                200 []
        ?since=1h                                200 ["echo one", "echo two"]
        ?limit=1                                 200 ["echo two"] more of limit=1
        ?limit=1&role=asking&order=oldest        200 ["echo one"] more of role=asking&order=oldest&limit=1
        ?until=soon                              400 []
        ?order=expiring                          200 ["echo one", "echo two"]
        ?order=odd                               400 []
        ?colour=red                              400 []
    "#]]
    .assert_eq(&table);
}
