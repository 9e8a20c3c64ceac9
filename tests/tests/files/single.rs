//! A grant of one file gives that file, and nothing of the folder that it lies in.

use super::{Host, SECRET, World, fs, json, symlink};

const GRANTS: &str =
    "grants: {files: [{path: one/single.txt, access: write}, {path: one/other.txt}]}";

#[test]
fn a_file_alone_is_read_and_written() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let said = host.steps(&json!([
        {"do": "roots"},
        {"do": "cat", "at": "one", "path": "single.txt"},
        {"do": "cat", "at": "one", "path": "./other.txt"},
        {"do": "stat", "at": "one", "path": "single.txt"},
        {"do": "hash", "at": "one", "path": "single.txt"},
        {"do": "library-read", "path": "one/other.txt"},
        {"do": "library-write", "path": "one/single.txt", "text": "written"},
        {"do": "library-read", "path": "one/single.txt"},
        {"do": "times", "at": "one", "path": "single.txt"},
    ]));
    let expected = "one\nsingle\nother\n6 bytes\nhashed\nother\nwritten\nwritten\nnot-permitted";
    assert_eq!(said, expected);
    assert_eq!(world.text("one/single.txt"), "written");
}

#[test]
fn nothing_else_of_its_folder_is_there() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    for path in [
        "neighbour.txt",
        "..",
        ".",
        "../outside/secret.txt",
        "single.txt/",
        "SINGLE.TXT",
        "",
        "other.txt/../neighbour.txt",
        "/etc/passwd",
    ] {
        for what in ["cat", "stat", "hash", "readlink", "unlink", "rmdir", "mkdir", "times"] {
            let steps = json!([{"do": what, "at": "one", "path": path}]);
            assert_eq!(host.steps(&steps), "not-permitted", "{steps}");
        }
    }
    for step in [
        json!({"do": "open", "at": "one", "path": "new", "how": "wc"}),
        json!({"do": "open", "at": "one", "path": "other.txt", "how": "w"}),
        json!({"do": "open", "at": "one", "path": "other.txt", "how": "t"}),
        json!({"do": "rename", "at": "one", "path": "single.txt", "to": "one", "new": "neighbour.txt"}),
        json!({"do": "link", "at": "one", "path": "neighbour.txt", "to": "one", "new": "x", "how": "n"}),
        json!({"do": "symlink", "at": "one", "text": "neighbour.txt", "path": "x"}),
        json!({"do": "unlink", "at": "one", "path": "single.txt"}),
        json!({"do": "list", "at": "one"}),
    ] {
        assert_eq!(host.steps(&json!([step])), "not-permitted", "{step}");
    }
    assert_eq!(world.text("one/neighbour.txt"), SECRET);
    assert_eq!(world.text("one/other.txt"), "other");
    let hint = host.hint(&json!([{"do": "cat", "at": "one", "path": "neighbour.txt"}])).unwrap();
    let said = "it asked for `neighbour.txt`, and of `one` only single files are granted; to allow it, \
         add `grants: {files: [{path: WORLD/one, access: read}]}` to the entry";
    assert_eq!(super::stable(&world, &hint), said);
}

#[test]
fn a_file_that_was_replaced_is_followed_by_its_name_but_not_through_a_link() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let read = json!([{"do": "cat", "at": "one", "path": "single.txt"}]);
    // As editors do it.
    fs::write(world.path("one/next"), "next").unwrap();
    fs::rename(world.path("one/next"), world.path("one/single.txt")).unwrap();
    assert_eq!(host.steps(&read), "next");
    fs::remove_file(world.path("one/single.txt")).unwrap();
    symlink("neighbour.txt", world.path("one/single.txt")).unwrap();
    assert_ne!(host.steps(&read), SECRET);
    let library = json!([{"do": "library-read", "path": "one/single.txt"}]);
    assert!(!host.steps(&library).contains(SECRET));
}
