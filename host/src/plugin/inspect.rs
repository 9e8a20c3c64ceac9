//! What a component is, before anyone trusts it: nothing granted, nothing configured.

use super::Runtime;
use super::error::LoadError;
use super::import::Imports;
use super::manifest::{Description, Manifest};
use super::schema::Author;
use super::source::Source;
use crate::domain::digest::Digest;
use crate::domain::grant::{Grants, ProcessGrant, Programs};

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
        // Linked so that it can be instantiated; the instance itself has no access.
        let nothing = ProcessGrant {
            programs: Programs::Named(Default::default()),
            scripts: false,
            working_directory: Default::default(),
            environment: Default::default(),
            timeout_ms: 0,
            max_output_bytes: 0,
        };
        let grants = Grants { process: Some(nothing) };
        component.imports.check(&grants)?;
        let linked = self.link(&component, &grants)?;
        let author = Author::of(&source.digest);
        let manifest = self.manifest(&linked, &source.name, author).await?;
        let tools = self.describe(&linked, &source.name, author, &"{}".to_owned()).await?;
        Ok(Inspection {
            digest: source.digest,
            size: source.bytes.len(),
            imports: component.imports.clone(),
            manifest,
            tools,
        })
    }
}
