//! Kinds of events that one table alone tells apart: what they do, and that a row which says something
//! else is found.

use super::super::findings::Findings;
use super::super::journal::Line;
use super::Replay;
use expect_test::{Expect, expect};
use rusqlite::Connection;

const RUN: &str = "run_aaaaaaaaaaaa";

/// A run whose call was voted on, edited, asked about again, escalated, warned of and expired; a call that repeats
/// an approval and started a program; and one that was tried again by itself.
const ROWS: &str = r#"
INSERT INTO roles VALUES (1, x'00', 'demo', x'', '', '{}');
INSERT INTO runs (n, id, role, state, owner, fence, prompt, "trigger", requester, max_requests,
  max_tool_calls, max_wall_time, turns, created_at, updated_at)
VALUES (1, 'run_aaaaaaaaaaaa', 1, 'running', 'own', 1, '', 'cli', 'os:alice', 1, 1, 1, 1, 1, 2);
INSERT INTO messages (run, message) VALUES (1, '{}');
INSERT INTO boots (n, id) VALUES (1, 'boot');
INSERT INTO rules VALUES (1, '{"quorum":2}');
INSERT INTO pending_approvals (n, run_id, tool_call_id, tool, agent, state, arguments, created_at,
  resolved_at, resolved_by, authenticated_as, decision, rule, source, warned_at, escalated_at)
VALUES
  (1, 'run_aaaaaaaaaaaa', 'a', 't', 'demo', 'waiting', '{"x":1}', 3, 5, 'al', 'os:alice', 'edited', 1,
   NULL, NULL, NULL),
  (2, 'run_aaaaaaaaaaaa', 'a', 't', 'demo', 'waiting', '{"x":2}', 6, 8, 'system', 'system', 'expired', 1,
   1, 7, 7),
  (3, 'run_aaaaaaaaaaaa', 'b', 't', 'demo', 'waiting', '{}', 9, 9, 'al', 'os:alice', 'approve', NULL, 2,
   NULL, NULL);
INSERT INTO votes VALUES (1, 1, 'os:bob', 'bob', 4);
INSERT INTO calls (n, run, id, turn, position, entry, tool, model_tool, arguments, proposed, state,
  request, attempts, created_at)
VALUES
  (1, 1, 'a', 1, 0, 't', 't', 't', '{"x":2}', '{"x":1}', 'expired', 2, 0, 2),
  (2, 1, 'b', 1, 1, 't', 't', 't', '{}', NULL, 'started', 3, 1, 2),
  (3, 1, 'c', 1, 2, 't', 't', 't', '{}', NULL, 'approved', NULL, 1, 2);
INSERT INTO programs VALUES (1, 2, 1, 47, 1000, 1, 11);
"#;

