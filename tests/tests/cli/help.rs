//! What the program says about itself, and to words that it does not know.

use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
fn help_and_version_are_data() {
    let home = Home::new();
    home.run(["--help"]).check(expect![[r#"
        Runs LLM roles whose tools are sandboxed components, and asks a person before a dangerous call

        Usage: initrunner [OPTIONS] <COMMAND>

        Commands:
          run          Run a role until it answers or pauses for approval
          pending      List the tool calls that await a person, over all runs
          approve      Approve or deny a run's waiting calls, and resume it
          resume       Go on with a run that was interrupted
          recover      Say what each run needs that stopped before its end, and resume those that need
                       nobody
          sweep        Remind of approvals that are about to expire, ask second groups of reviewers, and
                       expire what nobody decided in time
          cancel       End a run that has not ended
          runs         List runs, newest first
          show         Tell the whole story of one run
          validate     Check a role and everything it names, without running it
          inspect      Show what a component is and asks for, before trusting it
          policy       Try policies before calls depend on them
          audit        Read, check and prune what was written down
          serve        Serve roles over HTTP, as OpenAI's clients ask for them
          dashboard    Open pages to run roles and to decide on, in a browser
          daemon       Run roles when their triggers say so: schedules, webhooks, files, chats
          key          Make a key for a server's clients
          completions  Print completions for a shell

        Options:
              --audit-db <PATH>  Use this database instead of the state folder's
          -h, --help             Print help
          -V, --version          Print version

        Exit codes: 0 done, 1 failed or not permitted, 2 paused or decisions outstanding, 3 already decided
        or owned elsewhere, 4 unknown run or call, 64 usage, 65 invalid role, 75 interrupted and resumable,
        130 SIGINT.
        State lives in $INITRUNNER_HOME (default: the platform's data folder).
        = 0
    "#]]);
    home.run(["-V"]).check(expect![[r#"
        initrunner 0.1.0
        = 0
    "#]]);
    home.run(["approve", "--help"]).check(expect![[r#"
        Approve or deny a run's waiting calls, and resume it

        Usage: initrunner approve [OPTIONS] <--all|--tool-call-id <ID>> <RUN_ID>

        Arguments:
          <RUN_ID>  The run: its id, or at least four characters of its beginning

        Options:
              --all                     Decide every waiting call of the run
              --audit-db <PATH>         Use this database instead of the state folder's
              --tool-call-id <ID>       Decide only this call; the run's other waiting calls are denied
              --keep-others             Leave the run's other waiting calls waiting, instead of denying them
              --set <KEY=VALUE>         Approve the call with another argument: its value, read as the
                                        tool's schema says; `a.b=VALUE` reaches into an object. May be given
                                        several times
              --arguments <JSON|@FILE>  Approve the call with these arguments instead of the model's: a JSON
                                        object, or `@FILE`
              --version-shown <N>       The version of the call that you were shown, as `pending --json`
                                        gives it: refused where the call has changed since
              --deny                    Deny instead of approve
              --reason <TEXT>           Why the call is denied; the model reads it, quoted
              --retry                   Try a call again that was started and whose outcome is unknown
              --report-unknown          Tell the model that the outcome of a started call is unknown
              --resolved-by <NAME>      A note on who decided, recorded beside the authenticated user
              --json                    Print one JSON object instead of text
          -h, --help                    Print help
        = 0
    "#]]);
    assert!(!home.state().join("audit.db").exists());
}

#[test]
fn words_that_mean_nothing_are_usage() {
    let home = Home::new();
    home.run([]).check(expect![[r#"
        ! Runs LLM roles whose tools are sandboxed components, and asks a person before a dangerous call
        !
        ! Usage: initrunner [OPTIONS] <COMMAND>
        !
        ! Commands:
        !   run          Run a role until it answers or pauses for approval
        !   pending      List the tool calls that await a person, over all runs
        !   approve      Approve or deny a run's waiting calls, and resume it
        !   resume       Go on with a run that was interrupted
        !   recover      Say what each run needs that stopped before its end, and resume those that need
        !                nobody
        !   sweep        Remind of approvals that are about to expire, ask second groups of reviewers, and
        !                expire what nobody decided in time
        !   cancel       End a run that has not ended
        !   runs         List runs, newest first
        !   show         Tell the whole story of one run
        !   validate     Check a role and everything it names, without running it
        !   inspect      Show what a component is and asks for, before trusting it
        !   policy       Try policies before calls depend on them
        !   audit        Read, check and prune what was written down
        !   serve        Serve roles over HTTP, as OpenAI's clients ask for them
        !   dashboard    Open pages to run roles and to decide on, in a browser
        !   daemon       Run roles when their triggers say so: schedules, webhooks, files, chats
        !   key          Make a key for a server's clients
        !   completions  Print completions for a shell
        !
        ! Options:
        !       --audit-db <PATH>  Use this database instead of the state folder's
        !   -h, --help             Print help
        !   -V, --version          Print version
        !
        ! Exit codes: 0 done, 1 failed or not permitted, 2 paused or decisions outstanding, 3 already decided
        ! or owned elsewhere, 4 unknown run or call, 64 usage, 65 invalid role, 75 interrupted and resumable,
        ! 130 SIGINT.
        ! State lives in $INITRUNNER_HOME (default: the platform's data folder).
        = 64
    "#]]);
    home.run(["aprove"]).check(expect![[r#"
        ! error: unrecognized subcommand 'aprove'
        !
        !   tip: some similar subcommands exist: 'serve', 'recover', 'approve'
        !
        ! Usage: initrunner [OPTIONS] <COMMAND>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["run", "role.yaml"]).check(expect![[r#"
        ! error: the following required arguments were not provided:
        !   --prompt <PROMPT>
        !
        ! Usage: initrunner run --prompt <PROMPT> <ROLE>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["approve", "run_aaaa"]).check(expect![[r#"
        ! error: the following required arguments were not provided:
        !   <--all|--tool-call-id <ID>>
        !
        ! Usage: initrunner approve <--all|--tool-call-id <ID>> <RUN_ID>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["approve", "run_aaaa", "--all", "--tool-call-id", "x"]).check(expect![[r#"
        ! error: the argument '--all' cannot be used with '--tool-call-id <ID>'
        !
        ! Usage: initrunner approve <--all|--tool-call-id <ID>> <RUN_ID>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["pending", "--limit", "many"]).check(expect![[r#"
        ! error: invalid value 'many' for '--limit <N>': write a whole number, such as `20`
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
}

#[test]
fn completions_are_scripts() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = home.run(["completions", shell]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.raw.len() > 1000 && ran.raw.contains("initrunner"), "{ran}");
    }
    assert_eq!(home.run(["completions", "cmd"]).code, Some(64));
}

#[test]
fn a_sweep_says_what_it_does_and_who_does_it_otherwise() {
    let home = Home::new();
    home.run(["sweep", "--help"]).check(expect![[r#"
        Remind of approvals that are about to expire, ask second groups of reviewers, and expire what nobody
        decided in time

        Usage: initrunner sweep [OPTIONS]

        Options:
              --audit-db <PATH>  Use this database instead of the state folder's
              --no-resume        Leave the runs that can go on now to `resume`
              --json             Print one JSON object instead of text
          -h, --help             Print help

        A daemon and a server sweep by themselves. `sweep` is for hosts that have neither: start it every
        minute from cron. What is due it writes down, as `expires_after`, `remind_before` and `escalate` of
        `approval:` say; a daemon tells it to whom `notify:` names. Then it goes on with the runs that wait
        for nobody any more.
        = 0
    "#]]);
}
