//! What policies are made of: files that a role names, kept with its runs, and files that the host names,
//! read again whenever they have changed.

use super::open_role::{leads_out, why_unreadable};
use crate::domain::policy::{PolicySource, SourceKind};
use crate::domain::role::{PolicyComponent, PolicySpec, Role};
use crate::gate::{PolicyOrigin, PolicyParts};
use crate::plugin::policy::LARGEST_SOURCE;
use crate::plugin::{EntryProblem, Source};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files of one policy: ten times what the largest set of policies we know of has.
const MOST_FILES: usize = 1_000;

/// Bytes of one policy's files together: ten thousand policies are 3 MiB.
const LARGEST: usize = 16 << 20;

/// Folders inside each other.
const DEEPEST: usize = 8;

/// What the keys begin with under which a run keeps its policies' sources, among the files that its role
/// names.
const KEPT: &str = "policy:";

/// The key of the list of places from which the host's own policies came when a run began.
const KEPT_HOST: &str = "policy:host";

/// The sources that one policy names, in `folder`, and what was looked at for them.
pub(super) struct Sources {
    pub(super) sources: Vec<PolicySource>,
    pub(super) looked_at: Vec<Looked>,
}

/// A path, and what it led to when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looked {
    pub(super) path: PathBuf,
    pub(super) found: Option<Found>,
}

/// Which file it is, and its times: equal as long as nobody writes to it or puts another in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    numbers: [i64; 6],
    /// When it was changed last, in microseconds since 1970.
    pub(super) changed: i64,
}

impl Looked {
    /// What the path leads to now.
    pub(super) fn again(path: &Path) -> Self {
        let found = std::fs::metadata(path).ok();
        Self { path: path.to_owned(), found: found.as_ref().map(Found::of) }
    }

    /// What was opened as the path, whatever it leads to now.
    fn opened(path: PathBuf, file: std::fs::File) -> std::io::Result<Self> {
        let found = Some(Found::of(&file.metadata()?));
        Ok(Self { path, found })
    }
}

impl Found {
    fn of(metadata: &std::fs::Metadata) -> Self {
        let numbers = [
            metadata.dev().cast_signed(),
            metadata.ino().cast_signed(),
            metadata.size().cast_signed(),
            metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ];
        Self { numbers, changed: metadata.ctime() * 1_000_000 + metadata.ctime_nsec() / 1_000 }
    }
}

/// Reads what one policy decides by.
///
/// # Errors
/// What cannot be read, and why.
pub(super) fn read_sources(spec: &PolicySpec, folder: &Path) -> Result<Sources, EntryProblem> {
    read(spec, folder, None)
}

/// Reads the schema sources alone that a Cedar policy names: whether there are policies yet does not
/// matter.
///
/// # Errors
/// What of them cannot be read, and why.
pub(super) fn read_schema(
    spec: &PolicySpec,
    folder: &Path,
) -> Result<Vec<PolicySource>, EntryProblem> {
    read(spec, folder, Some(SourceKind::Schema)).map(|read| read.sources)
}

fn read(
    spec: &PolicySpec,
    folder: &Path,
    only: Option<SourceKind>,
) -> Result<Sources, EntryProblem> {
    let mut reading = Reading {
        cedar: matches!(&spec.component, PolicyComponent::BuiltIn(name) if name == "cedar"),
        only,
        read: Sources { sources: Vec::new(), looked_at: Vec::new() },
        bytes: 0,
    };
    let named = [(&spec.schema, SourceKind::Schema), (&spec.entities, SourceKind::Entities)];
    let result =
        spec.sources.iter().try_for_each(|name| reading.path(name, &folder.join(name))).and_then(
            |()| {
                named
                    .iter()
                    .filter_map(|(name, kind)| name.as_ref().map(|name| (name, *kind)))
                    .try_for_each(|(name, kind)| reading.named(name, &folder.join(name), kind))
            },
        );
    result.map_err(|(message, hint)| EntryProblem {
        position: spec.position,
        message,
        hint: Some(hint),
    })?;
    let read = reading.read;
    // Whatever the order in which files were found: what is stored is read back in this one.
    Ok(Sources { sources: sorted(read.sources), ..read })
}

fn sorted(mut sources: Vec<PolicySource>) -> Vec<PolicySource> {
    sources.sort_by(|a, b| (word(a.kind), &a.name).cmp(&(word(b.kind), &b.name)));
    sources
}

/// A sentence, and the cure.
type Problem = (String, String);

struct Reading {
    /// Whether files are told apart by how their names end, as Cedar's are.
    cedar: bool,
    /// Whether only these are wanted.
    only: Option<SourceKind>,
    read: Sources,
    bytes: usize,
}

