//! `policy replay`: what other policies would have answered to past calls.

use super::{LOOSER, POLICIES, ask, past, replay, role, verifies, with_policies};
use crate::FREE;
use expect_test::expect;

/// What only looks may happen, whatever attends; all else is denied.
const STRICTER: &str = r#"
@id("looking")
permit (principal, action == Action::"shell", resource)
when { context.arguments.command like "echo*" };

@id("second")
@message("one call is enough")
forbid (principal, action in Action::"tools:all", resource)
when { context.counts.tool_calls > 0 };
"#;

#[test]
fn what_other_policies_would_have_answered() {
    let home = past();
    home.file("looser.cedar", LOOSER);
    home.file("stricter.cedar", STRICTER);
    let before = home.json(["runs", "--json"]);
    // Nothing changed, so nothing differs.
    replay(&home, &[]).check(expect![[r#"
        6 calls of 5 runs of `test`: none would be answered differently.
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    replay(&home, &["--all"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was   ┃ would be ┃ because    ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN3____________ │ CALL5__________ │ shell │ allow │ allow    │ everything │
        │ TIME_______________ │ RUN2____________ │ CALL6__________ │ shell │ deny  │ deny     │ removing   │
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask   │ ask      │ touching   │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask   │ ask      │ touching   │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask   │ ask      │ touching   │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask   │ ask      │ touching   │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴───────┴──────────┴────────────┘
        6 calls of 5 runs of `test`: none would be answered differently.
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    replay(&home, &["--sources", "looser.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because  ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━┩
        │ TIME_______________ │ RUN2____________ │ CALL6__________ │ shell │ deny │ allow    │ anything │
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask  │ allow    │ anything │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask  │ allow    │ anything │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask  │ allow    │ anything │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask  │ allow    │ anything │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴──────────┘
        6 calls of 5 runs of `test`: 5 would be answered differently (4 ask → allow, 1 deny → allow).
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    replay(&home, &["--sources", "stricter.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was ┃ would be ┃ because                       ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask │ deny     │ no policy of cedar permits it │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask │ deny     │ no policy of cedar permits it │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask │ deny     │ no policy of cedar permits it │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask │ deny     │ second                        │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴─────┴──────────┴───────────────────────────────┘
        6 calls of 5 runs of `test`: 4 would be answered differently (4 ask → deny).
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    let json = replay(&home, &["--sources", "looser.cedar", "--json"]).json();
    assert_eq!(json["calls"], 6);
    assert_eq!(json["unfit_arguments"], 1);
    assert_eq!(json["unknown_tools"], 1);
    assert_eq!(json["listed"].as_array().unwrap().len(), 5);
    assert_eq!(json["listed"][0]["was"], "deny");
    assert_eq!(json["listed"][0]["would_be"], "allow");
    assert_eq!(json["listed"][0]["answers"][0]["reasons"][0]["policy"], "anything");
    replay(&home, &["--since", "2199-01-01T00:00:00Z"]).check(expect![[r#"
        0 calls of 0 runs of `test`: none would be answered differently.
        = 0
    "#]]);
    // Other rules by other means.
    home.file("hours.toml", "[[rate]]\ntools = [\"shell\"]\ncalls = 1\nbeyond = \"deny\"\n");
    replay(&home, &["--component", "hours", "--sources", "hours.toml"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because          ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN2____________ │ CALL6__________ │ shell │ deny │ allow    │                  │
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask  │ allow    │                  │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask  │ allow    │                  │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask  │ allow    │                  │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask  │ deny     │ hours.toml:rate0 │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴──────────────────┘
        6 calls of 5 runs of `test`: 5 would be answered differently (3 ask → allow, 1 ask → deny, 1 deny → allow).
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    // The host's stay.
    let host = home.root().join("host");
    std::fs::create_dir(&host).unwrap();
    std::fs::write(host.join("p.cedar"), STRICTER).unwrap();
    home.command(["policy", "replay", "role.yaml", "--sources", "looser.cedar"])
        .env("INITRUNNER_POLICY_DIR", &host.display().to_string())
        .env("COLUMNS", "140")
        .run()
        .check(expect![[r#"
            ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
            ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was ┃ would be ┃ because                                    ┃
            ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
            │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask │ deny     │ no policy of cedar of this host permits it │
            │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask │ deny     │ no policy of cedar of this host permits it │
            │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask │ deny     │ no policy of cedar of this host permits it │
            │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask │ deny     │ second                                     │
            └─────────────────────┴──────────────────┴─────────────────┴───────┴─────┴──────────┴────────────────────────────────────────────┘
            6 calls of 5 runs of `test`: 4 would be answered differently (4 ask → deny).
            Not asked about: 1 call of tools that the role does not have now.
            Not asked about: 1 call whose arguments do not fit their tool as it is now.
            = 0
        "#]]);
    assert_eq!(home.json(["runs", "--json"]), before);
    verifies(&home);

    home.run(["audit", "prune", "--older-than", "0d"]);
    replay(&home, &["--sources", "looser.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━┳━━━━━━━━━━┳━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was ┃ would be ┃ because  ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━╇━━━━━━━━━━╇━━━━━━━━━━┩
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask │ allow    │ anything │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask │ allow    │ anything │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴─────┴──────────┴──────────┘
        2 calls of 1 run of `test`: 2 would be answered differently (2 ask → allow).
        = 0
    "#]]);
}

#[test]
fn runs_without_policies_and_roles_without_tools() {
    let home = with_policies(FREE, POLICIES);
    role(&home, FREE, "");
    ask(&home, "run echo hi");
    ask(&home, "run rm x");
    replay(&home, &["--all"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━┩
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ none │ allow    │         │
        │ TIME_______________ │ RUN2____________ │ CALL2__________ │ shell │ none │ allow    │         │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴─────────┘
        2 calls of 2 runs of `test`: none would be answered differently.
        ! note: the role `test` has no policies, and this host has none: nothing would be objected to
        = 0
    "#]]);
    replay(&home, &["--sources", "policies.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because  ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━┩
        │ TIME_______________ │ RUN2____________ │ CALL2__________ │ shell │ none │ deny     │ removing │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴──────────┘
        2 calls of 2 runs of `test`: 1 would be answered differently (1 none → deny).
        = 0
    "#]]);
    role(&home, "  - {type: datetime}", "");
    replay(&home, &[]).check(expect![[r#"
        0 calls of 0 runs of `test`: none would be answered differently.
        Not asked about: 2 calls of tools that the role does not have now.
        ! note: the role `test` has no policies, and this host has none: nothing would be objected to
        = 0
    "#]]);
}

#[test]
fn secrets_in_the_arguments_are_tokens_and_a_note_says_so() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo ghp_written0123456789abcdef0123456789abcdef");
    let token = r#"permit (principal, action == Action::"shell", resource)
        when { context.arguments.command like "*ghp_*" };"#;
    home.file("token.cedar", token);
    replay(&home, &["--sources", "token.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was   ┃ would be ┃ because                       ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ allow │ deny     │ no policy of cedar permits it │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴───────┴──────────┴───────────────────────────────┘
        1 call of 1 run of `test`: 1 would be answered differently (1 allow → deny).
        ! note: of 1 call, secrets in the arguments are tokens now: policies that look at their values may have answered differently
        = 0
    "#]]);
}

#[test]
fn what_cannot_be_used_for_a_replay() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo hi");
    home.file("bad.cedar", "permit (principal, action == Action::\"shel\", resource);\n");
    replay(&home, &["--sources", "bad.cedar"]).check(expect![[r#"
        ! error: bad.cedar:1:30: for policy `bad.cedar:policy0`, unrecognized action `Action::"shel"`
        !   hint: did you mean `Action::"shell"`?
        = 65
    "#]]);
    replay(&home, &["--sources", "nothing/"]).check(expect![[r#"
        ! error: the policies' file `nothing/` cannot be read: there is no such file
        !   hint: a relative path begins at the folder of the file that names it
        = 65
    "#]]);
    replay(&home, &["--sources", "policies.cedar", "--component", "cedr"]).check(expect![[r#"
        ! error: there is no policy component `cedr`
        !   hint: did you mean `cedar`?
        = 65
    "#]]);
    replay(&home, &["--schema", "x"]).check(expect![[r#"
        ! error: the following required arguments were not provided:
        !   --sources <PATH>
        !
        ! Usage: initrunner policy replay --sources <PATH> --schema <PATH> <ROLE>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    replay(&home, &["--since", "yesterday"]).check(expect![[r#"
        ! error: invalid value 'yesterday' for '--since <TIME>': `yesterday` is no time; write one like `TIME________________`, or how long ago like `30d` or `12h`
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["policy", "replay", "missing.yaml"]).check(expect![[r#"
        ! error: the role `missing.yaml` cannot be read: there is no such file
        = 65
    "#]]);
    // Others in the place of the role's own: those are not even read.
    std::fs::remove_file(home.work().join("policies.cedar")).unwrap();
    replay(&home, &[]).check(expect![[r#"
        ! error: role.yaml:4:9: the policies' file `policies.cedar` cannot be read: there is no such file
        !   hint: a relative path begins at the folder of the file that names it
        = 65
    "#]]);
    home.file("looser.cedar", LOOSER);
    assert_eq!(replay(&home, &["--sources", "looser.cedar"]).code, Some(0));
}