const EVENTS: [(i64, &str, &str, &str); 15] = [
    (1, "", "run_created", r#"{"fence":1,"owner":"own","requester":"os:alice","trigger":"cli"}"#),
    (
        2,
        "",
        "turn_recorded",
        r#"{"calls":[["a","waiting"],["b","waiting"],["c","ready"]],"turn":1}"#,
    ),
    (3, "a", "approval_requested", r#"{"request":1}"#),
    (4, "a", "approval_voted", r#"{"authenticated_as":"os:bob","by":"bob","request":1}"#),
    (5, "a", "approval_edited", r#"{"authenticated_as":"os:alice","by":"al","request":1}"#),
    (6, "a", "approval_requested", r#"{"request":2,"source":1}"#),
    (7, "a", "approval_expiring", r#"{"request":2}"#),
    (7, "a", "approval_escalated", r#"{"request":2,"reviewers":["os:carol"]}"#),
    (8, "a", "approval_expired", r#"{"request":2}"#),
    (
        9,
        "b",
        "approval_remembered",
        r#"{"authenticated_as":"os:alice","by":"al","request":3,"source":2}"#,
    ),
    (10, "b", "call_started", r#"{"attempt":1}"#),
    (11, "b", "program_started", r#"{"attempt":1,"pid":47,"start_time":1000}"#),
    (12, "c", "call_started", r#"{"attempt":1}"#),
    (13, "c", "call_unknown", "{}"),
    (14, "c", "unknown_retried", "{}"),
];

/// Plays all of it back, after `change`; gives what was found.
fn found(change: &str) -> String {
    let played = || {
        let conn = Connection::open_in_memory()?;
        conn.execute_batch(include_str!("../schema.sql"))?;
        conn.execute_batch(ROWS)?;
        // Starting a call sets the run's time, as does the last event that may.
        conn.execute_batch("UPDATE runs SET updated_at = 14")?;
        conn.execute_batch(change)?;
        let mut findings = Findings::default();
        let mut replay = Replay::new(&conn);
        for (sequence, (at, call, kind, body)) in (1..).zip(EVENTS) {
            let call = (!call.is_empty()).then_some(call);
            let line = Line { sequence, at, run: RUN, call, kind, body };
            replay.event(&line, true, &mut findings)?;
        }
        // Which rows no event speaks of is looked up in the events.
        replay.compared.requests = 3;
        replay
            .runs
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .into_iter()
            .try_for_each(|id| replay.finish(&id, &mut findings))?;
        Ok::<_, super::Fault>(findings.sentences.join("\n"))
    };
    match played() {
        Ok(found) => found,
        Err(fault) => panic!("{fault:?}"),
    }
}

fn check(change: &str, expected: Expect) {
    expected.assert_eq(&found(change));
}

#[test]
fn rows_that_the_verbs_would_have_written_fit() {
    check("", expect![""]);
}

#[test]
fn each_row_that_says_something_else_is_found() {
    check(
        "DELETE FROM votes",
        expect!["approval request 1 (call a, run run_aaaaaaaaaaaa): the vote of `os:bob` is gone"],
    );
    check(
        "UPDATE votes SET authenticated_as = 'os:eve'",
        expect![
            "approval request 1 (call a, run run_aaaaaaaaaaaa): the vote of `os:eve` is not one that the journal tells of"
        ],
    );
    check(
        "INSERT INTO votes VALUES (2, 1, 'os:eve', 'eve', 4)",
        expect![
            "approval request 1 (call a, run run_aaaaaaaaaaaa): the vote of `os:eve` is not one that the journal tells of"
        ],
    );
    check(
        "UPDATE pending_approvals SET decision = 'approve' WHERE n = 1",
        expect![
            "approval request 1 (call a, run run_aaaaaaaaaaaa): the decision is `approve`, and the journal says `edited` (event 5)"
        ],
    );
    check(
        "UPDATE pending_approvals SET decision = 'approve' WHERE n = 2",
        expect![
            "approval request 2 (call a, run run_aaaaaaaaaaaa): the decision is `approve`, and the journal says `expired` (event 9)"
        ],
    );
    check(
        "UPDATE pending_approvals SET warned_at = NULL WHERE n = 2",
        expect![
            "approval request 2 (call a, run run_aaaaaaaaaaaa): the time of warning is none, and the journal says `1970-01-01T00:00:00.000007Z` (event 9)"
        ],
    );
    check(
        "UPDATE pending_approvals SET escalated_at = 3 WHERE n = 2",
        expect![
            "approval request 2 (call a, run run_aaaaaaaaaaaa): the time of escalation is `1970-01-01T00:00:00.000003Z`, and the journal says `1970-01-01T00:00:00.000007Z` (event 9)"
        ],
    );
    check(
        "UPDATE pending_approvals SET resolved_by = 'eve' WHERE n = 3",
        expect![
            "approval request 3 (call b, run run_aaaaaaaaaaaa): the decider is `eve`, and the journal says `al` (event 10)"
        ],
    );
    check(
        "UPDATE calls SET proposed = NULL WHERE n = 1",
        expect![
            "the arguments of call a of run run_aaaaaaaaaaaa are not edited, and the journal says that they were"
        ],
    );
    check(
        "UPDATE calls SET arguments = '{\"x\":3}' WHERE n = 1",
        expect![
            "the arguments of call a of run run_aaaaaaaaaaaa are not those that were asked about"
        ],
    );
    check(
        "UPDATE calls SET state = 'approved' WHERE n = 1",
        expect![
            "call a of run run_aaaaaaaaaaaa: the state is `approved`, and the journal says `expired` (event 2)"
        ],
    );
    check(
        "UPDATE calls SET state = 'unknown' WHERE n = 3",
        expect![
            "call c of run run_aaaaaaaaaaaa: the state is `unknown`, and the journal says `approved` (event 2)"
        ],
    );
    check(
        "UPDATE programs SET pid = 48",
        expect!["the programs of call b of run run_aaaaaaaaaaaa are not those recorded"],
    );
    check(
        "DELETE FROM programs",
        expect!["the programs of call b of run run_aaaaaaaaaaaa are not those recorded"],
    );
}

#[test]
fn an_event_of_an_unknown_kind_leaves_its_run_uncompared_and_says_so() {
    let Ok(conn) = Connection::open_in_memory() else { panic!("no database") };
    let mut findings = Findings::default();
    let mut replay = Replay::new(&conn);
    for (kind, body) in [("run_dreamt", "{}"), ("run_paused", "{")] {
        let line = Line { sequence: 1, at: 1, run: RUN, call: None, kind, body };
        assert!(replay.event(&line, true, &mut findings).is_ok());
    }
    expect![[r#"
        event 1 (run_dreamt) is of a kind that this program does not know, so the rows of run run_aaaaaaaaaaaa were not compared; it was written by another version of the program
        event 1 (run_paused) holds what this program cannot read, so the rows of run run_aaaaaaaaaaaa were not compared; it was written by another version of the program"#]].assert_eq(&findings.sentences.join("\n"));
}
