//! The contract of policies as Rust, generated from `wit/`. Private to this folder.

wasmtime::component::bindgen!({
    inline: "
        package initrunner:linkage;
        world decider {
            export initrunner:plugin/policies@0.1.0;
        }
    ",
    path: "../wit",
    imports: { default: async | trappable },
    exports: { default: async },
});
