//! Somebody changes what a path names while a component uses it. Whatever the order: what is outside is
//! never read, and nothing waits.

use super::{GRANTS, Host, SECRET, World, fs, json, symlink};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a path is opened in one call. Each opening resolves the path anew.
const TRIES: u64 = 2_000;

/// How often the two names are exchanged at least while a component is at work.
const ENOUGH: u64 = 200;

/// Longer than this takes on the busiest machine; what waits takes for ever.
const PLENTY: Duration = Duration::from_secs(120);

/// Opens `path` again and again while two names are exchanged, and gives what was seen.
fn swapped(world: &World, path: &str, one: &str, other: &str) -> String {
    let host = Host::open(world, GRANTS).unwrap();
    let (one, other) = (world.path(one), world.path(other));
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // In one step: there is no moment without the name.
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Both sides are at work before the first try.
        while swaps.load(Ordering::Relaxed) < 10 {
            std::thread::yield_now();
        }
        let started = Instant::now();
        let began = swaps.load(Ordering::Relaxed);
        let mut all = Vec::new();
        // Until the two have met often enough, also on a machine that lets one of them run at a time.
        while all.is_empty() || swaps.load(Ordering::Relaxed) - began < ENOUGH {
            let said = host.steps(&json!([{"do": "cats", "path": path, "count": TRIES}]));
            let tries: u64 = said.split([' ', '=']).filter_map(|it| it.parse::<u64>().ok()).sum();
            if tries != TRIES || said.contains(SECRET) || started.elapsed() > PLENTY {
                done.store(true, Ordering::Relaxed);
                panic!("{said}, after {:?}", started.elapsed());
            }
            all.push(said);
        }
        done.store(true, Ordering::Relaxed);
        all.join(" ")
    })
}

/// Each answer is one that some order of the two gives.
#[track_caller]
fn only(said: &str, allowed: &[&str]) {
    for part in said.split(' ') {
        let (told, _) = part.rsplit_once('=').unwrap_or_default();
        assert!(allowed.contains(&told), "`{told}` in {said}");
    }
}

#[test]
fn a_file_that_becomes_a_link_leads_nowhere() {
    let world = World::new();
    fs::write(world.path("data/a"), "inside").unwrap();
    symlink("../outside/secret.txt", world.path("data/b")).unwrap();
    only(&swapped(&world, "a", "data/a", "data/b"), &["inside", "not-permitted"]);
}

#[test]
fn a_folder_that_becomes_a_link_leads_nowhere() {
    let world = World::new();
    fs::create_dir(world.path("data/a")).unwrap();
    fs::write(world.path("data/a/secret.txt"), "inside").unwrap();
    symlink("../outside", world.path("data/b")).unwrap();
    let allowed = ["inside", "not-permitted"];
    only(&swapped(&world, "a/secret.txt", "data/a", "data/b"), &allowed);
    only(&swapped(&world, "sub/../a/secret.txt", "data/a", "data/b"), &allowed);
}

#[test]
fn a_folder_that_is_moved_out_takes_nobody_along() {
    let world = World::new();
    // `..` from a folder that moves is where the moving folder stands at some moment.
    fs::create_dir_all(world.path("data/a/b")).unwrap();
    fs::create_dir_all(world.path("outside/a/b")).unwrap();
    fs::write(world.path("data/a/secret.txt"), "inside").unwrap();
    let said = swapped(&world, "a/b/../../in.txt", "data/a", "outside/a");
    // The kernel may find that it cannot be sure, and says so rather than guess.
    only(&said, &["inside", "not-permitted", "no-entry", "would-block"]);
    let said = swapped(&world, "a/b/../../secret.txt", "data/a", "outside/a");
    only(&said, &["not-permitted", "no-entry", "would-block"]);
}

#[test]
fn a_file_that_becomes_a_pipe_is_not_waited_for() {
    let world = World::new();
    fs::write(world.path("data/a"), "inside").unwrap();
    only(&swapped(&world, "a", "data/a", "data/fifo"), &["inside", "not-permitted"]);
}

#[test]
fn a_root_that_becomes_a_link_is_not_followed() {
    let world = World::new();
    let host = Host::open(&world, GRANTS).unwrap();
    let read =
        json!([{"do": "cat", "path": "secret.txt"}, {"do": "cat", "at": "read", "path": "r.txt"}]);
    fs::rename(world.path("data"), world.path("moved")).unwrap();
    symlink(world.path("outside"), world.path("data")).unwrap();
    assert_eq!(host.steps(&read), "no root data\nreadable");
    let hint = super::stable(&world, &host.hint(&read).unwrap_or_default());
    assert!(hint.starts_with("`WORLD/data`, which is granted, cannot be opened: "), "{hint}");
    fs::remove_file(world.path("data")).unwrap();
    let hint = super::stable(&world, &host.hint(&read).unwrap_or_default());
    assert_eq!(hint, "`WORLD/data`, which is granted, is no longer there");
}
