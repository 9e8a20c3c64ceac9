//! The `filesystem` and `datetime` tools, as a role has them.

use super::{Host, SECRET, World, fs, json};
use expect_test::expect;
use serde_json::Value;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn filesystem(world: &World, settings: &str) -> Result<Host, String> {
    Host::of(world, &format!("  - type: filesystem\n    name: fs\n    {settings}"))
}

const WRITE: &str = "root: data\n    access: write\n    tools: {write: {approval: required}}";

fn says(host: &Host, tool: &str, arguments: Value) -> String {
    host.call(tool, &arguments)
}

#[test]
fn files_are_read_listed_and_searched_without_a_person() {
    let world = World::new();
    let host = filesystem(&world, "root: data").unwrap();
    let names: Vec<&str> = host.tools.model_names().collect();
    assert_eq!(names, ["fs_list", "fs_read", "fs_search"]);
    assert_eq!(
        says(&host, "fs_read", json!({"path": "in.txt"})),
        "ok: inside\n[the last line has no line end]"
    );
    assert_eq!(
        says(&host, "fs_list", json!({"path": "sub"})),
        "ok: sub/deep/\nsub/in.txt  6 bytes\nsub/link_chain -> ../link_out\nsub/up -> ../.."
    );
    assert_eq!(
        says(&host, "fs_search", json!({"text": "inside", "path": "sub"})),
        "ok: sub/in.txt:1: inside"
    );
}

#[test]
fn a_write_waits_with_its_diff_and_a_changed_file_asks_again() {
    let world = World::new();
    let host = filesystem(&world, WRITE).unwrap();
    let write = json!({"path": "in.txt", "content": "outside?\n", "overwrite": true});
    let diff = |old: &str| {
        format!(
            "waiting: --- a/in.txt\n+++ b/in.txt\n@@ -1 +1 @@\n-{old}\n\\ No newline at end of \
             file\n+outside?\n"
        )
    };
    assert_eq!(says(&host, "fs_write", write.clone()), diff("inside"));
    assert_eq!(says(&host, "fs_write", write.clone()), diff("inside"));
    // The preview is part of what is approved: another file, another preview.
    fs::write(world.path("data/in.txt"), "changed").unwrap();
    assert_eq!(says(&host, "fs_write", write), diff("changed"));
    assert_eq!(world.text("data/in.txt"), "changed");
    assert!(
        says(&host, "fs_write", json!({"path": "in.txt", "content": "x"}))
            .starts_with("refused by Component: ")
    );
}

