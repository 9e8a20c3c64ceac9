//! A process that lives long picks up what changes about the host's policies, whole or not at all.

use super::place::{Came, Place, answer, approve, echo, one_call, pause, said, start, story};
use super::wait;
use initrunner::domain::tool_call::CallState;
use initrunner::ops::{Host, OpError};
use initrunner::runner::Ended;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const VARIABLE: &str = "INITRUNNER_POLICY_DIR";

const ASKS: &str = r#"
@id("everything") permit (principal, action in Action::"tools:all", resource);
@id("asks") forbid (principal, action in Action::"tools:all", resource) when { context.unattended };
"#;

const NEVER: &str = r#"@id("never") forbid (principal, action in Action::"tools:all", resource);"#;

const REFUSED: &str = "Error: This call is refused by policy: policy `never`.";

/// A place whose host has these policies in a folder, named by the variable.
fn place(settings: &str, policies: &str) -> Place {
    let place = Place::new(&echo(settings), &one_call("{do: echo, text: done}"));
    std::fs::create_dir(folder(&place)).unwrap();
    write(&place, "first.cedar", policies);
    place.set(VARIABLE, Some(folder(&place).to_str().unwrap()));
    place
}

fn folder(place: &Place) -> PathBuf {
    place.home.root().join("policies")
}

fn write(place: &Place, name: &str, text: impl AsRef<[u8]>) {
    std::fs::write(folder(place).join(name), text).unwrap();
}

fn remove(place: &Place, name: &str) {
    std::fs::remove_file(folder(place).join(name)).unwrap();
}

