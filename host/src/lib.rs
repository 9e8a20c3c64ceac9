//! initrunner: a host that runs LLM roles whose tools are sandboxed WebAssembly components, and
//! that asks a person before a dangerous call happens.
//!
//! The modules below are layers; each names only layers below its own. `ARCHITECTURE.md` is the map,
//! and a test holds the code to it.

pub mod cli;
mod connections;
pub mod dashboard;
pub mod domain;
pub mod fail_point;
pub mod gate;
pub mod http;
mod json;
pub mod llm;
pub mod observe;
pub mod ops;
pub mod plugin;
pub mod runner;
pub mod store;
pub mod trigger;
