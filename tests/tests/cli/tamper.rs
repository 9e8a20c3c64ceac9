//! Whoever changes what was written down, in the journal or in any other table, is found out: each
//! tampering below is planted into a database with every kind of run, and again after pruning.

use crate::{ASKING, RUNNER};
use expect_test::{Expect, expect};
use initrunner_tests::home::{Home, Ran, until};
use std::fs;
use std::path::PathBuf;

/// One tampering: what is done, and to what, in SQL. All of them change rows that pruning keeps.
struct Tampering {
    what: &'static str,
    sql: &'static str,
}

const TAMPERINGS: [Tampering; 20] = [
    Tampering {
        what: "edit the body of an event",
        sql: "UPDATE events SET body = replace(body, '\"deny\"', '\"approve\"')
              WHERE kind = 'approval_decided' AND body LIKE '%too wide%'",
    },
    Tampering {
        what: "delete an event",
        sql: "DELETE FROM events WHERE kind = 'approval_decided' AND body LIKE '%too wide%'",
    },
    Tampering {
        what: "let two events change places",
        sql: "UPDATE events SET sequence = -1 WHERE sequence = (
                SELECT max(sequence) FROM events WHERE kind = 'approval_requested');
              UPDATE events SET sequence = sequence - 1 WHERE sequence = (
                SELECT min(sequence) FROM events WHERE kind = 'run_paused' AND sequence > (
                  SELECT max(sequence) FROM events WHERE kind = 'approval_requested'));
              UPDATE events SET sequence = 1 + (SELECT max(sequence) FROM events
                WHERE kind = 'run_paused') WHERE sequence = -1",
    },
    Tampering {
        what: "cut off the end",
        sql: "DELETE FROM events WHERE sequence > (SELECT max(sequence) - 1 FROM events)",
    },
    Tampering {
        what: "turn a denial into an approval",
        sql: "UPDATE pending_approvals SET decision = 'approve', reason = NULL
              WHERE reason = 'too wide'",
    },
    Tampering {
        what: "replace the decider",
        sql: "UPDATE pending_approvals SET resolved_by = 'mallory', authenticated_as = 'os:mallory'
              WHERE reason = 'too wide'",
    },
    Tampering {
        what: "replace the reason",
        sql: "UPDATE pending_approvals SET reason = 'not today' WHERE reason = 'too wide'",
    },
    Tampering {
        what: "swap the arguments of two calls",
        sql: "UPDATE calls SET arguments = (SELECT other.arguments FROM calls AS other
                WHERE other.run = calls.run AND other.position = 1 - calls.position)
              WHERE state = 'waiting'",
    },
    Tampering {
        what: "swap the arguments of two calls, and of the questions about them",
        sql: "UPDATE calls SET arguments = (SELECT other.arguments FROM calls AS other
                WHERE other.run = calls.run AND other.position = 1 - calls.position)
              WHERE state = 'waiting';
              UPDATE pending_approvals SET arguments = (SELECT calls.arguments FROM calls
                WHERE calls.request = pending_approvals.n) WHERE resolved_at IS NULL",
    },
    Tampering {
        what: "alter a run's state",
        sql: "UPDATE runs SET state = 'interrupted' WHERE state = 'paused'",
    },
    Tampering {
        what: "alter a call's state",
        sql: "UPDATE calls SET state = 'approved' WHERE position = 0 AND state = 'waiting'",
    },
    Tampering {
        what: "alter a call's result",
        sql: "UPDATE calls SET result = 'all is well' WHERE state = 'succeeded'",
    },
    Tampering {
        what: "forge an approval that nobody gave",
        sql: "INSERT INTO pending_approvals (run_id, tool_call_id, tool, agent, state, arguments,
                created_at, resolved_at, resolved_by, authenticated_as, decision)
              SELECT run_id, tool_call_id, tool, agent, state, arguments, created_at, created_at,
                'alice', 'os:alice', 'approve' FROM pending_approvals WHERE reason = 'too wide'",
    },
    Tampering {
        what: "forge the approval of a call that waits",
        sql: "UPDATE pending_approvals SET resolved_at = created_at, resolved_by = 'alice',
                authenticated_as = 'os:alice', decision = 'approve' WHERE resolved_at IS NULL;
              UPDATE calls SET state = 'approved' WHERE state = 'waiting'",
    },
    Tampering {
        what: "alter a message of the history",
        sql: "UPDATE messages SET message = replace(message, 'touch a', 'touch z')
              WHERE message LIKE '%touch a%'",
    },
    Tampering {
        what: "delete a resolved approval",
        sql: "UPDATE calls SET request = NULL WHERE request IN (
                SELECT n FROM pending_approvals WHERE reason = 'too wide');
              DELETE FROM pending_approvals WHERE reason = 'too wide'",
    },
    Tampering {
        what: "raise a run's limits",
        sql: "UPDATE runs SET max_tool_calls = 1000 WHERE state = 'paused'",
    },
    Tampering {
        what: "alter the role of a run",
        sql: "UPDATE roles SET text = replace(text, 'approval: required', 'approval: auto')
              WHERE n IN (SELECT role FROM runs WHERE state = 'paused')",
    },
    Tampering {
        what: "remove a run whole",
        sql: "DELETE FROM messages WHERE run IN (SELECT n FROM runs WHERE state = 'paused');
              DELETE FROM calls WHERE run IN (SELECT n FROM runs WHERE state = 'paused');
              DELETE FROM runs WHERE state = 'paused'",
    },
    Tampering {
        what: "delete an event and let it pass for a pruned one",
        sql: "INSERT INTO checkpoints SELECT sequence, sequence, mac, zeroblob(32) FROM events
                WHERE kind = 'approval_decided' AND body LIKE '%too wide%';
              DELETE FROM events WHERE kind = 'approval_decided' AND body LIKE '%too wide%'",
    },
];

