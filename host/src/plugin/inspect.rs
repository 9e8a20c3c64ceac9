//! What a component is, before anyone trusts it: nothing granted, nothing configured.

use super::Runtime;
use super::component::Loaded;
use super::error::LoadError;
use super::import::{Imports, Linking};
use super::limits::CallLimits;
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
    /// Lines of a role that it cannot be loaded without.
    pub needed: Vec<&'static str>,
    /// Lines of a role that what it imports of WASI could be used with; many runtimes import these parts
    /// and never use them.
    pub usable: Vec<&'static str>,
    /// Functions of a component that does not know this host which cannot be called, each with why.
    pub left_out: Vec<(String, &'static str)>,
    /// What it says of itself; why it cannot, where it cannot be loaded on any terms or broke.
    pub said: Result<Said, LoadError>,
}

/// What a component says of itself.
#[derive(Debug)]
pub struct Said {
    /// Who it says it is.
    pub manifest: Manifest,
    /// Its tools; the sentence where the configuration does not do.
    pub tools: Result<Vec<Description>, String>,
}

impl Runtime {
    /// Looks at a component. It runs only to describe itself, under the limits of any call; its
    /// capabilities answer *not granted*. Its tools are those under `config`; without one, under none,
    /// which need not fit it.
    ///
    /// # Errors
    /// Where it is no tool component: there is nothing to look at.
    pub async fn inspect(
        &self,
        source: &Source,
        config: Option<&Value>,
    ) -> Result<Inspection, LoadError> {
        let component = self.load(source.digest, &source.bytes, &source.name)?;
        Ok(Inspection {
            digest: source.digest,
            size: source.bytes.size(),
            imports: component.imports.clone(),
            needed: component.imports.needed(),
            usable: component.imports.usable(),
            left_out: component.left_out(),
            said: self.ask(source, &component, config).await,
        })
    }

    async fn ask(
        &self,
        source: &Source,
        component: &Loaded,
        config: Option<&Value>,
    ) -> Result<Said, LoadError> {
        component.imports.check_known()?;
        // Linked so that it can be instantiated; the instance itself has no access.
        let linked = self.link(component, Linking::Everything)?;
        let author = Author::of(&source.digest);
        let limits = CallLimits::new(&self.config.ceilings);
        let manifest = self.manifest(&linked, &source.name, author, limits).await?;
        let config = config.map_or_else(|| "{}".to_owned(), canonical::to_text);
        let tools = self.describe(&linked, &source.name, author, &config, limits).await?;
        Ok(Said { manifest, tools })
    }
}
