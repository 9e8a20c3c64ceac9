//! Ways out of a granted folder, in families. Each is tried for real, refused, and for its own reason.

use super::{GRANTS, Host, SECRET, World, fs, json, stable};
use serde_json::Value;

/// One way out: its steps, what the component is told of the last, and what the person is told.
struct Case {
    family: &'static str,
    steps: Value,
    told: &'static str,
    hint: &'static str,
}

/// Leads out, and says so.
const OUT: (&str, &str) = ("not-permitted", "leads out of the folder");
/// Granted for reading.
const READ: (&str, &str) = ("not-permitted", "which is granted for reading");
/// No file and no folder.
const SPECIAL: (&str, &str) = ("not-permitted", "neither a regular file nor a folder");

struct Cases(Vec<Case>);

impl Cases {
    fn add(
        &mut self,
        family: &'static str,
        steps: Value,
        (told, hint): (&'static str, &'static str),
    ) {
        let steps = if steps.is_array() { steps } else { json!([steps]) };
        self.0.push(Case { family, steps, told, hint });
    }

    /// Opening a path of `data` for reading.
    fn cat(&mut self, family: &'static str, path: &str, refused: (&'static str, &'static str)) {
        self.add(family, json!({ "do": "cat", "path": path }), refused);
    }
}

