//! `${VAR}` inside a string: replaced once, never read again.
//!
//! `${VAR:-default}` takes the default where the variable is missing or empty, as a shell does. `$${`
//! stands for a literal `${`, and a lone `$` for itself.

/// A text with its variables filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpolated {
    /// The result.
    pub(super) text: String,
    /// Whether the text was exactly one `${…}`.
    pub(super) is_one_variable: bool,
    /// Whether any part of it is a variable's.
    pub(super) has_variable: bool,
}

/// Why a `${` cannot be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Which `${` of the text, counted from 0, with the escaped ones.
    pub(super) index: usize,
    /// What is wrong with it.
    pub(super) kind: FaultKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// No `}` follows.
    Unclosed,
    /// What stands inside is not a variable's name.
    NotAName(String),
    /// The default holds another `${`.
    NestedDefault(String),
    /// The variable has no value and no default.
    Missing(String),
    /// There is no room for the value.
    TooLong(String),
}

/// Fills in the variables of a text, or says everything that is in the way. `room` is how long the
/// result may be: a short text that names a long variable many times would fill the memory.
pub(super) fn interpolate(
    text: &str,
    room: usize,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Interpolated, Vec<Fault>> {
    let mut out = String::new();
    let mut faults = Vec::new();
    let mut rest = text;
    let (mut index, mut variables, mut is_one_variable) = (0, 0, false);
    while let Some(dollar) = rest.find("${") {
        // Of `$$${`, the last two dollars belong together: what an escape yields is one `$`.
        if rest[..dollar].ends_with('$') {
            out.push_str(&rest[..dollar]);
            out.push('{');
            rest = &rest[dollar + 2..];
            index += 1;
            continue;
        }
        out.push_str(&rest[..dollar]);
        let inside = &rest[dollar + 2..];
        let Some(end) = inside.find('}') else {
            faults.push(Fault { index, kind: FaultKind::Unclosed });
            break;
        };
        match value(&inside[..end], lookup) {
            Ok(value) if out.len() + value.len() > room => {
                let kind = FaultKind::TooLong(name_of(&inside[..end]).to_owned());
                faults.push(Fault { index, kind });
                break;
            }
            Ok(value) => out.push_str(&value),
            Err(kind) => faults.push(Fault { index, kind }),
        }
        is_one_variable = rest.len() == text.len() && dollar == 0 && end + 1 == inside.len();
        variables += 1;
        index += 1 + inside[..end].matches("${").count();
        rest = &inside[end + 1..];
    }
    out.push_str(rest);
    if faults.is_empty() {
        Ok(Interpolated { text: out, is_one_variable, has_variable: variables > 0 })
    } else {
        Err(faults)
    }
}

/// `NAME` of `NAME:-default`.
fn name_of(inside: &str) -> &str {
    inside.split_once(":-").map_or(inside, |(name, _)| name)
}

/// The value of what stands between the braces.
fn value(inside: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, FaultKind> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_variable_name(name) {
        return Err(FaultKind::NotAName(inside.to_owned()));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(FaultKind::NestedDefault(name.to_owned()));
    }
    match (lookup(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(FaultKind::Missing(name.to_owned())),
    }
}

/// Whether a word can name an environment variable: `[A-Za-z_][A-Za-z0-9_]*`.
pub(crate) fn is_variable_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "TRICK" => Some("${A} $${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        match interpolate(text, 30, &lookup) {
            Ok(done) if done.is_one_variable => format!("={}", done.text),
            Ok(done) => done.text,
            Err(faults) => format!("{faults:?}"),
        }
    }

    #[test]
    fn variables_are_filled_in() {
        assert_eq!(check("x${A}y${A}"), "xaya");
        assert_eq!(check("${A}"), "=a");
        assert_eq!(check("${A}${A}"), "aa");
        assert_eq!(check("${A} "), "a ");
        assert_eq!(check(" ${A}"), " a");
        assert_eq!(check("${B:-}"), "=");
        assert_eq!(check("${B:-a b:-c}"), "=a b:-c");
        assert_eq!(check("${EMPTY}"), "=");
        assert_eq!(check("${EMPTY:-full}"), "=full");
    }

    #[test]
    fn dollars_stay() {
        for text in ["$", "$A", "a$", "$5 {x}", "$(A)", "$ {A}", ""] {
            assert_eq!(check(text), text);
        }
        assert_eq!(check("$${A}"), "${A}");
        assert_eq!(check("$$${A}"), "$${A}");
        assert_eq!(check("$${"), "${");
        assert_eq!(check("$${A}${A}"), "${A}a");
        assert_eq!(check("${A}$${A}"), "a${A}");
    }

    #[test]
    fn values_are_never_read_again() {
        assert_eq!(check("${TRICK}"), "=${A} $${A}");
        assert_eq!(check("$${TRICK}{A}"), "${TRICK}{A}");
    }

    #[test]
    fn every_fault_is_found_and_counted() {
        assert_eq!(
            check("$${A} ${B} ${1} ${C:-${A}} ${"),
            "[Fault { index: 1, kind: Missing(\"B\") }, Fault { index: 2, kind: NotAName(\"1\") }, \
             Fault { index: 3, kind: NestedDefault(\"C\") }, Fault { index: 5, kind: Unclosed }]"
        );
        assert_eq!(check(&"${A}".repeat(31)), "[Fault { index: 30, kind: TooLong(\"A\") }]");
        assert_eq!(check("${}"), "[Fault { index: 0, kind: NotAName(\"\") }]");
        assert_eq!(check("${A:?x}"), "[Fault { index: 0, kind: NotAName(\"A:?x\") }]");
    }
}
