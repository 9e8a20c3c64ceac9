//! What is known of a program whose host died.

use crate::{ASKING, RUNNER};
use expect_test::expect;
use initrunner_tests::home::{Home, until};
use rustix::process::{Pid, Signal, kill_process};

/// What `/proc` says of a process: its parent, and the numbers after it.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[test]
fn what_a_call_runs_is_in_its_story() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo $$"]);
    let answer = home.run(["approve", "RUN", "--all"]).raw;
    let pid: u64 = answer.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let story = home.json(["show", "RUN", "--json"]);
    let events = story["events"].as_array().unwrap();
    let started = events.iter().position(|event| event["kind"] == "program_started").unwrap();
    assert_eq!(events[started]["body"]["pid"], pid);
    assert_eq!(events[started]["body"]["attempt"], 1);
    assert_eq!(events[started - 1]["kind"], "call_started");
    assert_eq!(events[started + 1]["kind"], "call_finished");
}

#[test]
fn a_call_is_not_tried_again_while_its_program_lives() {
    let home = Home::with_role(ASKING, RUNNER);
    let command = "run echo x >> count && if test -e id; then echo again; \
                   else echo $$ > new && mv new id && exec sleep 1000; fi";
    home.run(["run", "role.yaml", "-p", command]);
    let running = home.command(["approve", "RUN", "--all"]).start();
    until("the call is under way", || home.work().join("id").exists());
    let text = std::fs::read_to_string(home.work().join("id")).unwrap();
    let program: i32 = text.trim().parse().unwrap();
    let supervisor = parent(program).unwrap();
    // A supervisor that does nothing notices nothing, so the program outlives its host.
    send(supervisor, Signal::STOP);
    running.kill();
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments             ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ did this happen? ech… │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴───────────────────────┘

        call CALL___________ (shell: echo x >> count && if test -e id; then echo again; else echo $$ > new && mv new id && exec sleep 1000; fi) was started, and its process ended before a result was written, so whether it happened is not known; its program (pid PID) still runs: wait for it or stop it, then choose:
          initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
          initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 0
    "#]]);
    assert_eq!(home.json(["pending", "--json"])[0]["program_pid"], program);
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--retry"]).check(expect![[r#"
        ! error: call CALL___________ cannot be tried again: its program (pid PID) still runs; wait for it or stop it
        = 3
    "#]]);
    send(program, Signal::KILL);
    send(supervisor, Signal::CONT);
    until("the program has ended", || home.json(["pending", "--json"])[0]["program_pid"].is_null());
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--retry"]).check(expect![[r#"
        Resumed.
        Result: again
        = 0
    "#]]);
    let counted = std::fs::read_to_string(home.work().join("count")).unwrap();
    assert_eq!(counted, "x\nx\n");
}