#[test]
fn files_are_made_replaced_and_edited_whole() {
    let world = World::new();
    let host = filesystem(&world, "root: data\n    access: write").unwrap();
    fs::set_permissions(world.path("data/in.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    let write = |path: &str, content: &str, overwrite: bool| {
        says(&host, "fs_write", json!({"path": path, "content": content, "overwrite": overwrite}))
    };
    assert_eq!(
        write("new/deep/file.txt", "a\nb\n", false),
        "ok: wrote the new file `new/deep/file.txt`, 4 bytes"
    );
    assert_eq!(write("in.txt", "all new\n", true), "ok: replaced `in.txt`, 8 bytes");
    let edit = json!({"path": "in.txt", "old_text": "all", "new_text": "nothing"});
    assert_eq!(says(&host, "fs_edit", edit.clone()), "ok: changed `in.txt` in one place");
    assert_eq!(world.text("data/in.txt"), "nothing new\n");
    assert_eq!(fs::metadata(world.path("data/in.txt")).unwrap().mode() & 0o777, 0o755);
    assert!(says(&host, "fs_edit", edit).contains("does not contain `old_text`"));
    // Through a link inside, the file it leads to is changed and the link stays.
    assert_eq!(write("link_in", "through\n", true), "ok: replaced `in.txt`, 8 bytes");
    assert!(fs::symlink_metadata(world.path("data/link_in")).unwrap().is_symlink());
    let left: Vec<_> =
        fs::read_dir(world.path("data")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[test]
fn a_model_cannot_lead_the_tool_out() {
    let world = World::new();
    let host = filesystem(&world, "root: data\n    access: write").unwrap();
    for path in [
        "../outside/secret.txt",
        "/etc/passwd",
        "link_out",
        "link_abs",
        "dir_out/secret.txt",
        "sub/up/outside/secret.txt",
        "link_chain",
        "proc/environ",
        "dangling",
        "fifo",
        "to_fifo",
        "socket",
        "loop",
        "../state/audit.db",
    ] {
        for (tool, arguments) in [
            ("fs_read", json!({ "path": path })),
            ("fs_list", json!({ "path": path })),
            ("fs_search", json!({ "path": path, "text": "secret" })),
            ("fs_write", json!({ "path": path, "content": "x", "overwrite": true })),
            ("fs_edit", json!({ "path": path, "old_text": "secret", "new_text": "x" })),
        ] {
            let said = says(&host, tool, arguments);
            let nothing_found = said == "ok: [nothing found]";
            assert!(said.starts_with("failed: ") || nothing_found, "{tool} {path}: {said}");
            assert!(!said.contains(SECRET), "{tool} {path}: {said}");
        }
    }
    assert_eq!(world.text("outside/secret.txt"), SECRET);
    assert!(!world.path("outside/new.txt").exists());
}

#[test]
fn a_role_says_which_folder_and_it_must_be_one() {
    let world = World::new();
    let check = |settings: &str, expected: expect_test::Expect| {
        let said = match filesystem(&world, settings) {
            Ok(_) => "loaded".to_owned(),
            Err(problems) => super::stable(&world, &problems),
        };
        expected.assert_eq(&said);
    };
    check(
        "root: none",
        expect![[r#"
        role.yaml:7:5: `WORLD/none`, which the entry grants, is not there
          hint: create it, or grant a folder that exists; relative paths start from the role file's folder"#]],
    );
    check(
        "root: data/in.txt",
        expect![[r#"
        role.yaml:7:5: `root` must be a folder, and `data/in.txt` is a file
          hint: name the folder that it is in"#]],
    );
    check(
        "root: .",
        expect![[r#"
            role.yaml:7:5: `WORLD` contains `WORLD/state`, where the host keeps its own state
              hint: grant a folder beside it; no tool may read or change runs, approvals or keys"#]],
    );
    check(
        "access: write",
        expect![[
            r#"role.yaml:5:5: the configuration of `fs` does not fit: "root" is a required property"#
        ]],
    );
    check(
        "root: data\n    acess: write",
        expect![[r#"
        role.yaml:8:5: the tool `fs` has no key `acess`
          hint: did you mean `access`?"#]],
    );
    check(
        "root: data\n    grants: {files: [{path: outside}]}",
        expect![[r#"
        role.yaml:5:11: the built-in `filesystem` takes no `grants`
          hint: what it may reach follows from its own configuration"#]],
    );
}

#[test]
fn the_time_is_told_and_calculated_with() {
    let world = World::new();
    let host = Host::of(&world, "  - type: datetime\n    name: time\n    timezone: Europe/Berlin")
        .unwrap();
    let names: Vec<&str> = host.tools.model_names().collect();
    assert_eq!(names, ["time_add", "time_convert", "time_difference", "time_now"]);
    let now: Value =
        serde_json::from_str(says(&host, "time_now", json!({})).strip_prefix("ok: ").unwrap())
            .unwrap();
    let present =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let told = now["unix_seconds"].as_u64().unwrap();
    assert!(told.abs_diff(present) < 60, "{now}");
    assert_eq!(now["timezone"], "Europe/Berlin");
    assert_eq!(
        says(&host, "time_convert", json!({"time": "2026-07-01T09:00", "to": "Asia/Tokyo"})),
        r#"ok: {"date":"2026-07-01","time":"2026-07-01T16:00:00+09:00","timezone":"Asia/Tokyo","unix_seconds":1782889200,"week":27,"weekday":"Wednesday"}"#
    );
    let Err(problems) = Host::of(&world, "  - type: datetime\n    timezone: Berlin") else {
        panic!()
    };
    expect!["role.yaml:5:5: the entry `datetime` cannot be used: there is no time zone `Berlin`; `timezone` is an IANA name such as `Europe/Berlin`, or `UTC`"].assert_eq(&problems);
}