impl Reading {
    fn path(&mut self, name: &str, path: &Path) -> Result<(), Problem> {
        if !path.is_dir() {
            let kind = self.kind(name).unwrap_or(SourceKind::Policies);
            return self.named(name, path, kind);
        }
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        let dir = dir.map_err(|error| unreadable("folder", name, &error))?;
        let before = self.read.sources.len();
        self.folder(name.trim_end_matches('/'), path, &dir, 1)?;
        let found = &self.read.sources[before..];
        if self.only.is_none() && !found.iter().any(|source| source.kind == SourceKind::Policies) {
            let what = if self.cedar { "no file `*.cedar`" } else { "no file" };
            return Err((
                format!("the folder `{name}` has {what}, so nothing would decide"),
                "name a folder with policies, or a file".into(),
            ));
        }
        Ok(())
    }

    fn folder(&mut self, name: &str, path: &Path, dir: &Dir, depth: usize) -> Result<(), Problem> {
        let cannot = |error: std::io::Error| unreadable("folder", name, &error);
        let own = dir.try_clone().map_err(cannot)?.into_std_file();
        self.read.looked_at.push(Looked::opened(path.to_owned(), own).map_err(cannot)?);
        if depth > DEEPEST {
            return Err((
                format!("the folders of `{name}` are more than {DEEPEST} deep"),
                "move the policies up".into(),
            ));
        }
        let mut names = Vec::new();
        for entry in dir.entries().map_err(cannot)? {
            let own = entry.map_err(cannot)?.file_name();
            let Some(own) = own.to_str() else {
                return Err((
                    format!("a file of `{name}` has a name that is not text in UTF-8"),
                    "rename it".into(),
                ));
            };
            // What editors and mounted configurations keep for themselves.
            if !own.starts_with('.') && !own.ends_with('~') {
                names.push(own.to_owned());
            }
        }
        names.sort();
        for own in names {
            let (shown, place) = (format!("{name}/{own}"), path.join(&own));
            let metadata =
                dir.metadata(&own).map_err(|error| unreadable("file", &shown, &error))?;
            if metadata.is_dir() {
                let inner = dir.open_dir(&own);
                let inner = inner.map_err(|error| unreadable("folder", &shown, &error))?;
                self.folder(&shown, &place, &inner, depth + 1)?;
            } else if let Some(kind) = self.kind(&own).filter(|kind| self.wants(*kind)) {
                // Opening a pipe waits for whoever writes to it.
                if !metadata.is_file() {
                    return Err(no_file(&shown));
                }
                let file = dir.open(&own).map_err(|error| unreadable("file", &shown, &error))?;
                self.file(shown, place, file, kind)?;
            }
        }
        Ok(())
    }

    /// What a file of a folder holds; `None`: nothing for this component.
    fn kind(&self, name: &str) -> Option<SourceKind> {
        if !self.cedar {
            return Some(SourceKind::Policies);
        }
        match Path::new(name).extension()?.to_str()? {
            "cedar" => Some(SourceKind::Policies),
            "cedarschema" => Some(SourceKind::Schema),
            "json" => Some(SourceKind::Entities),
            _ => None,
        }
    }

    fn wants(&self, kind: SourceKind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }

    fn named(&mut self, name: &str, path: &Path, kind: SourceKind) -> Result<(), Problem> {
        if !self.wants(kind) {
            return Ok(());
        }
        let cannot = |error: std::io::Error| unreadable("file", name, &error);
        if !std::fs::metadata(path).map_err(cannot)?.is_file() {
            return Err(no_file(name));
        }
        let file = File::open_ambient(path, ambient_authority()).map_err(cannot)?;
        self.file(name.to_owned(), path.to_owned(), file, kind)
    }

    fn file(
        &mut self,
        name: String,
        path: PathBuf,
        file: File,
        kind: SourceKind,
    ) -> Result<(), Problem> {
        let cannot = |error: std::io::Error| unreadable("file", &name, &error);
        // A pipe would never end, and a device may do anything.
        if !file.metadata().map_err(cannot)?.is_file() {
            return Err(no_file(&name));
        }
        // Before anything is read: what is written afterwards is found out.
        let own = file.try_clone().map_err(cannot)?.into_std();
        let looked = Looked::opened(path, own).map_err(cannot)?;
        let mut bytes = Vec::new();
        file.take(LARGEST_SOURCE as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
        let too_much = |limit: usize| {
            let message = format!("the policies' file `{name}` is larger than {} MiB", limit >> 20);
            (message, "split it, or move what decides little into one rule".to_owned())
        };
        if bytes.len() > LARGEST_SOURCE {
            return Err(too_much(LARGEST_SOURCE));
        }
        self.bytes += bytes.len();
        if self.bytes > LARGEST || self.read.sources.len() >= MOST_FILES {
            return Err((
                format!(
                    "one policy has more than {MOST_FILES} files, or more than {} MiB in all",
                    LARGEST >> 20
                ),
                "name fewer of them".into(),
            ));
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            let message = format!("the policies' file `{name}` is not text in UTF-8");
            (message, "save it as UTF-8".to_owned())
        })?;
        if self.read.sources.iter().any(|known| known.name == name && known.kind == kind) {
            let message = format!("the policies' file `{name}` is named twice");
            return Err((message, "name it once".into()));
        }
        self.read.looked_at.push(looked);
        self.read.sources.push(PolicySource { name, kind, text });
        Ok(())
    }
}

