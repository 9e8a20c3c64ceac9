//! What a component is, before anyone trusts it: nothing granted, nothing configured.

use super::Runtime;
use super::error::LoadError;
use super::import::{Imports, Linking};
use super::manifest::{Description, Manifest};
use super::schema::Author;
use super::source::Source;
use crate::domain::canonical;
use crate::domain::digest::Digest;
use serde_json::Value;

/// What a component says and asks for.
#[derive(Debug)]
pub struct Inspection {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: usize,
    /// What it imports.
    pub imports: Imports,
    /// Who it says it is, where it can say.
    pub manifest: Manifest,
    /// Its tools; the sentence where the configuration does not do.
    pub tools: Result<Vec<Description>, String>,
}

impl Runtime {
    /// Looks at a component. It runs only to describe itself; its capabilities answer *not granted*. Its
    /// tools are those under `config`; without one, under none, which need not fit it.
    ///
    /// # Errors
    /// Where it is no tool component, cannot answer, or `config` does not fit it.
    pub async fn inspect(
        &self,
        source: &Source,
        config: Option<&Value>,
    ) -> Result<Inspection, LoadError> {
        let component = self.load(source.digest, &source.bytes, &source.name)?;
        component.imports.check_known()?;
        // Linked so that it can be instantiated; the instance itself has no access.
        let linked = self.link(&component, Linking::Everything)?;
        let author = Author::of(&source.digest);
        let manifest = self.manifest(&linked, &source.name, author).await?;
        if let Some(config) = config {
            manifest.config_schema.check(config).map_err(|clause| {
                LoadError::new(format!(
                    "the configuration does not fit `{}`: {clause}",
                    source.name
                ))
            })?;
        }
        let config = config.map_or_else(|| "{}".to_owned(), canonical::to_text);
        let tools = self.describe(&linked, &source.name, author, &config).await?;
        Ok(Inspection {
            digest: source.digest,
            size: source.bytes.len(),
            imports: component.imports.clone(),
            manifest,
            tools,
        })
    }
}
