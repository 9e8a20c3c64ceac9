//! Components made of others: a component file is a list of sections, and more can be put behind it.

/// The preamble of a component: `\0asm`, a version, and the layer (component-model, Binary.md).
const PREAMBLE: usize = 8;

/// Section ids (component-model, Binary.md).
const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;

/// A component that also instantiates a core module, in text form, so many times. The module is given
/// nothing, and nothing sees what it exports.
///
/// # Panics
/// The text is no module, or the bytes no component.
pub fn with_modules(component: &[u8], module: &str, times: u32) -> Vec<u8> {
    let module = wat::parse_str(module).expect("a module");
    let mut bytes = component.to_vec();
    let index = count_sections(component, CORE_MODULE);
    section(&mut bytes, CORE_MODULE, &module);
    let mut instances = Vec::new();
    leb(&mut instances, times);
    for _ in 0..times {
        // Instantiate, the module, no arguments.
        instances.push(0);
        leb(&mut instances, index);
        instances.push(0);
    }
    section(&mut bytes, CORE_INSTANCE, &instances);
    bytes
}

/// A component that imports an empty instance of this name, and calls it its tools: enough to be looked
/// at when a role is loaded, and never run.
///
/// # Panics
/// The name is none that a component can import.
pub fn importing(name: &str) -> Vec<u8> {
    importing_as(name, "initrunner:plugin/tools@0.1.0")
}

/// The same of a component that calls it its policies.
///
/// # Panics
/// As [`importing`].
pub fn policy_importing(name: &str) -> Vec<u8> {
    importing_as(name, "initrunner:plugin/policies@0.1.0")
}

fn importing_as(name: &str, export: &str) -> Vec<u8> {
    wat::parse_str(format!(
        "(component (import \"{name}\" (instance $it)) (export \"{export}\" (instance $it)))"
    ))
    .expect("a component")
}

/// The same as a policy: a component that imports an empty instance of this name, and calls it what decides.
///
/// # Panics
/// As [`importing`].
pub fn deciding_by(name: &str) -> Vec<u8> {
    wat::parse_str(format!(
        "(component (import \"{name}\" (instance $it)) (export \"initrunner:plugin/policies@0.1.0\" (instance $it)))"
    ))
    .expect("a component")
}

fn count_sections(component: &[u8], wanted: u8) -> u32 {
    let (mut at, mut count) = (PREAMBLE, 0);
    while at < component.len() {
        let id = component[at];
        at += 1;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = component[at];
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        at += length;
        count += u32::from(id == wanted);
    }
    assert_eq!(at, component.len(), "not a component");
    count
}

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    leb(bytes, u32::try_from(content.len()).expect("a small section"));
    bytes.extend_from_slice(content);
}

/// LEB128, as all of WebAssembly counts.
fn leb(bytes: &mut Vec<u8>, mut number: u32) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}
