//! Components that attack while they are loaded, and files that are no policy component: each is refused
//! by name.

use super::{TOLERANCE, policies, runtime, short, the_decider};
use crate::{SLOWEST, alone, resident, wait};
use initrunner::domain::policy::PolicySource;
use initrunner::plugin::policy::PolicyError;
use initrunner::plugin::{Runtime, Source};
use initrunner_tests::{decider, hostile, probe};
use std::time::{Duration, Instant};

/// What loading says.
async fn load(runtime: &Runtime, component: &Source, sources: &[PolicySource]) -> String {
    match runtime.load_policy(component, sources, "[]".into()).await {
        Ok(_) => "loaded".into(),
        Err(PolicyError::Component(error)) => error.message,
        Err(PolicyError::Sources(found)) => found
            .iter()
            .map(|it| format!("{}: {}", it.source, it.message))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

#[test]
fn a_component_that_misbehaves_while_it_is_loaded_is_refused_by_name() {
    let _alone = alone();
    wait(async {
        let runtime = runtime();
        let decider = the_decider();
        let check = async |word: &str, expected: &str, at_most: Duration| {
            let began = Instant::now();
            let before = resident();
            let said = load(&runtime, &decider, &[policies(word)]).await;
            let (took, after) = (began.elapsed(), resident());
            println!("{word:<10} {:>6.2} s  {}", took.as_secs_f64(), short(&said));
            assert!(said.contains(expected), "{word}: {}", short(&said));
            assert!(took < at_most, "{word}: {took:?}");
            assert!(after <= before + TOLERANCE, "{word}: {before} grew to {after}");
            assert_eq!(load(&runtime, &decider, &[policies("fine")]).await, "loaded");
        };
        let cannot = "the policy `the decider` could not read its sources: ";
        check("panic", cannot, SLOWEST).await;
        check("exit", &format!("{cannot}it crashed"), SLOWEST).await;
        check("hoard", &format!("{cannot}it asked for more than its 192 MiB"), SLOWEST).await;
        // The two that only time ends, at the same time as each other: it is long, and fixed.
        let sleep = [policies("sleep")];
        let too_slow = format!("{cannot}it took longer than 20 s");
        let (slept, ()) =
            tokio::join!(load(&runtime, &decider, &sleep), check("spin", &too_slow, 2 * SLOWEST));
        assert!(slept.contains("it took longer than 20 s"), "{slept}");
        let names = "gives its policies names that are not unique or not 1 to 256 bytes long";
        for word in ["twice", "long", "nameless"] {
            check(word, names, SLOWEST).await;
        }
        check("refuse silently", "it refuses its sources and does not say why", SLOWEST).await;
        // As many names as fit are no attack.
        check("many", "", SLOWEST).await;
    });
}

#[test]
fn what_is_no_policy_component_is_refused_by_name() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let check = |bytes: &[u8], expected: &str| {
        let path = crate::write(folder.path(), "mine.wasm", bytes);
        let said = wait(async { load(&runtime(), &Source::file(&path).unwrap(), &[]).await });
        println!("{}", short(&said));
        assert!(said.contains("mine.wasm` ") && said.contains(expected), "{said}");
    };
    check(
        &std::fs::read(probe()).unwrap(),
        "is no policy: it exports `initrunner:plugin/tools@0.1.0`",
    );
    check(&std::fs::read(hostile()).unwrap(), "is no policy: it exports");
    check(b"permit (principal, action, resource);", "is not WebAssembly");
    check(b"", "is not WebAssembly");
    check(&wat::parse_str("(module)").unwrap(), "is a core WebAssembly module, not a component");
    check(&wat::parse_str("(component)").unwrap(), "is no policy: it exports nothing");
    let mut cut = std::fs::read(decider()).unwrap();
    cut.truncate(cut.len() / 2);
    check(&cut, "is not a valid component");
    let lying = "(component (instance $nothing) (export \"initrunner:plugin/policies@0.1.0\" (instance $nothing)))";
    let said = wait(async {
        let path = crate::write(folder.path(), "lying.wasm", &wat::parse_str(lying).unwrap());
        load(&runtime(), &Source::file(&path).unwrap(), &[]).await
    });
    assert!(said.starts_with("the policy does not fit this host's contract"), "{said}");
}
