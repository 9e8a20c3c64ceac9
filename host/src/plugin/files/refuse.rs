//! The sentences for what is refused. They name what was asked, as the component said it, and what a
//! person may write to allow it.

use super::super::access::Reach;
use super::{Files, Place};
use std::path::{Component, Path, PathBuf};

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// The path leads out of its folder.
    Escape,
    /// The folder may only be looked at.
    ReadOnly,
    /// It is neither a regular file nor a folder.
    Special,
    /// Only single files of the folder are granted.
    Single,
    /// A link would lead upwards.
    Link,
}

impl Files {
    /// Remembers the first thing that was refused. `path` is below `place`, or empty for the place itself.
    pub(in super::super) fn refuse(&mut self, place: u32, path: &str, refusal: Refusal) {
        if self.refused.is_some() {
            return;
        }
        let Some(place) = self.places.get(&place) else { return };
        let sentence = sentence(place, path, refusal, self.access.reach);
        let cure = match refusal {
            // What follows from a configuration cannot be granted apart.
            _ if self.access.configured => String::new(),
            Refusal::Escape => match wider(place, path) {
                Some(wider) => grant(&wider, "read"),
                // A link's target is not told: what the component does not know, it need not learn.
                None => {
                    "; to allow it, grant the folder that the link leads to as well, with `grants: \
                         {files: [{path: FOLDER, access: read}]}`"
                        .to_owned()
                }
            },
            Refusal::ReadOnly if self.access.reach == Reach::Act => grant(&place.grant, "write"),
            Refusal::Single => grant(place.grant.parent().unwrap_or(&place.grant), "read"),
            Refusal::ReadOnly | Refusal::Special | Refusal::Link => String::new(),
        };
        self.refused = Some(format!("{sentence}{cure}"));
    }
}

fn sentence(place: &Place, path: &str, refusal: Refusal, reach: Reach) -> String {
    let (asked, name) = (clip(path), clip(&place.name));
    let asked = if path.is_empty() { name.clone() } else { asked };
    match refusal {
        Refusal::Escape => {
            format!("it asked for `{asked}`, which leads out of the folder `{name}`")
        }
        Refusal::ReadOnly if reach == Reach::Look => {
            format!("it tried to change `{asked}` while the call was only being prepared")
        }
        Refusal::ReadOnly => {
            format!("it tried to change `{asked}` in `{name}`, which is granted for reading")
        }
        Refusal::Special => format!(
            "it asked for `{asked}`, which is neither a regular file nor a folder; pipes, sockets, \
             devices and what is in `/proc` cannot be granted"
        ),
        Refusal::Single => {
            format!("it asked for `{asked}`, and of `{name}` only single files are granted")
        }
        Refusal::Link => format!(
            "it tried to make a link `{asked}` that leads upwards; a link must lead to something \
             below its own folder, so that whoever follows it stays inside"
        ),
    }
}

/// The cure: a grant of this path.
fn grant(path: &Path, access: &str) -> String {
    let path = clip(&path.display().to_string());
    format!(
        "; to allow it, add `grants: {{files: [{{path: {path}, access: {access}}}]}}` to the entry"
    )
}

/// Whether an error's words are those of a library that found no folder for a path.
pub(super) fn is_of_files(said: &str) -> bool {
    let said = said.to_lowercase();
    ["pre-opened", "preopened", "no such file", "bad file descriptor", "capabilities insufficient"]
        .iter()
        .any(|words| said.contains(words))
}

/// For a component that has no folder at all and looked for one.
pub(super) fn nothing_granted() -> String {
    "it looked for its folders, and the entry grants none; to give it one, add `grants: {files: \
     [{path: ./data, access: read}]}` to the entry"
        .to_owned()
}

/// What a path that leads out by its words means on this machine; `None`: a link leads out.
fn wider(place: &Place, path: &str) -> Option<PathBuf> {
    let mut wider = place.path.clone();
    let mut words = false;
    for part in Path::new(path).components() {
        match part {
            Component::RootDir => (wider, words) = (PathBuf::from("/"), true),
            Component::ParentDir => {
                words = true;
                wider.pop();
            }
            Component::Normal(name) => wider.push(name),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    words.then_some(wider)
}

/// Untrusted text inside a sentence: short, on one line.
fn clip(text: &str) -> String {
    text.chars().take(120).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
