//! The trait authors implement, and helpers on the contract's types.

use crate::bindings::exports::initrunner::plugin::tools;
use crate::{Call, Content, Effects, Failure, Manifest, Preview, PreviewFormat, Tool};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// A component that offers tools. Every function runs in a fresh instance: keep nothing between them.
pub trait Plugin {
    /// What a role may configure, as [`Manifest::config_schema`] describes it.
    type Config: DeserializeOwned;

    /// Who this component is and how it is configured.
    fn manifest() -> Manifest;

    /// The tools offered under a configuration.
    ///
    /// # Errors
    /// One sentence about the configuration, for the author of the role.
    fn describe(config: Self::Config) -> Result<Vec<Tool>, String>;

    /// Says what [`invoke`](Self::invoke) would do, without doing it: what a person sees before
    /// deciding.
    ///
    /// # Errors
    /// The call cannot work; the model is told and nobody is asked.
    fn prepare(config: Self::Config, call: Call) -> Result<Preview, Failure>;

    /// Does it. Called once for an approved call, but do not rely on `prepare` having been called.
    ///
    /// # Errors
    /// It did not work; the model is told.
    fn invoke(config: Self::Config, call: Call) -> Result<Content, Failure>;
}

impl Manifest {
    /// A manifest; `config_schema` is a JSON Schema (draft 2020-12), as `serde_json::json!` or as text
    /// (a file included as text makes a smaller component).
    pub fn new(
        name: &str,
        version: &str,
        description: &str,
        config_schema: impl std::fmt::Display,
    ) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            description: description.to_owned(),
            config_schema: config_schema.to_string(),
        }
    }
}

impl Tool {
    /// A tool; `parameters` is the JSON Schema (draft 2020-12) of an object, as `serde_json::json!` or as
    /// text.
    pub fn new(
        name: &str,
        description: &str,
        parameters: impl std::fmt::Display,
        effects: Effects,
    ) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters: parameters.to_string(),
            effects,
        }
    }
}

impl Default for Effects {
    /// Says nothing, which means the dangerous reading of everything.
    fn default() -> Self {
        Self { read_only: None, destructive: None, idempotent: None, open_world: None }
    }
}

impl Call {
    /// The arguments as a type of yours.
    ///
    /// # Errors
    /// They do not fit: [`Failure::InvalidArguments`]. It cannot happen where the type and the tool's
    /// schema agree.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.arguments)
            .map_err(|error| Failure::InvalidArguments(error.to_string()))
    }
}

impl Preview {
    /// Plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { format: PreviewFormat::Plain, text: text.into() }
    }

    /// A command line.
    pub fn command(text: impl Into<String>) -> Self {
        Self { format: PreviewFormat::Command, text: text.into() }
    }

    /// SQL, with its parameters.
    pub fn sql(text: impl Into<String>) -> Self {
        Self { format: PreviewFormat::Sql, text: text.into() }
    }

    /// A unified diff.
    pub fn diff(text: impl Into<String>) -> Self {
        Self { format: PreviewFormat::Diff, text: text.into() }
    }

    /// An HTTP request.
    pub fn http(text: impl Into<String>) -> Self {
        Self { format: PreviewFormat::Http, text: text.into() }
    }
}

impl Content {
    /// One JSON value.
    ///
    /// # Errors
    /// It cannot be written as JSON (a map whose keys are not strings): [`Failure::Failed`].
    pub fn json(value: &impl serde::Serialize) -> Result<Self, Failure> {
        serde_json::to_string(value)
            .map(Content::Json)
            .map_err(|error| Failure::Failed(format!("the result is not JSON: {error}")))
    }
}

/// What [`export!`](crate::export) exports: the contract, answered by a [`Plugin`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

impl<P: Plugin> Component<P> {
    fn config(json: &str) -> Result<P::Config, String> {
        // The host has checked it against the schema: a disagreement is the plugin author's.
        serde_json::from_str(json).map_err(|error| {
            format!("the configuration fits the plugin's schema but not its code: {error}")
        })
    }
}

impl<P: Plugin> tools::Guest for Component<P> {
    fn manifest() -> Manifest {
        P::manifest()
    }

    fn describe(config: String) -> Result<Vec<Tool>, String> {
        P::describe(Self::config(&config)?)
    }

    fn prepare(config: String, call: Call) -> Result<Preview, Failure> {
        P::prepare(Self::config(&config).map_err(Failure::Failed)?, call)
    }

    fn invoke(config: String, call: Call) -> Result<Content, Failure> {
        P::invoke(Self::config(&config).map_err(Failure::Failed)?, call)
    }
}
