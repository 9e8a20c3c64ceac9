//! What the journal holds may have been written by anybody: it is read as text, and nothing breaks.

use super::{LOOSER, ask, call, past, replay};
use expect_test::expect;

#[test]
fn what_was_written_down_is_read_as_text_and_never_trusted() {
    let home = past();
    home.file("looser.cedar", LOOSER);
    let (run, call) = (home.last(), call(&home, 0));
    ask(&home, "run touch one");
    let (waiting, its) = (home.last(), self::call(&home, 0));
    let bodies = [
        "{}",
        "[]",
        "nothing",
        r#"{"policy":"p","question":"invoke","counts":[1,2],"effect":"allow"}"#,
        r#"{"counts":[1,99999999999,0,0],"digest":"","effect":"maybe","errors":0,"question":7}"#,
    ];
    for body in bodies {
        let sql = "UPDATE events SET body = ?1 WHERE kind IN ('policy_decided', 'turn_recorded')";
        home.database().execute(sql, [body]).unwrap();
        for words in [
            ["policy", "explain", &run, &call],
            ["policy", "explain", &waiting, &its],
            ["policy", "replay", "role.yaml", "--all"],
        ] {
            let ran = home.run(words);
            assert!(ran.code.is_some_and(|code| code <= 4), "{ran}");
            assert!(!ran.stderr.contains("panicked"), "{ran}");
        }
    }
    home.run(["policy", "explain", &waiting, &its]).check(expect![[r#"
        CALL7__________  shell  of RUN7____________
          TIME_______________________  event 65 says what a policy answered, in a way that this version cannot read
          TIME_______________________  a person is asked
        = 0
    "#]]);
    replay(&home, &["--sources", "looser.cedar"]).check(expect![[r#"
        7 calls of 6 runs of `test`: none would be answered differently.
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        ! note: of 7 calls it cannot be read what policies said then; `initrunner audit verify` tells whether somebody changed it
        = 0
    "#]]);
    // Escape sequences move no cursor.
    let hostile = r#"{"policy":"\u001b[2K","question":"approve","reviewer":"\u202eann","counts":[1,0,0,0],
        "isolation":["\u001b]0;x"],"effect":"deny","reasons":[{"policy":"\u0007","message":"\u200b","severity":"\r"}],
        "errors":["\u001b[1A"],"digest":"0000000000000000000000000000000000000000000000000000000000000000","took_us":1}"#;
    let sql = "UPDATE events SET body = ?1 WHERE kind = 'policy_decided'";
    home.database().execute(sql, [hostile]).unwrap();
    home.run(["policy", "explain", &waiting, &its]).check(expect![[r#"
        CALL7__________  shell  of RUN7____________
          TIME_______________________  may \u{202e}ann approve it? deny
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: \x1b]0;x
            \x1b[2K: deny  (sha256:DIGEST, MICROSECONDS)
              error: \x1b[1A
              \u{200b} (policy `\x07`, severity \r)
          TIME_______________________  a person is asked
        = 0
    "#]]);
}
