//! Reading what was written down, handing it out, and removing what is old.

use crate::{ASKING, RUNNER};
use expect_test::expect;
use initrunner_tests::home::Home;
use std::os::unix::fs::PermissionsExt;

/// A run that was approved and is done, one that was denied, and one that waits.
fn three_runs() -> Home {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo one"]);
    home.run(["approve", "RUN", "--all", "--resolved-by", "=alice"]);
    home.run(["run", "role.yaml", "-p", "run echo two"]);
    home.run(["approve", "RUN2", "--all", "--deny", "--reason", "too wide"]);
    home.run(["run", "role.yaml", "-p", "run echo three"]);
    home
}

#[test]
fn starts_and_resumptions_are_listed() {
    let home = three_runs();
    home.command(["audit", "list"]).env("COLUMNS", "140").run().check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ trigger_type ┃ agent ┃ who     ┃ prompt                            ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN3____________ │ cli          │ test  │ os:USER │ run echo three                    │
        │ TIME_______________ │ RUN2____________ │ resume       │ test  │ os:USER │ (resume: CALL2__________:deny)    │
        │ TIME_______________ │ RUN2____________ │ cli          │ test  │ os:USER │ run echo two                      │
        │ TIME_______________ │ RUN_____________ │ resume       │ test  │ =alice  │ (resume: CALL___________:approve) │
        │ TIME_______________ │ RUN_____________ │ cli          │ test  │ os:USER │ run echo one                      │
        └─────────────────────┴──────────────────┴──────────────┴───────┴─────────┴───────────────────────────────────┘
        = 0
    "#]]);
    home.command(["audit", "list", "--approvals"])
        .env("COLUMNS", "140")
        .run()
        .check(expect![[r#"
            ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┓
            ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ decision ┃ who     ┃ arguments              ┃
            ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━┩
            │ TIME_______________ │ RUN2____________ │ CALL2__________ │ shell │ deny     │ os:USER │ {"command":"echo two"} │
            │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ approve  │ =alice  │ {"command":"echo one"} │
            └─────────────────────┴──────────────────┴─────────────────┴───────┴──────────┴─────────┴────────────────────────┘
            = 0
        "#]]);
    let rows = home.json(["audit", "list", "--limit", "2", "--json"]);
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["trigger_type"], &rows[0]["prompt"]),
        (&"cli".into(), &"run echo three".into())
    );
    assert_eq!(rows[1]["trigger_type"], "resume");
    assert!(rows[1]["prompt"].as_str().unwrap().ends_with(":deny)"), "{}", rows[1]);
    let approvals = home.json(["audit", "list", "--approvals", "--json"]);
    assert_eq!(approvals[0]["reason"], "too wide");
    assert_eq!(approvals[1]["resolved_by"], "=alice");
    home.run(["audit", "list", "--limit", "0"]).check(expect![[r#"
        Nothing yet.
        = 0
    "#]]);
}

#[test]
fn a_runs_events_are_told_in_order() {
    let home = three_runs();
    home.run(["audit", "show", "RUN2"]).check(expect![[r#"
            14  TIME_______________________  run_created  by os:USER, fence 1, owner `OWNER___________`, trigger `cli`
            15  TIME_______________________  turn_recorded  calls [["CALL2__________","waiting"]], turn 1
            16  TIME_______________________  approval_requested  CALL2__________  request 2
            17  TIME_______________________  run_paused  waiting 1
            18  TIME_______________________  approval_decided  CALL2__________  deny, by os:USER, reason `too wide`, request 2
            19  TIME_______________________  run_claimed  fence 2, owner `OWNER2__________`
            20  TIME_______________________  run_resumed  by os:USER, prompt `(resume: CALL2__________:deny)`, role `test`, trigger_type `resume`
            21  TIME_______________________  results_told  calls ["CALL2__________"]
            22  TIME_______________________  turn_recorded  calls [], turn 2
            23  TIME_______________________  run_ended  state `completed`
        = 0
    "#]]);
    let events = home.json(["audit", "show", "RUN", "--json"]);
    assert_eq!(events[0]["kind"], "run_created");
    assert_eq!(events[4]["body"]["by"], "=alice");
    home.run(["audit", "show", "run_aaaaaaaaaaaa"]).check(expect![[r#"
        ! error: there is no run `RUN4____________`; `initrunner runs` lists them
        = 4
    "#]]);
}

#[test]
fn events_are_exported_as_lines_and_as_values() {
    let home = three_runs();
    let lines = home.run(["audit", "export", "--format", "jsonl"]);
    assert_eq!(lines.stderr, "27 events exported.\n");
    let events: Vec<serde_json::Value> =
        lines.raw.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 27);
    assert_eq!(events[26]["sequence"], 27);
    let values = home.run(["audit", "export", "--format", "csv", "--run", "RUN"]).to_string();
    // How long a run took differs from run to run, and so do the machine and its processes.
    let cut = [",\"\"used\"\"", ",\"\"boot\"\""];
    let timeless: Vec<&str> = values
        .lines()
        .map(|line| {
            let end = cut.iter().filter_map(|key| line.find(key)).min();
            &line[..end.unwrap_or(line.len())]
        })
        .collect();
    expect![[r#"
        sequence,at,run_id,tool_call_id,kind,authenticated_as,shown_as,decision,body
        1,TIME_______________________,RUN_____________,,run_created,os:USER,,,"{""contents"":""CODE"",""fence"":1,""owner"":""OWNER___________"",""requester"":""os:USER"",""trigger"":""cli""}"
        2,TIME_______________________,RUN_____________,,turn_recorded,,,,"{""calls"":[[""CALL___________"",""waiting""]],""contents"":""CODE"",""turn"":1
        3,TIME_______________________,RUN_____________,CALL___________,approval_requested,,,,"{""contents"":""CODE"",""request"":1}"
        4,TIME_______________________,RUN_____________,,run_paused,,,,"{""waiting"":1}"
        5,TIME_______________________,RUN_____________,CALL___________,approval_decided,os:USER,'=alice,approve,"{""authenticated_as"":""os:USER"",""by"":""=alice"",""decision"":""approve"",""reason"":null,""request"":1}"
        6,TIME_______________________,RUN_____________,,run_claimed,,,,"{""fence"":2,""owner"":""OWNER2__________""}"
        7,TIME_______________________,RUN_____________,,run_resumed,os:USER,'=alice,,"{""authenticated_as"":""os:USER"",""by"":""=alice"",""prompt"":""(resume: CALL___________:approve)"",""role"":""test"",""trigger_type"":""resume""}"
        8,TIME_______________________,RUN_____________,CALL___________,call_started,,,,"{""attempt"":1}"
        9,TIME_______________________,RUN_____________,CALL___________,program_started,,,,"{""attempt"":1
        10,TIME_______________________,RUN_____________,CALL___________,call_finished,,,,"{""contents"":""CODE"",""state"":""succeeded""}"
        11,TIME_______________________,RUN_____________,,results_told,,,,"{""calls"":[""CALL___________""],""contents"":""CODE""}"
        12,TIME_______________________,RUN_____________,,turn_recorded,,,,"{""calls"":[],""contents"":""CODE"",""turn"":2
        13,TIME_______________________,RUN_____________,,run_ended,,,,"{""contents"":""CODE"",""state"":""completed""}"
        ! 13 events exported.
        = 0"#]].assert_eq(&timeless.join("\n"));

    let only = |words: &[&str]| {
        let words = ["audit", "export", "--format", "jsonl"].iter().chain(words).copied();
        home.run(words).raw.lines().count()
    };
    assert_eq!(only(&["--since", "1h"]), 27);
    assert_eq!(only(&["--since", "0s"]), 0);
    assert_eq!(only(&["--until", "1h"]), 0);
    assert_eq!(only(&["--since", "2020-01-01T00:00:00Z", "--until", "2100-01-01T00:00:00Z"]), 27);
    assert_eq!(only(&["--run", "RUN3"]), 4);
    home.run(["audit", "export", "--format", "csv", "--since", "yesterday"])
        .check(expect![[r#"
            ! error: invalid value 'yesterday' for '--since <TIME>': `yesterday` is no time; write one like `TIME________________`, or how long ago like `30d` or `12h`
            !
            ! For more information, try '--help'.
            = 64
        "#]]);
    home.run(["audit", "export", "--format", "xml"]).check(expect![[r#"
        ! error: invalid value 'xml' for '--format <FORMAT>'
        !   [possible values: jsonl, csv]
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
}

#[test]
fn an_export_is_private_and_replaces_nothing() {
    let home = three_runs();
    let file = home.work().join("events.csv");
    let words = ["audit", "export", "--format", "csv", "--output", "events.csv"];
    home.run(words).check(expect![[r#"
        ! 27 events exported.
        = 0
    "#]]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 28);
    assert!(text.lines().all(|line| !line.contains(",=")), "{text}");
    home.run(words).check(expect![[r#"
        ! error: the file `events.csv` is there already, and nothing was exported; give another name, or move it away
        = 1
    "#]]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    home.run(["audit", "export", "--format", "csv", "--output", "absent/x"])
        .check(expect![[r#"
            ! error: the file `absent/x` cannot be written: No such file or directory (os error 2); give a path in a folder that you may write to
            = 1
        "#]]);
    // Half of an export does not stay.
    let words = ["audit", "export", "--format", "csv", "--output", "new", "--run", "run_zzzz"];
    assert_eq!(home.run(words).code, Some(4));
    assert!(!home.work().join("new").exists());
}

#[test]
fn what_ended_long_ago_is_pruned_and_its_approvals_stay() {
    let home = three_runs();
    home.run(["audit", "prune", "--older-than", "30d"]).check(expect![[r#"
        Nothing to prune: no run ended before that.
        = 0
    "#]]);
    home.run(["audit", "prune", "--older-than", "0s", "--dry-run"]).check(expect![[r#"
        Would prune 2 runs, 6 messages, 2 tool calls, 17 events. Their approvals are kept.
        = 0
    "#]]);
    assert_eq!(home.json(["runs", "--json"]).as_array().unwrap().len(), 3);
    let before = home.run(["audit", "list", "--approvals"]);
    let pruned = home.json(["audit", "prune", "--older-than", "0s", "--json"]);
    assert_eq!((&pruned["runs"], &pruned["events"]), (&2.into(), &17.into()), "{pruned}");
    assert!(pruned["bytes_after"].as_u64() < pruned["bytes_before"].as_u64(), "{pruned}");
    assert_eq!(home.json(["runs", "--json"]).as_array().unwrap().len(), 1);
    assert_eq!(home.run(["audit", "list", "--approvals"]).to_string(), before.to_string());
    home.run(["show", "RUN"]).check(expect![[r#"
        ! error: there is no run `RUN_____________`; `initrunner runs` lists them
        = 4
    "#]]);
    home.run(["audit", "show", "RUN"]).check(expect![[r#"
             3  TIME_______________________  approval_requested  CALL___________  request 1
             5  TIME_______________________  approval_decided  CALL___________  approve, by =alice (os:USER), request 1
             7  TIME_______________________  run_resumed  by =alice (os:USER), prompt `(resume: CALL___________:approve)`, role `test`, trigger_type `resume`
        = 0
    "#]]);
    home.command(["audit", "list"]).env("COLUMNS", "140").run().check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ trigger_type ┃ agent ┃ who     ┃ prompt                            ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN3____________ │ cli          │ test  │ os:USER │ run echo three                    │
        │ TIME_______________ │ RUN2____________ │ resume       │ test  │ os:USER │ (resume: CALL2__________:deny)    │
        │ TIME_______________ │ RUN_____________ │ resume       │ test  │ =alice  │ (resume: CALL___________:approve) │
        └─────────────────────┴──────────────────┴──────────────┴───────┴─────────┴───────────────────────────────────┘
        = 0
    "#]]);
    home.run(["audit", "verify"]).check(expect![[r#"
        The journal holds: 11 events.
        Head: 28 CODE
        = 0
    "#]]);
    home.run(["audit", "prune", "--older-than", "0s"]).check(expect![[r#"
        Nothing to prune: no run ended before that.
        = 0
    "#]]);
    // The run that waited goes on.
    assert_eq!(home.run(["approve", "RUN3", "--all"]).code, Some(0));
    assert_eq!(home.run(["audit", "verify"]).code, Some(0));
}

#[test]
fn nothing_is_pruned_from_a_journal_that_does_not_hold() {
    let home = three_runs();
    home.database().execute_batch("UPDATE messages SET message = '{}' WHERE n = 1").unwrap();
    home.run(["audit", "prune", "--older-than", "0s"]).check(expect![[r#"
        ! error: the journal does not hold, so nothing was pruned: turn 1 of run RUN_____________: the model's message, or what its calls are made of, is not what was recorded (event 2); `initrunner audit verify` says more
        = 1
    "#]]);
    assert_eq!(home.json(["runs", "--json"]).as_array().unwrap().len(), 3);
}
