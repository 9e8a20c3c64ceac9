//! The functions that a component exports, each as a tool.

use super::docs::Docs;
use super::schema::{object, schema};
use super::shape::{MOST_PARTS, Shape, Unfit};
use crate::domain::digest::Digest;
use crate::plugin::schema::{Author, Schema};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

/// Letters of a tool's name at most: the contract's.
const LONGEST_NAME: usize = 64;

/// Interfaces that a language's runtime exports for hosts of its own kind, and for nobody to call as a tool.
const STANDARD: &str = "wasi:";

/// A function that can be called with JSON.
pub(in crate::plugin) struct Function {
    /// The tool's name: `FUNCTION`, or `INTERFACE_FUNCTION`.
    pub(in crate::plugin) name: String,
    /// The same with the whole name of the interface: what a person reads.
    pub(in crate::plugin) whole_name: String,
    /// What it is, for the model: what its author said, and how it is declared.
    pub(in crate::plugin) description: String,
    /// Its parameters.
    pub(in crate::plugin) params: Vec<(String, Shape)>,
    /// What it gives, if anything.
    pub(in crate::plugin) result: Option<Shape>,
    pub(in crate::plugin) index: ComponentExportIndex,
}

/// What a component that does not know this host can do.
pub(in crate::plugin) struct Reflection {
    pub(in crate::plugin) functions: Vec<Function>,
    /// Functions that cannot be called with JSON, each with why.
    pub(in crate::plugin) left_out: Vec<(String, &'static str)>,
}

/// A function as it is exported.
struct Found {
    /// The whole name of the interface, such as `demo:geometry/shapes@1.0.0`; none for the world's own.
    interface: Option<String>,
    function: String,
    kind: ComponentFunc,
    index: ComponentExportIndex,
}

impl Reflection {
    /// Looks at a component, whose bytes have what was said of it.
    pub(in crate::plugin) fn of(engine: &Engine, component: &Component, bytes: &[u8]) -> Self {
        let (docs, found) = (Docs::of(bytes), exported(engine, component));
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for one in &found {
            *known.entry(one.name()).or_default() += 1;
        }
        let mut reflection = Self { functions: Vec::new(), left_out: Vec::new() };
        for one in found {
            match one.reflected(&docs, known.get(&one.name()) == Some(&1)) {
                Ok(function) => reflection.functions.push(function),
                Err(why) => reflection.left_out.push((one.whole_name(), why)),
            }
        }
        // The same whatever order its tools wrote them in.
        reflection.functions.sort_by(|a, b| a.name.cmp(&b.name));
        reflection
    }

    /// The function of this tool.
    pub(in crate::plugin) fn find(&self, tool: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == tool)
    }
}

impl Function {
    /// The JSON Schema of its arguments.
    pub(in crate::plugin) fn parameters(&self) -> Value {
        let params = self.params.iter();
        object(params.map(|(name, of)| (name.as_str(), schema(of), !of.is_nullable())))
    }
}

fn exported(engine: &Engine, component: &Component) -> Vec<Found> {
    let mut found = Vec::new();
    let kind = component.component_type();
    for (name, export) in kind.exports(engine).filter(|(name, _)| !name.starts_with(STANDARD)) {
        let Some(place) = component.get_export_index(None, name) else { continue };
        match export.ty {
            ComponentItem::ComponentFunc(kind) => {
                found.push(Found {
                    interface: None,
                    function: name.to_owned(),
                    kind,
                    index: place,
                });
            }
            ComponentItem::ComponentInstance(instance) => {
                for (function, export) in instance.exports(engine) {
                    let index = component.get_export_index(Some(&place), function);
                    if let (ComponentItem::ComponentFunc(kind), Some(index)) = (export.ty, index) {
                        let interface = Some(name.to_owned());
                        found.push(Found { interface, function: function.to_owned(), kind, index });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

impl Found {
    /// The interface's own name: `shapes` of `demo:geometry/shapes@1.0.0`.
    fn interface(&self) -> &str {
        let whole = self.interface.as_deref().unwrap_or_default();
        let path = whole.split('@').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    fn name(&self) -> String {
        match self.interface() {
            "" => self.function.clone(),
            interface => format!("{interface}_{}", self.function),
        }
    }

    fn whole_name(&self) -> String {
        match &self.interface {
            None => self.function.clone(),
            Some(interface) => format!("{interface}#{}", self.function),
        }
    }

    /// # Errors
    /// Why it cannot be called with JSON.
    fn reflected(&self, docs: &Docs, alone: bool) -> Result<Function, &'static str> {
        if self.function.starts_with('[') {
            return Err("it belongs to a resource");
        }
        if self.kind.async_() {
            return Err("it is asynchronous");
        }
        let mut left = MOST_PARTS;
        let of = |kind: &_, left: &mut usize| Shape::of(kind, left).map_err(Unfit::words);
        let mut params = Vec::new();
        for (name, kind) in self.kind.params() {
            params.push((name.to_owned(), of(&kind, &mut left)?));
        }
        let result = self.kind.results().next().map(|kind| of(&kind, &mut left)).transpose()?;
        let mut name = self.name();
        if !alone || name.len() > LONGEST_NAME {
            // Two interfaces of one name, or one that is too long: its own digest tells it apart, whatever else
            // the component exports.
            let digest = Digest::of(self.whole_name().as_bytes()).hex().to_string();
            name.truncate(LONGEST_NAME - 9);
            let _ = write!(name, "_{}", &digest[..8]);
        }
        let declared = declared(&self.function, &params, result.as_ref());
        let description = match docs.find(self.interface(), &self.function) {
            Some(said) => format!("{said}\n\n{declared}"),
            None => declared,
        };
        let whole_name = self.whole_name();
        let function =
            Function { name, whole_name, description, params, result, index: self.index };
        let parameters = function.parameters().to_string();
        match Schema::compile(&parameters, Author::Unknown) {
            Ok(_) => Ok(function),
            Err(_) => Err("its types make a schema that is too large"),
        }
    }
}

/// How a function is declared, as WIT has it but for the names of types.
fn declared(name: &str, params: &[(String, Shape)], result: Option<&Shape>) -> String {
    let params: Vec<String> =
        params.iter().map(|(name, of)| format!("{name}: {}", of.declared())).collect();
    let result = result.map(|of| format!(" -> {}", of.declared())).unwrap_or_default();
    format!("{name}: func({}){result}", params.join(", "))
}
