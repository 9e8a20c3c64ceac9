//! Write tools for initrunner.
//!
//! A plugin is a WebAssembly component that offers tools to a model. It reaches nothing by itself: no
//! file, no network, no environment. What it needs it imports ([`process`], [`http`], [`sql`]), a role
//! grants it, and a person may be asked before a call happens. This crate is the component's side of that; the
//! contract is in the repository's `wit/` folder.
//!
//! # A whole plugin
//!
//! ```
//! use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool, process};
//! use serde::Deserialize;
//! use serde_json::json;
//!
//! struct Weather;
//!
//! /// What a role may say in its `tools:` entry.
//! #[derive(Deserialize)]
//! struct Config {
//!     #[serde(default = "metric")]
//!     units: String,
//! }
//!
//! fn metric() -> String {
//!     "m".to_owned()
//! }
//!
//! /// What the model says in a call.
//! #[derive(Deserialize)]
//! struct Arguments {
//!     city: String,
//! }
//!
//! impl Plugin for Weather {
//!     type Config = Config;
//!
//!     // Who it is, and the keys a role may use. The host checks roles against the schema, so `Config`
//!     // only ever sees what it allows.
//!     fn manifest() -> Manifest {
//!         Manifest::new("weather", env!("CARGO_PKG_VERSION"), "Tells the weather.", json!({
//!             "type": "object",
//!             "properties": { "units": { "enum": ["m", "u"] } },
//!             "additionalProperties": false,
//!         }))
//!     }
//!
//!     // The tools, as the model sees them. The host checks arguments against the schema.
//!     fn describe(_: Config) -> Result<Vec<Tool>, String> {
//!         let schema = json!({
//!             "type": "object",
//!             "properties": { "city": { "type": "string" } },
//!             "required": ["city"],
//!             "additionalProperties": false,
//!         });
//!         let effects = Effects { read_only: Some(true), ..Effects::default() };
//!         Ok(vec![Tool::new("weather", "The weather in a city, now.", schema, effects)])
//!     }
//!
//!     // What `invoke` would do, for the person who decides. Nothing may happen here.
//!     fn prepare(config: Config, call: Call) -> Result<Preview, Failure> {
//!         let Arguments { city } = call.parse()?;
//!         Ok(Preview::command(format!("curl 'https://wttr.in/{city}?{}'", config.units)))
//!     }
//!
//!     // The call itself, once, after it was approved. Nothing is left of `prepare`: every call gets a
//!     // fresh instance.
//!     fn invoke(config: Config, call: Call) -> Result<Content, Failure> {
//!         let Arguments { city } = call.parse()?;
//!         if city.is_empty() {
//!             return Err(Failure::Retry("name a city".to_owned()));
//!         }
//!         let url = format!("https://wttr.in/{city}?{}", config.units);
//!         let output = process::run("curl", &[url], &process::Options::default())?;
//!         Ok(Content::Text(String::from_utf8_lossy(&output.stdout).into_owned()))
//!     }
//! }
//!
//! initrunner_sdk::export!(Weather);
//! ```
//!
//! In `Cargo.toml`:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//! ```
//!
//! and then `cargo build --release --target wasm32-wasip2`: the `.wasm` file is the plugin. A
//! component imports only what it calls, so one that never uses [`process`] needs no grant for it.
//!
//! # Telling failures apart
//!
//! The model reads every [`Failure`], and so may a person. [`Failure::InvalidArguments`] and
//! [`Failure::Retry`] promise that *nothing was done*; [`Failure::Failed`] makes no such promise.
//! Prefer a `prepare` that refuses: then nobody is asked about a call that cannot work.

/// Generated from `wit/`; what authors use is re-exported below.
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "
            package initrunner:sdk;

            world plugin {
                import initrunner:host/process@0.1.0;
                import initrunner:host/sql@0.1.0;
                export initrunner:plugin/tools@0.1.0;
            }
        ",
        path: "../wit",
        generate_all,
        // For authors' own tests.
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_bindings",
        default_bindings_module: "initrunner_sdk::bindings",
    });
}

/// The same for policies.
#[doc(hidden)]
pub mod policy_bindings {
    wit_bindgen::generate!({
        inline: "
            package initrunner:sdk;

            world policy {
                export initrunner:plugin/policies@0.1.0;
            }
        ",
        path: "../wit",
        generate_all,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_policy_bindings",
        default_bindings_module: "initrunner_sdk::policy_bindings",
    });
}

pub mod http;
mod plugin;
pub mod policy;
pub mod process;
pub mod sql;

pub use bindings::initrunner::plugin::types::{
    Call, Content, Effects, Failure, PluginManifest as Manifest, Preview, PreviewFormat, Tool,
};
#[doc(hidden)]
pub use plugin::Component;
pub use plugin::Plugin;

/// Makes a [`Plugin`] what the component exports. Once per crate.
///
/// Only for WebAssembly: elsewhere the exports' names mean nothing and some linkers refuse them, so
/// that a native `cargo test` of a plugin's own code would fail. There the type is merely checked.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::Component<$plugin>;
    $crate::bindings::export_bindings!(Exported with_types_in $crate::bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> $crate::Manifest = <$plugin as $crate::Plugin>::manifest;
    };
}
