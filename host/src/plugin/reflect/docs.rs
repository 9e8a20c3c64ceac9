//! What a component's author wrote about its functions, where the component carries it: the custom section
//! `package-docs` that WIT tools write, of version 0 or 1 (bytecodealliance/wasm-tools, `wit-parser`,
//! `metadata.rs`). A claim like any other, and what cannot be read is no documentation.

use serde_json::Value;
use std::collections::HashMap;

const SECTION: &str = "package-docs";

/// The largest section that is read: a large package's is some 100 kB.
const LARGEST: usize = 1 << 20;

/// The most of what is said of one function.
const LONGEST: usize = 4_000;

/// What is said of functions, by the name of the interface, empty for the world's own, and the function's.
#[derive(Debug, Default)]
pub(super) struct Docs(HashMap<(String, String), String>);

impl Docs {
    /// Reads what a component carries.
    pub(super) fn of(component: &[u8]) -> Self {
        let mut docs = Self::default();
        let Some(section) = section(component) else { return docs };
        let Some((0 | 1, json)) = section.split_first() else { return docs };
        let Ok(all) = serde_json::from_slice::<Value>(json) else { return docs };
        for (interface, said) in entries(&all, "interfaces") {
            docs.add(interface, said, &["funcs"]);
        }
        for (_, world) in entries(&all, "worlds") {
            docs.add("", world, &["funcs", "func_exports"]);
            for key in ["interfaces", "interface_exports"] {
                for (interface, said) in entries(world, key) {
                    docs.add(interface, said, &["funcs"]);
                }
            }
        }
        docs
    }

    /// What is said of a function.
    pub(super) fn find(&self, interface: &str, function: &str) -> Option<&str> {
        self.0.get(&(interface.to_owned(), function.to_owned())).map(String::as_str)
    }

    fn add(&mut self, interface: &str, of: &Value, keys: &[&str]) {
        for (function, said) in keys.iter().flat_map(|key| entries(of, key)) {
            let text = said.as_str().or_else(|| said.get("docs")?.as_str());
            let text: String = text.unwrap_or_default().trim().chars().take(LONGEST).collect();
            if !text.is_empty() {
                self.0.insert((interface.to_owned(), function.to_owned()), text);
            }
        }
    }
}

fn entries<'v>(of: &'v Value, key: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    let object = of.get(key).and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// The section's content (component-model, Binary.md: sections as in core modules, after a preamble of eight
/// bytes).
fn section(component: &[u8]) -> Option<&[u8]> {
    let mut rest = component.get(8..)?;
    loop {
        let (&id, after) = rest.split_first()?;
        let (size, after) = number(after)?;
        let (content, after) = after.split_at_checked(size)?;
        rest = after;
        // 0 is a custom section in both layers.
        if id != 0 {
            continue;
        }
        let (length, named) = number(content)?;
        let (name, data) = named.split_at_checked(length)?;
        if name == SECTION.as_bytes() && data.len() <= LARGEST {
            return Some(data);
        }
    }
}

/// An unsigned LEB128 number of 32 bits at most.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A component of nothing but this section.
    fn component(version: u8, json: &str) -> Vec<u8> {
        let mut content = vec![12];
        content.extend(SECTION.as_bytes());
        content.push(version);
        content.extend(json.as_bytes());
        let mut all = b"\0asm\x0d\0\x01\0".to_vec();
        // Another section before it: what it holds is passed over.
        all.extend([7, 3, 0, 1, 2, 0]);
        all.extend([(content.len() & 0x7f) as u8 | 0x80, (content.len() >> 7) as u8]);
        all.extend(content);
        all
    }

    #[test]
    fn what_is_said_is_found_by_its_place() {
        let json = r#"{
            "interfaces": {"shapes": {"docs": "x", "funcs": {"area": {"docs": " The area.\n"}, "none": {}}}},
            "worlds": {"w": {"func_exports": {"add": {"docs": "Adds."}}, "interfaces": {"inline": {"funcs": {"f": "Old."}}}}}
        }"#;
        for version in [0, 1] {
            let docs = Docs::of(&component(version, json));
            assert_eq!(docs.find("shapes", "area"), Some("The area."));
            assert_eq!(docs.find("", "add"), Some("Adds."));
            assert_eq!(docs.find("inline", "f"), Some("Old."));
            assert_eq!(docs.find("shapes", "none"), None);
        }
        assert!(Docs::of(&component(2, json)).0.is_empty());
        assert!(Docs::of(&component(1, "{")).0.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0..400_usize) {
            Docs::of(&bytes);
            let whole = component(1, r#"{"worlds": {"w": {"funcs": {"f": "x"}}}}"#);
            Docs::of(&whole[..cut.min(whole.len())]);
        }
    }
}
