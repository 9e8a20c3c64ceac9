//! `policy explain`: why a call was let through, asked about or refused.

use super::{POLICIES, ask, call, explain, role, verifies, with_policies};
use crate::FREE;
use expect_test::expect;
use serde_json::Value;

#[test]
fn why_a_call_happened_or_not() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo hi");
    explain(&home, 0).check(expect![[r#"
        CALL___________  shell  of RUN_____________
          TIME_______________________  may it happen? allow
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: allow  (sha256:DIGEST, MICROSECONDS)
              policy `everything`
          TIME_______________________  the call: ready
          TIME_______________________  started, attempt 1
          TIME_______________________  a program of it is started
          TIME_______________________  succeeded
        = 0
    "#]]);
    ask(&home, "run rm x");
    explain(&home, 0).check(expect![[r#"
        CALL2__________  shell  of RUN2____________
          TIME_______________________  may it happen? deny
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: deny  (sha256:DIGEST, MICROSECONDS)
              nothing is removed here (policy `removing`)
          TIME_______________________  the call: refused by policy
        = 0
    "#]]);
    ask(&home, "run touch two");
    let run = home.last();
    home.run(["approve", &run, "--all"]);
    let (edit, call) = (["--set", "command=touch three"], call(&home, 0));
    home.run(["approve", &run, "--tool-call-id", &call].into_iter().chain(edit));
    // The role is not needed for it, and neither is the run's row.
    std::fs::remove_file(home.work().join("role.yaml")).unwrap();
    std::fs::remove_file(home.work().join("policies.cedar")).unwrap();
    explain(&home, 0).check(expect![[r#"
        CALL3__________  shell  of RUN3____________
          TIME_______________________  may it happen? ask
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: ask  (sha256:DIGEST, MICROSECONDS)
              touching needs a person (policy `touching`, severity medium)
          TIME_______________________  the call: waiting
          TIME_______________________  a person is asked
          TIME_______________________  may os:USER approve it? deny
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: deny  (sha256:DIGEST, MICROSECONDS)
              two is too many (policy `not-two`)
          TIME_______________________  may it happen as it was to be changed? ask
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: ask  (sha256:DIGEST, MICROSECONDS)
              touching needs a person (policy `touching`, severity medium)
          TIME_______________________  may os:USER approve it as it was to be changed? allow
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: allow  (sha256:DIGEST, MICROSECONDS)
              no policy spoke against it
          TIME_______________________  a person is asked
          TIME_______________________  changed by os:USER
          TIME_______________________  approved by os:USER
          TIME_______________________  may it happen? ask
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: ask  (sha256:DIGEST, MICROSECONDS)
              touching needs a person (policy `touching`, severity medium)
          TIME_______________________  started, attempt 1
          TIME_______________________  a program of it is started
          TIME_______________________  succeeded
        = 0
    "#]]);
    // Beginnings of ids will do.
    let json = home.json(["policy", "explain", &run[..14], &call[..12], "--json"]);
    let steps = json["steps"].as_array().unwrap();
    assert_eq!((&json["run_id"], &json["tool"]), (&run.clone().into(), &"shell".into()));
    assert_eq!(json["unasked"], Value::Null);
    assert_eq!(steps[0]["question"], "invoke");
    assert_eq!(steps[0]["effect"], "ask");
    assert_eq!(steps[0]["answers"][0]["reasons"][0]["policy"], "touching");
    assert_eq!(steps[0]["answers"][0]["reasons"][0]["severity"], "medium");
    assert_eq!(steps[0]["counts"]["requests"], 1);
    assert_eq!(steps[1]["state"], "waiting");
    verifies(&home);

    home.run(["audit", "prune", "--older-than", "0d"]);
    home.run(["policy", "explain", &run, &call]).check(expect![[r#"
        CALL3__________  of RUN3____________
          what policies said of it was pruned with its run
          TIME_______________________  a person is asked
          TIME_______________________  a person is asked
          TIME_______________________  changed by os:USER
          TIME_______________________  approved by os:USER
        = 0
    "#]]);
    verifies(&home);
}

#[test]
fn a_call_that_no_policy_was_asked_about() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "nonsense");
    explain(&home, 0).check(expect![[r#"
        CALL___________  shell  of RUN_____________
          no policy was asked: there is no such tool, or the arguments do not fit it
          TIME_______________________  the call: refused by arguments
        = 0
    "#]]);
    explain(&home, 1).check(expect![[r#"
        CALL2__________  nothing  of RUN_____________
          no policy was asked: there is no such tool, or the arguments do not fit it
          TIME_______________________  the call: refused by arguments
        = 0
    "#]]);
    role(&home, FREE, "");
    ask(&home, "run echo hi");
    explain(&home, 0).check(expect![[r#"
        CALL3__________  shell  of RUN2____________
          no policy was asked: the run had none
          TIME_______________________  the call: ready
          TIME_______________________  started, attempt 1
          TIME_______________________  a program of it is started
          TIME_______________________  succeeded
        = 0
    "#]]);
    let unknown = ["policy", "explain", &home.last(), "call_aaaaaaaaaa"];
    home.run(unknown).check(expect![[r#"
        ! error: run RUN2____________ has no call `CALL4__________`; `initrunner show RUN2____________` lists them
        = 4
    "#]]);
    home.run(["policy", "explain", "run_aaaaaaaaaaaa", "call_aaaaaaaaaa"]).check(expect![[r#"
        ! error: there is no run `RUN3____________`; `initrunner runs` lists them
        = 4
    "#]]);
}
