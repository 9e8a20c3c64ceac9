//! Owners: each is alive as long as its process holds it, and no longer.

use crate::fixture::*;
use initrunner::domain::ids::OwnerId;
use initrunner::store::Store;
use initrunner::store::owner::{self, Liveness, Owner};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn an_owner_is_alive_until_it_is_dropped() {
    let folder = tempfile::TempDir::new().unwrap();
    let id = OwnerId::from_random([7; 16]);
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    let owner = Owner::register(folder.path(), id.clone()).unwrap();
    let pid = std::process::id();
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Alive { pid });
    drop(owner);
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    assert_eq!(fs::read_dir(folder.path().join("owners")).unwrap().count(), 0);
    // A file that a killed process left behind.
    fs::write(folder.path().join(format!("owners/{id}.lock")), "pid 1\n").unwrap();
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    Owner::register(folder.path(), id).unwrap();
}

#[test]
fn programs_that_an_owner_starts_do_not_keep_it_alive() {
    let folder = tempfile::TempDir::new().unwrap();
    let id = OwnerId::from_random([8; 16]);
    let owner = Owner::register(folder.path(), id.clone()).unwrap();
    let mut child = Command::new("sleep").arg("30").stdin(Stdio::null()).spawn().unwrap();
    drop(owner);
    // The file is gone with the owner; what counts is that nobody holds a lock on a new one.
    fs::write(folder.path().join(format!("owners/{id}.lock")), "").unwrap();
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    let links: Vec<_> = fs::read_dir(format!("/proc/{}/fd", child.id()))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.starts_with(folder.path()))
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(links, Vec::<std::path::PathBuf>::new());
}

#[test]
fn owners_come_and_go_while_others_sweep() {
    let files = Files::new();
    let store = files.open();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sweeping = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // A run of a dead owner makes the adoption, and so the sweep, happen.
                let owner = owner(&store);
                let claim = create(&store, &owner);
                drop(owner);
                assert_eq!(wait(store.adopt_orphans(at(1))).unwrap(), [claim.run]);
            }
        });
        for _ in 0..2000 {
            let owner = owner(&store);
            let folder = files.folder.path().join("state");
            assert!(matches!(owner::is_alive(&folder, owner.id()), Liveness::Alive { .. }));
        }
        stop.store(true, Ordering::Relaxed);
        sweeping.join().unwrap();
    });
}
