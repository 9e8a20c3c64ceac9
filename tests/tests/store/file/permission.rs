//! Whoever else uses the machine reads none of the store's files.

use crate::fixture::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn every_file_is_private() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    paused(&store, &owner, 1);
    let state = files.folder.path().join("state");
    for folder in [&state, &state.join("owners"), &files.folder.path().join("keys")] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    let lock = format!("owners/{}.lock", owner.id());
    for file in ["audit.db", "audit.db-wal", "audit.db-shm", "audit.db.heads", &lock] {
        assert_eq!(mode(&state.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&files.folder.path().join("keys/audit.key")), 0o600);
    assert_eq!(fs::read_dir(files.folder.path().join("keys")).unwrap().count(), 1);

    drop(store);
    fs::set_permissions(files.path(), fs::Permissions::from_mode(0o644)).unwrap();
    files.open();
    assert_eq!(mode(&files.path()), 0o600);
}
