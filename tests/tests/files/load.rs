//! Grants that cannot be given are found when a role is loaded, with the cure.

use super::{Host, World, stable, symlink};
use expect_test::{Expect, expect};

fn check(grants: &str, expected: Expect) {
    let world = World::new();
    symlink("outside", world.path("linked")).unwrap();
    symlink("state/keys", world.path("to_keys")).unwrap();
    let said = match Host::open(&world, &format!("grants: {{files: [{grants}]}}")) {
        Ok(_) => "loaded".to_owned(),
        Err(problems) => stable(&world, &problems),
    };
    expected.assert_eq(&said);
}

#[test]
fn what_is_not_there_is_not_made() {
    check(
        "{path: none, access: write}",
        expect![[r#"
        role.yaml:5:16: `WORLD/none`, which the entry grants, is not there
          hint: create it, or grant a folder that exists; relative paths start from the role file's folder"#]],
    );
    check(
        "{path: data/in.txt/x}",
        expect![
            "role.yaml:5:16: `WORLD/data/in.txt/x`, which the entry grants, cannot be used: Not a directory (os error 20)"
        ],
    );
    check(
        "{path: data/fifo}",
        expect![[r#"
        role.yaml:5:16: `WORLD/data/fifo` is neither a file nor a folder
          hint: pipes, sockets and devices cannot be granted"#]],
    );
    check("{path: linked}", expect!["loaded"]);
    let many: Vec<_> = (0..33).map(|number| format!("{{path: data, as: /{number}}}")).collect();
    check(
        &many.join(", "),
        expect![[r#"
        role.yaml:5:16: 33 files and folders are granted, and at most 32 can be
          hint: grant a folder that holds several of them"#]],
    );
    check(&many[..32].join(", "), expect!["loaded"]);
}

#[test]
fn the_state_folder_is_out_of_reach() {
    check(
        "{path: state}",
        expect![[r#"
            role.yaml:5:16: `WORLD/state` is where the host keeps its own state
              hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
    check(
        "{path: state/keys}",
        expect![[r#"
        role.yaml:5:16: `WORLD/state/keys` is inside `WORLD/state`, where the host keeps its own state
          hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
    check(
        "{path: state/audit.db}",
        expect![[r#"
        role.yaml:5:16: `WORLD/state/audit.db` is inside `WORLD/state`, where the host keeps its own state
          hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
    check(
        "{path: to_keys}",
        expect![[r#"
        role.yaml:5:16: `WORLD/to_keys` is inside `WORLD/state`, where the host keeps its own state
          hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
    check(
        "{path: data/../state}",
        expect![[r#"
            role.yaml:5:16: `WORLD/data/../state` is where the host keeps its own state
              hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
    check(
        "{path: ., access: write}",
        expect![[r#"
            role.yaml:5:16: `WORLD` contains `WORLD/state`, where the host keeps its own state
              hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
    check(
        "{path: /}",
        expect![[r#"
        role.yaml:5:16: `/` contains `WORLD/state`, where the host keeps its own state
          hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
}

#[test]
fn the_machine_itself_is_not_granted() {
    check(
        "{path: /proc}",
        expect![[r#"
        role.yaml:5:16: `/proc` shows the machine itself and cannot be granted
          hint: grant the folder with the files that the tool is for"#]],
    );
    check(
        "{path: /proc/self/fd}",
        expect![[r#"
        role.yaml:5:16: `/proc/self/fd` shows the machine itself and cannot be granted
          hint: grant the folder with the files that the tool is for"#]],
    );
    check(
        "{path: /dev}",
        expect![[r#"
        role.yaml:5:16: `/dev` shows the machine itself and cannot be granted
          hint: grant the folder with the files that the tool is for"#]],
    );
    check(
        "{path: /dev/zero}",
        expect![[r#"
        role.yaml:5:16: `/dev/zero` is neither a file nor a folder
          hint: pipes, sockets and devices cannot be granted"#]],
    );
    check(
        "{path: /sys}",
        expect![[r#"
        role.yaml:5:16: `/sys` shows the machine itself and cannot be granted
          hint: grant the folder with the files that the tool is for"#]],
    );
}

#[test]
fn two_grants_have_two_names() {
    check(
        "{path: data, as: /x}, {path: read, as: x/}",
        expect![[r#"
        role.yaml:5:16: the component would see `/x` and `x/` in one place
          hint: give one of them another folder with `as`, such as `as: /other`"#]],
    );
    check(
        "{path: data, as: .}, {path: one/single.txt, as: single.txt}",
        expect![[r#"
        role.yaml:5:16: the component would see `.` and `single.txt` in one place
          hint: give one of them another folder with `as`, such as `as: /other`"#]],
    );
    check(
        "{path: data/in.txt, as: a/b}, {path: one/single.txt, as: ./a/b}",
        expect![[r#"
        role.yaml:5:16: the component would see `a/b` and `./a/b` in one place
          hint: give one of them another folder with `as`, such as `as: /other`"#]],
    );
    check("{path: data/in.txt, as: a/b}, {path: one/single.txt, as: a/c}", expect!["loaded"]);
    check(
        "{path: data, as: ../x}",
        expect![[r#"
        role.yaml:5:16: a component cannot be given a folder under the name `../x`
          hint: give it a name without `..` with `as`, such as `as: /data`"#]],
    );
    check("{path: one/single.txt, as: /}", expect!["loaded"]);
}