/// A state folder to tamper with, as often as one likes.
struct World {
    home: Home,
    /// The database and its heads, at two moments.
    early: Vec<(PathBuf, Vec<u8>)>,
    now: Vec<(PathBuf, Vec<u8>)>,
    /// The present head, kept elsewhere.
    head: PathBuf,
}

/// One run of every kind, the paused one last.
fn world() -> World {
    let rules = RUNNER.trim_start_matches("\nrules:\n");
    let both = "calls: [{tool: shell, arguments: {command: \"touch a\"}}, \
                {tool: shell, arguments: {command: \"touch b\"}}]";
    let script = format!("rules:\n  - {{when: \"^both$\", turn: 0, {both}}}\n{rules}");
    let home = Home::with_role(ASKING, &script);
    // RUN: approved, done. RUN2: denied, done.
    home.run(["run", "role.yaml", "-p", "run echo one"]);
    home.run(["approve", "RUN", "--all", "--resolved-by", "alice"]);
    home.run(["run", "role.yaml", "-p", "run echo two"]);
    let early = files(&home);
    home.run(["approve", "RUN2", "--all", "--deny", "--reason", "too wide"]);
    // RUN3: cancelled before anybody decided.
    home.run(["run", "role.yaml", "-p", "run echo three"]);
    home.run(["cancel", "RUN3"]);
    // RUN4, RUN5: of unknown outcome, retried and reported.
    for (run, call, word) in [("RUN4", "CALL4", "--retry"), ("RUN5", "CALL5", "--report-unknown")] {
        let mark = home.work().join(run);
        let command =
            format!("run if test -e {run}; then echo again; else touch {run} && sleep 1000; fi");
        home.run(["run", "role.yaml", "-p", &command]);
        let running = home.command(["approve", run, "--all"]).start();
        until("the call is under way", || mark.exists());
        running.kill();
        home.run(["approve", run, "--tool-call-id", call, word]);
    }
    // Interrupted: its process died while the model was thinking.
    home.role("slow.yaml", "", "rules: [{reply: Done.}]\ndelay_ms: 30000\n");
    let running = home.command(["run", "slow.yaml", "-p", "hello"]).start();
    let newest = || home.json(["runs", "--json"])[0]["prompt"] == "hello";
    until("the run is written down", newest);
    running.kill();
    home.run(["pending"]);
    // Failed: its budget is used up.
    home.file(
        "short.yaml",
        "name: short\nprompt: p\nmodel: scripted:role.yaml.script.yaml\n\
         tools:\n  - {type: shell}\nbudgets: {max_requests: 1}\n",
    );
    home.run(["run", "short.yaml", "-p", "run true"]);
    // Paused.
    home.run(["run", "role.yaml", "-p", "both"]);
    let now = files(&home);
    let head = home.root().join("head");
    fs::write(&head, home.run(["audit", "verify"]).raw).unwrap();
    World { home, early, now, head }
}

/// The database and its heads, with nothing left in the log.
fn files(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let conn = home.database();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(conn);
    let paths = ["audit.db", "audit.db.heads"].map(|name| home.state().join(name));
    paths.map(|path| (path.clone(), fs::read(&path).unwrap())).to_vec()
}

impl World {
    fn put_back(&self, files: &[(PathBuf, Vec<u8>)]) {
        for name in ["audit.db-wal", "audit.db-shm"] {
            let _ = fs::remove_file(self.home.state().join(name));
        }
        for (path, bytes) in files {
            fs::write(path, bytes).unwrap();
        }
    }

