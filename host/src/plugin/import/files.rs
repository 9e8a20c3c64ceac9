//! `wasi:filesystem`, with what a role grants and the limits of one call.
//!
//! wasmtime's own implementation does the work. It is linked first, and then shadowed by one that
//! implements the same traits on a view of ours and hands on what it has checked: what each function
//! may do can be read here, and none is forgotten, since the trait names them all.

use super::super::files::{
    Files, Folder, Held, HeldInput, MeteredOutput, Opened, Place, Refusal, Single, Wanted, entries,
    is_escape, keep_mode, open,
};
use super::super::state::State;
use std::io;
use std::path::Path;
use std::sync::Arc;
use types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp,
    OpenFlags, PathFlags,
};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as OpenFile, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::{FsPerms, OpenMode};

/// Puts this in the place of wasmtime's own, which was linked before.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    preopens::add_to_linker::<State, HasFiles>(linker, State::files)?;
    types::add_to_linker::<State, HasFiles>(linker, State::files)?;
    linker.allow_shadowing(false);
    Ok(())
}

struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = FilesView<'a>;
}

/// The files of one call, and the table with its open descriptors.
pub(in super::super) struct FilesView<'a> {
    pub(in super::super) files: &'a mut Files,
    pub(in super::super) table: &'a mut ResourceTable,
}

/// What a path is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Look,
    Change,
}

