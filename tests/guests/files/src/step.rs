//! One step: a word for the function, and what it needs.

use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};

/// One step.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    /// The word.
    #[serde(rename = "do")]
    what: String,
    /// The descriptor: a root's name, or one that an earlier step gave.
    at: String,
    path: String,
    /// Another descriptor, and a path below it, for what has two.
    to: String,
    new: String,
    /// Letters: r, w, c(reate), x (exclusive), t(runcate), d(irectory), n(o following of links).
    how: String,
    /// The name of what is opened.
    name: String,
    text: String,
    count: u64,
    offset: u64,
}

impl Default for Step {
    fn default() -> Self {
        let none = String::new;
        Self {
            what: none(),
            at: "data".into(),
            path: none(),
            to: "data".into(),
            new: none(),
            how: none(),
            name: "it".into(),
            text: none(),
            count: 1,
            offset: 0,
        }
    }
}

/// What is open, by name.
pub(crate) struct Open(HashMap<String, Descriptor>);

impl Open {
    pub(crate) fn new() -> Self {
        Self(get_directories().into_iter().map(|(descriptor, name)| (name, descriptor)).collect())
    }

    /// Takes a step and tells what came of it.
    pub(crate) fn take(&mut self, step: &Step) -> String {
        match self.attempt(step) {
            Ok(told) => told,
            Err(code) => code.name().to_owned(),
        }
    }

    fn attempt(&mut self, step: &Step) -> Result<String, ErrorCode> {
        match step.what.as_str() {
            "roots" => {
                let mut roots: Vec<_> = self.0.keys().cloned().collect();
                roots.sort();
                return Ok(roots.join(" "));
            }
            // Through the component's own library, as most programs would.
            "library-read" => {
                return Ok(match std::fs::read(&step.path) {
                    Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    Err(error) => error.to_string(),
                });
            }
            "library-write" => {
                return Ok(match std::fs::write(&step.path, &step.text) {
                    Ok(()) => "written".into(),
                    Err(error) => error.to_string(),
                });
            }
            _ => {}
        }
        let Some(at) = self.0.get(&step.at) else { return Ok(format!("no root {}", step.at)) };
        let (path, follow) = (step.path.as_str(), follow(&step.how));
        match step.what.as_str() {
            "open" => {
                let opened = at.open_at(follow, path, open_flags(&step.how), flags(&step.how))?;
                let kind = match opened.get_type()? {
                    DescriptorType::RegularFile => "a file",
                    DescriptorType::Directory => "a folder",
                    _ => "something else",
                };
                self.0.insert(step.name.clone(), opened);
                Ok(kind.into())
            }
            "cat" => cat(at, path, follow),
            // The same again and again, while somebody changes what the path names.
            "cats" => {
                let mut seen: BTreeMap<String, u64> = BTreeMap::new();
                for _ in 0..step.count {
                    let told = cat(at, path, follow).unwrap_or_else(|code| code.name().to_owned());
                    *seen.entry(told).or_default() += 1;
                }
                let told: Vec<_> =
                    seen.iter().map(|(told, count)| format!("{told}={count}")).collect();
                Ok(told.join(" "))
            }
            "write" => {
                at.write(step.text.as_bytes(), step.offset).map(|bytes| format!("{bytes} bytes"))
            }
            // Megabytes, as fast as a stream takes them.
            "stream" => {
                let stream = at.write_via_stream(step.offset)?;
                let block = vec![b'x'; 4096];
                for written in 0..step.count * 256 {
                    if stream.blocking_write_and_flush(&block).is_err() {
                        return Ok(format!("stopped after {} MiB", written / 256));
                    }
                }
                Ok("all".into())
            }
            "append" => {
                let stream = at.append_via_stream()?;
                let done = stream.blocking_write_and_flush(step.text.as_bytes());
                Ok(if done.is_ok() { "appended" } else { "stopped" }.into())
            }
            "size" => at.set_size(step.offset).map(|()| "sized".into()),
            "times" => at
                .set_times_at(follow, path, NewTimestamp::Now, NewTimestamp::Now)
                .map(|()| "touched".into()),
            "times-of" => {
                at.set_times(NewTimestamp::Now, NewTimestamp::Now).map(|()| "touched".into())
            }
            "stat" => at.stat_at(follow, path).map(|stat| format!("{} bytes", stat.size)),
            "hash" => at.metadata_hash_at(follow, path).map(|_| "hashed".into()),
            "mkdir" => at.create_directory_at(path).map(|()| "made".into()),
            "rmdir" => at.remove_directory_at(path).map(|()| "removed".into()),
            "unlink" => at.unlink_file_at(path).map(|()| "removed".into()),
            "readlink" => at.readlink_at(path),
            "symlink" => at.symlink_at(&step.text, path).map(|()| "linked".into()),
            "link" => {
                let Some(to) = self.0.get(&step.to) else { return Ok("no root".into()) };
                at.link_at(follow, path, to, &step.new).map(|()| "linked".into())
            }
            "rename" => {
                let Some(to) = self.0.get(&step.to) else { return Ok("no root".into()) };
                at.rename_at(path, to, &step.new).map(|()| "renamed".into())
            }
            "list" => {
                let listing = at.read_directory()?;
                let (mut names, mut bad) = (0, 0);
                loop {
                    match listing.read_directory_entry() {
                        Ok(Some(_)) => names += 1,
                        Ok(None) => break,
                        Err(_) => bad += 1,
                    }
                }
                Ok(format!("{names} names, {bad} that are no text"))
            }
            // As many as there may be, all held.
            "hold" => {
                let mut held = Vec::new();
                for _ in 0..step.count {
                    held.push(at.open_at(follow, path, open_flags(&step.how), flags(&step.how))?);
                }
                Ok(format!("{} held", held.len()))
            }
            "hold-streams" => {
                let mut held = Vec::new();
                for _ in 0..step.count {
                    let file = at.open_at(follow, path, open_flags(&step.how), flags(&step.how))?;
                    held.push(file.read_via_stream(0)?);
                }
                Ok(format!("{} held", held.len()))
            }
            "hold-listings" => {
                let mut held = Vec::new();
                for _ in 0..step.count {
                    held.push(at.read_directory()?);
                }
                Ok(format!("{} held", held.len()))
            }
            "makes" => {
                for number in 0..step.count {
                    at.create_directory_at(&format!("{path}{number}"))?;
                }
                Ok(format!("{} made", step.count))
            }
            other => Ok(format!("unknown: {other}")),
        }
    }
}

fn cat(at: &Descriptor, path: &str, follow: PathFlags) -> Result<String, ErrorCode> {
    let file = at.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)?;
    let (bytes, _) = file.read(4096, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn follow(how: &str) -> PathFlags {
    if how.contains('n') { PathFlags::empty() } else { PathFlags::SYMLINK_FOLLOW }
}

fn flags(how: &str) -> DescriptorFlags {
    let mut flags = DescriptorFlags::empty();
    flags.set(DescriptorFlags::READ, how.contains('r'));
    flags.set(DescriptorFlags::WRITE, how.contains('w'));
    flags
}

fn open_flags(how: &str) -> OpenFlags {
    let mut flags = OpenFlags::empty();
    flags.set(OpenFlags::CREATE, how.contains('c'));
    flags.set(OpenFlags::EXCLUSIVE, how.contains('x'));
    flags.set(OpenFlags::TRUNCATE, how.contains('t'));
    flags.set(OpenFlags::DIRECTORY, how.contains('d'));
    flags
}
