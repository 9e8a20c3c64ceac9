//! What a component is, before anyone trusts it: nothing granted, nothing configured.

use super::Runtime;
use super::error::LoadError;
use super::import::{Imports, Linking};
use super::limits::CallLimits;
use super::manifest::{Description, Manifest};
use super::schema::Author;
use super::source::Source;
use crate::domain::digest::Digest;

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
    /// Its tools under the empty configuration; the sentence where that does not do.
    pub tools: Result<Vec<Description>, String>,
}

impl Runtime {
    /// Looks at a component. It runs only to describe itself; its capabilities answer *not granted*.
    ///
    /// # Errors
    /// Where it is no tool component, or cannot answer.
    pub async fn inspect(&self, source: &Source) -> Result<Inspection, LoadError> {
        let component = self.load(source.digest, &source.bytes, &source.name)?;
        component.imports.check_known()?;
        // Linked so that it can be instantiated; the instance itself has no access.
        let linked = self.link(&component, Linking::Everything)?;
        let author = Author::of(&source.digest);
        let limits = CallLimits::new(&self.config.ceilings);
        let manifest = self.manifest(&linked, &source.name, author, limits).await?;
        let tools = self.describe(&linked, &source.name, author, &"{}".to_owned(), limits).await?;
        Ok(Inspection {
            digest: source.digest,
            size: source.bytes.len(),
            imports: component.imports.clone(),
            manifest,
            tools,
        })
    }
}
