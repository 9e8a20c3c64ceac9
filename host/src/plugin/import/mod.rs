//! What a component may import, one file per capability. Standard WASI is linked and inert; a
//! capability of the host is linked only where it is granted; anything else is refused when the role
//! is loaded.

pub(super) mod files;
pub(super) mod http;
pub(super) mod process;
mod sockets;
pub(super) mod sql;
mod still;

use super::error::LoadError;
use super::state::State;
use crate::domain::grant::Grants;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

/// The version of the contract this host speaks.
const CONTRACT: &str = "0.1.0";

/// The interface a tool component exports.
pub(super) const TOOLS: &str = "initrunner:plugin/tools";

/// What a component imports, by what it means for whoever runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    /// Standard WASI: linked, and inert.
    pub inert: Vec<String>,
    /// Capabilities of the host, which a role must grant.
    pub capabilities: Vec<String>,
    /// What no host of this version can give.
    pub unknown: Vec<String>,
}

impl Imports {
    /// Sorts a component's imports.
    pub(super) fn of(engine: &Engine, component: &Component) -> Self {
        let mut imports = Self::default();
        for (name, _) in component.component_type().imports(engine) {
            let (interface, version) = split(name);
            let kind = if is_wasi(interface, version) {
                &mut imports.inert
            } else if interface == "initrunner:plugin/types" && is_contract(version) {
                // Types only: nothing to reach.
                continue;
            } else if Capability::of(name).is_some() && is_contract(version) {
                &mut imports.capabilities
            } else {
                &mut imports.unknown
            };
            kind.push(name.to_owned());
        }
        imports
    }

    /// The lines of a role without which it cannot be loaded.
    pub(super) fn needed(&self) -> Vec<&'static str> {
        self.capabilities.iter().filter_map(|name| Some(Capability::of(name)?.line)).collect()
    }

    /// The lines of a role that what it imports of WASI could be used with.
    pub(super) fn usable(&self) -> Vec<&'static str> {
        const LINES: [(&str, &str); 3] = [
            ("wasi:http/outgoing-handler", "grants: {http: [{host: HOST}]}"),
            ("wasi:filesystem/preopens", "grants: {files: [{path: PATH, access: read}]}"),
            ("wasi:cli/environment", "grants: {env: [NAME]}"),
        ];
        let imported = |interface: &str| self.inert.iter().any(|name| split(name).0 == interface);
        LINES.iter().filter(|(interface, _)| imported(interface)).map(|(_, line)| *line).collect()
    }

    /// Checks that each import can be given under `grants`.
    ///
    /// # Errors
    /// Names the import, and the line to add where one would help.
    pub(super) fn check(&self, grants: &Grants) -> Result<(), LoadError> {
        self.check_known()?;
        for name in &self.capabilities {
            let Some(capability) = Capability::of(name) else { continue };
            if !(capability.granted)(grants) {
                return Err(LoadError::with_hint(
                    format!(
                        "the component imports `{}`, which this entry does not grant",
                        capability.interface
                    ),
                    format!(
                        "to let it {}, add `{}` to the entry",
                        capability.does, capability.line
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Checks that each import is one that this host can give.
    ///
    /// # Errors
    /// Names the import.
    pub(super) fn check_known(&self) -> Result<(), LoadError> {
        let Some(name) = self.unknown.first() else { return Ok(()) };
        let (interface, version) = split(name);
        let ours = interface.starts_with("initrunner:");
        if ours && !is_contract(version) {
            return Err(LoadError::with_hint(
                format!(
                    "the component imports `{name}`, and this host speaks version {CONTRACT} of \
                     the contract"
                ),
                "use a component built for this version, or an initrunner that knows its version",
            ));
        }
        let offered: Vec<_> = CAPABILITIES.iter().map(|it| format!("`{}`", it.interface)).collect();
        Err(LoadError::with_hint(
            format!("the component imports `{name}`, which this host does not offer"),
            format!("a component may import WASI 0.2, {}", offered.join(", ")),
        ))
    }
}

/// A capability of the host: an interface that is linked only where an entry grants it.
struct Capability {
    /// The interface's name, without its version.
    interface: &'static str,
    /// What it lets a component do, after "to let it".
    does: &'static str,
    /// The line of a role that grants it.
    line: &'static str,
    granted: fn(&Grants) -> bool,
    link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
}

const CAPABILITIES: [Capability; 2] = [
    Capability {
        interface: process::INTERFACE,
        does: "run a program",
        line: "grants: {process: [{program: NAME}]}",
        granted: |grants| grants.process.is_some(),
        link: process::add_to_linker,
    },
    Capability {
        interface: sql::INTERFACE,
        does: "use a database",
        line: "grants: {sql: [{name: NAME, url: sqlite:PATH}]}",
        granted: |grants| !grants.sql.is_empty(),
        link: sql::add_to_linker,
    },
];

impl Capability {
    /// The capability that an import names.
    fn of(import: &str) -> Option<&'static Self> {
        let (interface, _) = split(import);
        CAPABILITIES.iter().find(|capability| capability.interface == interface)
    }
}

/// Which capabilities are linked.
#[derive(Clone, Copy)]
pub(super) enum Linking<'a> {
    /// What these grants hold.
    Granted(&'a Grants),
    /// All of them, for an instance that may use none: a component is looked at before it is granted
    /// anything.
    Everything,
    /// None, in a world where no time passes: for policies.
    Still,
}

/// A linker with the inert world and capabilities.
pub(super) fn linker(engine: &Engine, linking: Linking<'_>) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    files::add_to_linker(&mut linker)?;
    sockets::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    if matches!(linking, Linking::Still) {
        still::add_to_linker(&mut linker)?;
    }
    for capability in &CAPABILITIES {
        let wanted = match linking {
            Linking::Granted(grants) => (capability.granted)(grants),
            Linking::Everything => true,
            Linking::Still => false,
        };
        if wanted {
            (capability.link)(&mut linker)?;
        }
    }
    Ok(linker)
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

/// The interfaces that `wasmtime-wasi` and `wasmtime-wasi-http` link, all of WASI 0.2.
fn is_wasi(interface: &str, version: &str) -> bool {
    const PACKAGES: [&str; 7] = [
        "wasi:io/",
        "wasi:cli/",
        "wasi:clocks/",
        "wasi:filesystem/",
        "wasi:random/",
        "wasi:sockets/",
        "wasi:http/",
    ];
    PACKAGES.iter().any(|package| interface.starts_with(package)) && version.starts_with("0.2.")
}

/// Whether a version of the contract can be linked: the same minor version, since an added item is a
/// patch and a changed one is a minor.
pub(super) fn is_contract(version: &str) -> bool {
    version.strip_prefix("0.1.").is_some_and(|patch| patch.parse::<u32>().is_ok())
}

/// The refusal for a component that exports the tools interface of another version.
pub(super) fn other_version(name: &str) -> LoadError {
    LoadError::with_hint(
        format!("the component exports `{name}`, and this host speaks version {CONTRACT}"),
        "use a component built for this version, or an initrunner that knows its version",
    )
}