impl FilesView<'_> {
    fn wasi(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.files.wasi, table: self.table }
    }

    /// Counts one more open file; the call ends where there are too many.
    fn hold(&self) -> FsResult<Held> {
        Held::new(&self.files.meter)
            .ok_or_else(|| FsError::trap(wasmtime::format_err!("too many open files")))
    }

    fn dir(&self, rep: u32) -> FsResult<Dir> {
        match self.table.get(&Resource::<Descriptor>::new_borrow(rep))? {
            Descriptor::Dir(dir) => Ok(dir.clone()),
            Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
        }
    }

    fn file(&self, rep: u32) -> FsResult<OpenFile> {
        match self.table.get(&Resource::<Descriptor>::new_borrow(rep))? {
            Descriptor::File(file) => Ok(file.clone()),
            Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        }
    }

    /// The files behind a descriptor that is no folder but their place.
    fn singles(&self, rep: u32) -> Option<Arc<[Single]>> {
        match &self.files.places.get(&rep)?.folder {
            Folder::Whole => None,
            Folder::Single(singles) => Some(Arc::clone(singles)),
        }
    }

    /// Refuses whatever is no use of a single file.
    fn whole(&mut self, rep: u32, path: &str) -> FsResult<()> {
        if self.singles(rep).is_none() {
            return Ok(());
        }
        self.files.refuse(rep, path, Refusal::Single);
        Err(ErrorCode::NotPermitted.into())
    }

    /// Refuses to change what may only be looked at. wasmtime would as well; here the person is told.
    fn writable(&mut self, rep: u32, path: &str) -> FsResult<()> {
        let read_only = self.files.places.get(&rep).is_none_or(|it| it.perms == FsPerms::ReadOnly);
        if !read_only {
            return Ok(());
        }
        self.files.refuse(rep, path, Refusal::ReadOnly);
        Err(ErrorCode::NotPermitted.into())
    }

    /// Counts a new name.
    fn name(&self) -> FsResult<()> {
        if self.files.meter.name() { Ok(()) } else { Err(ErrorCode::InsufficientSpace.into()) }
    }

    /// Counts bytes that a file gets or grows by.
    fn grow(&self, bytes: u64) -> FsResult<()> {
        if self.files.meter.write(bytes) {
            Ok(())
        } else {
            Err(ErrorCode::InsufficientSpace.into())
        }
    }

    /// Counts what lies between a file's end and where it is written next.
    fn gap(&self, file: &OpenFile, offset: Filesize) -> FsResult<()> {
        let length = file.file.metadata()?.len();
        self.grow(offset.saturating_sub(length))
    }

    /// Before a path is used: what it is for must be granted.
    fn admit(&mut self, rep: u32, path: &str, to: To) -> FsResult<()> {
        self.dir(rep)?;
        self.whole(rep, path)?;
        if to == To::Change { self.writable(rep, path) } else { Ok(()) }
    }

    /// After a path was used: a path that led out is told.
    async fn told<T>(&mut self, rep: u32, path: &str, result: FsResult<T>) -> FsResult<T> {
        let refused = matches!(&result, Err(error)
            if matches!(error.downcast_ref(), Some(ErrorCode::NotPermitted)));
        if refused && let Ok(dir) = self.dir(rep) {
            let asked = path.to_owned();
            let led_out = blocking(move || {
                let wanted = Wanted { read: true, follow: true, ..Wanted::default() };
                let words = Path::new(&asked);
                let folder = words.parent().and_then(Path::to_str).unwrap_or_default();
                // What does not exist yet leads out by its folder.
                [asked.as_str(), folder].into_iter().any(
                    |path| matches!(open(&dir.dir, path, wanted), Err(error) if is_escape(&error)),
                )
            })
            .await;
            if led_out {
                self.files.refuse(rep, path, Refusal::Escape);
            }
        }
        result
    }

    /// What an opening that failed means to the component, and to the person.
    fn failed(&mut self, rep: u32, path: &str, error: io::Error) -> FsError {
        if is_escape(&error) {
            self.files.refuse(rep, path, Refusal::Escape);
            return ErrorCode::NotPermitted.into();
        }
        if error.kind() == io::ErrorKind::Unsupported && error.raw_os_error().is_none() {
            self.files.refuse(rep, path, Refusal::Special);
            return ErrorCode::NotPermitted.into();
        }
        error.into()
    }

    /// Puts something open into the table.
    fn push(&mut self, descriptor: Descriptor, place: Place) -> FsResult<Resource<Descriptor>> {
        let resource = self.table.push(descriptor)?;
        self.files.places.insert(resource.rep(), place);
        Ok(resource)
    }

    /// Opens a path below a descriptor, whatever is granted there.
    async fn open_below(
        &mut self,
        rep: u32,
        path: String,
        wanted: Wanted,
    ) -> FsResult<(Opened, FsPerms)> {
        let dir = self.dir(rep)?;
        let Some(singles) = self.singles(rep) else {
            let asked = path.clone();
            let opened = blocking(move || open(&dir.dir, &asked, wanted)).await;
            return opened
                .map(|opened| (opened, dir.perms))
                .map_err(|e| self.failed(rep, &path, e));
        };
        let mut name = path.as_str();
        while let Some(rest) = name.strip_prefix("./") {
            name = rest;
        }
        let Some(index) = singles.iter().position(|single| single.guest == name) else {
            self.files.refuse(rep, &path, Refusal::Single);
            return Err(ErrorCode::NotPermitted.into());
        };
        let perms = singles[index].perms;
        // The grant is of a file that is there, under this name: it is not made, and no link is followed.
        let wanted = Wanted { create: false, exclusive: false, follow: false, ..wanted };
        let opened = blocking(move || {
            let single = &singles[index];
            open(&single.folder, &single.name, wanted)
        })
        .await;
        match opened {
            Ok(Opened::File(file)) => Ok((Opened::File(file), perms)),
            Ok(Opened::Folder(_)) => Err(ErrorCode::NotPermitted.into()),
            Err(error) => Err(self.failed(rep, &path, error)),
        }
    }

    /// A file that is granted by itself, open for a look at what it is.
    async fn peek(&mut self, rep: u32, path: String) -> FsResult<Resource<Descriptor>> {
        let wanted = Wanted { read: true, ..Wanted::default() };
        match self.open_below(rep, path, wanted).await? {
            (Opened::File(file) | Opened::Folder(file), perms) => {
                let file = OpenFile::new(file, perms, OpenMode::READ, false);
                Ok(self.table.push(Descriptor::File(file))?)
            }
        }
    }
}