fn no_file(name: &str) -> Problem {
    (format!("the policies' `{name}` is no file"), "name a file".into())
}

fn unreadable(what: &str, name: &str, error: &std::io::Error) -> Problem {
    let hint = match error.kind() {
        _ if leads_out(error) => "put the file itself there, or name the folder that it is in",
        ErrorKind::NotFound => "a relative path begins at the folder of the file that names it",
        ErrorKind::PermissionDenied => "make it readable for this user",
        _ => "name another file or folder",
    };
    let why = match (error.kind(), what) {
        (ErrorKind::NotFound, _) => format!("there is no such {what}"),
        _ => why_unreadable(error),
    };
    (format!("the policies' {what} `{name}` cannot be read: {why}"), hint.to_owned())
}

/// Reads what the policies of a role in `folder` are made of: their components, and their sources as they
/// are kept with each run.
///
/// # Errors
/// Everything that cannot be used.
pub(super) fn read_policies(
    role: &Role,
    folder: &Path,
    files: &mut BTreeMap<String, String>,
) -> Result<Vec<PolicyParts>, Vec<EntryProblem>> {
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    for (number, spec) in role.policies.iter().enumerate() {
        match read_policy(spec, folder) {
            Ok(read) => {
                for source in &read.sources {
                    files.insert(key(number, source), source.text.clone());
                }
                parts.push(read);
            }
            Err(found) => problems.extend(found),
        }
    }
    match problems.is_empty() {
        true => Ok(parts),
        false => Err(problems),
    }
}

/// Reads what one policy of a role in `folder` is made of.
///
/// # Errors
/// Everything that cannot be used.
pub(super) fn read_policy(
    spec: &PolicySpec,
    folder: &Path,
) -> Result<PolicyParts, Vec<EntryProblem>> {
    let component = Source::of_policy(&spec.component, folder);
    let component = component.map_err(|error| error.at(spec.position));
    match (component, read_sources(spec, folder)) {
        (Ok(component), Ok(read)) => Ok(role_parts(spec, component, read.sources)),
        (component, read) => Err(component.err().into_iter().chain(read.err()).collect()),
    }
}

/// The policies of a stored run: its components in the role's order, the sources as kept.
pub(super) fn kept_policies(
    role: &Role,
    components: Vec<Source>,
    files: &BTreeMap<String, String>,
) -> Vec<PolicyParts> {
    let kept = |number: usize| {
        let sources = files.iter().filter_map(|(key, text)| {
            let rest = key.strip_prefix(KEPT)?.strip_prefix(&number.to_string())?;
            let (kind, name) = rest.strip_prefix(':')?.split_once(':')?;
            let kind = KINDS.into_iter().find(|known| word(*known) == kind)?;
            Some(PolicySource { name: name.to_owned(), kind, text: text.clone() })
        });
        sorted(sources.collect())
    };
    let numbered = role.policies.iter().enumerate().zip(components);
    numbered.map(|((number, spec), component)| role_parts(spec, component, kept(number))).collect()
}

fn role_parts(spec: &PolicySpec, component: Source, sources: Vec<PolicySource>) -> PolicyParts {
    PolicyParts {
        label: spec.component.as_str().to_owned(),
        origin: PolicyOrigin::Role(spec.position),
        component,
        sources,
    }
}

const KINDS: [SourceKind; 3] = [SourceKind::Policies, SourceKind::Schema, SourceKind::Entities];

const fn word(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Policies => "policies",
        SourceKind::Schema => "schema",
        SourceKind::Entities => "entities",
    }
}

fn key(number: usize, source: &PolicySource) -> String {
    format!("{KEPT}{number}:{}:{}", word(source.kind), source.name)
}

/// Notes with a run from where the host's own policies came: it never goes on without them.
pub(super) fn keep_host(files: &mut BTreeMap<String, String>, places: &[&'static str]) {
    if !places.is_empty() {
        files.insert(KEPT_HOST.to_owned(), places.join(" "));
    }
}

/// From where the host's own policies came when a run began.
pub(super) fn kept_host(files: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    files.get(KEPT_HOST).into_iter().flat_map(|places| places.split(' '))
}
