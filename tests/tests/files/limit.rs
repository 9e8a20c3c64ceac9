//! Limits of one call: bytes written, names listed, files held open. The host goes on after each.

use super::{GRANTS, Host, World, fs, json};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const MIB: u64 = 1 << 20;

/// The largest number that arguments carry.
const HUGE: u64 = (1 << 53) - 1;

#[test]
fn one_call_does_not_fill_the_disk() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let open = json!({"do": "open", "path": "full/big", "how": "rwc"});
    // Streams, single writes, a length that is set and a gap that is left all count.
    let written = json!([open, {"do": "stream", "at": "it", "count": 300}]);
    assert_eq!(host.steps(&written), "a file\nstopped after 255 MiB");
    assert!(fs::metadata(world.path("data/full/big")).unwrap().len() <= 256 * MIB);
    let hint =
        host.hint(&json!([open, {"do": "size", "at": "it", "offset": 1_u64 << 50}])).unwrap();
    assert_eq!(
        hint,
        "one call may write 256 MiB to files, new names and gaps included; nothing was written beyond \
         that, and smaller pieces may go into several calls"
    );
    fs::remove_file(world.path("data/full/big")).unwrap();
    for steps in [
        json!([open, {"do": "size", "at": "it", "offset": 300 * MIB}]),
        json!([open, {"do": "write", "at": "it", "text": "x", "offset": 300 * MIB}]),
        json!([open, {"do": "stream", "at": "it", "offset": 300 * MIB}]),
        json!([open, {"do": "size", "at": "it", "offset": HUGE}]),
        json!([open, {"do": "write", "at": "it", "text": "x", "offset": HUGE}]),
    ] {
        assert_eq!(host.steps(&steps), "a file\ninsufficient-space", "{steps}");
        assert_eq!(fs::metadata(world.path("data/full/big")).unwrap().len(), 0);
    }
    // The next call has a budget of its own.
    let said = host.steps(&json!([open, {"do": "size", "at": "it", "offset": 200 * MIB}]));
    assert_eq!(said, "a file\nsized");
    // A file with a gap takes no room, and is read like any other.
    assert_eq!(fs::metadata(world.path("data/full/big")).unwrap().blocks(), 0);
}

#[test]
fn names_count_as_well() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    // All but ten blocks of the budget, of which the file's own name is one.
    let most = 256 * MIB - 10 * 4096;
    let said = host.steps(&json!([
        {"do": "open", "path": "big", "how": "wc"},
        {"do": "size", "at": "it", "offset": most},
        {"do": "makes", "path": "full/", "count": 8},
        {"do": "symlink", "text": "x", "path": "full/link"},
        {"do": "mkdir", "path": "full/more"},
        {"do": "open", "path": "full/more", "how": "wc"},
        {"do": "link", "path": "in.txt", "new": "full/more", "how": "n"},
        {"do": "symlink", "text": "x", "path": "full/more"},
    ]));
    let full = "insufficient-space\n".repeat(4);
    assert_eq!(said, format!("a file\nsized\n8 made\nlinked\n{}", full.trim_end()));
    assert_eq!(fs::read_dir(world.path("data/full")).unwrap().count(), 9);
}

#[test]
fn one_call_does_not_hold_long_listings() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    for number in 0..10_001 {
        fs::File::create(world.path("data/full").join(number.to_string())).unwrap();
    }
    let full = json!({"do": "open", "path": "full", "how": "rd"});
    let hold = |count: u64| json!([full, {"do": "hold-listings", "at": "it", "count": count}]);
    assert_eq!(host.steps(&hold(9)), "a folder\n9 held");
    assert_eq!(host.steps(&hold(10)), "a folder\ninsufficient-memory");
    let hint = host.hint(&hold(10)).unwrap();
    assert_eq!(
        hint,
        "one call may hold 100000 names of folders in open listings; a folder with more \
         than that cannot be listed"
    );
    // Given back when they are closed.
    let step = &hold(9)[1];
    assert_eq!(
        host.steps(&json!([full, step, step, {"do": "list", "at": "it"}])),
        "a folder\n9 held\n9 held\n10001 names, 0 that are no text"
    );
}

#[test]
fn one_call_does_not_hold_many_files() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let hold = |what: &str, count: u64| {
        host.call(
            "files",
            &json!({"steps": [{"do": what, "path": "in.txt", "how": "r", "count": count}]}),
        )
    };
    let stopped = "failed: The tool could not be used: the tool was stopped: it held more than 64 files \
         and folders open at once";
    // Two roots are open already.
    assert_eq!(hold("hold", 62), "ok: 62 held");
    assert_eq!(hold("hold", 63), stopped);
    // A stream holds its file, also when the descriptor is closed.
    assert_eq!(hold("hold-streams", 61), "ok: 61 held");
    assert_eq!(hold("hold-streams", 62), stopped);
    // What is closed does not count.
    assert_eq!(hold("cats", 500), "ok: inside=500");
}

#[test]
fn what_replaces_a_file_keeps_its_permissions() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let has = |name: &str| fs::metadata(world.path(name)).unwrap().mode() & 0o7777;
    mode("data/in.txt", 0o750);
    let replace = json!([
        {"do": "open", "path": "new", "how": "wc"},
        {"do": "rename", "path": "new", "new": "in.txt"},
    ]);
    assert_eq!(host.steps(&replace), "a file\nrenamed");
    assert_eq!(has("data/in.txt"), 0o750);
    // Only those to read, write and run.
    mode("data/in.txt", 0o4711);
    assert_eq!(host.steps(&replace), "a file\nrenamed");
    assert_eq!(has("data/in.txt"), 0o711);
    // A file with another name outside keeps its own.
    mode("outside/hard.txt", 0o600);
    let renamed = host.steps(&json!([{"do": "rename", "path": "hard.txt", "new": "in.txt"}]));
    assert_eq!((renamed.as_str(), has("outside/hard.txt")), ("renamed", 0o600));
}
