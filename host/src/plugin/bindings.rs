//! The contract as Rust, generated from `wit/`. Private to this layer: the rest of the host speaks the
//! domain's words.

wasmtime::component::bindgen!({
    inline: "
        package initrunner:linkage;
        world guest {
            import initrunner:host/process@0.1.0;
            import initrunner:host/sql@0.1.0;
            export initrunner:plugin/tools@0.1.0;
        }
    ",
    path: "../wit",
    imports: { default: async | trappable },
    exports: { default: async },
});
