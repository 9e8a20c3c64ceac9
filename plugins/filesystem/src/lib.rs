//! The `filesystem` tool: reads, searches and changes the files of one folder.
//!
//! The folder is `root`. The host gives it to the component, read-only unless the role says `access:
//! write`, and keeps every path inside it; read-only also while a call is only being prepared. Here is
//! what the host does not know: which names are excluded, what a model can be told, and what a person
//! sees before a file is changed.

pub mod change;
pub mod config;
pub mod diff;
pub mod glob;
pub mod list;
pub mod place;
pub mod read;
pub mod search;
pub mod store;

use config::{Access, Config};
use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool};
use place::Root;

struct Filesystem;

/// Looking changes nothing, and can be done again.
const LOOKS: Effects = Effects {
    read_only: Some(true),
    destructive: Some(false),
    idempotent: Some(true),
    open_world: Some(false),
};

/// A change may replace what was there. A second `write` of a new file and a second `edit` fail.
const CHANGES: Effects = Effects {
    read_only: Some(false),
    destructive: Some(true),
    idempotent: Some(false),
    open_world: Some(false),
};

impl Plugin for Filesystem {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "filesystem",
            env!("CARGO_PKG_VERSION"),
            "Reads, searches and changes the files of one folder.",
            config::SCHEMA,
        )
    }

    fn describe(config: Config) -> Result<Vec<Tool>, String> {
        let mut tools = vec![
            Tool::new(
                "read",
                "Reads a text file, or some of its lines, exactly as they are. Paths are relative to \
                 the root folder.",
                include_str!("read.schema.json"),
                LOOKS,
            ),
            Tool::new(
                "list",
                "Lists a folder: its files with their sizes, and its folders with a `/` at the end.",
                include_str!("list.schema.json"),
                LOOKS,
            ),
            Tool::new(
                "search",
                "Finds lines by a text or a regular expression, and files by a pattern over their \
                 names.",
                include_str!("search.schema.json"),
                LOOKS,
            ),
        ];
        if config.access == Access::Write {
            tools.push(Tool::new(
                "write",
                "Writes a whole text file: a new one, or, with `overwrite: true`, in the place of the \
                 one that is there. Missing folders are made.",
                include_str!("write.schema.json"),
                CHANGES,
            ));
            tools.push(Tool::new(
                "edit",
                "Replaces a text in a file by another. The text must occur exactly once, unless `all` \
                 is true.",
                include_str!("edit.schema.json"),
                CHANGES,
            ));
        }
        Ok(tools)
    }

    fn prepare(config: Config, call: Call) -> Result<Preview, Failure> {
        let root = Root::new(&config);
        let named = |path: &str| {
            root.find(path).map(|place| match place.name.as_str() {
                "" => ".".to_owned(),
                name => place::clip(name),
            })
        };
        let text = match call.tool.as_str() {
            "read" => format!("read {}", named(&call.parse::<read::Arguments>()?.path)?),
            "list" => format!("list {}", named(&call.parse::<list::Arguments>()?.path)?),
            "search" => {
                let arguments: search::Arguments = call.parse()?;
                let what = arguments.text.or(arguments.files).unwrap_or_default();
                format!("search {} for {}", named(&arguments.path)?, place::clip(&what))
            }
            _ => {
                let change = change(&root, &config, &call)?;
                let diff = diff::diff(&change.place.name, change.old.as_deref(), &change.new)?;
                return Ok(Preview::diff(diff));
            }
        };
        Ok(Preview::plain(text))
    }

    fn invoke(config: Config, call: Call) -> Result<Content, Failure> {
        let root = Root::new(&config);
        match call.tool.as_str() {
            "read" => read::read(&root, &config, &call.parse()?),
            "list" => list::list(&root, &config, &call.parse()?),
            "search" => search::search(&root, &config, &call.parse()?),
            _ => {
                let change = change(&root, &config, &call)?;
                store::store(&change, &call)?;
                let (name, bytes) = (place::clip(&change.place.name), change.new.len());
                Ok(Content::Text(match (change.replaced, &change.old) {
                    (0, None) => format!("wrote the new file `{name}`, {bytes} bytes"),
                    (0, Some(_)) => format!("replaced `{name}`, {bytes} bytes"),
                    (1, _) => format!("changed `{name}` in one place"),
                    (count, _) => format!("changed `{name}` in {count} places"),
                }))
            }
        }
    }
}

/// What a call would change.
fn change(root: &Root, config: &Config, call: &Call) -> Result<change::Change, Failure> {
    if config.access != Access::Write {
        return Err(Failure::InvalidArguments("files may only be read here".into()));
    }
    match call.tool.as_str() {
        "write" => change::write(root, config, call.parse()?),
        "edit" => change::edit(root, config, call.parse()?),
        other => {
            Err(Failure::InvalidArguments(format!("there is no tool `{}`", place::clip(other))))
        }
    }
}

initrunner_sdk::export!(Filesystem);