fn cases(world: &World) -> Vec<Case> {
    let mut cases = Cases(Vec::new());
    let family = "`..`";
    for path in [
        "..",
        "../",
        "../outside/secret.txt",
        "./../outside/secret.txt",
        "..//outside/secret.txt",
        "sub/../../outside/secret.txt",
        "sub/./.././../outside/secret.txt",
        "sub/deep/../../../outside/secret.txt",
        "sub//..//..//outside//secret.txt",
        // Out and in again is out.
        "../data/in.txt",
        "sub/../../data/in.txt",
    ] {
        cases.cat(family, path, OUT);
    }
    cases.cat(family, "missing/../../outside/secret.txt", ("no-entry", ""));
    cases.cat(family, "in.txt/../../outside/secret.txt", ("not-directory", ""));
    for (what, path) in [
        ("stat", "../outside/secret.txt"),
        ("hash", "../outside/secret.txt"),
        ("readlink", "../data/link_in"),
        ("mkdir", "../made"),
        ("rmdir", "../outside/dir"),
        ("unlink", "../outside/secret.txt"),
        ("times", "../outside/secret.txt"),
    ] {
        cases.add(family, json!({ "do": what, "path": path }), OUT);
    }
    cases.add(family, json!({"do": "open", "path": "../made", "how": "wcx"}), OUT);
    cases.add(family, json!({"do": "rename", "path": "in.txt", "new": "../taken"}), OUT);
    cases.add(
        family,
        json!({"do": "rename", "path": "../outside/secret.txt", "new": "taken"}),
        OUT,
    );
    cases.add(family, json!({"do": "link", "path": "in.txt", "new": "../taken", "how": "n"}), OUT);
    cases.add(
        family,
        json!({"do": "link", "path": "../outside/secret.txt", "new": "taken", "how": "n"}),
        OUT,
    );
    // A folder that was opened inside is a root of its own.
    let sub = json!({"do": "open", "path": "sub", "how": "rd", "name": "sub"});
    cases.add(family, json!([sub, {"do": "cat", "at": "sub", "path": "../in.txt"}]), OUT);
    cases.add(
        family,
        json!([sub, {"do": "cat", "at": "sub", "path": "../../outside/secret.txt"}]),
        OUT,
    );

    let family = "absolute paths";
    let secret = world.path("outside/secret.txt").display().to_string();
    let inside = world.path("data/in.txt").display().to_string();
    for path in ["/", "/etc/passwd", "//etc/passwd", "/../etc/passwd", &secret, &inside] {
        cases.cat(family, path, OUT);
    }
    cases.add(family, json!({"do": "stat", "path": "/etc/passwd"}), OUT);
    cases.add(family, json!({"do": "open", "path": "/tmp/made-by-a-test", "how": "wc"}), OUT);

    let family = "links that lead out";
    for path in [
        "link_out",
        "link_abs",
        "link_chain",
        "sub/link_chain",
        "dir_out",
        "dir_out/secret.txt",
        "dir_out/../data/in.txt",
        "sub/up",
        "sub/up/outside/secret.txt",
        "root/etc/passwd",
    ] {
        cases.cat(family, path, OUT);
    }
    cases.cat(family, "loop", ("loop", ""));
    cases.cat(family, "dangling", OUT);
    cases.add(family, json!({"do": "cat", "path": "link_out", "how": "n"}), ("loop", ""));
    cases.add(family, json!({"do": "open", "path": "dangling", "how": "wc"}), OUT);
    cases.add(family, json!({"do": "open", "path": "link_out", "how": "wt"}), OUT);
    cases.add(family, json!({"do": "open", "path": "dir_out", "how": "rd"}), OUT);
    cases.add(family, json!({"do": "stat", "path": "link_out"}), OUT);
    cases.add(family, json!({"do": "hash", "path": "dir_out/secret.txt"}), OUT);
    cases.add(family, json!({"do": "times", "path": "link_out"}), OUT);
    cases.add(family, json!({"do": "times", "path": "dir_out/secret.txt", "how": "n"}), OUT);
    cases.add(family, json!({"do": "mkdir", "path": "dir_out/made"}), OUT);
    cases.add(family, json!({"do": "unlink", "path": "dir_out/secret.txt"}), OUT);
    cases.add(family, json!({"do": "rename", "path": "in.txt", "new": "dir_out/taken"}), OUT);
    cases.add(family, json!({"do": "symlink", "text": "x", "path": "dir_out/made"}), OUT);
    cases.add(
        family,
        json!({"do": "link", "path": "dir_out/secret.txt", "new": "taken", "how": "n"}),
        OUT,
    );
    // To link what a link leads to is refused whatever it is.
    cases.add(family, json!({"do": "link", "path": "link_out", "new": "taken"}), ("invalid", ""));

    let family = "a slash at the end";
    for path in ["link_out/", "dir_out/", "dir_out/.", "dir_out//"] {
        cases.cat(family, path, OUT);
    }
    cases.cat(family, "in.txt/", ("not-directory", ""));
    cases.cat(family, "link_in/", ("not-directory", ""));
    cases.add(family, json!({"do": "cat", "path": "link_in/.", "how": "n"}), ("not-directory", ""));
    cases.add(family, json!({"do": "open", "path": "dir_out/", "how": "rdn"}), OUT);
    cases.add(family, json!({"do": "mkdir", "path": "dir_out/made/"}), OUT);

    let family = "making links that lead out";
    const LINK: (&str, &str) =
        ("not-permitted", "a link must lead to something below its own folder");
    for target in ["/etc/passwd", "/", "..", "../outside/secret.txt", "sub/../../outside", "./../x"]
    {
        cases.add(family, json!({"do": "symlink", "text": target, "path": "made"}), LINK);
    }

    let family = "from one grant to another";
    let read = |step: Value| {
        let mut step = step;
        step["at"] = "read".into();
        step
    };
    for (what, path) in
        [("mkdir", "made"), ("unlink", "r.txt"), ("rmdir", "sub"), ("times", "r.txt")]
    {
        cases.add(family, read(json!({ "do": what, "path": path })), READ);
    }
    for how in ["w", "rw", "wt", "wc", "t", "c"] {
        cases.add(family, read(json!({"do": "open", "path": "r.txt", "how": how})), READ);
    }
    cases.add(family, read(json!({"do": "symlink", "text": "r.txt", "path": "made"})), READ);
    cases.add(family, read(json!({"do": "rename", "path": "r.txt", "new": "taken"})), READ);
    cases.add(family, json!({"do": "rename", "path": "in.txt", "to": "read", "new": "put"}), READ);
    // The other name of a file that may only be read would be written.
    cases.add(
        family,
        read(json!({"do": "link", "path": "r.txt", "new": "taken", "how": "n"})),
        READ,
    );
    cases.add(
        family,
        json!({"do": "link", "path": "in.txt", "to": "read", "new": "put", "how": "n"}),
        READ,
    );
    let open = read(json!({"do": "open", "path": "r.txt", "how": "r", "name": "r"}));
    for step in [
        json!({"do": "write", "at": "r", "text": "x"}),
        json!({"do": "size", "at": "r", "offset": 0}),
        json!({"do": "append", "at": "r", "text": "x"}),
        json!({"do": "times-of", "at": "r"}),
    ] {
        cases.add(family, json!([open, step]), ("not-permitted", ""));
    }
    let sub = read(json!({"do": "open", "path": "sub", "how": "rd", "name": "sub"}));
    cases.add(family, json!([sub, {"do": "mkdir", "at": "sub", "path": "made"}]), READ);
    cases.cat(family, "../read/r.txt", OUT);

    let family = "`/proc/self`";
    for path in
        ["proc", "proc/environ", "proc/root/etc/passwd", "proc/cwd", "proc/fd/0", "proc_up/mem"]
    {
        cases.cat(family, path, OUT);
    }

    let family = "pipes, sockets and devices";
    for path in ["fifo", "to_fifo", "socket", "./fifo", "sub/../fifo"] {
        cases.cat(family, path, SPECIAL);
    }
    for how in ["r", "w", "rw", "wc", "wt", "rn"] {
        cases.add(family, json!({"do": "open", "path": "fifo", "how": how}), SPECIAL);
    }
    cases.add(family, json!({"do": "open", "path": "fifo", "how": "wcx"}), SPECIAL);
    cases.add(family, json!({"do": "times", "path": "fifo"}), SPECIAL);
    cases.add(family, json!({"do": "times", "path": "to_fifo"}), SPECIAL);
    cases.add(family, json!({"do": "open", "path": "fifo", "how": "rd"}), SPECIAL);
    cases.cat(family, "fifo/", ("not-directory", ""));
    cases.cat(family, "dev", OUT);
    if world.devices {
        for path in ["zero", "terminal"] {
            cases.cat(family, path, SPECIAL);
            cases.add(family, json!({"do": "open", "path": path, "how": "rw"}), SPECIAL);
        }
    }

    let family = "names";
    cases.cat(family, "", ("no-entry", ""));
    cases.cat(family, "in.txt\0", ("invalid", ""));
    cases.cat(family, "in.txt\0/../../outside/secret.txt", ("invalid", ""));
    cases.cat(family, &"x".repeat(300), ("name-too-long", ""));
    cases.cat(family, &"x/".repeat(3_000), ("name-too-long", ""));
    cases.cat(family, "IN.TXT", ("no-entry", ""));
    cases.cat(family, "no\u{fffd}text", ("no-entry", ""));
    cases.cat(family, "..\u{2215}outside\u{2215}secret.txt", ("no-entry", ""));
    cases.cat(family, "..%2foutside%2fsecret.txt", ("no-entry", ""));
    cases.cat(family, "..\\outside\\secret.txt", ("no-entry", ""));
    cases.cat(family, "\u{ff0e}\u{ff0e}/outside/secret.txt", ("no-entry", ""));
    cases.0
}