/// What may wait for a disk does so on a thread of its own, as in wasmtime's implementation.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    wasmtime_wasi::runtime::spawn_blocking(work).await
}

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = Vec::new();
        for root in self.files.open_roots() {
            let held = match Held::new(&self.files.meter) {
                Some(held) => held,
                None => wasmtime::bail!("too many open files"),
            };
            let mode = match root.perms {
                FsPerms::ReadOnly => OpenMode::READ,
                FsPerms::ReadWrite => OpenMode::READ | OpenMode::WRITE,
            };
            let dir = Dir::new(root.file, root.perms, mode, false);
            let resource = self.table.push(Descriptor::Dir(dir))?;
            let place = Place {
                name: root.name.clone(),
                path: root.path.clone(),
                grant: root.path,
                perms: root.perms,
                folder: root.single.map_or(Folder::Whole, Folder::Single),
                _held: held,
            };
            self.files.places.insert(resource.rep(), place);
            directories.push((resource, root.name));
        }
        Ok(directories)
    }
}

impl types::Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.wasi().convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.wasi().filesystem_error_code(error)
    }
}

impl HostDescriptor for FilesView<'_> {
    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let rep = fd.rep();
        let create = how.contains(OpenFlags::CREATE);
        let write =
            flags.contains(DescriptorFlags::WRITE) || create || how.contains(OpenFlags::TRUNCATE);
        let folder = how.contains(OpenFlags::DIRECTORY);
        let synced = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(synced) {
            return Err(ErrorCode::Unsupported.into());
        }
        if folder && (create || how.intersects(OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE)) {
            return Err(ErrorCode::Invalid.into());
        }
        let single = self.singles(rep);
        if write && single.is_none() {
            self.writable(rep, &path)?;
        } else if write && let Some(singles) = &single {
            let file = singles.iter().find(|it| it.guest == path.trim_start_matches("./"));
            if file.is_some_and(|it| it.perms == FsPerms::ReadOnly) {
                self.files.refuse(rep, &path, Refusal::ReadOnly);
                return Err(ErrorCode::NotPermitted.into());
            }
        }
        if create && single.is_none() {
            self.name()?;
        }
        let held = self.hold()?;
        // Without the right to write a file is opened for reading, as wasmtime does: its own rights,
        // which every use is compared with, are what was asked for.
        let read = flags.contains(DescriptorFlags::READ) || !flags.contains(DescriptorFlags::WRITE);
        let wanted = Wanted {
            read,
            write,
            create,
            exclusive: create && how.contains(OpenFlags::EXCLUSIVE),
            truncate: how.contains(OpenFlags::TRUNCATE),
            follow: path_flags.contains(PathFlags::SYMLINK_FOLLOW),
        };
        let (opened, perms) = self.open_below(rep, path.clone(), wanted).await?;
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, read);
        mode.set(OpenMode::WRITE, write);
        let descriptor = match opened {
            Opened::Folder(file) => Descriptor::Dir(Dir::new(file, perms, mode, false)),
            Opened::File(_) if folder => return Err(ErrorCode::NotDirectory.into()),
            Opened::File(file) => Descriptor::File(OpenFile::new(file, perms, mode, false)),
        };
        let Some(parent) = self.files.places.get(&rep) else {
            return Err(ErrorCode::BadDescriptor.into());
        };
        let place = Place {
            name: format!("{}/{path}", parent.name),
            path: parent.path.join(&path),
            grant: parent.grant.clone(),
            perms,
            folder: Folder::Whole,
            _held: held,
        };
        self.push(descriptor, place)
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let rep = fd.rep();
        self.admit(rep, &path, To::Change)?;
        if !path_flags.contains(PathFlags::SYMLINK_FOLLOW) {
            let result =
                self.wasi().set_times_at(fd, path_flags, path.clone(), accessed, modified).await;
            return self.told(rep, &path, result).await;
        }
        // Following links, wasmtime opens the file for writing, which waits for ever at a FIFO.
        let mut wanted = Wanted { read: true, follow: true, ..Wanted::default() };
        let opened = match self.open_below(rep, path.clone(), wanted).await {
            Err(error) if matches!(error.downcast_ref(), Some(ErrorCode::Access)) => {
                (wanted.read, wanted.write) = (false, true);
                self.open_below(rep, path, wanted).await?
            }
            opened => opened?,
        };
        let (Opened::File(file) | Opened::Folder(file), perms) = opened;
        let file = OpenFile::new(file, perms, OpenMode::READ | OpenMode::WRITE, false);
        let opened = self.table.push(Descriptor::File(file))?;
        let borrowed = Resource::new_borrow(opened.rep());
        let result = self.wasi().set_times(borrowed, accessed, modified).await;
        self.table.delete(opened)?;
        result
    }

    async fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let rep = fd.rep();
        if self.singles(rep).is_some() {
            let opened = self.peek(rep, path).await?;
            let stat = self.wasi().stat(Resource::new_borrow(opened.rep())).await;
            self.table.delete(opened)?;
            return stat;
        }
        let result = self.wasi().stat_at(fd, path_flags, path.clone()).await;
        self.told(rep, &path, result).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let rep = fd.rep();
        if self.singles(rep).is_some() {
            let opened = self.peek(rep, path).await?;
            let hash = self.wasi().metadata_hash(Resource::new_borrow(opened.rep())).await;
            self.table.delete(opened)?;
            return hash;
        }
        let result = self.wasi().metadata_hash_at(fd, path_flags, path.clone()).await;
        self.told(rep, &path, result).await
    }

    async fn create_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let rep = fd.rep();
        self.admit(rep, &path, To::Change)?;
        self.name()?;
        let result = self.wasi().create_directory_at(fd, path.clone()).await;
        self.told(rep, &path, result).await
    }

    async fn remove_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let rep = fd.rep();
        self.admit(rep, &path, To::Change)?;
        let result = self.wasi().remove_directory_at(fd, path.clone()).await;
        self.told(rep, &path, result).await
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let rep = fd.rep();
        self.admit(rep, &path, To::Change)?;
        let result = self.wasi().unlink_file_at(fd, path.clone()).await;
        self.told(rep, &path, result).await
    }

    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        let rep = fd.rep();
        self.admit(rep, &path, To::Look)?;
        let result = self.wasi().readlink_at(fd, path.clone()).await;
        self.told(rep, &path, result).await
    }

    /// A link may lead only below its own folder. One that leads upwards could not be followed out of the
    /// grant from here, but the programs and people who come later would follow it; and how far up is
    /// still inside depends on where the link is moved to.
    async fn symlink_at(
        &mut self,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        let rep = fd.rep();
        self.admit(rep, &path, To::Change)?;
        if target.starts_with('/') || target.split('/').any(|part| part == "..") {
            self.files.refuse(rep, &path, Refusal::Link);
            return Err(ErrorCode::NotPermitted.into());
        }
        self.name()?;
        let result = self.wasi().symlink_at(fd, target, path.clone()).await;
        self.told(rep, &path, result).await
    }

    /// Both ends must be writable: a file that may only be read would otherwise be written under its
    /// other name.
    async fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (rep, new_rep) = (fd.rep(), to.rep());
        self.admit(rep, &path, To::Change)?;
        self.admit(new_rep, &new_path, To::Change)?;
        self.name()?;
        let result = self.wasi().link_at(fd, path_flags, path.clone(), to, new_path.clone()).await;
        let result = self.told(rep, &path, result).await;
        self.told(new_rep, &new_path, result).await
    }

    /// What takes the place of a file keeps its permissions: components have no way to set them, and a
    /// script that was written anew and renamed, as careful programs do, would not run any more.
    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (rep, new_rep) = (fd.rep(), to.rep());
        self.admit(rep, &path, To::Change)?;
        self.admit(new_rep, &new_path, To::Change)?;
        let (dir, new_dir) = (self.dir(rep)?, self.dir(new_rep)?);
        let (from, replaced) = (path.clone(), new_path.clone());
        blocking(move || keep_mode(&dir.dir, &from, &new_dir.dir, &replaced)).await;
        let result = self.wasi().rename_at(fd, path.clone(), to, new_path.clone()).await;
        let result = self.told(rep, &path, result).await;
        self.told(new_rep, &new_path, result).await
    }

    /// wasmtime reads the whole listing at once, so it is counted first.
    async fn read_directory(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let rep = fd.rep();
        let dir = match self.table.get(&fd)? {
            Descriptor::Dir(dir) => dir.clone(),
            Descriptor::File(_) => return Err(ErrorCode::NotDirectory.into()),
        };
        self.whole(rep, "")?;
        let room = self.files.meter.room_to_list();
        let names = blocking(move || entries(&dir.dir, room)).await?;
        if !self.files.meter.list(names) {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        match self.wasi().read_directory(fd).await {
            Ok(listing) => {
                self.files.listings.insert(listing.rep(), names);
                Ok(listing)
            }
            Err(error) => {
                self.files.meter.unlist(names);
                Err(error)
            }
        }
    }

    async fn write(
        &mut self,
        fd: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let file = self.file(fd.rep())?;
        self.gap(&file, offset)?;
        self.grow(bytes.len() as u64)?;
        self.wasi().write(fd, bytes, offset).await
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let file = self.file(fd.rep())?;
        self.gap(&file, size)?;
        self.wasi().set_size(fd, size).await
    }

    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let file = self.file(fd.rep())?;
        self.gap(&file, offset)?;
        let held = self.hold()?;
        let stream = self.wasi().write_via_stream(fd, offset)?;
        let stream = self.table.delete(stream)?;
        let metered: DynOutputStream = Box::new(MeteredOutput { stream, held });
        Ok(self.table.push(metered)?)
    }

    fn append_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let held = self.hold()?;
        let stream = self.wasi().append_via_stream(fd)?;
        let stream = self.table.delete(stream)?;
        let metered: DynOutputStream = Box::new(MeteredOutput { stream, held });
        Ok(self.table.push(metered)?)
    }

    fn read_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let held = self.hold()?;
        let stream = self.wasi().read_via_stream(fd, offset)?;
        let stream = self.table.delete(stream)?;
        let counted: DynInputStream = Box::new(HeldInput { stream, _held: held });
        Ok(self.table.push(counted)?)
    }

    // The rest works on what is open already, with the rights that it was opened with.

    async fn advise(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.wasi().advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi().sync_data(fd).await
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi().sync(fd).await
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.wasi().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.wasi().get_type(fd).await
    }

    async fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.wasi().set_times(fd, accessed, modified).await
    }

    async fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.wasi().read(fd, length, offset).await
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.wasi().stat(fd).await
    }

    async fn is_same_object(
        &mut self,
        a: Resource<Descriptor>,
        b: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.wasi().is_same_object(a, b).await
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.wasi().metadata_hash(fd).await
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.files.places.remove(&fd.rep());
        HostDescriptor::drop(&mut self.wasi(), fd)
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    /// A name that is no text cannot be told to a component, and a file that is gone by now is none. Both
    /// are passed over: as errors they would end the listing in most libraries.
    async fn read_directory_entry(
        &mut self,
        listing: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let rep = listing.rep();
        loop {
            let next = self.wasi().read_directory_entry(Resource::new_borrow(rep)).await;
            let passed_over = matches!(&next, Err(error) if matches!(
                error.downcast_ref(),
                Some(ErrorCode::IllegalByteSequence | ErrorCode::NoEntry)
            ));
            if !passed_over {
                return next;
            }
        }
    }

    fn drop(&mut self, listing: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        if let Some(names) = self.files.listings.remove(&listing.rep()) {
            self.files.meter.unlist(names);
        }
        HostDirectoryEntryStream::drop(&mut self.wasi(), listing)
    }
}
