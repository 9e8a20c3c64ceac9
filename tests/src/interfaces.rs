//! Every function that a component can import, enumerated from the interfaces' own texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The functions of standard WASI as this build links it, by interface.
///
/// # Panics
/// The texts are not there.
pub fn of_wasi() -> BTreeMap<String, Vec<String>> {
    let packages = packages();
    let mut all = texts(&packages["wasmtime-wasi"].join("src/p2/wit/deps"));
    all.extend(texts(&packages["wasmtime-wasi-http"].join("wit/deps")));
    all.iter().flat_map(|text| functions(text)).collect()
}

/// The functions of the host's own capabilities, by interface.
///
/// # Panics
/// As [`of_wasi`].
pub fn of_host() -> BTreeMap<String, Vec<String>> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/deps/host");
    let all = texts(&host);
    all.iter()
        .flat_map(|text| functions(text))
        .filter(|(_, functions)| !functions.is_empty())
        .collect()
}

/// The last part of this system's name, as cargo has it.
const LIBC: &str = if cfg!(target_env = "musl") { "musl" } else { "gnu" };

/// Where a package of this build lies.
fn packages() -> BTreeMap<String, PathBuf> {
    // Packages for other systems than this one are not here.
    let this = format!("{}-unknown-linux-{LIBC}", std::env::consts::ARCH);
    let told = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", &this])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let package = |one: &serde_json::Value| {
        let manifest = PathBuf::from(one["manifest_path"].as_str().unwrap());
        (one["name"].as_str().unwrap().to_owned(), manifest.parent().unwrap().to_owned())
    };
    told["packages"].as_array().unwrap().iter().map(package).collect()
}

fn texts(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    assert!(!texts.is_empty(), "no interfaces in {}", folder.display());
    texts
}

/// The interfaces of a text, with the functions of each: `interface.function`, and of a resource
/// `interface.resource.function`. Functions that are marked unstable are not linked.
///
/// # Panics
/// The text is none.
pub fn functions(text: &str) -> Vec<(String, Vec<String>)> {
    let mut package = String::new();
    let mut interfaces: Vec<(String, Vec<String>)> = Vec::new();
    let (mut depth, mut resource, mut unstable) = (0, None, false);
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix("package ") {
            package = name.trim_end_matches(';').split('@').next().unwrap().to_owned();
        } else if line.starts_with("@unstable") {
            unstable = true;
            continue;
        } else if let Some(name) = line.strip_prefix("interface ") {
            let name = name.trim_end_matches('{').trim();
            interfaces.push((format!("{package}/{name}"), Vec::new()));
            (depth, resource) = (0, None);
        } else if let Some(name) = line.strip_prefix("resource ") {
            let name = name.trim_end_matches(['{', ';', ' ']).to_owned();
            if line.ends_with('{') {
                resource = Some((name, depth));
            }
        } else if line.contains("func(") || line.starts_with("constructor(") {
            let name = line.split([':', '(']).next().unwrap().trim();
            if let Some((interface, functions)) = interfaces.last_mut()
                && !unstable
            {
                let of = resource.as_ref().map(|(name, _)| format!("{name}.")).unwrap_or_default();
                functions.push(format!("{interface}.{of}{name}"));
            }
        }
        if !line.is_empty() && !line.starts_with('@') {
            unstable = false;
        }
        depth += line.matches('{').count();
        depth -= line.matches('}').count().min(depth);
        if resource.as_ref().is_some_and(|(_, outer)| depth <= *outer) && line.contains('}') {
            resource = None;
        }
    }
    interfaces
}