#[test]
fn nothing_leads_out_of_what_is_granted() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let (mut table, mut wrong): (Vec<(&str, usize)>, Vec<String>) = (Vec::new(), Vec::new());
    for Case { family, steps, told, hint } in cases(&world) {
        let said = host.steps(&steps);
        let last = said.lines().last().unwrap_or_default();
        let hinted = host.hint(&steps).unwrap_or_default();
        let explained = if hint.is_empty() { hinted.is_empty() } else { hinted.contains(hint) };
        if last != told || !explained {
            let steps: String = steps.to_string().chars().take(120).collect();
            wrong.push(format!("{family}: {steps}\n    told `{said}`, hint `{hinted}`\n    expected `{told}`, `{hint}`"));
        }
        assert!(!said.contains(SECRET) && !hinted.contains(SECRET), "{steps}");
        match table.last_mut().filter(|(name, _)| *name == family) {
            Some((_, count)) => *count += 1,
            None => table.push((family, 1)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{:<30} {:>5} {:>7}", "family", "cases", "refused");
    for (family, count) in &table {
        println!("{family:<30} {count:>5} {count:>7}");
    }
    let all: usize = table.iter().map(|(_, count)| count).sum();
    println!("{:<30} {all:>5} {all:>7}", "all");
    assert!(all >= 60, "{all}");
    // Nothing was changed on either side.
    for (name, text) in
        [("outside/secret.txt", SECRET), ("data/in.txt", "inside"), ("read/r.txt", "readable")]
    {
        assert_eq!(world.text(name), text);
    }
    let names = |folder: &str| fs::read_dir(world.path(folder)).unwrap().count();
    assert_eq!((names("outside"), names("read"), names("")), (3, 2, 5));
}

#[test]
fn what_is_inside_can_be_used() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let said = host.steps(&json!([
        {"do": "roots"},
        {"do": "cat", "path": "in.txt"},
        {"do": "cat", "path": "link_in"},
        {"do": "cat", "path": "sub/../in.txt"},
        {"do": "cat", "path": "sub/./in.txt"},
        {"do": "cat", "at": "read", "path": "r.txt"},
        {"do": "readlink", "path": "link_out"},
        {"do": "stat", "path": "link_in"},
        {"do": "times", "path": "link_in"},
        {"do": "mkdir", "path": "new"},
        {"do": "open", "path": "new/file", "how": "rwcx", "name": "file"},
        {"do": "write", "at": "file", "text": "text"},
        {"do": "append", "at": "file", "text": "more"},
        {"do": "symlink", "text": "new/file", "path": "link"},
        {"do": "cat", "path": "link"},
        {"do": "link", "path": "in.txt", "new": "new/hard", "how": "n"},
        {"do": "rename", "path": "new/file", "new": "renamed"},
        {"do": "unlink", "path": "renamed"},
        {"do": "unlink", "path": "new/hard"},
        {"do": "unlink", "path": "link"},
        {"do": "rmdir", "path": "new"},
        {"do": "hash", "path": "in.txt"},
        {"do": "open", "path": "sub", "how": "rd", "name": "sub"},
        {"do": "list", "at": "sub"},
        {"do": "library-read", "path": "data/in.txt"},
        {"do": "library-write", "path": "data/written.txt", "text": "by the library"},
    ]));
    let expected = "data read\ninside\ninside\ninside\ninside\nreadable\n../outside/secret.txt\n6 bytes\n\
         touched\nmade\na file\n4 bytes\nappended\nlinked\ntextmore\nlinked\nrenamed\nremoved\nremoved\n\
         removed\nremoved\nhashed\na folder\n4 names, 0 that are no text\ninside\nwritten";
    assert_eq!(said, expected);
    assert_eq!(world.text("data/written.txt"), "by the library");
}

/// A second name of a file is the file. Whoever made it there could write to the folder and to the file.
#[test]
fn a_hard_link_that_is_inside_already_is_inside() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let said = host.steps(&json!([
        {"do": "cat", "path": "hard.txt"},
        {"do": "open", "path": "hard.txt", "how": "w", "name": "hard"},
        {"do": "write", "at": "hard", "text": "HARD"},
    ]));
    assert_eq!(said, "hard\na file\n4 bytes");
    assert_eq!(world.text("outside/hard.txt"), "HARD");
}

