//! What the commands that read back say of themselves.

use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
fn the_commands_explain_themselves() {
    let home = Home::new();
    home.run(["policy", "explain", "--help"]).check(expect![[r#"
        Say why a call was let through, asked about or refused

        Usage: initrunner policy explain [OPTIONS] <RUN_ID> <TOOL_CALL_ID>

        Arguments:
          <RUN_ID>        The run: its id, or at least four characters of its beginning; a pruned one too,
                          as far as it is kept
          <TOOL_CALL_ID>  The call: its id, or at least four characters of its beginning

        Options:
              --audit-db <PATH>  Use this database instead of the state folder's
              --json             Print one JSON object instead of text
          -h, --help             Print help
        = 0
    "#]]);
    home.run(["policy", "replay", "--help"]).check(expect![[r#"
        Say what a role's policies, or others in their place, would have answered to past calls

        Usage: initrunner policy replay [OPTIONS] <ROLE>

        Arguments:
          <ROLE>  The role file; calls of all runs of roles of its name are looked at

        Options:
              --audit-db <PATH>             Use this database instead of the state folder's
              --since <TIME>                Leave out older calls: a time, or how long ago (`7d`, `12h`)
              --sources <PATH>              Ask these files or folders in the place of the role's own
                                            policies. May be given several times
              --component <NAME|FILE.wasm>  The component that reads them: a built-in's name, or a file
                                            [default: cedar]
              --schema <PATH>               A schema for them
              --entities <PATH>             Entities for them
              --all                         List every call, not only those that would be answered
                                            differently
              --json                        Print one JSON object instead of text
          -h, --help                        Print help
        = 0
    "#]]);
}