    fn sql(&self, statements: &str) -> u64 {
        let conn = self.home.database();
        conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        let before: u64 = conn.total_changes();
        conn.execute_batch(statements).unwrap();
        conn.total_changes() - before
    }

    fn verify(&self) -> Ran {
        self.home.run(["audit", "verify"])
    }

    fn verify_with_head(&self) -> Ran {
        self.home.run(["audit", "verify", "--head", &self.head.display().to_string()])
    }

    /// What is found after each tampering.
    fn tamper(&self) -> String {
        let mut found = String::new();
        for Tampering { what, sql } in TAMPERINGS {
            self.put_back(&self.now);
            // A tampering that finds nothing to change proves nothing.
            if self.sql(sql) > 0 {
                let ran = self.verify();
                assert_eq!(ran.code, Some(1), "{what}: {ran}");
                found.push_str(&format!("{what}\n{ran}"));
            }
        }
        found
    }
}

fn check(ran: &Ran, expected: Expect) {
    ran.check(expected);
}

#[test]
fn every_tampering_is_found() {
    let world = world();
    check(
        &world.verify(),
        expect![[r#"
            The journal holds: 82 events.
            Head: 82 CODE
            = 0
        "#]],
    );
    expect![[r#"
        edit the body of an event
        ! error: the journal does not hold: event 18 was changed, is not in its place, or was written with another key
        = 1
        delete an event
        ! error: the journal does not hold: event 18 is missing
        = 1
        let two events change places
        ! error: the journal does not hold: event 81 was changed, is not in its place, or was written with another key
        !   also: event 82 was changed, is not in its place, or was written with another key
        !   also: event 82 is not the one that was written first: the file of chain heads names another
        = 1
        cut off the end
        ! error: the journal does not hold: the journal ends with event 81, but event 82 had been written: its end was cut off
        !   also: run RUN8____________: the state is `paused`, and the journal says `running`
        !   also: run RUN8____________: the owner is none, and the journal says `OWNER___________`
        = 1
        turn a denial into an approval
        ! error: the journal does not hold: approval request 2 (call CALL2__________, run RUN2____________): the decision is `approve`, and the journal says `deny` (event 18)
        !   also: approval request 2 (call CALL2__________, run RUN2____________): the reason is none, and the journal says `too wide` (event 18)
        = 1
        replace the decider
        ! error: the journal does not hold: approval request 2 (call CALL2__________, run RUN2____________): the decider is `mallory`, and the journal says `os:USER` (event 18)
        !   also: approval request 2 (call CALL2__________, run RUN2____________): the decider's identity is `os:mallory`, and the journal says `os:USER` (event 18)
        = 1
        replace the reason
        ! error: the journal does not hold: approval request 2 (call CALL2__________, run RUN2____________): the reason is `not today`, and the journal says `too wide` (event 18)
        = 1
        swap the arguments of two calls
        ! error: the journal does not hold: the arguments of call CALL6__________ of run RUN8____________ are not those that were asked about
        !   also: turn 1 of run RUN8____________: the model's message, or what its calls are made of, is not what was recorded (event 79)
        = 1
        swap the arguments of two calls, and of the questions about them
        ! error: the journal does not hold: approval request 8 (call CALL6__________, run RUN8____________): what was asked is not what was recorded (event 80)
        !   also: turn 1 of run RUN8____________: the model's message, or what its calls are made of, is not what was recorded (event 79)
        = 1
        alter a run's state
        ! error: the journal does not hold: run RUN8____________: the state is `interrupted`, and the journal says `paused`
        = 1
        alter a call's state
        ! error: the journal does not hold: call CALL6__________ of run RUN8____________: the state is `approved`, and the journal says `waiting` (event 79)
        = 1
        alter a call's result
        ! error: the journal does not hold: the result of call CALL___________ of run RUN_____________ is not what was recorded
        !   also: the result of call CALL4__________ of run RUN4____________ is not what was recorded
        !   also: the result of call CALL8__________ of run RUN7____________ is not what was recorded
        = 1
        forge an approval that nobody gave
        ! error: the journal does not hold: no event speaks of approval request 10 (call CALL2__________, run RUN2____________)
        = 1
        forge the approval of a call that waits
        ! error: the journal does not hold: approval request 8 (call CALL6__________, run RUN8____________): the time of decision is `TIME_______________________`, and the journal says none (event 80)
        !   also: approval request 8 (call CALL6__________, run RUN8____________): the decision is `approve`, and the journal says none (event 80)
        !   also: approval request 8 (call CALL6__________, run RUN8____________): the decider is `alice`, and the journal says none (event 80)
        !   also: approval request 8 (call CALL6__________, run RUN8____________): the decider's identity is `os:alice`, and the journal says none (event 80)
        !   also: approval request 9 (call CALL7__________, run RUN8____________): the time of decision is `TIME_______________________`, and the journal says none (event 81)
        !   also: approval request 9 (call CALL7__________, run RUN8____________): the decision is `approve`, and the journal says none (event 81)
        !   also: approval request 9 (call CALL7__________, run RUN8____________): the decider is `alice`, and the journal says none (event 81)
        !   also: approval request 9 (call CALL7__________, run RUN8____________): the decider's identity is `os:alice`, and the journal says none (event 81)
        !   also: call CALL6__________ of run RUN8____________: the state is `approved`, and the journal says `waiting` (event 79)
        !   also: call CALL7__________ of run RUN8____________: the state is `approved`, and the journal says `waiting` (event 79)
        = 1
        alter a message of the history
        ! error: the journal does not hold: turn 1 of run RUN8____________: the model's message, or what its calls are made of, is not what was recorded (event 79)
        = 1
        delete a resolved approval
        ! error: the journal does not hold: approval request 2 (call CALL2__________, run RUN2____________) is gone from the database: event 16 asked it
        !   also: call CALL2__________ of run RUN2____________: the approval request is none, and the journal says `2` (event 15)
        = 1
        raise a run's limits
        ! error: the journal does not hold: run RUN8____________: the role, prompt, limits, address or earlier messages are not what was recorded (event 78)
        = 1
        alter the role of a run
        ! error: the journal does not hold: the text, place or components of the role `test` (role 1) were changed
        = 1
        remove a run whole
        ! error: the journal does not hold: run RUN8____________ is gone from the database: event 78 began it
        = 1
        delete an event and let it pass for a pruned one
        ! error: the journal does not hold: the checkpoint for events 18 to 18 was not written by pruning them
        !   also: the checkpoints are not those that the last pruning left: one was removed, or put back
        !   also: approval request 2 (call CALL2__________, run RUN2____________): the time of decision is `TIME_______________________`, and the journal says `TIME_______________________` (event 23)
        !   also: approval request 2 (call CALL2__________, run RUN2____________): the decision is `deny`, and the journal says none (event 23)
        !   also: approval request 2 (call CALL2__________, run RUN2____________): the decider is `os:USER`, and the journal says none (event 23)
        !   also: approval request 2 (call CALL2__________, run RUN2____________): the decider's identity is `os:USER`, and the journal says none (event 23)
        !   also: approval request 2 (call CALL2__________, run RUN2____________): the reason is `too wide`, and the journal says none (event 23)
        !   also: call CALL2__________ of run RUN2____________: the state is `denied`, and the journal says `expired` (event 15)
        = 1
    "#]].assert_eq(&world.tamper());
}

#[test]
fn every_tampering_is_found_after_pruning() {
    let mut world = world();
    let unpruned = world.now.clone();
    check(
        &world.home.run(["audit", "prune", "--older-than", "0s"]),
        expect![[r#"
            Pruned 6 runs, 15 messages, 6 tool calls, 55 events. Their approvals are kept.
            = 0
        "#]],
    );
    world.now = files(&world.home);
    check(
        &world.verify(),
        expect![[r#"
            The journal holds: 28 events.
            Head: 83 CODE
            = 0
        "#]],
    );
    let found = world.tamper();
    let absent: Vec<&str> = TAMPERINGS
        .iter()
        .map(|tampering| tampering.what)
        .filter(|what| !found.contains(what))
        .collect();
    // No run that called anything is left with a result.
    assert_eq!(absent, ["alter a call's result"]);

    // What pruning removed is put back with all of its events, as if it had never been pruned.
    world.put_back(&world.now);
    let before = world.home.root().join("before.db");
    fs::write(&before, &unpruned[0].1).unwrap();
    world.sql(&format!(
        "ATTACH '{}' AS before;
         INSERT OR IGNORE INTO main.events SELECT * FROM before.events;
         INSERT OR IGNORE INTO main.roles SELECT * FROM before.roles;
         INSERT OR IGNORE INTO main.role_components SELECT * FROM before.role_components;
         INSERT OR IGNORE INTO main.runs SELECT * FROM before.runs;
         INSERT OR IGNORE INTO main.messages SELECT * FROM before.messages;
         INSERT OR IGNORE INTO main.calls SELECT * FROM before.calls;
         DELETE FROM main.checkpoints",
        before.display()
    ));
    check(
        &world.verify(),
        expect![[r#"
            ! error: the journal does not hold: the checkpoints are not those that the last pruning left: one was removed, or put back
            !   also: the programs of call CALL___________ of run RUN_____________ are not those recorded
            !   also: the programs of call CALL4__________ of run RUN4____________ are not those recorded
            !   also: the programs of call CALL5__________ of run RUN5____________ are not those recorded
            !   also: the programs of call CALL8__________ of run RUN7____________ are not those recorded
            = 1
        "#]],
    );
    // The whole file of before the pruning, beside the heads of after it.
    world.put_back(&unpruned[..1]);
    check(
        &world.verify(),
        expect![[r#"
            ! error: the journal does not hold: the journal ends with event 82, but event 83 had been written: its end was cut off
            = 1
        "#]],
    );
}

#[test]
fn a_file_that_was_rolled_back_is_found_by_its_heads() {
    let world = world();
    check(
        &world.verify_with_head(),
        expect![[r#"
            The journal holds: 82 events.
            Head: 82 CODE
            = 0
        "#]],
    );
    // The database alone.
    world.put_back(&world.early[..1]);
    check(
        &world.verify(),
        expect![[r#"
            ! error: the journal does not hold: the journal ends with event 17, but event 82 had been written: its end was cut off
            = 1
        "#]],
    );
    // With its heads: a head that was kept elsewhere knows better.
    world.put_back(&world.early);
    check(
        &world.verify(),
        expect![[r#"
            The journal holds: 17 events.
            Head: 17 CODE
            = 0
        "#]],
    );
    check(
        &world.verify_with_head(),
        expect![[r#"
            ! error: the journal does not hold: the journal ends with event 17, but event 82 is in the head that was kept: the file was rolled back, or its end cut off
            = 1
        "#]],
    );
    // And what happens next does not hide it.
    world.home.run(["run", "role.yaml", "-p", "run echo four"]);
    assert_eq!(world.verify().code, Some(0));
    assert_eq!(world.verify_with_head().code, Some(1));
}

#[test]
fn an_end_that_was_cut_off_with_its_heads_is_found_by_a_kept_head() {
    let world = world();
    // The end of the last run: what the tables hold is cut off with it, as far as one can.
    world.sql(
        "DELETE FROM events WHERE run_id = (SELECT id FROM runs WHERE state = 'paused');
         DELETE FROM messages WHERE run = (SELECT n FROM runs WHERE state = 'paused');
         DELETE FROM calls WHERE run = (SELECT n FROM runs WHERE state = 'paused');
         DELETE FROM pending_approvals WHERE resolved_at IS NULL;
         DELETE FROM runs WHERE state = 'paused'",
    );
    let last: i64 = world
        .home
        .database()
        .query_row("SELECT max(sequence) FROM events", [], |row| row.get(0))
        .unwrap();
    let heads = String::from_utf8(world.now[1].1.clone()).unwrap();
    let number = |line: &&str| line.split_once(' ').unwrap().0.parse::<i64>().unwrap() <= last;
    let left: Vec<&str> = heads.lines().filter(number).collect();
    fs::write(&world.now[1].0, left.join("\n") + "\n").unwrap();
    assert_eq!(world.verify().code, Some(0));
    check(
        &world.verify_with_head(),
        expect![[r#"
            ! error: the journal does not hold: the journal ends with event 77, but event 82 is in the head that was kept: the file was rolled back, or its end cut off
            = 1
        "#]],
    );
}

#[test]
fn a_kept_head_must_be_one() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run true"]);
    home.file("empty", "nothing here\n");
    check(
        &home.run(["audit", "verify", "--head", "empty"]),
        expect![[r#"
        ! error: the file `empty` holds no head; a head is a line with an event's number and its code, as `initrunner audit verify` prints it
        = 1
    "#]],
    );
    check(
        &home.run(["audit", "verify", "--head", "absent"]),
        expect![[r#"
        ! error: the kept head `absent` cannot be read: there is no such file; give a file with a line that `initrunner audit verify` printed
        = 1
    "#]],
    );
    // A line of the file of heads, or all of them.
    let heads = home.state().join("audit.db.heads").display().to_string();
    assert_eq!(home.run(["audit", "verify", "--head", &heads]).code, Some(0));
    let wrong = format!("2 {}\n", "00".repeat(32));
    home.file("wrong", wrong);
    check(
        &home.run(["audit", "verify", "--head", "wrong"]),
        expect![[r#"
        ! error: the journal does not hold: event 2 is not the one that was written first: the head that was kept names another
        = 1
    "#]],
    );
}
