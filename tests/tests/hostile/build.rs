//! What a component is made of: more instances, memories and tables than it may have, and parts that
//! attack before any export is called. Rust has no words for these; the modules are WebAssembly text.

use super::{SLOWEST, alone, cache, entry, resident, wait, write};
use initrunner_tests::components::with_modules;
use initrunner_tests::hostile;
use initrunner_tests::sandbox::Sandbox;
use std::path::Path;
use std::time::Instant;

#[test]
fn what_a_component_is_made_of_is_limited() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let base = std::fs::read(hostile()).unwrap();
    let check = |name: &str, module: &str, times: u32, settings: &str, expected: &str| {
        let path =
            write(folder.path(), &format!("{name}.wasm"), &with_modules(&base, module, times));
        let (said, took, before, after) = wait(async {
            let sandbox = Sandbox::new(Some(cache()));
            let open = async || match sandbox.open(&entry(&path, settings), Path::new("/")).await {
                Ok(tools) => sandbox.call(&tools, "hostile", r#"{"do": "nothing"}"#).await,
                Err(problems) => problems,
            };
            let began = Instant::now();
            open().await;
            let took = began.elapsed();
            let before = resident();
            let mut said = String::new();
            for _ in 0..3 {
                said = open().await;
            }
            let after = resident();
            let well = sandbox.open(&entry(hostile(), ""), Path::new("/")).await.unwrap();
            assert_eq!(sandbox.call(&well, "hostile", "{}").await, "ok: nothing");
            (said, took, before, after)
        });
        println!(
            "{name:<22} {:>5.2} s {:>6.1} MiB {:>6.1} MiB  {}",
            took.as_secs_f64(),
            before as f64 / f64::from(1 << 20),
            after as f64 / f64::from(1 << 20),
            said.replace('\n', " ").chars().take(220).collect::<String>()
        );
        assert!(said.contains(expected), "{name}: {said}");
        assert!(took < SLOWEST, "{name}");
        // One memory that was left behind would be sixteen times as much.
        assert!(after <= before + (16 << 20), "{name}: {before} grew to {after}");
    };
    let nothing = "(module)";
    check("instances", nothing, 30, "", "made of more than 20 core instances");
    check("instances-allowed", nothing, 30, "limits: {max_instances: 40}", "ok: nothing");
    check(
        "instances-many",
        nothing,
        500,
        "",
        "is made of more than 40 core instances, which is the most",
    );
    let memory = "(module (memory 1))";
    check("memories", memory, 6, "", "made of more than 4 memories");
    check("memories-allowed", memory, 6, "limits: {max_memories: 8}", "ok: nothing");
    check("memories-many", memory, 30, "", "is made of more than 8 memories, which is the most");
    let memories = "(module (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1))";
    check("memories-in-one", memories, 1, "", "is made of more than 8 memories, which is the most");
    let large = "(module (memory 800))";
    check("memories-together", large, 2, "", "asked for more than its 64 MiB of memory");
    let beyond = "(module (memory 65536))";
    check(
        "memory-of-4-gib",
        beyond,
        1,
        "limits: {memory_mb: 256}",
        "asked for more than its 256 MiB",
    );
    let table = "(module (table 10 funcref))";
    check("tables", table, 12, "limits: {max_instances: 40}", "made of more than 8 tables");
    check("tables-many", table, 30, "", "is made of more than 16 tables, which is the most");
    let wide = "(module (table 30000 funcref))";
    check("table-wide", wide, 1, "", "a table of more than 20000 elements");
    check("table-wide-allowed", wide, 1, "limits: {max_table_elements: 30000}", "ok: nothing");
    let wider = "(module (table 10000000 funcref))";
    check(
        "table-wider",
        wider,
        1,
        "",
        "needs a table of more than 100000 elements, which is the most",
    );
    let growing = "(module (table $t 1 funcref) (func $go (loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1)))) unreachable) (start $go))";
    check("table-growing", growing, 1, "", "a table of more than 20000 elements");
    let spin = "(module (func $go (loop (br 0))) (start $go))";
    check("start-spins", spin, 1, "limits: {timeout_seconds: 1}", "longer than its 1 s");
    let recurse = "(module (func $go (call $go)) (start $go))";
    check("start-recurses", recurse, 1, "", "its call stack overflowed");
    let trap = "(module (func $go unreachable) (start $go))";
    check("start-traps", trap, 1, "", "it gave up");
}
