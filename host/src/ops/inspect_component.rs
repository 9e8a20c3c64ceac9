//! Looking at a component before trusting it.

use super::error::OpError;
use super::host::Host;
use crate::plugin::{Inspection, Source};
use std::path::Path;

/// What a component file says and asks for; nothing is granted to it.
///
/// # Errors
/// Where it is no tool component.
pub async fn inspect_component(host: &Host, path: &Path) -> Result<Inspection, OpError> {
    let source = Source::file(path)?;
    Ok(host.gate()?.inspect(&source).await?)
}