#[test]
fn a_refusal_says_what_to_write() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let check = |steps: Value, expected: &str| {
        let hint = host.hint(&json!([steps])).unwrap_or_default();
        assert_eq!(stable(&world, &hint), expected);
    };
    check(
        json!({"do": "cat", "path": "../outside/secret.txt"}),
        "it asked for `../outside/secret.txt`, which leads out of the folder `data`; to allow it, add \
         `grants: {files: [{path: WORLD/outside/secret.txt, access: read}]}` to the entry",
    );
    check(
        json!({"do": "cat", "path": "/etc/passwd"}),
        "it asked for `/etc/passwd`, which leads out of the folder `data`; to allow it, add `grants: \
         {files: [{path: /etc/passwd, access: read}]}` to the entry",
    );
    check(
        json!({"do": "cat", "path": "link_out"}),
        "it asked for `link_out`, which leads out of the folder `data`; to allow it, grant the folder \
         that the link leads to as well, with `grants: {files: [{path: FOLDER, access: read}]}`",
    );
    check(
        json!({"do": "unlink", "at": "read", "path": "r.txt"}),
        "it tried to change `r.txt` in `read`, which is granted for reading; to allow it, add `grants: \
         {files: [{path: WORLD/read, access: write}]}` to the entry",
    );
    check(
        json!({"do": "cat", "path": "fifo"}),
        "it asked for `fifo`, which is neither a regular file nor a folder; pipes, sockets, devices and \
         what is in `/proc` cannot be granted",
    );
    check(json!({"do": "cat", "path": "missing"}), "");
    let bare = Host::open(&world, "").unwrap();
    let hint = bare.hint(&json!([{"do": "library-read", "path": "/etc/passwd"}]));
    let expected = "it looked for its folders, and the entry grants none; to give it one, add `grants: \
         {files: [{path: ./data, access: read}]}` to the entry";
    assert_eq!(hint.as_deref(), Some(expected));
    // Of what has nothing to do with files nothing is said, also where a runtime looked for folders.
    assert_eq!(bare.hint(&json!([{"do": "roots"}])), None);
}

#[test]
fn a_call_that_is_being_prepared_changes_nothing() {
    let world = World::new();
    let host = Host::open(&world, &format!("{GRANTS}\n    approval: required")).unwrap();
    let said = host.call(
        "files",
        &json!({"prepare": [
            {"do": "cat", "path": "in.txt"},
            {"do": "open", "path": "in.txt", "how": "w"},
            {"do": "open", "path": "new", "how": "wc"},
            {"do": "mkdir", "path": "new"},
            {"do": "unlink", "path": "in.txt"},
            {"do": "rename", "path": "in.txt", "new": "out.txt"},
            {"do": "symlink", "text": "in.txt", "path": "new"},
            {"do": "link", "path": "in.txt", "new": "new", "how": "n"},
            {"do": "times", "path": "in.txt"},
            {"do": "cat", "at": "read", "path": "r.txt"},
        ]}),
    );
    let refused = "not-permitted\n".repeat(8);
    assert_eq!(said, format!("waiting: inside\n{refused}readable"));
    let said =
        host.call("files", &json!({"fail": true, "prepare": [{"do": "unlink", "path": "in.txt"}]}));
    assert!(
        said.contains("it tried to change `in.txt` while the call was only being prepared"),
        "{said}"
    );
    assert_eq!(world.text("data/in.txt"), "inside");
}
