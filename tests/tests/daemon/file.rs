//! Files that change, as the kernel tells of them.

use crate::role;
use initrunner_tests::home::until;
use std::fs;

/// The prompts of all runs, sorted, without the folder of the test.
fn prompts(home: &initrunner_tests::home::Home) -> Vec<String> {
    let work = fs::canonicalize(home.work()).unwrap();
    let runs = role::runs(home);
    let mut prompts: Vec<String> = runs
        .iter()
        .map(|run| {
            let prompt = run["prompt"].as_str().unwrap();
            let prompt = prompt.replace(&format!("{}/", work.display()), "");
            prompt.replace(&format!("{}/", home.work().display()), "")
        })
        .collect();
    prompts.sort();
    prompts
}

#[test]
fn a_file_that_has_come_to_rest_is_one_event() {
    let rest = r#"triggers:
  - {type: file_watch, paths: ["inbox/*.csv", "deep/**/*.txt", "one.txt"], events: [created, modified, deleted], prompt: "{{ event }} {{ path }}"}
"#;
    let home = role::home("auto", rest);
    for folder in ["inbox", "deep", "deep/er"] {
        fs::create_dir(home.work().join(folder)).unwrap();
    }
    let daemon = role::daemon(&home);
    let at = |name: &str| home.work().join(name);
    // Written in many pieces.
    for n in 0..20 {
        fs::write(at("inbox/a.csv"), "x".repeat(n)).unwrap();
    }
    fs::write(at("deep/er/b.txt"), "b").unwrap();
    fs::write(at("one.txt"), "1").unwrap();
    // Moved there when it is whole, as careful programs do.
    fs::write(at("inbox/c.tmp"), "c").unwrap();
    fs::rename(at("inbox/c.tmp"), at("inbox/c.csv")).unwrap();
    // None of these fits.
    fs::write(at("inbox/no.txt"), "n").unwrap();
    fs::create_dir(at("inbox/folder.csv")).unwrap();
    fs::write(at("inbox/folder.csv/x.csv"), "n").unwrap();
    role::are(&home, "completed", 4);
    fs::write(at("inbox/a.csv"), "again").unwrap();
    role::are(&home, "completed", 5);
    fs::remove_file(at("inbox/a.csv")).unwrap();
    role::are(&home, "completed", 6);
    assert_eq!(
        prompts(&home),
        [
            "created deep/er/b.txt",
            "created inbox/a.csv",
            "created inbox/c.csv",
            "created one.txt",
            "deleted inbox/a.csv",
            "modified inbox/a.csv",
        ]
    );
    daemon.stop();
}

#[test]
fn a_folder_that_comes_later_is_watched_then() {
    let rest = "triggers:\n  - {type: file_watch, paths: [\"later/*\"], prompt: \"{{ path }}\"}\n";
    let home = role::home("auto", rest);
    let daemon = role::daemon(&home);
    daemon.logs("later` is not there", 1);
    fs::create_dir(home.work().join("later")).unwrap();
    let mut n = 0;
    until("a file there is seen", || {
        n += 1;
        fs::write(home.work().join("later").join(format!("{n}")), "x").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        role::count(&home, "completed") > 0
    });
}

#[test]
fn a_folder_that_is_moved_there_brings_its_files() {
    let rest = "triggers:\n  - {type: file_watch, paths: [\"deep/**/*.txt\"], prompt: \"{{ event }} {{ path }}\"}\n";
    let home = role::home("auto", rest);
    let at = |name: &str| home.work().join(name);
    fs::create_dir(at("deep")).unwrap();
    fs::create_dir_all(at("full/er")).unwrap();
    fs::write(at("full/a.txt"), "a").unwrap();
    fs::write(at("full/er/b.txt"), "b").unwrap();
    fs::write(at("full/no.csv"), "n").unwrap();
    let daemon = role::daemon(&home);
    fs::rename(at("full"), at("deep/full")).unwrap();
    role::are(&home, "completed", 2);
    assert_eq!(prompts(&home), ["created deep/full/a.txt", "created deep/full/er/b.txt"]);
    // And one that is made anew is watched anew.
    fs::remove_dir_all(at("deep")).unwrap();
    daemon.logs("is gone", 1);
    fs::create_dir(at("deep")).unwrap();
    fs::write(at("deep/c.txt"), "c").unwrap();
    role::are(&home, "completed", 3);
    daemon.stop();
}

#[test]
fn a_change_is_not_lost_where_its_role_changes() {
    let rest = "triggers:\n  - {type: file_watch, paths: [\"*.csv\"], debounce: 4s, prompt: \"{{ event }} {{ path }}\"}\n";
    let home = role::home("auto", rest);
    let daemon = role::daemon(&home);
    fs::write(home.work().join("a.csv"), "a").unwrap();
    role::write(&home, "ops", "auto", &rest.replace("4s", "1s"));
    daemon.logs("the role was read again", 1);
    role::are(&home, "completed", 1);
    assert_eq!(prompts(&home), ["created a.csv"]);
}
