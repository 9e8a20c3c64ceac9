//! A store does what the model (`model/`) says, in whatever order the verbs come, and whoever dies in
//! between; and its journal tells the same story.

mod agree;
mod check;
mod view;
mod world;

fn arguments(kind: u8) -> String {
    format!(r#"{{"command":"{kind}"}}"#)
}
