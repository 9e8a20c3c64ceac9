//! The host's own state is out of reach, by whatever path.

use super::{Shop, refused, wait};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

const OWN: &str = "is part of the host's own state, which no grant covers";

/// A shop whose state folder holds a database, as the host's does.
fn shop() -> Shop {
    let shop = Shop::new();
    let audit = Connection::open(shop.state.join("audit.db")).unwrap();
    audit.execute_batch("CREATE TABLE events (e); INSERT INTO events VALUES ('kept')").unwrap();
    fs::create_dir(shop.state.join("keys")).unwrap();
    fs::write(shop.state.join("keys/host.key"), [7; 32]).unwrap();
    shop
}

fn grant(path: &str) -> String {
    format!("{{name: main, url: 'sqlite:{path}', access: write}}")
}

/// Refused when the role is loaded.
#[track_caller]
fn not_loaded(shop: &Shop, path: &str) {
    let problems = wait(shop.granted(&[&grant(path)])).err().unwrap_or_default();
    assert!(problems.contains(OWN), "{path}: {problems}");
    assert!(problems.contains("outside of the state folder"), "{path}: {problems}");
}

/// Refused when it is opened, in whatever way: `change` happens after the role was loaded.
#[track_caller]
fn not_opened(shop: &Shop, path: &str, kind: &str, words: &str, change: impl FnOnce()) {
    wait(async {
        let tools = shop.granted(&[&grant(path)]).await.unwrap();
        change();
        for ask in [
            json!({"do": "query", "sql": ["SELECT * FROM events"]}),
            json!({"do": "execute", "sql": ["DELETE FROM events"]}),
            json!({"do": "check", "sql": ["DELETE FROM events"]}),
        ] {
            refused(&shop.ask(&tools, &ask).await, kind, words);
        }
    });
}

#[test]
fn a_path_into_the_state_folder_is_refused_when_the_role_is_loaded() {
    let shop = shop();
    let state = shop.state.display().to_string();
    not_loaded(&shop, "state/audit.db");
    not_loaded(&shop, "./state/../state//audit.db");
    not_loaded(&shop, "state/new.db");
    not_loaded(&shop, "state/not/there/yet.db");
    not_loaded(&shop, "state/keys/host.key");
    not_loaded(&shop, "state/audit.db-wal");
    not_loaded(&shop, "state");
    not_loaded(&shop, &format!("{state}/audit.db"));
    not_loaded(&shop, &format!("//{state}/audit.db"));
    not_loaded(&shop, &format!("/proc/self/root{state}/audit.db"));
    symlink(&shop.state, shop.path("innocent")).unwrap();
    not_loaded(&shop, "innocent/audit.db");
    not_loaded(&shop, "innocent/keys/x.db");
    symlink(shop.state.join("audit.db"), shop.path("link.db")).unwrap();
    not_loaded(&shop, "link.db");
}

#[test]
fn a_path_that_leads_there_later_is_refused_when_it_is_opened() {
    let own = |shop: &Shop, path: &str, change: &dyn Fn()| {
        not_opened(shop, path, "not-granted", OWN, change);
    };
    let shop = shop();
    let audit = shop.state.join("audit.db");
    not_opened(&shop, "hard.db", "failed", "has 2 names (hard links)", || {
        fs::hard_link(&audit, shop.path("hard.db")).unwrap();
    });
    fs::create_dir(shop.path("data")).unwrap();
    own(&shop, "data/audit.db", &|| {
        fs::remove_dir(shop.path("data")).unwrap();
        symlink(&shop.state, shop.path("data")).unwrap();
    });
    fs::create_dir(shop.path("more")).unwrap();
    own(&shop, "more/new.db", &|| {
        fs::remove_dir(shop.path("more")).unwrap();
        symlink(shop.state.join("keys"), shop.path("more")).unwrap();
    });
    assert!(!shop.state.join("keys/new.db").exists());
    not_opened(&shop, "soft.db", "failed", "is a symbolic link", || {
        symlink(&audit, shop.path("soft.db")).unwrap();
    });
}

#[test]
fn a_file_of_the_state_is_no_log_of_another_database() {
    for suffix in ["-journal", "-wal", "-shm"] {
        let shop = shop();
        let audit = shop.state.join("audit.db");
        let before = fs::read(&audit).unwrap();
        not_opened(&shop, "shop.db", "failed", "is not one that SQLite made", || {
            fs::hard_link(&audit, shop.path(&format!("shop.db{suffix}"))).unwrap();
        });
        assert_eq!(fs::read(&audit).unwrap(), before);
    }
}

#[test]
fn the_built_in_tool_does_not_reach_it_either() {
    let shop = shop();
    let tools = "  - type: sql\n    database: state/audit.db";
    let problems = wait(shop.sandbox.open(tools, shop.folder.path())).err().unwrap_or_default();
    assert!(problems.starts_with("role.yaml:6:5: "), "{problems}");
    assert!(problems.contains(OWN), "{problems}");
}

#[test]
fn a_database_of_the_host_is_refused_wherever_it_lies() {
    use initrunner::store::sqlite::{OpenOptions, SqliteStore};
    let shop = shop();
    // As `--audit-db` puts it, outside of every protected folder; open, and closed, and copied.
    let store =
        SqliteStore::open(OpenOptions::new(shop.path("runs.db"), shop.path("keys"))).unwrap();
    not_opened(&shop, "runs.db", "not-granted", OWN, || {});
    drop(store);
    not_opened(&shop, "runs.db", "not-granted", OWN, || {});
    fs::copy(shop.path("runs.db"), shop.path("copy.db")).unwrap();
    not_opened(&shop, "copy.db", "not-granted", OWN, || {});
}