/// What the model reads of the one call of a new run, or that it waits.
async fn run(place: &Place, host: &Host) -> String {
    match start(place, host).await.unwrap().ended {
        Ended::Completed { answer } => answer,
        Ended::Paused => "waits".into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_holds_for_the_next_run_and_for_a_call_that_waits() {
    let place = place("", ASKS);
    wait(async {
        let host = place.host("os:ops");
        let [first, second] = [pause(&place, &host).await, pause(&place, &host).await];
        write(&place, "second.cedar", NEVER);
        assert_eq!(run(&place, &host).await, REFUSED);
        assert_eq!(answer(approve(&host, &first).await), REFUSED);
        remove(&place, "second.cedar");
        assert_eq!(run(&place, &host).await, "waits");
        assert_eq!(answer(approve(&host, &second).await), "Result: done");
        assert_eq!(place.warned(), Vec::<String>::new());
        assert_eq!(said(&story(&host, &first).await), ["invoke ask asks", "invoke deny never"]);
    });
}

#[test]
fn policies_that_the_configuration_names_are_picked_up_as_well() {
    let place = Place::new(&echo(""), &one_call("{do: echo, text: done}"));
    std::fs::write(
        place.home.state().join("config.toml"),
        "[[policy]]\nsources = [\"rules.cedar\"]\n\n[[policy]]\ncomponent = \"hours\"\nsources = [\"hours.toml\"]\n",
    )
    .unwrap();
    let write =
        |name: &str, text: &str| std::fs::write(place.home.state().join(name), text).unwrap();
    write("rules.cedar", ASKS);
    let none = "[[rate]]\nname = \"none\"\ntools = [\"probe\"]\ncalls = 0\nbeyond = \"deny\"\n";
    write("hours.toml", &none.replace("calls = 0", "calls = 9"));
    wait(async {
        let host = place.host("os:ops");
        let waiting = pause(&place, &host).await;
        write("hours.toml", none);
        let refused = run(&place, &host).await;
        assert!(refused.starts_with("Error: This call is refused by policy: "), "{refused}");
        assert!(refused.contains("(policy `none`)"), "{refused}");
        assert_eq!(answer(approve(&host, &waiting).await), refused);
    });
}

/// What becomes of an approval where the host's policies changed while its call waited.
fn approved(settings: &str, before: &str, after: &str) -> (String, Vec<String>) {
    let place = place(settings, before);
    wait(async {
        let host = place.host("os:ops");
        let waiting = pause(&place, &host).await;
        write(&place, "first.cedar", after);
        let came = match approve(&host, &waiting).await.unwrap() {
            Came::Ended(Ended::Completed { answer }) => answer,
            Came::Ended(Ended::Paused) => "waits".into(),
            other => panic!("{other:?}"),
        };
        let changed = story(&host, &waiting).await.run.calls[0].changed.clone();
        if came == "waits" {
            assert_eq!(answer(approve(&host, &waiting).await), "Result: done");
        }
        (came, changed)
    })
}

#[test]
fn a_changed_set_of_policies_decides_again_about_a_call_that_waits() {
    let check = |settings: &str, before: &str, after: &str, came: &str, changed: &[&str]| {
        let (is, told) = approved(settings, before, after);
        assert_eq!(
            (is.as_str(), &told[..]),
            (came, changed.map_to_strings().as_slice()),
            "{after}"
        );
    };
    // The same answer from the same policies: however they are written, and whatever else there is.
    let spaced = ASKS.replace("forbid (", "// who asks\nforbid(  ");
    check("", ASKS, &spaced, "Result: done", &[]);
    let more = format!(
        "{ASKS}\n@id(\"other\") forbid (principal, action, resource == Tool::\"probe\") when {{ context.trigger == \"http\" }};"
    )
    .replace("(principal, action, resource ==", "(principal, action == Action::\"probe\", resource ==");
    check("", ASKS, &more, "Result: done", &[]);
    // A denial.
    check("", ASKS, &format!("{ASKS}{NEVER}"), REFUSED, &[]);
    // Another policy.
    check(
        "",
        ASKS,
        &ASKS.replace("@id(\"asks\")", "@id(\"looks\")"),
        "waits",
        &[
            "policy: `cedar of this host: asks` said `policy `asks``, says nothing",
            "policy: `cedar of this host: looks` said nothing, says `policy `looks``",
        ],
    );
    // Nobody needs to be asked any more, or only because the role says so.
    let allows = ASKS.lines().take(2).collect::<Vec<_>>().join("\n");
    check("", ASKS, &allows, "Result: done", &[]);
    check(
        "approval: required",
        ASKS,
        &allows,
        "waits",
        &[
            "policy: the answer was `ask`, is `allow`",
            "policy: `cedar of this host: asks` said `policy `asks``, says nothing",
            "policy: `cedar of this host: everything` said nothing, says `allow`",
        ],
    );
}

trait Strings {
    fn map_to_strings(&self) -> Vec<String>;
}

impl Strings for &[&str] {
    fn map_to_strings(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[test]
fn policies_that_say_nothing_change_nothing_by_coming_or_going() {
    let place = place("approval: required", ASKS);
    wait(async {
        let [first, second] = {
            let host = place.host("os:ops");
            [pause(&place, &host).await, pause(&place, &host).await]
        };
        let config = place.home.state().join("config.toml");
        std::fs::write(&config, "[[policy]]\ncomponent = \"hours\"\nsources = [\"hours.toml\"]\n")
            .unwrap();
        let rules = "[[rate]]\ntools = [\"probe\"]\ncalls = 9\n";
        std::fs::write(place.home.state().join("hours.toml"), rules).unwrap();
        let host = place.host("os:ops");
        assert_eq!(answer(approve(&host, &first).await), "Result: done");
        let third = pause(&place, &host).await;
        std::fs::remove_file(config).unwrap();
        let host = place.host("os:ops");
        assert_eq!(answer(approve(&host, &second).await), "Result: done");
        // One that began under them does not go on without.
        let error = approve(&host, &third).await.map(|came| panic!("{came:?}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "run {third} was started under policies of this host that are not there now; name them in `config.toml` again, below `[[policy]]`"
            )
        );
        assert_eq!(story(&host, &third).await.run.calls[0].state, CallState::Waiting);
    });
}

#[test]
fn what_cannot_be_used_leaves_the_ones_before_in_force_and_is_told() {
    let place = place("", NEVER);
    wait(async {
        let host = place.host("os:ops");
        assert_eq!(run(&place, &host).await, REFUSED);
        let away = place.home.root().join("away");
        let check = async |told: &str| {
            for _ in 0..2 {
                assert_eq!(run(&place, &host).await, REFUSED, "{told}");
                let warned = place.warned();
                assert!(!warned.is_empty(), "{told}");
                for warned in warned {
                    assert!(
                        warned.starts_with("the host's policies were left as they were: "),
                        "{warned}"
                    );
                    assert!(warned.contains(told), "{told}: {warned}");
                }
            }
        };
        // Each of these would let the call happen if what can be read of it held.
        write(&place, "first.cedar", ASKS.lines().take(2).collect::<String>() + "\nforbid (");
        check("first.cedar:2:").await;
        write(&place, "first.cedar", b"permit \xff");
        check("is not text in UTF-8").await;
        std::fs::remove_file(folder(&place).join("first.cedar")).unwrap();
        check("has no file `*.cedar`, so nothing would decide").await;
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder(&place).join("first.cedar"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        check("first.cedar` is no file").await;
        std::fs::remove_file(folder(&place).join("first.cedar")).unwrap();
        std::fs::rename(folder(&place), &away).unwrap();
        check("there is no such").await;
        std::fs::rename(&away, folder(&place)).unwrap();
        write(
            &place,
            "first.cedar",
            "permit (principal, action in Action::\"nothing\", resource);",
        );
        check("Action::\"nothing\"").await;
        // Mended.
        write(&place, "first.cedar", ASKS);
        assert_eq!(run(&place, &host).await, "waits");
        assert_eq!(place.warned(), Vec::<String>::new());
    });
}

#[test]
fn without_policies_that_can_be_used_no_run_begins() {
    let place = place("", "forbid (");
    wait(async {
        let host = place.host("os:ops");
        let refused = async |told: &str| {
            let error = start(&place, &host).await.map(|_| panic!("it began")).unwrap_err();
            assert!(matches!(error, OpError::Config { .. }), "{error:?}");
            assert!(error.to_string().contains(told), "{error}");
        };
        refused("first.cedar:1:").await;
        place.set(VARIABLE, Some("/nowhere"));
        refused("there is no such").await;
        place.set(VARIABLE, Some(""));
        refused("is set and empty").await;
        assert_eq!(initrunner::ops::list_runs(&host, 9).await.unwrap().len(), 0);
    });
}

#[test]
fn a_run_that_began_under_policies_of_the_host_does_not_go_on_without_them() {
    let place = place("", ASKS);
    wait(async {
        let host = place.host("os:ops");
        let waiting = pause(&place, &host).await;
        let before = format!("{:?}", story(&host, &waiting).await.run);
        place.set(VARIABLE, None);
        for host in [&host, &place.host("os:other")] {
            let error = approve(host, &waiting).await.map(|came| panic!("{came:?}")).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "run {waiting} was started under policies of this host that are not there now; set `INITRUNNER_POLICY_DIR` to their folder again"
                )
            );
            assert_eq!(format!("{:?}", story(host, &waiting).await.run), before);
        }
        place.set(VARIABLE, Some(folder(&place).to_str().unwrap()));
        assert_eq!(answer(approve(&host, &waiting).await), "Result: done");
    });
}

/// Two files that must agree, in two versions.
fn versions(root: &Path) {
    for version in ["1", "2"] {
        let folder = root.join(version);
        std::fs::create_dir_all(&folder).unwrap();
        for part in ["a", "b"] {
            let name = format!("{part}{version}");
            let text = NEVER.replace("never", &name);
            std::fs::write(folder.join(format!("{part}.cedar")), text).unwrap();
        }
    }
}

/// Puts another link in a link's place, in one step.
fn relink(link: &Path, target: &str) {
    let next = link.with_file_name(".next");
    symlink(target, &next).unwrap();
    std::fs::rename(next, link).unwrap();
}

/// Runs a role over and over while a link is swapped thousands of times: each answer is by one version.
fn swapped(place: &Place, link: &Path, targets: [&str; 2]) {
    const RUNS: usize = 50;
    let (stop, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let answers = std::thread::scope(|scope| {
        let host = place.host("os:ops");
        let first = wait(run(place, &host));
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let number = swaps.fetch_add(1, Ordering::Relaxed);
                relink(link, targets[number % 2]);
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        let mut answers = vec![first];
        wait(async {
            while answers.len() < RUNS || swaps.load(Ordering::Relaxed) < 2_000 {
                answers.push(run(place, &host).await);
            }
        });
        stop.store(true, Ordering::Relaxed);
        // What it ends with holds at once, and for good.
        for target in targets {
            relink(link, target);
            let version = if target.contains('1') { "1" } else { "2" };
            for _ in 0..2 {
                let told = wait(run(place, &host));
                assert!(told.contains(&format!("`a{version}`")), "{target}: {told}");
            }
        }
        answers
    });
    let by = |version: &str| {
        format!("Error: This call is refused by policy: policy `a{version}`; policy `b{version}`.")
    };
    let of = |version: &str| answers.iter().filter(|told| **told == by(version)).count();
    let (one, two) = (of("1"), of("2"));
    println!(
        "{} swaps: {one} runs by the first version, {two} by the second, of {}",
        swaps.load(Ordering::Relaxed),
        answers.len()
    );
    assert_eq!(one + two, answers.len(), "{answers:?}");
    assert!(one > 0 && two > 0);
}

#[test]
fn a_folder_that_is_swapped_while_it_is_read_is_one_version_or_the_other() {
    let place = Place::new(&echo(""), &one_call("{do: echo, text: done}"));
    let root = place.home.root().join("all");
    versions(&root);
    let link = root.join("current");
    symlink("1", &link).unwrap();
    place.set(VARIABLE, Some(link.to_str().unwrap()));
    swapped(&place, &link, ["2", "1"]);
}

/// As container platforms mount configuration: each file a link through one that is swapped.
#[test]
fn files_behind_a_link_that_is_swapped_are_one_version_or_the_other() {
    let place = Place::new(&echo(""), &one_call("{do: echo, text: done}"));
    let root = place.home.root().join("mounted");
    versions(&root);
    for version in ["1", "2"] {
        std::fs::rename(root.join(version), root.join(format!("..v{version}"))).unwrap();
    }
    let link = root.join("..data");
    symlink("..v1", &link).unwrap();
    for file in ["a.cedar", "b.cedar"] {
        symlink(format!("..data/{file}"), root.join(file)).unwrap();
    }
    place.set(VARIABLE, Some(root.to_str().unwrap()));
    swapped(&place, &link, ["..v2", "..v1"]);
}
